/* mend.c: see mend.h. */
#include "faultinject/kernel/mend.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>

#include "faultinject/inject/registry.h"

enum { MENDS_MAX = 65536 };

enum state { WHOLE, ENDED, RESET };

struct mend {
    unsigned char state;
    bool pending; /* the error was not told yet, and the kernel has none   */
    bool tcp;
    bool dropped; /* TCP: the kernel's connection is gone, too             */
    int err;
    size_t left; /* bytes that are read before the event is met            */
    socklen_t name_len;
    struct sockaddr_in6 name; /* large enough for AF_INET, too             */
};

static struct mend mends[MENDS_MAX];
static unsigned n_pending; /* so that waits need not look for them */

bool sf_mend_owned;

/* NULL: nothing is to be mended, as almost always. */
static struct mend *of(int fd)
{
    if (fd < 0 || fd >= MENDS_MAX || mends[fd].state == WHOLE)
        return NULL;
    return &mends[fd];
}

/* Threads count together, though each has descriptors of its own. */
static void set_pending(struct mend *m, bool pending)
{
    __atomic_fetch_add(&n_pending, (unsigned)pending - m->pending,
                       __ATOMIC_RELAXED);
    m->pending = pending;
}

static void set(int fd, const struct mend *m)
{
    if (fd < 0 || fd >= MENDS_MAX)
        return;
    set_pending(&mends[fd], m->pending);
    mends[fd] = *m;
}

void sf_mend_forget(int fd)
{
    if (of(fd))
        set(fd, &(struct mend){.state = WHOLE});
}

/* --- the events --- */

static size_t queued(int fd)
{
    int n = 0;

    return sf_libc.ioctl(fd, FIONREAD, (long)&n) == 0 && n > 0 ? (size_t)n : 0;
}

static void note_name(int fd, struct mend *m)
{
    m->name_len = sizeof m->name;
    if (sf_libc.getsockname(fd, (struct sockaddr *)&m->name, &m->name_len) < 0)
        m->name_len = 0;
    m->tcp = m->name.sin6_family != AF_UNIX;
    if (m->name_len > sizeof m->name)
        m->name_len = 0;
}

void sf_mend_end(int fd)
{
    int saved = errno;
    struct mend m = {.state = ENDED, .left = queued(fd)};

    note_name(fd, &m);
    set(fd, &m);
    sf_libc.shutdown(fd, SHUT_RD);
    errno = saved;
}

/*
 * connect() to no address makes TCP drop the connection, with all that was
 * queued, and send a reset.  Shutting what is then unconnected says ENOTCONN
 * and is done nevertheless: only after that reading says 0, once the error
 * was told, and poll says what it says after a reset that came from the peer.
 */
static void drop_tcp(int fd, struct mend *m)
{
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    int ignored;
    socklen_t len = sizeof ignored;

    sf_libc.connect(fd, &nowhere, sizeof nowhere);
    sf_libc.shutdown(fd, SHUT_RDWR);
    if (!m->pending) /* told already, or sending says it by itself */
        sf_libc.getsockopt(fd, SOL_SOCKET, SO_ERROR, &ignored, &len);
    set_pending(m, false); /* the kernel tells it now */
    m->dropped = true;
}

/* The error was told, but bytes from before it are still to be read. */
static bool lingers(const struct mend *m)
{
    return m->state == RESET && m->tcp && !m->pending && !m->dropped;
}

void sf_mend_reset(int fd, int err)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    struct mend m = {.state = RESET, .err = err, .left = queued(fd)};
    int saved = errno;

    note_name(fd, &m);
    m.pending = err != EPIPE;
    set(fd, &m);
    if (!of(fd) || !m.tcp) {
        sf_libc.shutdown(fd, SHUT_RDWR);
    } else if (m.left == 0 || err == EPIPE) {
        drop_tcp(fd, of(fd));
    } else {
        sf_libc.setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    errno = saved;
}

/* Of TCP all is dropped together, or the end is told whatever still comes: the
 * peer may send without end.  The scrap is on the program's stack: what a
 * signal handler has is small. */
void sf_mend_lose(int fd)
{
    struct mend *m = of(fd);
    char scrap[256];
    int saved = errno;

    while (!(m && m->tcp) &&
           sf_libc.recv(fd, scrap, sizeof scrap, MSG_DONTWAIT) > 0)
        ;
    if (m)
        m->left = 0;
    if (m && m->state == RESET && m->tcp && !m->dropped)
        drop_tcp(fd, m);
    errno = saved;
}

