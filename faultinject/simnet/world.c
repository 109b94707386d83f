/*
 * world.c: the vtable.  Every call in the four beats of a system call: look
 * up the descriptor, check the arguments, ask, wait and ask again.
 *
 * The functions called on_X answer as a kernel does, with a negative errno;
 * PASS sends a call that is not ours to the real kernel.  The functions of
 * the vtable are made from them by the table at the end.
 */
#include "faultinject/simnet/sim.h"

#include "faultinject/inject/finding.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#define PASS     LONG_MIN
#define PASS_INT INT_MIN /* the same from functions that return int */

enum { MAX_RW = 0x7ffff000, IOVS = 1024 };

void __asan_loadN(const void *p, size_t n) __attribute__((weak));
void __asan_storeN(void *p, size_t n) __attribute__((weak));

/* The program hands all of these bytes over, whatever the result will be. */
static void check_load(const void *p, size_t n)
{
    if (n && &__asan_loadN)
        __asan_loadN(p, n < MAX_RW ? n : MAX_RW);
}

static void check_store(void *p, size_t n)
{
    if (n && &__asan_storeN)
        __asan_storeN(p, n < MAX_RW ? n : MAX_RW);
}

static void check_iov(const struct iovec *iov, int n, bool store)
{
    for (int i = 0; i < n; i++)
        if (store)
            check_store(iov[i].iov_base, iov[i].iov_len);
        else
            check_load(iov[i].iov_base, iov[i].iov_len);
}

/* ---------------------------------------------------------------- reading */

static int reader_of(int fd, bool socket, struct sf_end **end)
{
    *end = sim_end(fd);
    if (!*end)
        return -EBADF;
    if ((*end)->kind == SIM_WRITER && !socket)
        return -EBADF;
    if ((*end)->kind != SIM_SOCKET && socket)
        return -ENOTSOCK;
    return (*end)->kind == SIM_EPOLL ? -EINVAL : 0;
}

static struct iovec *advance(struct iovec *iov, int *n, size_t by)
{
    while (*n && by >= iov->iov_len) {
        by -= iov->iov_len;
        iov++;
        --*n;
    }
    if (*n) {
        iov->iov_base = (char *)iov->iov_base + by;
        iov->iov_len -= by;
    }
    return iov;
}

static ssize_t read_once(struct sf_end *end, const struct iovec *iov, int n,
                         int flags, int64_t until)
{
    for (;;) {
        ssize_t r = sim_read(end, iov, n, flags & MSG_PEEK);
        int passed;

        if (r != -EAGAIN || end->nonblock || (flags & MSG_DONTWAIT))
            return r;
        passed = sim_pass(until);
        if (passed < 0)
            return passed;
    }
}

/* MSG_WAITALL: as long as there is more to come. */
static ssize_t read_all(struct sf_end *end, const struct iovec *iov, int n,
                        int flags, int64_t until)
{
    struct iovec copy[IOVS], *rest = copy;
    ssize_t got = 0, r;

    memcpy(copy, iov, (size_t)n * sizeof *iov);
    do {
        r = read_once(end, rest, n, flags, until);
        if (r > 0) {
            got += r;
            rest = advance(rest, &n, (size_t)r);
        }
    } while (r > 0 && n);
    return got ? got : r;
}

static ssize_t read_iov(struct sf_end *end, const struct iovec *iov, int n,
                        int flags)
{
    int64_t until =
        end->rcv_timeout ? sim_until(end->rcv_timeout) : SF_SIM_NEVER;

    check_iov(iov, n, true);
    if (flags & MSG_OOB)
        return end->family == AF_UNIX ? -EOPNOTSUPP : -EINVAL;
    if ((flags & MSG_WAITALL) && !(flags & MSG_PEEK))
        return read_all(end, iov, n, flags, until);
    return read_once(end, iov, n, flags, until);
}

static ssize_t on_recv(int fd, void *buf, size_t len, int flags)
{
    struct iovec iov = {buf, len < MAX_RW ? len : MAX_RW};
    struct sf_end *end;
    int r;

    if (!sim_is_fd(fd))
        return PASS;
    r = reader_of(fd, true, &end);
    return r < 0 ? r : read_iov(end, &iov, 1, flags);
}

