/*
 * imprint.h: what state a program is in that knows nothing of us.
 *
 * For runs that are forks of one process (serve.h).  A state is all the private
 * memory that the run can write, as far as it differs from what it began with,
 * and the registers.  What the kernel keeps of it besides is not: where it
 * stands in a file, its handlers, its real timers.
 */
#ifndef SF_IMPRINT_H
#define SF_IMPRINT_H

#include "faultinject/inject/inject.h"
#include "faultinject/session/hidden.h"
#include "faultinject/session/seen.h"
#include "faultinject/threads/turns.h"

/* In the process that forks: what it has is what all begin with.  False: the
 * states of its forks cannot be told.  What libc calls a thread is another
 * number in each fork: who does not hide it leaves out all that libc keeps of
 * it. */
bool sf_imprint_begin(bool numbers_hidden);

/* In a fork of it: does it see what it writes itself? */
bool sf_imprint_can_tell(void);

/* … of the call that is being made.  What is hidden meanwhile counts for
 * nothing, and it is for nobody else to hide and show. */
struct sf_hidden *sf_imprint_hidden(void);
/* Parts of stacks that are not in use; the caller's is from `own` on. */
typedef unsigned sf_stacks(const char *own, struct sf_unused *stacks,
                           unsigned most);
/* False: there was no way to look. */
bool sf_imprint_take(struct sf_print *print, sf_stacks *stacks);

#endif
