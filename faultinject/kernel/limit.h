/*
 * limit.h: the table of descriptors is full, or no longer.
 *
 * The limit of the process is lowered to the numbers in use: the kernel itself
 * then says EMFILE to every call that wants a new one, those we never see
 * included.  All of it may be called by several threads at once.
 */
#ifndef SF_LIMIT_H
#define SF_LIMIT_H

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

/* One for each process; all zero: the limit is its own. */
struct sf_limit {
    pid_t holder; /* who looks at it, or changes it; 0: nobody */
    bool lowered;
    rlim_t full;          /* so many are in use, and no more may be */
    struct rlimit before; /* the process's own                      */
};

/* Lower it to the lowest number that is not in use, of process pid, 0: of this
 * one; what it is then asks whoever looks it up (-1: nobody knows). */
void sf_limit_lower(struct sf_limit *l, pid_t pid, int (*lowest)(void));
void sf_limit_restore(struct sf_limit *l, pid_t pid);

/* While it is lowered: what it was before, for a moment; false: it is not.  And
 * what it is to be again. */
bool sf_limit_lift(struct sf_limit *l);
void sf_limit_unlift(struct sf_limit *l);

#endif
