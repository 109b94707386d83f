/*
 * c11.c: threads, locks and conditions by their names in C11.
 *
 * In glibc each is the one of POSIX by another name, which it calls past every
 * name of its own: here it calls ours.
 */
#include "faultinject/interpose/interpose.h"
#include "faultinject/threads/turns.h"

#include <errno.h>
#include <sched.h>
#include <threads.h>

_Static_assert(sizeof(mtx_t) >= sizeof(pthread_mutex_t) &&
                   sizeof(cnd_t) >= sizeof(pthread_cond_t) &&
                   sizeof(thrd_t) == sizeof(pthread_t),
               "the same objects");

static int outcome(int err)
{
    switch (err) {
    case 0:
        return thrd_success;
    case ENOMEM:
        return thrd_nomem;
    case ETIMEDOUT:
        return thrd_timedout;
    case EBUSY:
        return thrd_busy;
    default:
        return thrd_error;
    }
}

/* ----------------------------------------------------------------- threads */

SF_NEXT(thrd_create, int, (thrd_t * thread, thrd_start_t run, void *arg))
SF_NEXT(thrd_sleep, int, (const struct timespec *limit, struct timespec *left))

/* What a thread begins with, until it has: there is one turn. */
enum { STARTS_MAX = 1024 };
static struct start {
    thrd_start_t run;
    void *arg;
} starts[STARTS_MAX];

static void *run_c11(void *start)
{
    struct start mine = *(struct start *)start;

    ((struct start *)start)->run = NULL;
    return (void *)(intptr_t)mine.run(mine.arg);
}

SF_EXPORT int thrd_create(thrd_t *thread, thrd_start_t run, void *arg)
{
    struct start *start = starts;
    int err;

    if (!sf_turns_mine())
        return next_thrd_create()(thread, run, arg);
    while (start < starts + STARTS_MAX && start->run)
        start++;
    if (start == starts + STARTS_MAX)
        return thrd_nomem;
    *start = (struct start){run, arg};
    err = pthread_create(thread, NULL, run_c11, start);
    if (err)
        start->run = NULL;
    return outcome(err);
}

SF_EXPORT int thrd_join(thrd_t thread, int *result)
{
    void *got;
    int err = pthread_join(thread, &got);

    if (!err && result)
        *result = (int)(intptr_t)got;
    return outcome(err);
}

SF_EXPORT int thrd_detach(thrd_t thread)
{
    return outcome(pthread_detach(thread));
}

SF_EXPORT void thrd_exit(int result)
{
    pthread_exit((void *)(intptr_t)result);
}

SF_EXPORT void thrd_yield(void)
{
    sched_yield();
}

/* -1: a handler has run. */
SF_EXPORT int thrd_sleep(const struct timespec *limit, struct timespec *left)
{
    int err;

    if (!sf_turns_mine())
        return next_thrd_sleep()(limit, left);
    err = clock_nanosleep(CLOCK_REALTIME, 0, limit, left);
    return err == EINTR ? -1 : err ? -2 : 0;
}

/* ---------------------------------------------------- locks and conditions */

static pthread_mutex_t *mutex(mtx_t *lock)
{
    return (pthread_mutex_t *)lock;
}

static pthread_cond_t *condition(cnd_t *cond)
{
    return (pthread_cond_t *)cond;
}

SF_EXPORT int mtx_lock(mtx_t *lock)
{
    return outcome(pthread_mutex_lock(mutex(lock)));
}

SF_EXPORT int mtx_timedlock(mtx_t *lock, const struct timespec *until)
{
    return outcome(pthread_mutex_timedlock(mutex(lock), until));
}

SF_EXPORT int mtx_unlock(mtx_t *lock)
{
    return outcome(pthread_mutex_unlock(mutex(lock)));
}

SF_EXPORT int cnd_wait(cnd_t *cond, mtx_t *lock)
{
    return outcome(pthread_cond_wait(condition(cond), mutex(lock)));
}

SF_EXPORT int cnd_timedwait(cnd_t *cond, mtx_t *lock,
                            const struct timespec *until)
{
    return outcome(pthread_cond_timedwait(condition(cond), mutex(lock), until));
}

SF_EXPORT int cnd_signal(cnd_t *cond)
{
    return outcome(pthread_cond_signal(condition(cond)));
}

SF_EXPORT int cnd_broadcast(cnd_t *cond)
{
    return outcome(pthread_cond_broadcast(condition(cond)));
}
