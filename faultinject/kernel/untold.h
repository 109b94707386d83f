/*
 * untold.h: the library's own calls are not told to the tally.
 *
 * A call that seccomp tells to somebody can be interrupted while it is told,
 * which the kernel's own never is.  So the filter lets those go that carry
 * the cookie of this run in the sixth argument, which they have no use for.
 */
#ifndef SF_UNTOLD_H
#define SF_UNTOLD_H

#include <stdint.h>

/* From now on; 0: nobody is told anything.  After sf_libc has been bound. */
void sf_untold(uint64_t cookie);

#endif
