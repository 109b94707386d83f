/* open.c: calls that make descriptors, and those that ask for details. */
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faultinject/interpose/interpose.h"

/* Declared variadic, or not at all, by the headers: declared here. */
int fcntl(int fd, int cmd, ...);
int fcntl64(int fd, int cmd, ...);
int __fcntl(int fd, int cmd, ...);
int close_range(unsigned first, unsigned last, int flags);
void closefrom(int fd);

SF_EXPORT int socket(int domain, int type, int protocol)
{
    struct sf_op op;

    if (SF_LIKELY(!sf_on))
        return sf_libc.socket(domain, type, protocol);
    sf_op_init(&op, SF_CALL_socket, -1, 0, type);
    op.other = domain;
    SF_BEATS(op, sf_libc.socket(domain, type, protocol),
             op.result = op.world->socket(domain, type, protocol))
    return (int)sf_tell(&op);
}

SF_EXPORT int socketpair(int domain, int type, int protocol, int fds[2])
{
    struct sf_op op;

    if (SF_LIKELY(!sf_on))
        return sf_libc.socketpair(domain, type, protocol, fds);
    sf_op_init(&op, SF_CALL_socketpair, -1, 0, type);
    op.pair = fds;
    SF_BEATS(op, sf_libc.socketpair(domain, type, protocol, fds),
             op.result = op.world->socketpair(domain, type, protocol, fds))
    return (int)sf_tell(&op);
}

/* A number that a world had until now, and has no longer: it sees that where it
 * is asked (world.h), and so at once. */
static int now_real(int fd)
{
    const struct sf_world *world = sf_in_memory();

    if (fd >= 0 && world)
        sf_world_owns(world, fd);
    return fd;
}