/* --- reading and writing --- */

static int tell(struct mend *m)
{
    set_pending(m, false);
    errno = m->err;
    return -1;
}

/* True: *result is the answer, nothing is to be read. */
static bool answers_read(struct mend *m, ssize_t *result)
{
    if (m->left > 0)
        return false;
    if (m->state == ENDED) {
        *result = 0;
        return true;
    }
    if (!m->pending)
        return false;
    *result = tell(m);
    return true;
}

static ssize_t have_read(int fd, struct mend *m, ssize_t result, int flags)
{
    if (result < 0 && lingers(m) && errno != EAGAIN)
        result = 0; /* the peer's own reset: not a second error */
    if (result < 0 && m->state == RESET && errno == ECONNRESET)
        errno = m->err;
    if (result > 0 && !(flags & MSG_PEEK))
        m->left -= m->left < (size_t)result ? m->left : (size_t)result;
    if (result == 0)
        m->left = 0;
    if (m->left == 0 && m->state == RESET && m->tcp && !m->dropped)
        drop_tcp(fd, m);
    return result;
}

/*
 * An error that TCP has pending is told by the next send, whatever is still
 * unread; AF_UNIX looks at the shut direction first.
 */
static bool answers_write(int fd, struct mend *m, ssize_t *result)
{
    if (!m->pending || !m->tcp)
        return false;
    sf_libc.shutdown(fd, SHUT_RDWR);
    *result = tell(m);
    return true;
}

static ssize_t have_written(const struct mend *m, ssize_t result)
{
    if (result < 0 && m->state == RESET && errno == ECONNRESET)
        errno = lingers(m) ? EPIPE : m->err;
    return result;
}

/* Two functions: nearly every call is done with the first few steps. */
#define MENDED(name, params, args)                              \
    static ssize_t mended_##name params                         \
    {                                                           \
        return __builtin_expect(!of(fd), 1) ? sf_libc.name args \
                                            : mend_##name args; \
    }

#define READ_MENDED(name, params, args, bits, finish)           \
    static __attribute__((noinline)) ssize_t mend_##name params \
    {                                                           \
        struct mend *m = of(fd);                                \
        ssize_t result;                                         \
                                                                \
        if (answers_read(m, &result))                           \
            return finish;                                      \
        return have_read(fd, m, sf_libc.name args, bits);       \
    }                                                           \
    MENDED(name, params, args)

#define WRITE_MENDED(name, params, args)                        \
    static __attribute__((noinline)) ssize_t mend_##name params \
    {                                                           \
        struct mend *m = of(fd);                                \
        ssize_t result;                                         \
                                                                \
        if (answers_write(fd, m, &result))                      \
            return result;                                      \
        return have_written(m, sf_libc.name args);              \
    }                                                           \
    MENDED(name, params, args)

/* What the kernel cannot read it does not fill in. */
static ssize_t no_message(struct msghdr *msg, ssize_t result)
{
    struct msghdr theirs;

    if (!sf_kernel_peek(&theirs, msg, sizeof theirs)) {
        errno = EFAULT;
        return -1;
    }
    msg->msg_namelen = 0;
    msg->msg_controllen = 0;
    msg->msg_flags = 0;
    return result;
}

READ_MENDED(read, (int fd, void *buf, size_t len), (fd, buf, len), 0, result)
READ_MENDED(recv, (int fd, void *buf, size_t len, int flags),
            (fd, buf, len, flags), flags, result)
READ_MENDED(recvfrom,
            (int fd, void *buf, size_t len, int flags, struct sockaddr *addr,
             socklen_t *addrlen),
            (fd, buf, len, flags, addr, addrlen), flags, result)
READ_MENDED(readv, (int fd, const struct iovec *iov, int n), (fd, iov, n), 0,
            result)
READ_MENDED(preadv2,
            (int fd, const struct iovec *iov, int n, off_t offset, int flags),
            (fd, iov, n, offset, flags), 0, result)
READ_MENDED(recvmsg, (int fd, struct msghdr *msg, int flags), (fd, msg, flags),
            flags, no_message(msg, result))

WRITE_MENDED(write, (int fd, const void *buf, size_t len), (fd, buf, len))
WRITE_MENDED(send, (int fd, const void *buf, size_t len, int flags),
             (fd, buf, len, flags))
WRITE_MENDED(sendto,
             (int fd, const void *buf, size_t len, int flags,
              const struct sockaddr *addr, socklen_t addrlen),
             (fd, buf, len, flags, addr, addrlen))
