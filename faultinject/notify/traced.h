/*
 * traced.h: signals that come before a call is taken.
 *
 * Until somebody has taken it, a call that is told is interrupted by any
 * signal: EINTR where the handler lacks SA_RESTART, whatever the call, even of
 * close().  The kernel does so to no call that has not begun.  So processes
 * that have such a handler are traced: where a signal is about to be
 * delivered, the tracer sees what the call is about to end with, and makes it
 * be made again afterwards, as though the signal had come before it.
 *
 * Only on x86-64; elsewhere the tracer cannot say so.
 */
#ifndef SF_TRACED_H
#define SF_TRACED_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <sys/types.h>

/* Before anybody is forked. */
void sf_traced_begin(void);

/* The process is about to make this call of rt_sigaction. */
void sf_traced_see(pid_t process, const struct seccomp_data *call);

/*
 * Somebody is about to make this call of ptrace, and only one can trace: leave
 * it to him.  0: it can be made now; or what it is to be answered with, after
 * which it comes again.
 */
int sf_traced_yield(const struct seccomp_notif *told);

/* A call of this thread was answered; `left`: it makes the call itself. */
void sf_traced_answered(const struct seccomp_notif *told, bool left);

/* Let all go on that have stopped.  Reaps every child that has ended; how the
 * command has goes to *status. */
void sf_traced_serve(pid_t command, int *status);

#endif
