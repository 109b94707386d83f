/*
 * forks.c: processes of which pthread_atfork() does not tell.
 *
 * libc's fork() does not come by here.  What shares its parent's memory is a
 * thread, or waits to execute something.
 */
#include <errno.h>
#include <sched.h>
#include <stdarg.h>

#include "faultinject/interpose/interpose.h"

SF_NEXT(_Fork, pid_t, (void))
SF_NEXT(clone, int,
        (int (*run)(void *), void *stack, int flags, void *arg, ...))

void sf_forks(enum sf_fork where)
{
    int saved = errno;

    if (sf_on && sf_inject_forks)
        sf_inject_forks(where);
    errno = saved;
}

SF_EXPORT pid_t _Fork(void)
{
    pid_t pid;

    sf_forks(SF_BEFORE_FORK);
    pid = next__Fork()();
    sf_forks(pid == 0 ? SF_IN_CHILD : SF_IN_PARENT);
    return pid;
}

/* What the child is there for. */
struct errand {
    int (*run)(void *arg);
    void *arg;
};

static int begin(void *arg)
{
    struct errand *errand = arg;

    sf_forks(SF_IN_CHILD);
    return errand->run(errand->arg);
}

SF_EXPORT int clone(int (*run)(void *), void *stack, int flags, void *arg, ...)
{
    struct errand errand = {run, arg};
    void *parent_tid, *tls, *child_tid;
    va_list ap;
    int pid;

    va_start(ap, arg);
    parent_tid = va_arg(ap, void *);
    tls = va_arg(ap, void *);
    child_tid = va_arg(ap, void *);
    va_end(ap);
    if (flags & CLONE_VM || !run)
        return next_clone()(run, stack, flags, arg, parent_tid, tls, child_tid);
    sf_forks(SF_BEFORE_FORK);
    pid =
        next_clone()(begin, stack, flags, &errand, parent_tid, tls, child_tid);
    sf_forks(SF_IN_PARENT);
    return pid;
}
