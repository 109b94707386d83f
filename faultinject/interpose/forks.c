/*
 * forks.c: processes of which pthread_atfork() does not tell.
 *
 * libc's fork() does not come by here.  What shares its parent's memory is a
 * thread, or waits to execute something.
 */
#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>

#include "faultinject/interpose/interpose.h"

static pid_t (*next_fork)(void);
static int (*next_clone)(int (*run)(void *), void *stack, int flags, void *arg,
                         ...);

/* Before they are called: a signal handler must not ask the loader. */
__attribute__((constructor)) static void find_next(void)
{
    *(void **)&next_clone = dlsym(RTLD_NEXT, "clone");
    *(void **)&next_fork = dlsym(RTLD_NEXT, "_Fork");
}

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

    if (!next_fork)
        find_next();
    sf_forks(SF_BEFORE_FORK);
    pid = next_fork();
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
    if (!next_clone)
        find_next();
    if (flags & CLONE_VM || !run)
        return next_clone(run, stack, flags, arg, parent_tid, tls, child_tid);
    sf_forks(SF_BEFORE_FORK);
    pid = next_clone(begin, stack, flags, &errand, parent_tid, tls, child_tid);
    sf_forks(SF_IN_PARENT);
    return pid;
}
