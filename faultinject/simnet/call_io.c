/*
 * call_io.c: calls that move bytes; see calls.h.
 */
#include "faultinject/simnet/calls.h"

#include "faultinject/inject/finding.h"

#include <string.h>
#include <unistd.h>

enum { MAX_RW = 0x7ffff000, IOVS = 1024 };

void __asan_loadN(const void *p, size_t n) __attribute__((weak));
void __asan_storeN(void *p, size_t n) __attribute__((weak));

/* see calls.h */
void sim_check_load(const void *p, size_t n)
{
    if (n && &__asan_loadN)
        __asan_loadN(p, n < MAX_RW ? n : MAX_RW);
}

static void check_store(void *p, size_t n)
{
    if (n && &__asan_storeN)
        __asan_storeN(p, n < MAX_RW ? n : MAX_RW);
}

static SF_APART void check_each(const struct iovec *iov, int n, bool store)
{
    for (int i = 0; i < n; i++)
        if (store)
            check_store(iov[i].iov_base, iov[i].iov_len);
        else
            sim_check_load(iov[i].iov_base, iov[i].iov_len);
}

static void check_iov(const struct iovec *iov, int n, bool store)
{
    if (&__asan_loadN)
        check_each(iov, n, store);
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

static SF_APART ssize_t wait_and_read(struct sf_end *end,
                                      const struct iovec *iov, int n, int flags,
                                      int64_t until)
{
    for (;;) {
        int passed = sim_block(until);
        ssize_t r;

        if (passed < 0)
            return passed;
        r = sim_read(end, iov, n, flags & MSG_PEEK);
        if (r != -EAGAIN || end->nonblock)
            return r;
    }
}

static ssize_t read_once(struct sf_end *end, const struct iovec *iov, int n,
                         int flags, int64_t until)
{
    ssize_t r = sim_read(end, iov, n, flags & MSG_PEEK);

    if (r != -EAGAIN || end->nonblock || (flags & MSG_DONTWAIT))
        return r;
    return wait_and_read(end, iov, n, flags, until);
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

/* One record: what there is no room for is lost, and MSG_TRUNC counts it. */
static SF_APART ssize_t read_one(struct sf_end *end, const struct iovec *iov,
                                 int n, int flags, int64_t until)
{
    ssize_t r;

    check_iov(iov, n, true);
    if (flags & MSG_OOB)
        return -EOPNOTSUPP;
    r = read_once(end, iov, n, flags, until);
    return r >= 0 && flags & MSG_TRUNC ? r + (ssize_t)sim.cut : r;
}

/* With flags that few have. */
static SF_APART ssize_t read_as(struct sf_end *end, const struct iovec *iov,
                                int n, int flags, int64_t until)
{
    struct iovec nowhere = {.iov_len = sim_iov_len(iov, n)};

    if (flags & MSG_TRUNC && end->family != AF_UNIX) /* tcp(7): thrown away */
        return read_once(end, &nowhere, 1, flags, until);
    check_iov(iov, n, true);
    if (flags & MSG_OOB) /* nobody has sent an urgent byte */
        return end->state == SIM_LISTEN && end->family != AF_UNIX ? -ENOTCONN
                                                                  : -EINVAL;
    if ((flags & MSG_WAITALL) && !(flags & MSG_PEEK))
        return read_all(end, iov, n, flags, until);
    return read_once(end, iov, n, flags, until);
}

static ssize_t read_iov(struct sf_end *end, const struct iovec *iov, int n,
                        int flags)
{
    int64_t until =
        end->rcv_timeout ? sim_until(end->rcv_timeout) : SF_SIM_NEVER;

    if (end->records)
        return read_one(end, iov, n, flags, until);
    if (flags & (MSG_TRUNC | MSG_OOB | MSG_WAITALL))
        return read_as(end, iov, n, flags, until);
    check_iov(iov, n, true);
    return read_once(end, iov, n, flags, until);
}

ssize_t sim_on_recv(int fd, void *buf, size_t len, int flags)
{
    struct iovec iov = {buf, len < MAX_RW ? len : MAX_RW};
    struct sf_end *end;
    int r;

    if (!sim_has(fd))
        return PASS;
    r = reader_of(fd, true, &end);
    return r < 0 ? r : read_iov(end, &iov, 1, flags);
}

ssize_t sim_on_recvfrom(int fd, void *buf, size_t len, int flags,
                        struct sockaddr *addr, socklen_t *addrlen)
{
    ssize_t r = sim_on_recv(fd, buf, len, flags);

    if (r >= 0 && addr && addrlen)
        *addrlen = 0; /* streams tell no address */
    return r;
}

ssize_t sim_on_readv(int fd, const struct iovec *iov, int iovcnt)
{
    struct sf_end *end;
    int r;

    if (!sim_has(fd))
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

ssize_t sim_on_read(int fd, void *buf, size_t len)
{
    struct iovec iov = {buf, len < MAX_RW ? len : MAX_RW};

    return sim_on_readv(fd, &iov, 1);
}

ssize_t sim_on_recvmsg(int fd, struct msghdr *msg, int flags)
{
    struct sf_end *end;
    ssize_t r;

    if (!sim_has(fd))
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
        msg->msg_flags = end->records && sim.cut ? MSG_TRUNC : 0;
    }
    return r;
}

/* ---------------------------------------------------------------- writing */

/* What a broken pipe does to a program that did not ask to be spared; where it
 * is blocked it waits, for sigtimedwait(2) or for ever. */
static void raise_sigpipe(int fd)
{
    struct sigaction old;

    if (sigaction(SIGPIPE, NULL, &old) < 0 || old.sa_handler == SIG_IGN)
        return;
    if (old.sa_handler == SIG_DFL && !sf_blocks(NULL, SIGPIPE))
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
        r = sim_block(until);
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

/* As a whole, also one that is empty. */
static ssize_t write_one(struct sf_end *end, const struct iovec *iov, int n)
{
    int64_t until =
        end->snd_timeout ? sim_until(end->snd_timeout) : SF_SIM_NEVER;
    ssize_t r;

    do {
        r = sim_block(until);
        if (r == 0)
            r = sim_write(end, iov, n);
    } while (r == -EAGAIN && sim.now < until);
    return r;
}

/* Why records or an urgent byte are not written; 0: no reason. */
static SF_APART int refusal(struct sf_end *end, size_t len, int flags)
{
    if (end->records && end->err) /* unix_seqpacket_sendmsg() */
        return -sim_take_error(end);
    if (flags & MSG_OOB && end->family == AF_UNIX && (end->records || !len))
        return -EOPNOTSUPP; /* it is the last one that is urgent */
    return 0;
}

/* Of `len` bytes `r` were moved, or none for that reason. */
static SF_APART ssize_t write_more(int fd, struct sf_end *end,
                                   const struct iovec *iov, int n, int flags,
                                   size_t len, ssize_t r)
{
    if (!end->nonblock && !(flags & MSG_DONTWAIT)) {
        size_t moved = r > 0 ? (size_t)r : 0;

        if (r == -EAGAIN && end->records)
            r = write_one(end, iov, n);
        else if (r == -EAGAIN || (r > 0 && moved < len))
            r = write_rest(end, iov, n, moved);
    }
    if (r == -EPIPE && !(flags & MSG_NOSIGNAL) && !end->records)
        raise_sigpipe(fd);
    return r;
}

static ssize_t write_iov(int fd, const struct iovec *iov, int n, int flags,
                         bool socket)
{
    struct sf_end *end = sim_end(fd);
    size_t len;
    ssize_t r;

    if (!end || (end->kind == SIM_READER && !socket))
        return -EBADF;
    if (end->kind != SIM_SOCKET && socket)
        return -ENOTSOCK;
    if (end->kind == SIM_EPOLL || end->kind == SIM_TIMER)
        return -EINVAL;
    check_iov(iov, n, false);
    len = sim_iov_len(iov, n);
    r = end->records || flags & MSG_OOB ? refusal(end, len, flags) : 0;
    if (r < 0)
        return r;
    r = sim_write(end, iov, n);
    if (r >= 0 && (size_t)r == len)
        return r;
    return write_more(fd, end, iov, n, flags, len, r);
}

ssize_t sim_on_send(int fd, const void *buf, size_t len, int flags)
{
    struct iovec iov = {(void *)(uintptr_t)buf, len < MAX_RW ? len : MAX_RW};

    return sim_has(fd) ? write_iov(fd, &iov, 1, flags, true) : PASS;
}

ssize_t sim_on_sendto(int fd, const void *buf, size_t len, int flags,
                      const struct sockaddr *addr, socklen_t addrlen)
{
    struct sf_end *end = sim_end(fd);

    (void)addrlen;
    if (addr && end && end->family == AF_UNIX)
        return end->state == SIM_ESTAB ? -EISCONN : -EOPNOTSUPP;
    return sim_on_send(fd, buf, len, flags); /* TCP ignores the address */
}

ssize_t sim_on_write(int fd, const void *buf, size_t len)
{
    struct iovec iov = {(void *)(uintptr_t)buf, len < MAX_RW ? len : MAX_RW};

    return sim_has(fd) ? write_iov(fd, &iov, 1, 0, false) : PASS;
}

ssize_t sim_on_writev(int fd, const struct iovec *iov, int iovcnt)
{
    if (!sim_has(fd))
        return PASS;
    if (iovcnt < 0 || iovcnt > IOVS)
        return sim_end(fd) ? -EINVAL : -EBADF;
    if (sim_end(fd) && sim_end(fd)->records && !sim_iov_len(iov, iovcnt))
        return 0; /* unlike write(), vfs_writev() asks nobody */
    return write_iov(fd, iov, iovcnt, 0, false);
}

/* A socket has no offset other than where it is. */
ssize_t sim_on_preadv2(int fd, const struct iovec *iov, int iovcnt,
                       off_t offset, int flags)
{
    if (sim_has(fd) && (offset != -1 || flags))
        return -ESPIPE;
    return sim_on_readv(fd, iov, iovcnt);
}

ssize_t sim_on_pwritev2(int fd, const struct iovec *iov, int iovcnt,
                        off_t offset, int flags)
{
    if (sim_has(fd) && (offset != -1 || flags))
        return -ESPIPE;
    return sim_on_writev(fd, iov, iovcnt);
}

/* Linux wants a file that has pages, and calls all else invalid. */
static ssize_t no_file(void)
{
    return errno == ESPIPE || errno == EISDIR ? -EINVAL : -errno;
}

/* Files are the real kernel's: what is taken of one is read from there. */
static ssize_t send_part(int fd, int from, off_t at, size_t len)
{
    static char part[SF_SIM_BUFFER];
    struct iovec iov = {.iov_base = part};
    ssize_t n = pread(from, part, len < sizeof part ? len : sizeof part, at);

    if (n <= 0)
        return n < 0 ? no_file() : 0;
    iov.iov_len = (size_t)n;
    return write_iov(fd, &iov, 1, 0, false);
}

static ssize_t send_file(int fd, int from, off_t *at, size_t len)
{
    size_t done = 0;
    ssize_t r;

    do {
        r = send_part(fd, from, *at, len - done);
        if (r > 0) {
            done += (size_t)r;
            *at += r;
        }
    } while (r == SF_SIM_BUFFER && done < len);
    return done ? (ssize_t)done : r;
}

ssize_t sim_on_sendfile(int fd, int from, off_t *offset, size_t len)
{
    bool ours = sim_has(from);
    ssize_t r;
    off_t at;

    if (!sim_has(fd))
        return ours ? (sim_end(from) ? -EINVAL : -EBADF) : PASS;
    if (!sim_end(fd) || (ours && !sim_end(from)))
        return -EBADF;
    at = ours ? -1 : offset ? *offset : lseek(from, 0, SEEK_CUR);
    if (at < 0)
        return ours || offset ? -EINVAL : no_file();
    r = send_file(fd, from, &at, len < MAX_RW ? len : MAX_RW);
    if (offset)
        *offset = at;
    else
        lseek(from, at, SEEK_SET);
    return r;
}

void (*sf_sim_no_rights)(int fd);

static bool passes_rights(const struct msghdr *msg)
{
    struct cmsghdr *c = msg->msg_control ? CMSG_FIRSTHDR(msg) : NULL;

    for (; c; c = CMSG_NXTHDR((struct msghdr *)(uintptr_t)msg, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
            return true;
    return false;
}

ssize_t sim_on_sendmsg(int fd, const struct msghdr *msg, int flags)
{
    if (!sim_has(fd))
        return PASS;
    if (sf_sim_no_rights && passes_rights(msg))
        sf_sim_no_rights(fd);
    if (msg->msg_iovlen > IOVS)
        return sim_end(fd) ? -EMSGSIZE : -EBADF;
    return write_iov(fd, msg->msg_iov, (int)msg->msg_iovlen, flags, true);
}

/* There are no pipes for it here. */
ssize_t sim_on_splice(int fd, off_t *offset, int to, off_t *to_offset,
                      size_t len, unsigned flags)
{
    (void)offset;
    (void)to_offset;
    (void)len;
    (void)flags;
    return sim_has(fd) || sim_has(to) ? -EINVAL : PASS;
}

/* A batch comes here message by message: interpose/batch.c. */
int sim_on_recvmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags,
                    struct timespec *timeout)
{
    (void)messages;
    (void)n;
    (void)flags;
    (void)timeout;
    return sim_has(fd) ? -ENOSYS : PASS_INT;
}

int sim_on_sendmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags)
{
    return sim_on_recvmmsg(fd, messages, n, flags, NULL);
}
