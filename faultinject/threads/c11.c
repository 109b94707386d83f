/*
 * c11.c: the threads of <threads.h>.
 *
 * libc makes them of its own, past the names that others know: here each goes
 * by POSIX's name, which takes turns.  What is in a thrd_t, mtx_t and cnd_t is
 * the same.
 */
#include "faultinject/interpose/interpose.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <threads.h>
#include <time.h>

static int said(int err)
{
    switch (err) {
    case 0:
        return thrd_success;
    case EBUSY:
        return thrd_busy;
    case ETIMEDOUT:
        return thrd_timedout;
    case EAGAIN: /* of pthread_create(): libc says so, too */
    case ENOMEM:
        return thrd_nomem;
    default:
        return thrd_error;
    }
}

/* What it returns is in the same register, as far as an int goes. */
static void *(*as_posix(thrd_start_t run))(void *)
{
    return (void *(*)(void *))(void *)run;
}

SF_EXPORT int thrd_create(thrd_t *thread, thrd_start_t run, void *arg)
{
    return said(pthread_create(thread, NULL, as_posix(run), arg));
}

SF_EXPORT int thrd_join(thrd_t thread, int *result)
{
    void *all;
    int err = pthread_join(thread, &all);

    if (err == 0 && result)
        *result = (int)(intptr_t)all;
    return said(err);
}

SF_EXPORT int thrd_detach(thrd_t thread)
{
    return said(pthread_detach(thread));
}

SF_EXPORT void thrd_yield(void)
{
    sched_yield();
}

SF_EXPORT int thrd_sleep(const struct timespec *want, struct timespec *left)
{
    int err = clock_nanosleep(CLOCK_REALTIME, 0, want, left);

    return err == 0 ? 0 : err == EINTR ? -1 : -2;
}

SF_EXPORT int mtx_lock(mtx_t *lock)
{
    return said(pthread_mutex_lock((pthread_mutex_t *)lock));
}

SF_EXPORT int mtx_timedlock(mtx_t *lock, const struct timespec *until)
{
    return said(pthread_mutex_timedlock((pthread_mutex_t *)lock, until));
}

SF_EXPORT int mtx_unlock(mtx_t *lock)
{
    return said(pthread_mutex_unlock((pthread_mutex_t *)lock));
}

SF_EXPORT int cnd_wait(cnd_t *cond, mtx_t *lock)
{
    return said(
        pthread_cond_wait((pthread_cond_t *)cond, (pthread_mutex_t *)lock));
}

SF_EXPORT int cnd_timedwait(cnd_t *cond, mtx_t *lock,
                            const struct timespec *until)
{
    return said(pthread_cond_timedwait((pthread_cond_t *)cond,
                                       (pthread_mutex_t *)lock, until));
}

SF_EXPORT int cnd_signal(cnd_t *cond)
{
    return said(pthread_cond_signal((pthread_cond_t *)cond));
}

SF_EXPORT int cnd_broadcast(cnd_t *cond)
{
    return said(pthread_cond_broadcast((pthread_cond_t *)cond));
}
