/*
 * locks.c: locks and semaphores.
 *
 * They stay libc's: whoever has the turn tries, and where another has the lock
 * waits for the turn in which it has not.  So nobody sleeps in libc with the
 * turn in his hands.
 */
#include "faultinject/interpose/interpose.h"
#include "faultinject/simnet/simnet.h"
#include "faultinject/threads/clocks.h"
#include "faultinject/threads/turns.h"

#include <errno.h>
#include <semaphore.h>

/* A time limit that is over at once: libc waits no longer, and knows by itself
 * what is wrong with a lock.  By the real-time clock: for locks that inherit
 * priority older kernels know no other. */
static const struct timespec at_once;

/* clang-format off */
#define MUTEX  pthread_mutex_t *lock
#define RWLOCK pthread_rwlock_t *lock

/* name, of libc with a time limit, what it locks */
#define LOCKS(X)                                                              \
    X(pthread_mutex_lock,    pthread_mutex_clocklock,    MUTEX)               \
    X(pthread_rwlock_rdlock, pthread_rwlock_clockrdlock, RWLOCK)              \
    X(pthread_rwlock_wrlock, pthread_rwlock_clockwrlock, RWLOCK)

/* … whose time limit is by the real-time clock, or by any */
#define LIMITED(X)                                                            \
    X(pthread_mutex_timedlock,    pthread_mutex_clocklock,    MUTEX)          \
    X(pthread_rwlock_timedrdlock, pthread_rwlock_clockrdlock, RWLOCK)         \
    X(pthread_rwlock_timedwrlock, pthread_rwlock_clockwrlock, RWLOCK)

/* … what gives it back */
#define UNLOCKS(X)                                                            \
    X(pthread_mutex_unlock,  MUTEX)                                           \
    X(pthread_rwlock_unlock, RWLOCK)                                          \
    X(pthread_spin_unlock,   pthread_spinlock_t *lock)                        \
    X(sem_post,              sem_t *lock)
/* clang-format on */

#define TAKE(clocklock, params)                                            \
    SF_NEXT(clocklock, int,                                                \
            (params, clockid_t clock, const struct timespec *until))       \
    static int take_##clocklock(params, int64_t until)                     \
    {                                                                      \
        int r;                                                             \
                                                                           \
        sf_turns_point();                                                  \
        while ((r = next_##clocklock()(lock, CLOCK_REALTIME, &at_once)) == \
                   ETIMEDOUT &&                                            \
               sf_turns_wait(until) == 0)                                  \
            ;                                                              \
        return r;                                                          \
    }                                                                      \
    SF_EXPORT int clocklock(params, clockid_t clock,                       \
                            const struct timespec *until)                  \
    {                                                                      \
        if (!sf_turns_mine())                                              \
            return next_##clocklock()(lock, clock, until);                 \
        return take_##clocklock(lock, sf_turns_until(clock, until));       \
    }
TAKE(pthread_mutex_clocklock, MUTEX)
TAKE(pthread_rwlock_clockrdlock, RWLOCK)
TAKE(pthread_rwlock_clockwrlock, RWLOCK)

#define X(name, clocklock, params)                   \
    SF_NEXT(name, int, (params))                     \
    SF_EXPORT int name(params)                       \
    {                                                \
        if (!sf_turns_mine())                        \
            return next_##name()(lock);              \
        return take_##clocklock(lock, SF_SIM_NEVER); \
    }
LOCKS(X)
#undef X

#define X(name, clocklock, params)                           \
    SF_EXPORT int name(params, const struct timespec *until) \
    {                                                        \
        return clocklock(lock, CLOCK_REALTIME, until);       \
    }
LIMITED(X)
#undef X

#define X(name, params)             \
    SF_NEXT(name, int, (params))    \
    SF_EXPORT int name(params)      \
    {                               \
        sf_turns_changed();         \
        return next_##name()(lock); \
    }
UNLOCKS(X)
#undef X

SF_NEXT(pthread_spin_lock, int, (pthread_spinlock_t * lock))
SF_NEXT(pthread_spin_trylock, int, (pthread_spinlock_t * lock))

SF_EXPORT int pthread_spin_lock(pthread_spinlock_t *lock)
{
    int r;

    if (!sf_turns_mine())
        return next_pthread_spin_lock()(lock);
    sf_turns_point();
    while ((r = next_pthread_spin_trylock()(lock)) == EBUSY)
        sf_turns_wait(SF_SIM_NEVER);
    return r;
}

/* -------------------------------------------------------------- semaphores */

SF_NEXT(sem_wait, int, (sem_t * sem))
SF_NEXT(sem_trywait, int, (sem_t * sem))
SF_NEXT(sem_clockwait, int,
        (sem_t * sem, clockid_t clock, const struct timespec *until))

static int take_sem(sem_t *sem, int64_t until)
{
    int saved = errno, r;

    sf_turns_point();
    while (next_sem_trywait()(sem) < 0) {
        if (errno != EAGAIN)
            return -1;
        r = sf_turns_wait_or_handle(until);
        if (r == 0)
            continue;
        errno = r == -EINTR ? EINTR : ETIMEDOUT;
        return -1;
    }
    errno = saved;
    return 0;
}

SF_EXPORT int sem_wait(sem_t *sem)
{
    return sf_turns_mine() ? take_sem(sem, SF_SIM_NEVER) : next_sem_wait()(sem);
}

SF_EXPORT int sem_clockwait(sem_t *sem, clockid_t clock,
                            const struct timespec *until)
{
    if (!sf_turns_mine())
        return next_sem_clockwait()(sem, clock, until);
    return take_sem(sem, sf_turns_until(clock, until));
}

SF_EXPORT int sem_timedwait(sem_t *sem, const struct timespec *until)
{
    return sem_clockwait(sem, CLOCK_REALTIME, until);
}
