/* alias.c: names by which libc exports the same calls once more. */
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "faultinject/interpose/interpose.h"

#define ALIAS(alias, name, returns, params, args) \
    SF_EXPORT returns alias params;               \
    SF_EXPORT returns alias params                \
    {                                             \
        return name args;                         \
    }

/* clang-format off */
/* 64 bits wide, as the plain ones are anyway. */
ALIAS(sendfile64, sendfile, ssize_t,
      (int fd, int from, off_t *offset, size_t len), (fd, from, offset, len))
ALIAS(preadv64v2, preadv2, ssize_t,
      (int fd, const struct iovec *iov, int iovcnt, off_t offset, int flags),
      (fd, iov, iovcnt, offset, flags))
ALIAS(pwritev64v2, pwritev2, ssize_t,
      (int fd, const struct iovec *iov, int iovcnt, off_t offset, int flags),
      (fd, iov, iovcnt, offset, flags))

/* For libraries that were built to be safe from names like ours. */
ALIAS(__read, read, ssize_t, (int fd, void *buf, size_t len), (fd, buf, len))
ALIAS(__write, write, ssize_t, (int fd, const void *buf, size_t len),
      (fd, buf, len))
ALIAS(__send, send, ssize_t, (int fd, const void *buf, size_t len, int flags),
      (fd, buf, len, flags))
ALIAS(__connect, connect, int,
      (int fd, const struct sockaddr *addr, socklen_t addrlen),
      (fd, addr, addrlen))
ALIAS(__poll, poll, int, (struct pollfd *fds, nfds_t n, int timeout),
      (fds, n, timeout))
ALIAS(__select, select, int,
      (int nfds, fd_set *rd, fd_set *wr, fd_set *ex, struct timeval *timeout),
      (nfds, rd, wr, ex, timeout))
ALIAS(__dup2, dup2, int, (int fd, int newfd), (fd, newfd))
ALIAS(__close, close, int, (int fd), (fd))
/* clang-format on */

/* libc's would go past us to its own read and write. */
SF_EXPORT int eventfd_read(int fd, eventfd_t *value)
{
    return read(fd, value, sizeof *value) == sizeof *value ? 0 : -1;
}

SF_EXPORT int eventfd_write(int fd, eventfd_t value)
{
    return write(fd, &value, sizeof value) == sizeof value ? 0 : -1;
}

#ifdef SF_IN_MEMORY
/* libc's would sleep in the real world, for as long as nobody here waits. */
SF_EXPORT unsigned sleep(unsigned seconds)
{
    struct timespec want = {.tv_sec = seconds}, left = {0};

    return nanosleep(&want, &left) == 0 ? 0 : (unsigned)left.tv_sec;
}

SF_EXPORT int usleep(useconds_t us)
{
    struct timespec want = {us / 1000000, (long)(us % 1000000) * 1000};

    return nanosleep(&want, NULL);
}

/* It never says that no time is left of an alarm that is still to come. */
SF_EXPORT unsigned alarm(unsigned seconds)
{
    struct itimerval want = {.it_value.tv_sec = seconds}, old = {0};

    setitimer(ITIMER_REAL, &want, &old);
    return (unsigned)old.it_value.tv_sec +
           (old.it_value.tv_usec >= (old.it_value.tv_sec ? 500000 : 1));
}

/* What is left until then; 0 if it is over. */
static struct timespec time_until(clockid_t clock, const struct timespec *then)
{
    struct timespec now, left;

    clock_gettime(clock, &now);
    left.tv_sec = then->tv_sec - now.tv_sec;
    left.tv_nsec = then->tv_nsec - now.tv_nsec;
    if (left.tv_nsec < 0) {
        left.tv_sec--;
        left.tv_nsec += 1000000000;
    }
    return left.tv_sec < 0 ? (struct timespec){0} : left;
}

/* It returns the error, and leaves errno alone. */
SF_EXPORT int clock_nanosleep(clockid_t clock, int flags,
                              const struct timespec *want,
                              struct timespec *left)
{
    bool absolute = flags & TIMER_ABSTIME;
    struct timespec rest = *want;
    int saved = errno, r;

    if (!sf_on || !sf_inside())
        r = (int)sf_syscall(SYS_clock_nanosleep, clock, flags, (long)want,
                            (long)left, 0, 0);
    else if (absolute && want->tv_nsec >= 0 && want->tv_nsec < 1000000000)
        rest = time_until(clock, want), r = nanosleep(&rest, NULL);
    else
        r = nanosleep(&rest, absolute ? NULL : left);
    r = r < 0 ? errno : 0;
    errno = saved;
    return r;
}
#endif
