/*
 * fortify.c: what a program built with -D_FORTIFY_SOURCE calls instead.
 *
 * Each checks that the buffer is as large as the call says, and then is the
 * plain call.  Without these such a program would pass by unseen.
 */
#include "faultinject/inject/monitor.h"
#include "faultinject/interpose/interpose.h"

/* glibc's: reports the overflow and aborts. */
void __chk_fail(void) __attribute__((noreturn));
long __fdelt_chk(long fd);
long __fdelt_warn(long fd);

SF_EXPORT ssize_t __read_chk(int fd, void *buf, size_t len, size_t room)
{
    if (len > room)
        __chk_fail();
    return read(fd, buf, len);
}

SF_EXPORT ssize_t __recv_chk(int fd, void *buf, size_t len, size_t room,
                             int flags)
{
    if (len > room)
        __chk_fail();
    return recv(fd, buf, len, flags);
}

SF_EXPORT ssize_t __recvfrom_chk(int fd, void *buf, size_t len, size_t room,
                                 int flags, struct sockaddr *addr,
                                 socklen_t *addrlen)
{
    if (len > room)
        __chk_fail();
    return recvfrom(fd, buf, len, flags, addr, addrlen);
}

SF_EXPORT int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t room)
{
    if (room / sizeof *fds < n)
        __chk_fail();
    return poll(fds, n, timeout);
}

SF_EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t n,
                          const struct timespec *timeout, const sigset_t *mask,
                          size_t room)
{
    if (room / sizeof *fds < n)
        __chk_fail();
    return ppoll(fds, n, timeout, mask);
}

/* The number of a word in a set; -1 or FD_SETSIZE has none. */
SF_EXPORT long __fdelt_chk(long fd)
{
    if (fd >= 0 && fd < FD_SETSIZE)
        return fd / NFDBITS;
    if (sf_on && sf_monitors & 1u << SF_MON_FD_RANGE)
        sf_finding(SF_MON_FD_RANGE, "descriptor %ld and a set that holds %d",
                   fd, FD_SETSIZE);
    __chk_fail();
}

SF_EXPORT long __fdelt_warn(long fd)
{
    return __fdelt_chk(fd);
}
