/*
 * forks.h: processes that are about to have a child.
 *
 * What the child knows is what its parent knew when it was made, and not when
 * it first makes a call that is told.  So a call that makes a process is told
 * as well, and from then on the parent's list of children is looked at.
 */
#ifndef SF_FORKS_H
#define SF_FORKS_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <sys/types.h>

/* Does the call make a process, and not only a thread? */
bool sf_fork_is_one(pid_t process, const struct seccomp_data *call);

/* This thread of the process is about to make one. */
void sf_fork_begins(pid_t process, pid_t thread);

/* A child that is there by now, and its parent; false: no more are. */
bool sf_fork_next(pid_t *child, pid_t *parent);

/* The thread makes another call, so that one has come or has not. */
void sf_fork_ended(pid_t thread);
/* Has the process begun to make one that is still to come? */
bool sf_fork_is_pending(pid_t process);
/* The process has ended. */
void sf_fork_forget(pid_t process);

/* Is it worth looking again soon? */
bool sf_fork_is_due(void);

#endif