/* One wrapper for all that differ only in name and arguments. */
#define MAKES(name, params, args, fd_, pair_)       \
    SF_EXPORT int name params                       \
    {                                               \
        struct sf_op op;                            \
                                                    \
        if (SF_LIKELY(!sf_on))                      \
            return sf_libc.name args;               \
        sf_op_init(&op, SF_CALL_##name, fd_, 0, 0); \
        op.pair = pair_;                            \
        SF_BEATS(op, now_real(sf_libc.name args),   \
                 op.result = op.world->name args)   \
        return (int)sf_tell(&op);                   \
    }

MAKES(pipe, (int fds[2]), (fds), -1, fds)
MAKES(pipe2, (int fds[2], int flags), (fds, flags), -1, fds)
MAKES(dup, (int fd), (fd), fd, NULL)
MAKES(dup2, (int fd, int newfd), (fd, newfd), fd, NULL)
MAKES(dup3, (int fd, int newfd, int flags), (fd, newfd, flags), fd, NULL)
MAKES(epoll_create, (int size), (size), -1, NULL)
MAKES(epoll_create1, (int flags), (flags), -1, NULL)
MAKES(eventfd, (unsigned count, int flags), (count, flags), -1, NULL)
MAKES(timerfd_create, (clockid_t clock, int flags), (clock, flags), -1, NULL)

bool (*sf_inject_locks)(int fd, int command, long arg, int *result);

static int outside_fcntl(int fd, int cmd, long arg)
{
    int result;

    if (sf_inject_locks && sf_inject_locks(fd, cmd, arg, &result))
        return result;
    return sf_libc.fcntl(fd, cmd, arg);
}

static int any_fcntl(int fd, int cmd, long arg)
{
    struct sf_op op;

    if (SF_LIKELY(!sf_on))
        return sf_libc.fcntl(fd, cmd, arg);
    sf_op_init(&op, SF_CALL_fcntl, fd, 0, cmd);
    SF_BEATS(op, outside_fcntl(fd, cmd, arg),
             op.result = op.world->fcntl(fd, cmd, arg))
    return (int)sf_tell(&op);
}

#define FORWARD(function, first, second) \
    va_list ap;                          \
    long arg;                            \
                                         \
    va_start(ap, second);                \
    arg = va_arg(ap, long);              \
    va_end(ap);                          \
    return function(first, second, arg);

SF_EXPORT int fcntl(int fd, int cmd, ...){FORWARD(any_fcntl, fd, cmd)}

SF_EXPORT int fcntl64(int fd, int cmd, ...){FORWARD(any_fcntl, fd, cmd)}

SF_EXPORT int __fcntl(int fd, int cmd, ...)
{
    FORWARD(any_fcntl, fd, cmd)
}

static int any_ioctl(int fd, unsigned long request, long arg)
{
    struct sf_op op;

    if (SF_LIKELY(!sf_on))
        return sf_libc.ioctl(fd, request, arg);
    sf_op_init(&op, SF_CALL_ioctl, fd, 0, 0);
    SF_BEATS(op, sf_libc.ioctl(fd, request, arg),
             op.result = op.world->ioctl(fd, request, arg))
    if (request == FIONREAD && op.result == 0)
        op.len = (size_t) * (int *)arg;
    return (int)sf_tell(&op);
}

SF_EXPORT int ioctl(int fd, unsigned long request,
                    ...){FORWARD(any_ioctl, fd, request)}

SF_EXPORT int shutdown(int fd, int how)
{
    struct sf_op op;

    if (SF_LIKELY(!sf_on))
        return sf_libc.shutdown(fd, how);
    sf_op_init(&op, SF_CALL_shutdown, fd, 0, how);
    SF_BEATS(op, sf_libc.shutdown(fd, how),
             op.result = op.world->shutdown(fd, how))
    return (int)sf_tell(&op);
}

SF_EXPORT int getsockopt(int fd, int level, int name, void *val, socklen_t *len)
{
    struct sf_op op;

    if (SF_LIKELY(!sf_on))
        return sf_libc.getsockopt(fd, level, name, val, len);
    sf_op_init(&op, SF_CALL_getsockopt, fd, 0, level == SOL_SOCKET ? name : -1);
    SF_BEATS(op, sf_libc.getsockopt(fd, level, name, val, len),
             op.result = op.world->getsockopt(fd, level, name, val, len))
    return (int)sf_tell(&op);
}

/* --- numbers given back in a row --- */

static int close_row(unsigned first, unsigned last, int flags)
{
    return (int)sf_syscall(SYS_close_range, first, last, flags, 0, 0, 0);
}

/* Those of the kernel.  Among the numbers of a world in memory some are the
 * world's own there, of which the program knows nothing. */
static int close_outside(unsigned first, unsigned last, int flags)
{
    const struct sf_world *world = sf_in_memory();
    unsigned from, end;
    int result = 0;

    if (!world)
        return close_row(first, last, flags);
    from = (unsigned)world->first;
    end = from + (unsigned)world->count;
    if (last < from || first >= end || first > last)
        return close_row(first, last, flags);
    if (first < from)
        result = close_row(first, from - 1, flags);
    return result == 0 && last >= end ? close_row(end, last, flags) : result;
}

/* Those of a world in memory, which the kernel does not know. */
static void close_inside(unsigned first, unsigned last, bool later)
{
    const struct sf_world *world = sf_in_memory();
    struct sf_facts facts;

    if (!world)
        return;
    for (int i = 0; i < world->count; i++) {
        int fd = world->first + i;
        if ((unsigned)fd < first || (unsigned)fd > last)
            continue;
        world->facts(fd, NULL, &facts);
        if (facts.type == SF_FD_CLOSED)
            continue;
        if (later)
            fcntl(fd, F_SETFD, FD_CLOEXEC);
        else
            close(fd);
    }
}

bool sf_closes_row(unsigned first, unsigned last, int flags)
{
    return first <= last && !(flags & ~(int)CLOSE_RANGE_UNSHARE);
}

/* As libc does them: there is nothing to be asked of the kernel's world. */
SF_EXPORT int close_range(unsigned first, unsigned last, int flags)
{
    int result;

    if (sf_on && sf_inside() && sf_closes_row(first, last, flags))
        sf_forget(first, last);
    result = close_outside(first, last, flags);
    if (result == 0)
        close_inside(first, last, flags & CLOSE_RANGE_CLOEXEC);
    return result;
}

SF_EXPORT void closefrom(int fd)
{
    close_range(fd < 0 ? 0 : (unsigned)fd, UINT_MAX, 0);
}