static ssize_t on_recvfrom(int fd, void *buf, size_t len, int flags,
                           struct sockaddr *addr, socklen_t *addrlen)
{
    ssize_t r = on_recv(fd, buf, len, flags);

    if (r >= 0 && addr && addrlen)
        *addrlen = 0; /* streams tell no address */
    return r;
}

static ssize_t on_readv(int fd, const struct iovec *iov, int iovcnt)
{
    struct sf_end *end;
    int r;

    if (!sim_is_fd(fd))
        return PASS;
    r = reader_of(fd, false, &end);
    if (r < 0)
        return r;
    if (iovcnt < 0 || iovcnt > IOVS)
        return -EINVAL;
    if (end->kind == SIM_SOCKET && !sim_iov_len(iov, iovcnt))
        return 0;
    return read_iov(end, iov, iovcnt, 0);
}

static ssize_t on_read(int fd, void *buf, size_t len)
{
    struct iovec iov = {buf, len < MAX_RW ? len : MAX_RW};

    return on_readv(fd, &iov, 1);
}

static ssize_t on_recvmsg(int fd, struct msghdr *msg, int flags)
{
    struct sf_end *end;
    ssize_t r;

    if (!sim_is_fd(fd))
        return PASS;
    r = reader_of(fd, true, &end);
    if (r < 0)
        return r;
    if (msg->msg_iovlen > IOVS)
        return -EMSGSIZE;
    r = read_iov(end, msg->msg_iov, (int)msg->msg_iovlen, flags);
    if (r >= 0) {
        msg->msg_namelen = 0;
        msg->msg_controllen = 0;
        msg->msg_flags = 0;
    }
    return r;
}

/* ---------------------------------------------------------------- writing */

/* What a broken pipe does to a program that did not ask to be spared. */
static void raise_sigpipe(int fd)
{
    struct sigaction old;

    if (sigaction(SIGPIPE, NULL, &old) < 0 || old.sa_handler == SIG_IGN)
        return;
    if (old.sa_handler == SIG_DFL)
        sf_finding(SF_MON_SIGPIPE,
                   "fd %d: the peer takes no more, and SIGPIPE would kill "
                   "the process",
                   fd);
    else
        raise(SIGPIPE);
}

/* A blocking write goes on until everything is moved. */
static ssize_t write_rest(struct sf_end *end, const struct iovec *iov, int n,
                          size_t done)
{
    int64_t until =
        end->snd_timeout ? sim_until(end->snd_timeout) : SF_SIM_NEVER;
    struct iovec copy[IOVS], *rest = copy;
    ssize_t r;

    memcpy(copy, iov, (size_t)n * sizeof *iov);
    rest = advance(rest, &n, done);
    while (n) {
        r = sim_pass(until);
        if (r == 0)
            r = sim_write(end, rest, n);
        if (r == -EAGAIN && sim.now < until)
            continue;
        if (r < 0)
            return done ? (ssize_t)done : r;
        done += (size_t)r;
        rest = advance(rest, &n, (size_t)r);
    }
    return (ssize_t)done;
}

static ssize_t write_iov(int fd, const struct iovec *iov, int n, int flags,
                         bool socket)
{
    struct sf_end *end = sim_end(fd);
    ssize_t r;

    if (!end || (end->kind == SIM_READER && !socket))
        return -EBADF;
    if (end->kind != SIM_SOCKET && socket)
        return -ENOTSOCK;
    if (end->kind == SIM_EPOLL || end->kind == SIM_TIMER)
        return -EINVAL;
    check_iov(iov, n, false);
    r = sim_write(end, iov, n);
    if (!end->nonblock && !(flags & MSG_DONTWAIT)) {
        size_t moved = r > 0 ? (size_t)r : 0;

        if (r == -EAGAIN || (r > 0 && moved < sim_iov_len(iov, n)))
            r = write_rest(end, iov, n, moved);
    }
    if (r == -EPIPE && !(flags & MSG_NOSIGNAL))
        raise_sigpipe(fd);
    return r;
}

