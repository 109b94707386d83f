/*
 * call_socket.c: calls that make, join and end sockets, and those that ask
 * for details; see calls.h.
 */
#include "faultinject/simnet/calls.h"

#include <fcntl.h>
#include <netinet/in.h>

/* ------------------------------------------------------------ connections */

static int socket_of(int fd, struct sf_end **end)
{
    *end = sim_end(fd);
    if (!*end)
        return -EBADF;
    return (*end)->kind == SIM_SOCKET ? 0 : -ENOTSOCK;
}

/* By a handler, or another thread: who waits is told.  Not of a close, which
 * leaves the listener to him. */
static bool is_shut(const struct sf_end *listener)
{
    return listener->state != SIM_LISTEN || listener->shut & SHUT_RCV;
}

static struct sf_end *wait_for_client(struct sf_end *listener, int *r)
{
    int64_t until =
        listener->rcv_timeout ? sim_until(listener->rcv_timeout) : SF_SIM_NEVER;
    struct sf_end *end = NULL;

    *r = 0;
    listener->refs++;
    while (*r >= 0 && !(end = sim_accept(listener)))
        *r = listener->nonblock  ? -EAGAIN
             : is_shut(listener) ? -EINVAL
                                 : sim_block(until);
    sim_end_unref(listener);
    return *r < 0 ? NULL : end;
}

int sim_on_accept4(int fd, struct sockaddr *addr, socklen_t *addrlen, int flags)
{
    struct sf_end *listener, *end;
    int r;

    if (!sim_has(fd))
        return PASS_INT;
    r = socket_of(fd, &listener);
    if (r < 0)
        return r;
    if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
        return -EINVAL;
    r = sim_fd_new(NULL, 0, false); /* EMFILE comes before the queue */
    if (r < 0)
        return r;
    if (listener->state != SIM_LISTEN)
        return -EINVAL;
    end = wait_for_client(listener, &r);
    if (!end)
        return r;
    end->nonblock = flags & SOCK_NONBLOCK;
    sim_name_out(&end->peer_name, end->family, addr, addrlen);
    r = sim_fd_new(end, 0, flags & SOCK_CLOEXEC);
    if (r < 0)
        sim_end_unref(end);
    return r;
}

int sim_on_accept(int fd, struct sockaddr *addr, socklen_t *addrlen)
{
    return sim_on_accept4(fd, addr, addrlen, 0);
}

/* Blocking: until it is made or refused.  A signal leaves it under way. */
static int finish_connect(struct sf_end *end, const struct sockaddr *addr,
                          socklen_t len)
{
    int64_t until =
        end->snd_timeout ? sim_until(end->snd_timeout) : SF_SIM_NEVER;

    while (end->parked) {
        int r = sim_block(until);

        if (r < 0)
            return r == -EAGAIN && end->family != AF_UNIX ? -EINPROGRESS : r;
    }
    if (end->family != AF_UNIX)
        return sim_connect(end, addr, len);
    return end->err ? -sim_take_error(end) : 0;
}

int sim_on_connect(int fd, const struct sockaddr *addr, socklen_t addrlen)
{
    struct sf_end *end;
    int r;

    if (!sim_has(fd))
        return PASS_INT;
    r = socket_of(fd, &end);
    if (r < 0)
        return r;
    if (addr)
        sim_check_load(addr, addrlen);
    if (sim.config.barred_err && end->family == sim.config.barred)
        return -sim.config.barred_err;
    r = sim_connect(end, addr, addrlen);
    if (!end->nonblock && (r == -EINPROGRESS || r == -EALREADY || r == 0))
        r = end->parked || end->pending ? finish_connect(end, addr, addrlen)
                                        : r;
    return r;
}

int sim_on_socket(int domain, int type, int protocol)
{
    struct sf_end *end;
    int fd;

    if ((domain != AF_INET && domain != AF_INET6 && domain != AF_UNIX) ||
        (type & 0xf) != SOCK_STREAM)
        return PASS_INT;
    if (type & ~(0xf | SOCK_NONBLOCK | SOCK_CLOEXEC))
        return -EINVAL;
    if (protocol != 0 &&
        protocol != (domain == AF_UNIX ? PF_UNIX : IPPROTO_TCP))
        return -EPROTONOSUPPORT;
    fd = sim_fd_new(NULL, 0, false);
    if (fd < 0)
        return fd;
    end = sim_end_new(SIM_SOCKET);
    if (!end)
        return -ENFILE;
    end->family = (sa_family_t)domain;
    end->nonblock = type & SOCK_NONBLOCK;
    return sim_fd_new(end, 0, type & SOCK_CLOEXEC);
}

/* Two descriptors at once, or none: then no number has changed hands, and what
 * is known of who had it last still holds. */
static int two_fds(struct sf_end *a, struct sf_end *b, bool cloexec, int fds[2])
{
    int first = a && b ? sim_fd_new(NULL, 0, false) : -ENFILE;
    int second = first < 0 ? first : sim_fd_new(NULL, first + 1, false);

    if (second >= 0) {
        fds[0] = sim_fd_new(a, 0, cloexec);
        fds[1] = sim_fd_new(b, 0, cloexec);
        return 0;
    }
    if (a)
        sim_end_unref(a);
    if (b)
        sim_end_unref(b);
    return second;
}

