/* waits.c: see waits.h; conditions, and what libraries make of futexes */
#include "faultinject/threads/waits.h"

#include "faultinject/interpose/interpose.h"
#include "faultinject/threads/clocks.h"
#include "faultinject/threads/turns.h"

#include <errno.h>

struct waiter {
    const void *key;
    bool woken;
    struct waiter *next;
};

static struct waiter *waiters; /* the last is the one that came last */

static void forget(void *arg)
{
    struct waiter *w = arg, **link = &waiters;

    while (*link && *link != w)
        link = &(*link)->next;
    if (*link)
        *link = w->next;
}

static void note(struct waiter *w)
{
    struct waiter **link = &waiters;

    while (*link)
        link = &(*link)->next;
    *link = w;
}

int sf_wait_for(const void *key, int64_t until, void (*leave)(void *),
                void *arg)
{
    struct waiter w = {.key = key};
    int r = 0;

    note(&w);
    pthread_cleanup_push(leave, arg); /* run only if it may be cancelled */
    pthread_cleanup_push(forget, &w);
    while (!w.woken && (r == 0 || (leave && r == -EINTR)))
        r = sf_turns_sleep(&w.woken, until, !leave);
    pthread_cleanup_pop(true);
    pthread_cleanup_pop(false);
    if (w.woken)
        return 0;
    return r == -EINTR ? EINTR : ETIMEDOUT;
}

int sf_wake(const void *key, int most)
{
    int n = 0;

    for (struct waiter *w = waiters; w && n < most; w = w->next)
        if (w->key == key && !w->woken) {
            w->woken = true;
            n++;
        }
    sf_turns_changed();
    return n;
}

/* -------------------------------------------------------------- conditions */

SF_NEXT(pthread_cond_wait, int, (pthread_cond_t * cond, pthread_mutex_t *lock))
SF_NEXT(pthread_cond_timedwait, int,
        (pthread_cond_t * cond, pthread_mutex_t *lock,
         const struct timespec *until))
SF_NEXT(pthread_cond_clockwait, int,
        (pthread_cond_t * cond, pthread_mutex_t *lock, clockid_t clock,
         const struct timespec *until))
SF_NEXT(pthread_cond_signal, int, (pthread_cond_t * cond))
SF_NEXT(pthread_cond_broadcast, int, (pthread_cond_t * cond))

static void lock_again(void *lock)
{
    pthread_mutex_lock(lock);
}

/* In the order of the kernel's futexes; libc's own part of it is not used. */
static int wait_for(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until)
{
    int r = pthread_mutex_unlock(lock), again;

    if (r != 0)
        return r;
    r = sf_wait_for(cond, until, lock_again, lock);
    again = pthread_mutex_lock(lock);
    return again ? again : r;
}

/* Which clock a condition was made with only libc knows. */
static clockid_t clock_of(const pthread_cond_t *cond)
{
    enum { MONOTONIC = 2 }; /* in its flags, since glibc 2.25 */

    return cond->__data.__wrefs & MONOTONIC ? CLOCK_MONOTONIC : CLOCK_REALTIME;
}

SF_EXPORT int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock)
{
    if (!sf_turns_mine())
        return next_pthread_cond_wait()(cond, lock);
    return wait_for(cond, lock, SF_SIM_NEVER);
}

SF_EXPORT int pthread_cond_timedwait(pthread_cond_t *cond,
                                     pthread_mutex_t *lock,
                                     const struct timespec *until)
{
    if (!sf_turns_mine())
        return next_pthread_cond_timedwait()(cond, lock, until);
    return wait_for(cond, lock, sf_turns_until(clock_of(cond), until));
}

SF_EXPORT int pthread_cond_clockwait(pthread_cond_t *cond,
                                     pthread_mutex_t *lock, clockid_t clock,
                                     const struct timespec *until)
{
    if (!sf_turns_mine())
        return next_pthread_cond_clockwait()(cond, lock, clock, until);
    return wait_for(cond, lock, sf_turns_until(clock, until));
}

SF_EXPORT int pthread_cond_signal(pthread_cond_t *cond)
{
    if (!sf_turns_mine())
        return next_pthread_cond_signal()(cond);
    sf_turns_point();
    sf_wake(cond, 1);
    return 0;
}

SF_EXPORT int pthread_cond_broadcast(pthread_cond_t *cond)
{
    if (!sf_turns_mine())
        return next_pthread_cond_broadcast()(cond);
    sf_turns_point();
    sf_wake(cond, SF_WAKE_ALL);
    return 0;
}

/* ---------------------------------------------------------------- barriers */

SF_NEXT(pthread_barrier_init, int,
        (pthread_barrier_t * barrier, const pthread_barrierattr_t *attr,
         unsigned count))
SF_NEXT(pthread_barrier_destroy, int, (pthread_barrier_t * barrier))
SF_NEXT(pthread_barrier_wait, int, (pthread_barrier_t * barrier))

enum { BARRIERS_MAX = 256 };

/* How many each is for, and how many have come. */
static struct barrier {
    const pthread_barrier_t *at;
    unsigned count, came;
} barriers[BARRIERS_MAX];

static struct barrier *barrier_at(const pthread_barrier_t *at)
{
    for (unsigned i = 0; i < BARRIERS_MAX; i++)
        if (barriers[i].at == at)
            return &barriers[i];
    return NULL;
}

SF_EXPORT int pthread_barrier_init(pthread_barrier_t *barrier,
                                   const pthread_barrierattr_t *attr,
                                   unsigned count)
{
    struct barrier *b = barrier_at(barrier);

    if (!b)
        b = barrier_at(NULL);
    if (b)
        *b = (struct barrier){barrier, count, 0};
    return next_pthread_barrier_init()(barrier, attr, count);
}

SF_EXPORT int pthread_barrier_destroy(pthread_barrier_t *barrier)
{
    struct barrier *b = barrier_at(barrier);

    if (b)
        b->at = NULL;
    return next_pthread_barrier_destroy()(barrier);
}

SF_EXPORT int pthread_barrier_wait(pthread_barrier_t *barrier)
{
    struct barrier *b = sf_turns_mine() ? barrier_at(barrier) : NULL;

    if (!b)
        return next_pthread_barrier_wait()(barrier);
    sf_turns_point();
    if (++b->came < b->count) {
        while (sf_wait_for(barrier, SF_SIM_NEVER, NULL, NULL) == EINTR)
            ;
        return 0;
    }
    b->came = 0;
    sf_wake(barrier, SF_WAKE_ALL);
    return PTHREAD_BARRIER_SERIAL_THREAD;
}