static ssize_t on_send(int fd, const void *buf, size_t len, int flags)
{
    struct iovec iov = {(void *)(uintptr_t)buf, len < MAX_RW ? len : MAX_RW};

    return sim_is_fd(fd) ? write_iov(fd, &iov, 1, flags, true) : PASS;
}

static ssize_t on_sendto(int fd, const void *buf, size_t len, int flags,
                         const struct sockaddr *addr, socklen_t addrlen)
{
    struct sf_end *end = sim_end(fd);

    (void)addrlen;
    if (addr && end && end->family == AF_UNIX)
        return end->state == SIM_ESTAB ? -EISCONN : -EOPNOTSUPP;
    return on_send(fd, buf, len, flags); /* TCP ignores the address */
}

static ssize_t on_write(int fd, const void *buf, size_t len)
{
    struct iovec iov = {(void *)(uintptr_t)buf, len < MAX_RW ? len : MAX_RW};

    return sim_is_fd(fd) ? write_iov(fd, &iov, 1, 0, false) : PASS;
}

static ssize_t on_writev(int fd, const struct iovec *iov, int iovcnt)
{
    if (!sim_is_fd(fd))
        return PASS;
    if (iovcnt < 0 || iovcnt > IOVS)
        return sim_end(fd) ? -EINVAL : -EBADF;
    return write_iov(fd, iov, iovcnt, 0, false);
}

/* A socket has no offset other than where it is. */
static ssize_t on_preadv2(int fd, const struct iovec *iov, int iovcnt,
                          off_t offset, int flags)
{
    if (sim_is_fd(fd) && (offset != -1 || flags))
        return -ESPIPE;
    return on_readv(fd, iov, iovcnt);
}

static ssize_t on_pwritev2(int fd, const struct iovec *iov, int iovcnt,
                           off_t offset, int flags)
{
    if (sim_is_fd(fd) && (offset != -1 || flags))
        return -ESPIPE;
    return on_writev(fd, iov, iovcnt);
}

/* There are no files here that could be sent. */
static ssize_t on_sendfile(int fd, int from, off_t *offset, size_t len)
{
    (void)from;
    (void)offset;
    (void)len;
    return sim_is_fd(fd) ? -EINVAL : PASS;
}

static ssize_t on_sendmsg(int fd, const struct msghdr *msg, int flags)
{
    if (!sim_is_fd(fd))
        return PASS;
    if (msg->msg_iovlen > IOVS)
        return sim_end(fd) ? -EMSGSIZE : -EBADF;
    return write_iov(fd, msg->msg_iov, (int)msg->msg_iovlen, flags, true);
}

/* There are no pipes for it here, either. */
static ssize_t on_splice(int fd, off_t *offset, int to, off_t *to_offset,
                         size_t len, unsigned flags)
{
    (void)offset;
    (void)to_offset;
    (void)len;
    (void)flags;
    return sim_is_fd(fd) || sim_is_fd(to) ? -EINVAL : PASS;
}

/* A batch comes here message by message: interpose/batch.c. */
static int on_recvmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags,
                       struct timespec *timeout)
{
    (void)messages;
    (void)n;
    (void)flags;
    (void)timeout;
    return sim_is_fd(fd) ? -ENOSYS : PASS_INT;
}

static int on_sendmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags)
{
    return on_recvmmsg(fd, messages, n, flags, NULL);
}

/* ------------------------------------------------------------ connections */

static int socket_of(int fd, struct sf_end **end)
{
    *end = sim_end(fd);
    if (!*end)
        return -EBADF;
    return (*end)->kind == SIM_SOCKET ? 0 : -ENOTSOCK;
}

static struct sf_end *wait_for_client(struct sf_end *listener, int *r)
{
    int64_t until =
        listener->rcv_timeout ? sim_until(listener->rcv_timeout) : SF_SIM_NEVER;
    struct sf_end *end;

    *r = 0;
    while (!(end = sim_accept(listener))) {
        *r = listener->nonblock ? -EAGAIN : sim_pass(until);
        if (*r < 0)
            return NULL;
    }
    return end;
}