WRITE_MENDED(writev, (int fd, const struct iovec *iov, int n), (fd, iov, n))
WRITE_MENDED(pwritev2,
             (int fd, const struct iovec *iov, int n, off_t offset, int flags),
             (fd, iov, n, offset, flags))
WRITE_MENDED(sendfile, (int fd, int from, off_t *offset, size_t len),
             (fd, from, offset, len))
WRITE_MENDED(sendmsg, (int fd, const struct msghdr *msg, int flags),
             (fd, msg, flags))

static ssize_t mended_splice(int fd, off_t *offset, int to, off_t *to_offset,
                             size_t len, unsigned flags)
{
    struct mend *from = of(fd), *into = of(to);
    ssize_t result;

    if ((from && answers_read(from, &result)) ||
        (into && answers_write(to, into, &result)))
        return result;
    result = sf_libc.splice(fd, offset, to, to_offset, len, flags);
    if (from)
        return have_read(fd, from, result, 0);
    return into ? have_written(into, result) : result;
}

/* A row of what is mended is made message by message: who asks for it does
 * so. */
static int mended_recvmmsg(int fd, struct mmsghdr *messages, unsigned n,
                           int flags, struct timespec *timeout)
{
    if (!of(fd))
        return sf_libc.recvmmsg(fd, messages, n, flags, timeout);
    errno = ENOSYS;
    return -1;
}

static int mended_sendmmsg(int fd, struct mmsghdr *messages, unsigned n,
                           int flags)
{
    if (!of(fd))
        return sf_libc.sendmmsg(fd, messages, n, flags);
    errno = ENOSYS;
    return -1;
}

/* --- asking --- */

static int mended_getsockopt(int fd, int level, int name, void *val,
                             socklen_t *len)
{
    int result = sf_libc.getsockopt(fd, level, name, val, len);
    struct mend *m = of(fd);
    int *error = val;

    if (!m || result < 0 || level != SOL_SOCKET || name != SO_ERROR ||
        *len < sizeof *error || m->state != RESET)
        return result;
    if (m->pending) {
        int saved = errno;
        if (m->tcp)
            sf_libc.shutdown(fd, SHUT_RDWR);
        tell(m);
        errno = saved;
        *error = m->err;
    } else if (lingers(m)) {
        *error = 0;
    } else if (*error == ECONNRESET) {
        *error = m->err;
    }
    return result;
}

static int mended_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
    const struct mend *m = of(fd);
    socklen_t room = 0;

    if (m && !sf_kernel_peek(&room, len, sizeof room))
        m = NULL;
    if (sf_libc.getsockname(fd, addr, len) < 0)
        return -1; /* it is not there, or nothing is at these */
    if (!m || m->name_len == 0)
        return 0;
    memcpy(addr, &m->name, room < m->name_len ? room : m->name_len);
    *len = m->name_len;
    return 0;
}

/* Nothing is left to be sent, and perhaps to be read. */
static int mended_ioctl(int fd, unsigned long request, long arg)
{
    int result = sf_libc.ioctl(fd, request, arg);
    const struct mend *m = of(fd);

    sf_mend_owned |= request == FIOSETOWN || request == SIOCSPGRP;
    if (!m || result < 0)
        return result;
    if (request == FIONREAD && m->left == 0)
        *(int *)arg = 0;
    if (request == SIOCOUTQ && m->state == RESET)
        *(int *)arg = 0;
    return result;
}

/* --- waiting: an error that is still to be told shows --- */

/* What is reported beyond what the kernel says, of what was asked for. */
static uint32_t more_events(int fd, uint32_t asked)
{
    const struct mend *m = of(fd);

    if (!m || !m->pending)
        return 0;
    if (!m->tcp)
        return POLLERR;
    return (asked & (POLLIN | POLLOUT | POLLRDHUP)) | POLLERR | POLLHUP;
}

static int add_to_poll(struct pollfd *fds, nfds_t n, int result)
{
    if (n_pending == 0 || result < 0)
        return result;
    for (nfds_t i = 0; i < n; i++) {
        short more = (short)more_events(fds[i].fd, (uint32_t)fds[i].events);
        result += fds[i].revents == 0 && more != 0;
        fds[i].revents |= more;
    }
    return result;
}

static int add_to_epoll(int epfd, struct epoll_event *events, int result)
{
    const struct sf_registration *r;

    if (n_pending == 0)
        return result;
    for (int i = 0; i < result; i++) {
        int cursor = 0;
        while ((r = sf_epoll_member(epfd, &cursor)))
            if (r->event.data.u64 == events[i].data.u64)
                events[i].events |= more_events(r->fd, r->event.events);
    }
    return result;
}

