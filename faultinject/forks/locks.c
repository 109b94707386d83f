/*
 * locks.c: locks of files, which processes wait for from each other.
 *
 * They stay the kernel's, and are tried: who would wait gives its turn away.
 */
#include "faultinject/forks/process.h"

#include "faultinject/inject/inject.h"
#include "faultinject/interpose/interpose.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

SF_NEXT(flock, int, (int fd, int how))

static bool takes_part(void)
{
    return sf_forks_are() && sf_turns_mine();
}

/* It has failed: 0: once more; else that is the answer. */
static int wait_for_lock(void)
{
    if (errno != EWOULDBLOCK && errno != EACCES)
        return -1;
    if (sf_turns_wait_or_handle(SF_SIM_NEVER) != -EINTR)
        return 0;
    errno = EINTR;
    return -1;
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