int sim_on_socketpair(int domain, int type, int protocol, int fds[2])
{
    struct sf_end *a, *b;

    (void)protocol;
    if ((type & 0xf) != SOCK_STREAM &&
        (domain != AF_UNIX || (type & 0xf) != SOCK_SEQPACKET))
        return PASS_INT;
    if (domain != AF_UNIX)
        return -EOPNOTSUPP;
    a = sim_end_new(SIM_SOCKET);
    b = sim_end_new(SIM_SOCKET);
    if (a && b) {
        a->family = b->family = AF_UNIX;
        a->nonblock = b->nonblock = type & SOCK_NONBLOCK;
        a->records = b->records = (type & 0xf) == SOCK_SEQPACKET;
        if (a->records)
            a->in.cap = b->in.cap = SF_SIM_BUFFER;
        sim_link(a, b);
    }
    return two_fds(a, b, type & SOCK_CLOEXEC, fds);
}

int sim_on_pipe2(int fds[2], int flags)
{
    struct sf_end *reader, *writer;

    if (flags & ~(O_NONBLOCK | O_CLOEXEC | O_DIRECT))
        return -EINVAL;
    reader = sim_end_new(SIM_READER);
    writer = sim_end_new(SIM_WRITER);
    if (reader && writer) {
        reader->peer = writer;
        writer->peer = reader;
        reader->nonblock = writer->nonblock = flags & O_NONBLOCK;
    }
    return two_fds(reader, writer, flags & O_CLOEXEC, fds);
}

int sim_on_pipe(int fds[2])
{
    return sim_on_pipe2(fds, 0);
}

int sim_on_dup(int fd)
{
    struct sf_end *end = sim_end(fd);

    if (!sim_has(fd))
        return PASS_INT;
    return end ? sim_copy(end, 0, false) : -EBADF;
}

void (*sf_sim_out_of_reach)(int fd, int newfd);

int sim_on_dup3(int fd, int newfd, int flags)
{
    struct sf_end *end = sim_end(fd);
    int r;

    if (!sim_has(fd) && !sim_has(newfd))
        return PASS_INT;
    if (fd == newfd)
        return -EINVAL;
    if (end && sf_sim_onto_low && (unsigned)newfd < SIM_LOW)
        return sim_onto_low(end, newfd, flags & O_CLOEXEC);
    if (end && !sim_is_fd(newfd) && newfd >= 0 && sf_sim_out_of_reach)
        sf_sim_out_of_reach(fd, newfd);
    if (!end || !sim_is_fd(newfd) ||
        (sim.config.fd_limit && newfd >= sim.config.fd_limit))
        return -EBADF;
    end->refs++;
    sim_fd_close(newfd);
    r = sim_fd_new(end, newfd, flags & O_CLOEXEC);
    if (r < 0)
        sim_end_unref(end);
    return r;
}

int sim_on_dup2(int fd, int newfd)
{
    if (fd == newfd && sim_has(fd))
        return sim_end(fd) ? fd : -EBADF;
    return sim_on_dup3(fd, newfd, 0);
}

int sim_on_close(int fd)
{
    return sim_has(fd) ? sim_fd_close(fd) : PASS_INT;
}

int sim_on_bind(int fd, const struct sockaddr *addr, socklen_t addrlen)
{
    struct sf_end *end;
    int r;

    if (!sim_has(fd))
        return PASS_INT;
    r = socket_of(fd, &end);
    if (r < 0)
        return r;
    if (addr)
        sim_check_load(addr, addrlen);
    return sim_bind(end, addr, addrlen);
}

int sim_on_listen(int fd, int backlog)
{
    struct sf_end *end;
    int r;

    if (!sim_has(fd))
        return PASS_INT;
    r = socket_of(fd, &end);
    return r < 0 ? r : sim_listen(end, backlog);
}

int sim_on_shutdown(int fd, int how)
{
    struct sf_end *end;
    int r;

    if (!sim_has(fd))
        return PASS_INT;
    r = socket_of(fd, &end);
    return r < 0 ? r : sim_shutdown(end, how);
}

int sim_on_getsockname(int fd, struct sockaddr *addr, socklen_t *addrlen)
{
    struct sf_end *end;
    int r;

    if (!sim_has(fd))
        return PASS_INT;
    r = socket_of(fd, &end);
    if (r == 0)
        sim_name_out(&end->name, end->family, addr, addrlen);
    return r;
}

int sim_on_getpeername(int fd, struct sockaddr *addr, socklen_t *addrlen)
{
    struct sf_end *end;
    int r;

    if (!sim_has(fd))
        return PASS_INT;
    r = socket_of(fd, &end);
    if (r < 0)
        return r;
    if (end->state != SIM_ESTAB)
        return -ENOTCONN;
    sim_name_out(&end->peer_name, end->family, addr, addrlen);
    return 0;
}

/* ---------------------------------------------------------------- control */

int sim_on_fcntl(int fd, int cmd, long arg)
{
    struct sf_end *end = sim_end(fd);

    if (!sim_has(fd))
        return PASS_INT;
    return end ? sim_fcntl(fd, end, cmd, arg) : -EBADF;
}

int sim_on_ioctl(int fd, unsigned long request, long arg)
{
    struct sf_end *end = sim_end(fd);

    if (!sim_has(fd))
        return PASS_INT;
    return end ? sim_ioctl(fd, end, request, arg) : -EBADF;
}

int sim_on_getsockopt(int fd, int level, int name, void *val, socklen_t *len)
{
    struct sf_end *end;
    int r;

    if (!sim_has(fd))
        return PASS_INT;
    r = socket_of(fd, &end);
    return r < 0 ? r : sim_getsockopt(end, level, name, val, len);
}

int sim_on_setsockopt(int fd, int level, int name, const void *val,
                      socklen_t len)
{
    struct sf_end *end;
    int r;

    if (!sim_has(fd))
        return PASS_INT;
    r = socket_of(fd, &end);
    return r < 0 ? r : sim_setsockopt(end, level, name, val, len);
}