static int on_accept4(int fd, struct sockaddr *addr, socklen_t *addrlen,
                      int flags)
{
    struct sf_end *listener, *end;
    int r;

    if (!sim_is_fd(fd))
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

static int on_accept(int fd, struct sockaddr *addr, socklen_t *addrlen)
{
    return on_accept4(fd, addr, addrlen, 0);
}

/* Blocking: until it is made or refused.  A signal leaves it under way. */
static int finish_connect(struct sf_end *end, const struct sockaddr *addr,
                          socklen_t len)
{
    int64_t until =
        end->snd_timeout ? sim_until(end->snd_timeout) : SF_SIM_NEVER;

    while (end->parked) {
        int r = sim_pass(until);

        if (r < 0)
            return r == -EAGAIN && end->family != AF_UNIX ? -EINPROGRESS : r;
    }
    if (end->family != AF_UNIX)
        return sim_connect(end, addr, len);
    return end->err ? -sim_take_error(end) : 0;
}

static int on_connect(int fd, const struct sockaddr *addr, socklen_t addrlen)
{
    struct sf_end *end;
    int r;

    if (!sim_is_fd(fd))
        return PASS_INT;
    r = socket_of(fd, &end);
    if (r < 0)
        return r;
    if (addr)
        check_load(addr, addrlen);
    r = sim_connect(end, addr, addrlen);
    if (!end->nonblock && (r == -EINPROGRESS || r == -EALREADY || r == 0))
        r = end->parked || end->pending ? finish_connect(end, addr, addrlen)
                                        : r;
    return r;
}

static int on_socket(int domain, int type, int protocol)
{
    struct sf_end *end;
    int fd;

    (void)protocol;
    if ((domain != AF_INET && domain != AF_INET6 && domain != AF_UNIX) ||
        (type & 0xf) != SOCK_STREAM)
        return PASS_INT;
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

/* Two descriptors at once, or none. */
static int two_fds(struct sf_end *a, struct sf_end *b, bool cloexec, int fds[2])
{
    int first = a && b ? sim_fd_new(a, 0, cloexec) : -ENFILE;
    int second = first < 0 ? first : sim_fd_new(b, 0, cloexec);

    if (second >= 0) {
        fds[0] = first;
        fds[1] = second;
        return 0;
    }
    if (first >= 0)
        sim_fd_close(first);
    else if (a)
        sim_end_unref(a);
    if (b)
        sim_end_unref(b);
    return second;
}

static int on_socketpair(int domain, int type, int protocol, int fds[2])
{
    struct sf_end *a, *b;

    (void)protocol;
    if ((type & 0xf) != SOCK_STREAM)
        return PASS_INT;
    if (domain != AF_UNIX)
        return -EOPNOTSUPP;
    a = sim_end_new(SIM_SOCKET);
    b = sim_end_new(SIM_SOCKET);
    if (a && b) {
        a->family = b->family = AF_UNIX;
        a->nonblock = b->nonblock = type & SOCK_NONBLOCK;
        sim_link(a, b);
    }
    return two_fds(a, b, type & SOCK_CLOEXEC, fds);
}

static int on_pipe2(int fds[2], int flags)
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

static int on_pipe(int fds[2])
{
    return on_pipe2(fds, 0);
}

static int on_dup(int fd)
{
    struct sf_end *end = sim_end(fd);
    int copy;

    if (!sim_is_fd(fd))
        return PASS_INT;
    if (!end)
        return -EBADF;
    copy = sim_fd_new(end, 0, false);
    if (copy >= 0)
        end->refs++;
    return copy;
}

static int on_dup3(int fd, int newfd, int flags)
{
    struct sf_end *end = sim_end(fd);
    int r;

    if (!sim_is_fd(fd) && !sim_is_fd(newfd))
        return PASS_INT;
    if (fd == newfd)
        return -EINVAL;
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

static int on_dup2(int fd, int newfd)
{
    if (fd == newfd && sim_is_fd(fd))
        return sim_end(fd) ? fd : -EBADF;
    return on_dup3(fd, newfd, 0);
}

static int on_close(int fd)
{
    return sim_is_fd(fd) ? sim_fd_close(fd) : PASS_INT;
}

static int on_bind(int fd, const struct sockaddr *addr, socklen_t addrlen)
{
    struct sf_end *end;
    int r;

    if (!sim_is_fd(fd))
        return PASS_INT;
    r = socket_of(fd, &end);
    if (r < 0)
        return r;
    if (addr)
        check_load(addr, addrlen);
    return sim_bind(end, addr, addrlen);
}

static int on_listen(int fd, int backlog)
{
    struct sf_end *end;
    int r;

    if (!sim_is_fd(fd))
        return PASS_INT;
    r = socket_of(fd, &end);
    return r < 0 ? r : sim_listen(end, backlog);
}

static int on_shutdown(int fd, int how)
{
    struct sf_end *end;
    int r;

    if (!sim_is_fd(fd))
        return PASS_INT;
    r = socket_of(fd, &end);
    return r < 0 ? r : sim_shutdown(end, how);
}

static int on_getsockname(int fd, struct sockaddr *addr, socklen_t *addrlen)
{
    struct sf_end *end;
    int r;

    if (!sim_is_fd(fd))
        return PASS_INT;
    r = socket_of(fd, &end);
    if (r == 0)
        sim_name_out(&end->name, end->family, addr, addrlen);
    return r;
}

static int on_getpeername(int fd, struct sockaddr *addr, socklen_t *addrlen)
{
    struct sf_end *end;
    int r;

    if (!sim_is_fd(fd))
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

static int on_fcntl(int fd, int cmd, long arg)
{
    struct sf_end *end = sim_end(fd);

    if (!sim_is_fd(fd))
        return PASS_INT;
    return end ? sim_fcntl(fd, end, cmd, arg) : -EBADF;
}

static int on_ioctl(int fd, unsigned long request, long arg)
{
    struct sf_end *end = sim_end(fd);

    if (!sim_is_fd(fd))
        return PASS_INT;
    return end ? sim_ioctl(fd, end, request, arg) : -EBADF;
}

static int on_getsockopt(int fd, int level, int name, void *val, socklen_t *len)
{
    struct sf_end *end;
    int r;

    if (!sim_is_fd(fd))
        return PASS_INT;
    r = socket_of(fd, &end);
    return r < 0 ? r : sim_getsockopt(end, level, name, val, len);
}

static int on_setsockopt(int fd, int level, int name, const void *val,
                         socklen_t len)
{
    struct sf_end *end;
    int r;

    if (!sim_is_fd(fd))
        return PASS_INT;
    r = socket_of(fd, &end);
    return r < 0 ? r : sim_setsockopt(end, level, name, val, len);
}

/* ---------------------------------------------------------------- waiting */

/* Nanoseconds, -1 for no limit, -2 for a time that is none. */
static int64_t from_timespec(const struct timespec *ts)
{
    if (!ts)
        return -1;
    if (ts->tv_sec < 0 || ts->tv_nsec < 0 || ts->tv_nsec > 999999999)
        return -2;
    return ts->tv_sec > INT64_C(9000000000)
               ? -1
               : ts->tv_sec * 1000000000 + ts->tv_nsec;
}

static int64_t from_timeval(const struct timeval *tv)
{
    if (!tv)
        return -1;
    if (tv->tv_sec < 0 || tv->tv_usec < 0)
        return -2;
    return tv->tv_sec > INT64_C(9000000000)
               ? -1
               : tv->tv_sec * 1000000000 + tv->tv_usec * 1000;
}

static int64_t from_ms(int ms)
{
    return ms < 0 ? -1 : (int64_t)ms * 1000000;
}

static int do_select(int nfds, fd_set *rd, fd_set *wr, fd_set *ex, int64_t ns)
{
    if (ns == -2 || nfds < 0)
        return -EINVAL;
    if (sim_only_real(nfds, rd, wr, ex))
        return PASS_INT;
    return sim_select(nfds, rd, wr, ex, sim_until(ns));
}

/* Linux leaves in the timeval what was not slept. */
static int on_select(int nfds, fd_set *rd, fd_set *wr, fd_set *ex,
                     struct timeval *timeout)
{
    int64_t ns = from_timeval(timeout), end = sim_until(ns), left;
    int r = do_select(nfds, rd, wr, ex, ns);

    if (timeout && ns >= 0 && r != PASS_INT) {
        left = end > sim.now ? end - sim.now : 0;
        timeout->tv_sec = left / 1000000000;
        timeout->tv_usec = left % 1000000000 / 1000;
    }
    return r;
}

static int on_pselect(int nfds, fd_set *rd, fd_set *wr, fd_set *ex,
                      const struct timespec *timeout, const sigset_t *mask)
{
    (void)mask;
    return do_select(nfds, rd, wr, ex, from_timespec(timeout));
}

static int do_poll(struct pollfd *fds, nfds_t nfds, int64_t ns)
{
    bool ours = false, real = false;

    if (ns == -2)
        return -EINVAL;
    for (nfds_t i = 0; i < nfds && !ours; i++) {
        ours = sim_is_fd(fds[i].fd);
        real |= fds[i].fd >= 0;
    }
    /* One that names no descriptor at all only sleeps. */
    return ours || !real ? sim_poll(fds, nfds, sim_until(ns)) : PASS_INT;
}

static int on_poll(struct pollfd *fds, nfds_t nfds, int timeout)
{
    return do_poll(fds, nfds, from_ms(timeout));
}

static int on_ppoll(struct pollfd *fds, nfds_t nfds,
                    const struct timespec *timeout, const sigset_t *mask)
{
    (void)mask;
    return do_poll(fds, nfds, from_timespec(timeout));
}

static int on_epoll_wait(int epfd, struct epoll_event *events, int maxevents,
                         int timeout)
{
    struct sf_end *ep = sim_end(epfd);

    if (!sim_is_fd(epfd))
        return PASS_INT;
    if (!ep)
        return -EBADF;
    if (ep->kind != SIM_EPOLL || maxevents <= 0)
        return -EINVAL;
    return sim_epoll_wait(ep, events, maxevents, sim_until(from_ms(timeout)));
}

static int on_epoll_pwait(int epfd, struct epoll_event *events, int maxevents,
                          int timeout, const sigset_t *mask)
{
    (void)mask;
    return on_epoll_wait(epfd, events, maxevents, timeout);
}

static int on_epoll_pwait2(int epfd, struct epoll_event *events, int maxevents,
                           const struct timespec *timeout, const sigset_t *mask)
{
    int ms = -1;

    (void)mask;
    if (timeout)
        ms = (int)(timeout->tv_sec * 1000 + timeout->tv_nsec / 1000000);
    return on_epoll_wait(epfd, events, maxevents, ms);
}

static int new_fd(struct sf_end *end, bool cloexec)
{
    int fd;

    if (!end)
        return -ENFILE;
    fd = sim_fd_new(end, 0, cloexec);
    if (fd < 0)
        sim_end_unref(end);
    return fd;
}

static int on_epoll_create1(int flags)
{
    if (flags & ~EPOLL_CLOEXEC)
        return -EINVAL;
    return new_fd(sim_end_new(SIM_EPOLL), flags & EPOLL_CLOEXEC);
}

static int on_epoll_create(int size)
{
    return size > 0 ? on_epoll_create1(0) : -EINVAL;
}

static int on_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
    struct sf_end *ep = sim_end(epfd), *end = sim_end(fd);

    if (!sim_is_fd(epfd))
        return PASS_INT;
    if (!ep || !end)
        return -EBADF;
    if (ep->kind != SIM_EPOLL)
        return -EINVAL;
    return sim_epoll_ctl(ep, op, fd, end, event);
}

/* ------------------------------------------------------ counters and timers */

static int on_eventfd(unsigned count, int flags)
{
    if (flags & ~(EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE))
        return -EINVAL;
    return new_fd(sim_eventfd(count, flags), flags & EFD_CLOEXEC);
}

static int on_timerfd_create(clockid_t clock, int flags)
{
    if ((clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME &&
         clock != CLOCK_BOOTTIME) ||
        (flags & ~(TFD_CLOEXEC | TFD_NONBLOCK)))
        return -EINVAL;
    return new_fd(sim_timerfd(clock, flags), flags & TFD_CLOEXEC);
}

static int on_timerfd_gettime(int fd, struct itimerspec *now)
{
    struct sf_end *end = sim_end(fd);

    if (!sim_is_fd(fd))
        return PASS_INT;
    return end ? sim_timer_get(end, now) : -EBADF;
}

static int on_timerfd_settime(int fd, int flags, const struct itimerspec *want,
                              struct itimerspec *old)
{
    struct sf_end *end = sim_end(fd);
    struct itimerspec was;
    int r;

    if (!sim_is_fd(fd))
        return PASS_INT;
    if (!end)
        return -EBADF;
    r = sim_timer_get(end, &was);
    if (r == 0)
        r = sim_timer_set(end, flags, want);
    if (r == 0 && old)
        *old = was;
    return r;
}

/* ------------------------------------------------------------------ clock */

static bool is_cpu_clock(clockid_t clock)
{
    return clock == CLOCK_PROCESS_CPUTIME_ID ||
           clock == CLOCK_THREAD_CPUTIME_ID || clock < 0;
}

static int64_t real_time(void)
{
    return sim.now + SF_SIM_WALL_NS;
}

static int on_clock_gettime(clockid_t clock, struct timespec *now)
{
    bool wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE ||
                clock == CLOCK_TAI;
    int64_t ns = wall ? real_time() : sim.now;

    if (is_cpu_clock(clock))
        return PASS_INT;
    now->tv_sec = ns / 1000000000;
    now->tv_nsec = ns % 1000000000;
    return 0;
}

static int on_gettimeofday(struct timeval *now, void *zone)
{
    (void)zone;
    now->tv_sec = real_time() / 1000000000;
    now->tv_usec = real_time() % 1000000000 / 1000;
    return 0;
}

static time_t on_time(time_t *now)
{
    time_t t = real_time() / 1000000000;

    if (now)
        *now = t;
    return t;
}

static int on_nanosleep(const struct timespec *want, struct timespec *left)
{
    int64_t ns = from_timespec(want), until = sim_until(ns);
    int r;

    if (ns < 0)
        return -EINVAL;
    do
        r = sim_pass(until);
    while (r == 0);
    if (r == -EINTR && left) {
        left->tv_sec = (until - sim.now) / 1000000000;
        left->tv_nsec = (until - sim.now) % 1000000000;
    }
    return r == -EINTR ? -EINTR : 0;
}

/* ----------------------------------------------- what is not a libc call */

static enum sf_fd_type type_of(const struct sf_end *end)
{
    if (!end)
        return SF_FD_CLOSED;
    if (end->kind == SIM_READER || end->kind == SIM_WRITER)
        return SF_FD_STREAM;
    if (end->kind != SIM_SOCKET)
        return SF_FD_OTHER;
    if (end->state == SIM_LISTEN)
        return SF_FD_LISTENER;
    return end->was_connected ? SF_FD_STREAM : SF_FD_UNCONN;
}

static void sim_facts(int fd, struct sf_facts *facts)
{
    struct sf_end *end = sim_end(fd);

    *facts = (struct sf_facts){.type = type_of(end)};
    facts->interruptible = facts->handled = sim.config.handlers;
    if (!end)
        return;
    facts->nonblock = end->nonblock;
    facts->local = end->family == AF_UNIX || end->kind != SIM_SOCKET;
    facts->connecting = end->state == SIM_SYN_SENT || end->parked;
    facts->fin = end->in.len == 0 && (end->shut & SHUT_RCV);
    facts->reading_cut = end->shut & SHUT_RCV && !end->done;
    facts->writing_cut = end->shut & SHUT_SND;
    facts->rcv_timeout = end->rcv_timeout;
    facts->snd_timeout = end->snd_timeout;
    facts->error = end->err;
    facts->queued = end->in.len;
    facts->space = end->peer ? sim_space(end->peer) : SF_SIM_BUFFER;
    facts->backlog = end->waiting;
}

static void harm(struct sf_end *end)
{
    end->harmed = true;
    if (end->peer)
        end->peer->harmed = true;
}

static void sim_reset_fd(int fd, int err)
{
    struct sf_end *end = sim_end(fd), *peer;

    if (!end || end->kind != SIM_SOCKET)
        return;
    harm(end);
    peer = end->peer;
    end->peer = NULL;
    if (peer) {
        peer->peer = NULL;
        sim_reset(peer, 0);
    }
    end->done = false;
    sim_reset(end, err);
}

static void sim_end_fd(int fd)
{
    struct sf_end *end = sim_end(fd);

    if (!end)
        return;
    harm(end);
    sim_finish(end);
}

static void sim_kill_fd(int fd)
{
    struct sf_end *end = sim_end(fd);

    if (!end)
        return;
    harm(end);
    sim_fd_close(fd);
    sim.slots[fd - SF_SIM_FD].killed = true;
    sim.slots[fd - SF_SIM_FD].told = false;
}

static void sim_drop_client(int fd)
{
    struct sf_end *end = sim_end(fd);

    if (end && end->state == SIM_LISTEN)
        sim_drop(end);
}

static void sim_rearm(int fd)
{
    struct sf_end *end = sim_end(fd);

    if (end)
        sim_epoll_rearm(end);
}

static bool sim_interrupt(void)
{
    if (sim.config.handlers && sim.config.signal)
        sim.config.signal(sim.config.arg);
    return sim.config.handlers;
}

/* ----------------------------------------------------------------- vtable */

static void before(enum sf_call call)
{
    if (++sim.calls >= sim.alarm)
        sim.config.before(sim.config.arg, call);
}

static long failed(enum sf_call call, long first, long asked, int err)
{
    if (sim.config.after)
        sim.config.after(sim.config.arg, call, first, asked, -1, err);
    if (err == EBADF && sim.config.stale)
        sim.config.stale(sim.config.arg, call, (int)first);
    errno = err;
    return -1;
}

static long after(enum sf_call call, long first, long asked, long r)
{
    if (r < 0)
        return failed(call, first, asked, (int)-r);
    if (sim.config.after)
        sim.config.after(sim.config.arg, call, first, asked, r, 0);
    return r;
}

/* clang-format off */
#define FIRST(...)     FIRST_(__VA_ARGS__, 0)
#define FIRST_(a, ...) ((long)(a))

#define ASKED_READ     (long)len
#define ASKED_RECV     (long)len
#define ASKED_WRITE    (long)len
#define ASKED_SEND     (long)len
#define ASKED_READV    (long)sim_iov_len(iov, iovcnt)
#define ASKED_WRITEV   (long)sim_iov_len(iov, iovcnt)
#define ASKED_RECVMSG  (long)sim_iov_len(msg->msg_iov, (int)msg->msg_iovlen)
#define ASKED_SENDMSG  (long)sim_iov_len(msg->msg_iov, (int)msg->msg_iovlen)
#define ASKED_RECVMMSG 0
#define ASKED_SENDMMSG 0
#define ASKED_SPLICE   (long)len
#define ASKED_ACCEPT   0
#define ASKED_CONNECT  0
#define ASKED_WAIT     0
#define ASKED_OPEN     0
#define ASKED_CLOSE    0
#define ASKED_CTL      0
#define ASKED_SPECIAL  0
#define ASKED_CLOCK    0

#define CALL(name, returns, params, args, kind)                               \
    static returns world_##name params                                        \
    {                                                                         \
        long r;                                                               \
                                                                              \
        before(SF_CALL_##name);                                               \
        r = on_##name args;                                                   \
        if (r == PASS || r == PASS_INT)                                        \
            return sf_libc.name args;                                    \
        return (returns)after(SF_CALL_##name, FIRST args, ASKED_##kind, r);   \
    }
#include "faultinject/calls.def"
#undef CALL

static const struct sf_world world = {
#define CALL(name, returns, params, args, kind) .name = world_##name,
#include "faultinject/calls.def"
#undef CALL
    .first = SF_SIM_FD,
    .count = SF_SIM_FD_COUNT,
    .facts = sim_facts,
    .reset = sim_reset_fd,
    .end = sim_end_fd,
    .kill = sim_kill_fd,
    .drop = sim_drop_client,
    .rearm = sim_rearm,
    .interrupt = sim_interrupt,
};
/* clang-format on */

const struct sf_world *sf_simnet(void)
{
    return &world;
}
