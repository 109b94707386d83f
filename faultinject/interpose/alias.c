/* alias.c: names by which libc exports the same calls once more. */
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
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
ALIAS(__clone, clone, int,
      (int (*run)(void *), void *stack, int flags, void *arg, void *parent_tid,
       void *tls, void *child_tid),
      (run, stack, flags, arg, parent_tid, tls, child_tid))
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
