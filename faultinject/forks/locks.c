/*
 * locks.c: locks of files, and System V's semaphores and messages, which
 * processes wait for from each other.
 *
 * They stay the kernel's, and are tried: who would wait gives its turn away.
 */
#include "faultinject/forks/process.h"

#include "faultinject/inject/inject.h"
#include "faultinject/interpose/interpose.h"
#include "faultinject/threads/clocks.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <unistd.h>

SF_NEXT(flock, int, (int fd, int how))

static bool takes_part(void)
{
    return sf_forks_are() && sf_turns_mine();
}

/* It has failed: 0: once more; else that is the answer. */
static int wait_until(int64_t until)
{
    int err = errno, r;

    if (err != EWOULDBLOCK && err != EACCES && err != ENOMSG)
        return -1;
    r = sf_turns_wait_or_handle(until);
    if (r == 0)
        return 0;
    errno = r == -EINTR ? EINTR : err;
    return -1;
}

static int wait_for_lock(void)
{
    return wait_until(SF_SIM_NEVER);
}

SF_EXPORT int flock(int fd, int how)
{
    int r;

    if (!takes_part() || how & LOCK_NB)
        return next_flock()(fd, how);
    while ((r = next_flock()(fd, how | LOCK_NB)) < 0)
        if (wait_for_lock() < 0)
            return -1;
    sf_turns_changed(); /* it may have been given back */
    return r;
}

bool sf_forks_lock(int fd, int command, long arg, int *result)
{
    int tries = command == F_SETLKW       ? F_SETLK
                : command == F_OFD_SETLKW ? F_OFD_SETLK
                                          : -1;

    if (!takes_part() || tries < 0) {
        if (command == F_SETLK || command == F_OFD_SETLK)
            sf_turns_changed();
        return false;
    }
    while ((*result = sf_libc.fcntl(fd, tries, arg)) < 0)
        if (wait_for_lock() < 0)
            return true;
    sf_turns_changed();
    return true;
}

/* From where the file stands on; as libc makes it of fcntl(2). */
SF_EXPORT int lockf(int fd, int command, off_t len)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_len = len};

    switch (command) {
    case F_ULOCK:
        lock.l_type = F_UNLCK;
        return fcntl(fd, F_SETLK, &lock);
    case F_LOCK:
        return fcntl(fd, F_SETLKW, &lock);
    case F_TLOCK:
        return fcntl(fd, F_SETLK, &lock);
    case F_TEST:
        if (fcntl(fd, F_GETLK, &lock) < 0)
            return -1;
        if (lock.l_type == F_UNLCK || lock.l_pid == getpid())
            return 0;
        errno = EACCES;
        return -1;
    default:
        errno = EINVAL;
        return -1;
    }
}

/* ---------------------------------------------------------------- System V */

SF_NEXT(semtimedop, int,
        (int set, struct sembuf *ops, size_t n, const struct timespec *limit))
SF_NEXT(msgsnd, int, (int queue, const void *message, size_t len, int flags))
SF_NEXT(msgrcv, ssize_t,
        (int queue, void *message, size_t len, long type, int flags))

enum { OPS_MAX = 500 }; /* as many as the kernel takes at once */

/* What adds to one waits for nothing. */
static bool may_wait(const struct sembuf *ops, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ops[i].sem_op <= 0 && !(ops[i].sem_flg & IPC_NOWAIT))
            return true;
    return false;
}

static int try_ops(int set, const struct sembuf *ops, size_t n)
{
    struct sembuf tries[OPS_MAX];

    memcpy(tries, ops, n * sizeof *ops);
    for (size_t i = 0; i < n; i++)
        tries[i].sem_flg |= IPC_NOWAIT;
    return next_semtimedop()(set, tries, n, NULL);
}

SF_EXPORT int semtimedop(int set, struct sembuf *ops, size_t n,
                         const struct timespec *limit)
{
    int64_t until;
    int r;

    if (!takes_part() || n > OPS_MAX || !ops)
        return next_semtimedop()(set, ops, n, limit);
    until = sf_turns_from_now(limit);
    while ((r = try_ops(set, ops, n)) < 0)
        if (!may_wait(ops, n) || wait_until(until) < 0)
            return -1;
    sf_turns_changed();
    return r;
}

SF_EXPORT int semop(int set, struct sembuf *ops, size_t n)
{
    return semtimedop(set, ops, n, NULL);
}

#define MESSAGE(name, returns, params, args, args_now)     \
    SF_EXPORT returns name params                          \
    {                                                      \
        returns r;                                         \
                                                           \
        if (!takes_part())                                 \
            return next_##name() args;                     \
        while ((r = next_##name() args_now) < 0)           \
            if (flags & IPC_NOWAIT || wait_for_lock() < 0) \
                return -1;                                 \
        sf_turns_changed();                                \
        return r;                                          \
    }
MESSAGE(msgsnd, int, (int queue, const void *message, size_t len, int flags),
        (queue, message, len, flags), (queue, message, len, flags | IPC_NOWAIT))
MESSAGE(msgrcv, ssize_t,
        (int queue, void *message, size_t len, long type, int flags),
        (queue, message, len, type, flags),
        (queue, message, len, type, flags | IPC_NOWAIT))
