/* limit.c: see limit.h. */
#include "faultinject/kernel/limit.h"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * A handler must not come to one that its own thread holds.  A child of fork()
 * knows by the number that who held it is another process's thread.
 */
static void hold(struct sf_limit *l, sigset_t *mask)
{
    pid_t me = getpid(), holder = 0;
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, mask);
    while (!__atomic_compare_exchange_n(&l->holder, &holder, me, false,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        if (holder == me) {
            sched_yield();
            holder = 0;
        }
}

static void let_go(struct sf_limit *l, const sigset_t *mask)
{
    __atomic_store_n(&l->holder, 0, __ATOMIC_RELEASE);
    pthread_sigmask(SIG_SETMASK, mask, NULL);
}

static void set(const struct sf_limit *l, pid_t pid, bool low)
{
    struct rlimit limit = l->before;

    if (low)
        limit.rlim_cur = l->full;
    prlimit(pid, RLIMIT_NOFILE, &limit, NULL);
}

void sf_limit_lower(struct sf_limit *l, pid_t pid, int (*lowest)(void))
{
    sigset_t mask;
    int first;

    hold(l, &mask);
    if (!l->lowered && prlimit(pid, RLIMIT_NOFILE, NULL, &l->before) == 0 &&
        (first = lowest()) >= 0) {
        l->full = (rlim_t)first;
        l->lowered = true;
        set(l, pid, true);
    }
    let_go(l, &mask);
}

void sf_limit_restore(struct sf_limit *l, pid_t pid)
{
    sigset_t mask;

    hold(l, &mask);
    if (l->lowered)
        set(l, pid, false);
    l->lowered = false;
    let_go(l, &mask);
}

bool sf_limit_lift(struct sf_limit *l)
{
    sigset_t mask;
    bool lifted;

    if (!__atomic_load_n(&l->lowered, __ATOMIC_RELAXED))
        return false;
    hold(l, &mask);
    lifted = l->lowered;
    if (lifted)
        set(l, 0, false);
    let_go(l, &mask);
    return lifted;
}

/* It may have been restored meanwhile, or lowered again. */
void sf_limit_unlift(struct sf_limit *l)
{
    sigset_t mask;

    hold(l, &mask);
    if (l->lowered)
        set(l, 0, true);
    let_go(l, &mask);
}
