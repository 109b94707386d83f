/*
 * refuse.h: which allocation of the program fails.
 *
 * Whatever stands in for its allocator asks here.  What peers and the harness
 * allocate while they act is not the program's, and is neither counted nor
 * refused.
 */
#ifndef SF_REFUSE_H
#define SF_REFUSE_H

#include "faultinject/inject/counter.h"

#include <stdbool.h>
#include <stdint.h>

/* From here on the nth fails; 0: none. */
void sf_refuse(uint64_t nth);

/* So many were asked for since. */
uint64_t sf_refuse_asked(void);

/* Between runs: is anybody asked, or has the program an allocator of its own?
 */
bool sf_refuse_sees(void);

/* Asked for each: must it fail?  Then errno is ENOMEM. */
bool sf_refused(void);

/* What counts and decides nothing, as long as none fails. */
void sf_refuse_counters(sf_counter *each, void *arg);

#endif
