/*
 * seed.h: chance that comes out the same again.
 *
 * Everything is a hash of the seed and of the address of the call (its
 * connection, its name, how many-eth it is there), never of how many calls
 * came before elsewhere, so the schedule of threads does not change it.
 */
#ifndef SF_SEED_H
#define SF_SEED_H

#include "faultinject/inject/chooser.h"

/* Transient results in a row that chance may give; see SF_STREAK_MAX. */
enum { SF_SEED_STREAK = 2 };

/* Does something happen here, with a probability of p billionths? */
bool sf_seed_fires(uint64_t seed, uint32_t p, const struct sf_point *at);

/*
 * Which of the outcomes: the index of a fault of class `cls`, or 0.  The
 * fault is drawn from all that such a call can ever have, and nothing happens
 * when it is not possible now, so that what is drawn does not depend on how
 * many bytes have already arrived.
 */
unsigned sf_seed_pick(uint64_t seed, enum sf_class cls,
                      const struct sf_point *at,
                      const struct sf_outcome *outcomes, unsigned n);

/*
 * How short: single bytes at the beginning of a stream, where the prefixes
 * are, and larger pieces later, so that long streams do not crawl.
 */
size_t sf_seed_amount(uint64_t seed, const struct sf_point *at, size_t max);

#endif