static int mended_epoll_wait(int epfd, struct epoll_event *events, int room,
                             int timeout)
{
    return add_to_epoll(epfd, events,
                        sf_libc.epoll_wait(epfd, events, room, timeout));
}

static int mended_epoll_pwait(int epfd, struct epoll_event *events, int room,
                              int timeout, const sigset_t *mask)
{
    return add_to_epoll(epfd, events,
                        sf_libc.epoll_pwait(epfd, events, room, timeout, mask));
}

static int mended_epoll_pwait2(int epfd, struct epoll_event *events, int room,
                               const struct timespec *timeout,
                               const sigset_t *mask)
{
    return add_to_epoll(
        epfd, events, sf_libc.epoll_pwait2(epfd, events, room, timeout, mask));
}

static int mended_poll(struct pollfd *fds, nfds_t n, int timeout)
{
    int r = sf_libc.poll(fds, n, timeout);

    if (r < 0 && errno == EINVAL && sf_kernel_lift(true)) {
        r = sf_libc.poll(fds, n, timeout);
        sf_kernel_lift(false);
    }
    return add_to_poll(fds, n, r);
}

static int mended_ppoll(struct pollfd *fds, nfds_t n,
                        const struct timespec *timeout, const sigset_t *mask)
{
    int r = sf_libc.ppoll(fds, n, timeout, mask);

    if (r < 0 && errno == EINVAL && sf_kernel_lift(true)) {
        r = sf_libc.ppoll(fds, n, timeout, mask);
        sf_kernel_lift(false);
    }
    return add_to_poll(fds, n, r);
}

/* --- forgetting --- */

static int mended_close(int fd)
{
    sf_mend_forget(fd);
    return sf_libc.close(fd);
}

static int same_as(int fd, int copy)
{
    if (copy >= 0 && copy < MENDS_MAX && copy != fd) {
        sf_mend_forget(copy);
        if (of(fd))
            set(copy, of(fd));
    }
    return copy;
}

static int mended_dup(int fd)
{
    return same_as(fd, sf_libc.dup(fd));
}

static int mended_dup2(int fd, int newfd)
{
    return same_as(fd, sf_libc.dup2(fd, newfd));
}

static int mended_dup3(int fd, int newfd, int flags)
{
    return same_as(fd, sf_libc.dup3(fd, newfd, flags));
}

static int mended_fcntl(int fd, int cmd, long arg)
{
    int result = sf_libc.fcntl(fd, cmd, arg);

    sf_mend_owned |= cmd == F_SETOWN || cmd == F_SETOWN_EX;
    return cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC ? same_as(fd, result)
                                                    : result;
}

/* A new number whose last closing was not seen. */
static int fresh(int fd)
{
    sf_mend_forget(fd);
    return fd;
}

static int mended_socket(int domain, int type, int protocol)
{
    return fresh(sf_libc.socket(domain, type, protocol));
}

static int mended_socketpair(int domain, int type, int protocol, int fds[2])
{
    int result = sf_libc.socketpair(domain, type, protocol, fds);

    if (result == 0) {
        fresh(fds[0]);
        fresh(fds[1]);
    }
    return result;
}

static int mended_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
    return fresh(sf_libc.accept(fd, addr, len));
}

static int mended_accept4(int fd, struct sockaddr *addr, socklen_t *len,
                          int flags)
{
    return fresh(sf_libc.accept4(fd, addr, len, flags));
}

/* clang-format off */
void sf_mend_world(struct sf_world *w)
{
#define MEND(name) w->name = mended_##name
    MEND(read); MEND(recv); MEND(recvfrom); MEND(readv); MEND(preadv2);
    MEND(recvmsg); MEND(recvmmsg);
    MEND(write); MEND(send); MEND(sendto); MEND(writev); MEND(pwritev2);
    MEND(sendmsg); MEND(sendmmsg); MEND(sendfile); MEND(splice);
    MEND(getsockopt); MEND(getsockname); MEND(ioctl);
    MEND(poll); MEND(ppoll);
    MEND(epoll_wait); MEND(epoll_pwait); MEND(epoll_pwait2);
    MEND(close); MEND(dup); MEND(dup2); MEND(dup3); MEND(fcntl);
    MEND(socket); MEND(socketpair); MEND(accept); MEND(accept4);
#undef MEND
}
/* clang-format on */
