/* mend.c: see mend.h. */
#include "faultinject/kernel/mend.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>

enum { MENDS_MAX = 65536 };

enum state { WHOLE, ENDED, RESET };

struct mend {
    unsigned char state;
    bool pending; /* err is still to be told */
    int err;
    socklen_t name_len;
    struct sockaddr_in6 name; /* large enough for AF_INET, too */
};

static struct mend mends[MENDS_MAX];
static unsigned n_pending; /* so that waits need not look for them */

/* NULL: nothing is to be mended, as almost always. */
static struct mend *of(int fd)
{
    if (fd < 0 || fd >= MENDS_MAX || mends[fd].state == WHOLE)
        return NULL;
    return &mends[fd];
}

static void set(int fd, const struct mend *m)
{
    if (fd < 0 || fd >= MENDS_MAX)
        return;
    n_pending -= mends[fd].pending;
    n_pending += m->pending;
    mends[fd] = *m;
}

void sf_mend_end(int fd)
{
    set(fd, &(struct mend){.state = ENDED});
}

void sf_mend_reset(int fd, int err, bool pending, const struct sockaddr *name,
                   socklen_t len)
{
    struct mend m = {.state = RESET, .pending = pending, .err = err};

    if (len <= sizeof m.name) {
        memcpy(&m.name, name, len);
        m.name_len = len;
    }
    set(fd, &m);
}

void sf_mend_forget(int fd)
{
    if (of(fd))
        set(fd, &(struct mend){.state = WHOLE});
}

static int tell(struct mend *m)
{
    m->pending = false;
    n_pending--;
    errno = m->err;
    return -1;
}

/* --- reading and writing ---------------------------------------------------
 */

/* True: *result is the answer, nothing is to be read. */
static bool answers_read(struct mend *m, ssize_t *result)
{
    if (m->state == ENDED)
        *result = 0;
    else if (m->pending)
        *result = tell(m);
    else
        return false;
    return true;
}

static ssize_t rename_error(const struct mend *m, ssize_t result)
{
    if (result < 0 && m->state == RESET && errno == ECONNRESET)
        errno = m->err;
    return result;
}

#define READ_MENDED(name, params, args, finish)    \
    static ssize_t mended_##name params            \
    {                                              \
        struct mend *m = of(fd);                   \
        ssize_t result;                            \
                                                   \
        if (!m)                                    \
            return sf_libc.name args;              \
        if (answers_read(m, &result)) {            \
            finish;                                \
            return result;                         \
        }                                          \
        return rename_error(m, sf_libc.name args); \
    }

#define WRITE_MENDED(name, params, args)           \
    static ssize_t mended_##name params            \
    {                                              \
        struct mend *m = of(fd);                   \
                                                   \
        if (!m)                                    \
            return sf_libc.name args;              \
        if (m->pending)                            \
            return tell(m);                        \
        return rename_error(m, sf_libc.name args); \
    }

static void no_message(struct msghdr *msg)
{
    msg->msg_namelen = 0;
    msg->msg_controllen = 0;
    msg->msg_flags = 0;
}

READ_MENDED(read, (int fd, void *buf, size_t len), (fd, buf, len), (void)0)
READ_MENDED(recv, (int fd, void *buf, size_t len, int flags),
            (fd, buf, len, flags), (void)0)
READ_MENDED(recvfrom,
            (int fd, void *buf, size_t len, int flags, struct sockaddr *addr,
             socklen_t *addrlen),
            (fd, buf, len, flags, addr, addrlen), (void)0)
READ_MENDED(readv, (int fd, const struct iovec *iov, int n), (fd, iov, n),
            (void)0)
READ_MENDED(recvmsg, (int fd, struct msghdr *msg, int flags), (fd, msg, flags),
            no_message(msg))

WRITE_MENDED(write, (int fd, const void *buf, size_t len), (fd, buf, len))
WRITE_MENDED(send, (int fd, const void *buf, size_t len, int flags),
             (fd, buf, len, flags))
WRITE_MENDED(sendto,
             (int fd, const void *buf, size_t len, int flags,
              const struct sockaddr *addr, socklen_t addrlen),
             (fd, buf, len, flags, addr, addrlen))
WRITE_MENDED(writev, (int fd, const struct iovec *iov, int n), (fd, iov, n))
WRITE_MENDED(sendmsg, (int fd, const struct msghdr *msg, int flags),
             (fd, msg, flags))

/* --- asking ------------------------------------------------------------------
 */

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
        tell(m);
        errno = saved;
        *error = m->err;
    } else if (*error == ECONNRESET) {
        *error = m->err;
    }
    return result;
}

static int mended_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
    const struct mend *m = of(fd);

    if (!m || m->name_len == 0)
        return sf_libc.getsockname(fd, addr, len);
    memcpy(addr, &m->name, *len < m->name_len ? *len : m->name_len);
    *len = m->name_len;
    return 0;
}

/* Nothing is left to be read or sent. */
static int mended_ioctl(int fd, unsigned long request, long arg)
{
    int result = sf_libc.ioctl(fd, request, arg);
    const struct mend *m = of(fd);

    if (m && result == 0 &&
        (request == FIONREAD || (request == SIOCOUTQ && m->state == RESET)))
        *(int *)arg = 0;
    return result;
}

/* --- waiting: an error that is still to be told shows ------------------------
 */

static int add_errors(struct pollfd *fds, nfds_t n, int result)
{
    if (n_pending == 0 || result < 0)
        return result;
    for (nfds_t i = 0; i < n; i++) {
        const struct mend *m = of(fds[i].fd);
        if (!m || !m->pending)
            continue;
        result += fds[i].revents == 0;
        fds[i].revents |= POLLERR;
    }
    return result;
}

static int mended_poll(struct pollfd *fds, nfds_t n, int timeout)
{
    return add_errors(fds, n, sf_libc.poll(fds, n, timeout));
}

static int mended_ppoll(struct pollfd *fds, nfds_t n,
                        const struct timespec *timeout, const sigset_t *mask)
{
    return add_errors(fds, n, sf_libc.ppoll(fds, n, timeout, mask));
}

/* --- forgetting
 * ---------------------------------------------------------------- */

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

static int mended_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
    return fresh(sf_libc.accept(fd, addr, len));
}

static int mended_accept4(int fd, struct sockaddr *addr, socklen_t *len,
                          int flags)
{
    return fresh(sf_libc.accept4(fd, addr, len, flags));
}

void sf_mend_world(struct sf_world *w)
{
#define MENDED(X)                                                          \
    X(read)                                                                \
    X(recv) X(recvfrom) X(readv) X(recvmsg) X(write) X(send) X(sendto)     \
        X(writev) X(sendmsg) X(getsockopt) X(getsockname) X(ioctl) X(poll) \
            X(ppoll) X(close) X(dup) X(dup2) X(dup3) X(fcntl) X(socket)    \
                X(accept) X(accept4)
#define X(name) w->name = mended_##name;
    MENDED(X)
#undef X
}
