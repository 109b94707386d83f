/*
 * revive.h: threads that a fork has as well.
 *
 * The kernel gives a child only the thread that forks.  All others sleep until
 * they have the turn, at one place, and their stacks and variables are in
 * memory, which the child has: so it only takes threads of the kernel that go
 * on there.  To libc and to the program they are the same as before, with the
 * same numbers.
 */
#ifndef SF_REVIVE_H
#define SF_REVIVE_H

#include "faultinject/inject/counter.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <ucontext.h>

/* Where a thread sleeps, and what the kernel knows of it. */
struct sf_parked {
    ucontext_t at;
    uint32_t is; /* it has come there */
    char *self;  /* its thread pointer */
    char *low;   /* from here to there is nothing but its stack: NULL: of the
                  * first thread, for which the kernel has made it; `self`: it
                  * is not known                                              */
    void *robust;
    stack_t alternate;
    pid_t real; /* its number in the kernel; 0: what libc says */
};

/* The kernel writes down among the variables of the calling thread on which
 * processor it runs, and no longer (rseq(2)): they would differ in each run. */
void sf_forget_processor(void);

/* Of the calling thread, which has just begun, on a stack that libc has made
 * for it, of that size; 0: of its own, or the first one's. */
void sf_park_begin(struct sf_parked *p, size_t stack);
/* How much of its stack is below this; 0: it is no place there, or that of a
 * handler that has a stack of its own, below which may be what it interrupted.
 * `own`: of the calling thread. */
size_t sf_parked_room(const struct sf_parked *p, const char *at, bool own);
/* It sleeps from here on, once getcontext(3) has filled p->at. */
void sf_park(struct sf_parked *p);

/* What is another number in each run. */
void sf_parked_counters(struct sf_parked *p, sf_counter *each, void *arg);

/* Does this libc keep the number of a thread where we think?  Then a fork, the
 * libc of which does not know of it, since nothing is to change. */
bool sf_can_revive(void);
pid_t sf_revive_fork(struct sf_parked *own);
/* In the child: that thread, which is in nobody's turn; false: it could not be
 * made. */
bool sf_revive(struct sf_parked *p);

/* Below this it uses nothing of its stack. */
const char *sf_parked_stack(const struct sf_parked *p);
/* What libc and the program call it, in a fork. */
pid_t sf_parked_name(const struct sf_parked *p);

#endif
