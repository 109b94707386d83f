/*
 * calls.c: the front end of the pipe under --notify; see calls.h.
 *
 * What interpose/ is to a program that is linked with it, this is to one
 * that is not: each system call becomes the libc call of that name, made
 * here, on mirrors of the program's descriptors and copies of its memory.
 */
#include "faultinject/notify/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faultinject/inject/inject.h"
#include "faultinject/interpose/interpose.h"
#include "faultinject/notify/filter.h"
#include "faultinject/notify/remote.h"
#include "faultinject/notify/traced.h"
#include "faultinject/world.h"

/* More than this is not moved in one call. */
enum { MOST = 256 * 1024 * 1024 };

/* The arguments of the call. */
#define FD     ((int)ARG(0))
#define ARG(i) ((unsigned long)sf_remote.told.data.args[i])
#define INT(i) ((int)ARG(i))

static long untouched(void)
{
    sf_remote.untouched = true;
    return 0;
}

static int socket_option(int fd, int name)
{
    int value = -1;
    socklen_t len = sizeof value;

    sf_libc.getsockopt(fd, SOL_SOCKET, name, &value, &len);
    return value;
}

/* A stream socket, or nothing at all, which is then the answer. */
static bool is_ours(int fd)
{
    if (!sf_mirror(fd))
        return !sf_remote.untouched;
    if (socket_option(fd, SO_TYPE) == SOCK_STREAM)
        return true;
    untouched();
    return false;
}

/* --- bytes --- */

/* A vector of the program's, and room for all that it describes. */
struct there {
    struct iovec iov[IOV_MAX];
    unsigned long n;
    size_t len;
    char *bytes;
};

static long measure(struct there *t)
{
    for (unsigned long i = 0; i < t->n; i++) {
        if (t->iov[i].iov_len > MOST - t->len)
            t->iov[i].iov_len = MOST - t->len;
        t->len += t->iov[i].iov_len;
    }
    t->bytes = malloc(t->len + 1);
    if (!t->bytes)
        errno = ENOMEM;
    return t->bytes ? 0 : -1;
}

static long one_buffer(struct there *t, unsigned long at, size_t len)
{
    t->iov[0] = (struct iovec){(void *)at, len};
    t->n = 1;
    t->len = 0;
    return measure(t);
}

static long vector(struct there *t, unsigned long at, unsigned long n)
{
    t->bytes = NULL;
    t->n = n;
    t->len = 0;
    if (n > IOV_MAX) {
        errno = EINVAL;
        return -1;
    }
    return sf_peek(t->iov, at, n * sizeof *t->iov) ? measure(t) : -1;
}

/* What was read goes where it was wanted. */
static long deliver(const struct there *t, ssize_t n)
{
    struct iovec here = {t->bytes, n > 0 ? (size_t)n : 0};

    if (n > 0 && process_vm_writev((pid_t)sf_remote.told.pid, &here, 1, t->iov,
                                   t->n, 0) != n) {
        errno = EFAULT;
        return -1;
    }
    return n;
}

static bool fetch(const struct there *t)
{
    struct iovec here = {t->bytes, t->len};

    if (t->len == 0 || process_vm_readv((pid_t)sf_remote.told.pid, &here, 1,
                                        t->iov, t->n, 0) == (ssize_t)t->len)
        return true;
    errno = EFAULT;
    return false;
}

/* A write that fails because nobody reads is more than an error. */
static long sent(ssize_t n, int flags)
{
    int saved = errno;

    if (n < 0 && errno == EPIPE && !(flags & MSG_NOSIGNAL) &&
        !sf_remote.untouched)
        syscall(SYS_tgkill, sf_remote.pid, sf_remote.told.pid, SIGPIPE);
    errno = saved;
    return n;
}

static __thread struct there there;

static long on_read(void)
{
    if (!is_ours(FD) || one_buffer(&there, ARG(1), ARG(2)) < 0)
        return -1;
    return deliver(&there, read(FD, there.bytes, there.len));
}

static long on_readv(void)
{
    struct iovec here;

    if (!is_ours(FD) || vector(&there, ARG(1), ARG(2)) < 0)
        return -1;
    here = (struct iovec){there.bytes, there.len};
    return deliver(&there, readv(FD, &here, 1));
}

/* A stream tells no addresses. */
static long on_recvfrom(void)
{
    socklen_t none = 0;

    if (!is_ours(FD) || one_buffer(&there, ARG(1), ARG(2)) < 0)
        return -1;
    if (ARG(4) == 0)
        return deliver(&there, recv(FD, there.bytes, there.len, INT(3)));
    if (!sf_poke(ARG(5), &none, sizeof none))
        return -1;
    return deliver(&there,
                   recvfrom(FD, there.bytes, there.len, INT(3), NULL, NULL));
}

static long on_write(void)
{
    if (!is_ours(FD) || one_buffer(&there, ARG(1), ARG(2)) < 0 ||
        !fetch(&there))
        return -1;
    return sent(write(FD, there.bytes, there.len), 0);
}

static long on_writev(void)
{
    struct iovec here;

    if (!is_ours(FD) || vector(&there, ARG(1), ARG(2)) < 0 || !fetch(&there))
        return -1;
    here = (struct iovec){there.bytes, there.len};
    return sent(writev(FD, &here, 1), 0);
}

static long on_sendto(void)
{
    if (!is_ours(FD) || one_buffer(&there, ARG(1), ARG(2)) < 0 ||
        !fetch(&there))
        return -1;
    if (ARG(4) == 0)
        return sent(send(FD, there.bytes, there.len, INT(3)), INT(3));
    return sent(sendto(FD, there.bytes, there.len, INT(3), NULL, 0), INT(3));
}

static bool message(struct msghdr *msg)
{
    if (!is_ours(FD) || !sf_peek(msg, ARG(1), sizeof *msg))
        return false;
    if (msg->msg_controllen > 0) /* descriptors, or how the bytes came */
        return untouched() != 0;
    return vector(&there, (unsigned long)msg->msg_iov, msg->msg_iovlen) == 0;
}

static long on_recvmsg(void)
{
    struct msghdr theirs, ours = {.msg_iovlen = 1};
    struct iovec here;
    ssize_t n;

    if (!message(&theirs))
        return -1;
    here = (struct iovec){there.bytes, there.len};
    ours.msg_iov = &here;
    n = deliver(&there, recvmsg(FD, &ours, INT(2)));
    theirs.msg_namelen = 0;
    theirs.msg_controllen = 0;
    theirs.msg_flags = ours.msg_flags;
    if (n >= 0 && !sf_poke(ARG(1), &theirs, sizeof theirs))
        return -1;
    return n;
}

static long on_sendmsg(void)
{
    struct msghdr theirs, ours = {.msg_iovlen = 1};
    struct iovec here;

    if (!message(&theirs) || !fetch(&there))
        return -1;
    here = (struct iovec){there.bytes, there.len};
    ours.msg_iov = &here;
    return sent(sendmsg(FD, &ours, INT(2)), INT(2));
}

static long on_sendfile(void)
{
    off_t offset, *at = ARG(2) ? &offset : NULL;
    ssize_t n;

    if (!is_ours(FD) || !sf_mirror(INT(1)) ||
        (at && !sf_peek(at, ARG(2), sizeof offset)))
        return -1;
    n = sendfile(FD, INT(1), at, ARG(3));
    if (n > 0 && at)
        sf_poke(ARG(2), at, sizeof offset);
    return sent(n, 0);
}

/* One of the two is a pipe and has no offset. */
static long on_splice(void)
{
    bool from_socket = sf_mirror(FD) && socket_option(FD, SO_TYPE) >= 0;

    if (!is_ours(from_socket ? FD : INT(2)) ||
        !sf_mirror(from_socket ? INT(2) : FD))
        return -1;
    if (ARG(1) || ARG(3))
        return untouched();
    return sent(splice(FD, NULL, INT(2), NULL, ARG(4), (unsigned)ARG(5)), 0);
}

/* --- connections --- */

static long with_address(int given, const struct sockaddr_storage *addr,
                         socklen_t len)
{
    socklen_t room = 0;

    if (given < 0 || ARG(1) == 0 || !sf_peek(&room, ARG(2), sizeof room))
        return given;
    sf_poke(ARG(1), addr, room < len ? room : len);
    sf_poke(ARG(2), &len, sizeof len);
    return given;
}

static long on_accept(void)
{
    struct sockaddr_storage addr;
    socklen_t len = sizeof addr;

    if (!is_ours(FD))
        return -1;
    return with_address(accept(FD, (struct sockaddr *)&addr, &len), &addr, len);
}

static long on_accept4(void)
{
    struct sockaddr_storage addr;
    socklen_t len = sizeof addr;

    if (!is_ours(FD))
        return -1;
    return with_address(accept4(FD, (struct sockaddr *)&addr, &len, INT(3)),
                        &addr, len);
}

static long on_connect(void)
{
    struct sockaddr_storage addr = {.ss_family = AF_UNSPEC};
    socklen_t len = (socklen_t)ARG(2);

    if (!is_ours(FD))
        return -1;
    if (len > sizeof addr) {
        errno = EINVAL;
        return -1;
    }
    if (!sf_peek(&addr, ARG(1), len))
        return -1;
    return connect(FD, (struct sockaddr *)&addr, len);
}

static long on_socket(void)
{
    return socket(INT(0), INT(1), INT(2));
}

static long on_socketpair(void)
{
    int pair[2];

    if (socketpair(INT(0), INT(1), INT(2), pair) < 0 ||
        !sf_poke(ARG(3), pair, sizeof pair))
        return -1;
    return 0;
}

static long on_dup(void)
{
    return sf_mirror(FD) || !sf_remote.untouched ? dup(FD) : -1;
}

static long on_dup3(void)
{
    return sf_mirror(FD) || !sf_remote.untouched ? dup3(FD, INT(1), INT(2))
                                                 : -1;
}

static long on_close(void)
{
    return sf_mirror(FD) || !sf_remote.untouched ? close(FD) : -1;
}

/* The kernel does it. */
static long on_close_range(void)
{
    if (sf_closes_row((unsigned)INT(0), (unsigned)INT(1), INT(2)))
        sf_forget((unsigned)INT(0), (unsigned)INT(1));
    return untouched();
}

static long on_shutdown(void)
{
    return is_ours(FD) ? shutdown(FD, INT(1)) : -1;
}

/* Everything but the error says the same to anybody. */
static long on_getsockopt(void)
{
    int error;
    socklen_t len = 0;

    if (INT(1) != SOL_SOCKET || INT(2) != SO_ERROR || !is_ours(FD))
        return untouched();
    if (!sf_peek(&len, ARG(4), sizeof len))
        return -1;
    if (len > sizeof error)
        len = sizeof error;
    if (getsockopt(FD, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        return -1;
    return sf_poke(ARG(3), &error, len) && sf_poke(ARG(4), &len, sizeof len)
               ? 0
               : -1;
}

static long on_ioctl(void)
{
    int count;

    if (ARG(1) != FIONREAD || !is_ours(FD))
        return untouched();
    if (ioctl(FD, FIONREAD, &count) < 0)
        return -1;
    return sf_poke(ARG(2), &count, sizeof count) ? 0 : -1;
}

/* --- waiting --- */

enum { POLL_MAX = 4096 };

/* Rounded up; what an int cannot say is as good as for ever. */
static int to_ms(time_t seconds, long ns)
{
    if (seconds > INT_MAX / 1000 - 1)
        return INT_MAX;
    return (int)(seconds * 1000 + (ns + 999999) / 1000000);
}

/* What is no time is the kernel's to refuse. */
static int milliseconds(unsigned long at, int *ms)
{
    struct timespec t;

    *ms = -1;
    if (at == 0)
        return 0;
    if (!sf_peek(&t, at, sizeof t))
        return -1;
    if (t.tv_sec < 0 || t.tv_nsec < 0 || t.tv_nsec > 999999999) {
        untouched();
        return -1;
    }
    *ms = to_ms(t.tv_sec, t.tv_nsec);
    return 0;
}

/* What is blocked meanwhile; false: EFAULT. */
static bool take_mask(unsigned long at)
{
    unsigned long mask;

    sf_remote.masked = at != 0;
    return at == 0 || sf_peek(&mask, at, sizeof mask);
}

static long poll_for(int ms)
{
    struct pollfd *fds;
    nfds_t n = ARG(1);
    long ready = -1;

    if (n > POLL_MAX)
        return untouched();
    fds = malloc((n + 1) * sizeof *fds);
    if (fds && sf_peek(fds, ARG(0), n * sizeof *fds)) {
        for (nfds_t i = 0; i < n; i++)
            sf_mirror(fds[i].fd);
        if (!sf_remote.untouched)
            ready = poll(fds, n, ms);
        if (ready >= 0 && !sf_poke(ARG(0), fds, n * sizeof *fds))
            ready = -1;
    }
    free(fds);
    return ready;
}

static long on_ppoll(void)
{
    int ms;

    if (!take_mask(ARG(3)) || milliseconds(ARG(2), &ms) < 0)
        return -1;
    return poll_for(ms);
}

/* A set of the program's, and mirrors of its members; false: EFAULT. */
static bool take_set(fd_set *set, unsigned long at, int nfds)
{
    FD_ZERO(set);
    if (at == 0)
        return true;
    if (!sf_peek(set, at, (size_t)(nfds + 63) / 64 * 8))
        return false;
    for (int fd = 0; fd < nfds; fd++)
        if (FD_ISSET(fd, set))
            sf_mirror(fd);
    return true;
}

/* Of the time, what is left. */
static long select_for(struct timeval *t)
{
    int nfds = INT(0);
    fd_set sets[3];
    long ready;

    if (nfds < 0 || nfds > FD_SETSIZE)
        return untouched();
    for (int i = 0; i < 3; i++)
        if (!take_set(&sets[i], ARG(1 + i), nfds))
            return -1;
    if (sf_remote.untouched)
        return -1;
    ready = select(nfds, ARG(1) ? &sets[0] : NULL, ARG(2) ? &sets[1] : NULL,
                   ARG(3) ? &sets[2] : NULL, t);
    for (int i = 0; i < 3 && ready >= 0; i++)
        if (ARG(1 + i) &&
            !sf_poke(ARG(1 + i), &sets[i], (size_t)(nfds + 63) / 64 * 8))
            return -1;
    return ready;
}

static long on_pselect(void)
{
    struct timespec left;
    struct timeval t;
    unsigned long mask[2] = {0}; /* where it is, and its size */
    long ready;
    int ms;

    if (ARG(5) && !sf_peek(mask, ARG(5), sizeof mask))
        return -1;
    if (!take_mask(mask[0]) || milliseconds(ARG(4), &ms) < 0)
        return -1;
    t = (struct timeval){ms / 1000, ms % 1000 * 1000};
    ready = select_for(ms < 0 ? NULL : &t);
    left = (struct timespec){t.tv_sec, t.tv_usec * 1000};
    if (ms >= 0 && !sf_remote.untouched)
        sf_poke(ARG(4), &left, sizeof left);
    return ready;
}

static long epoll_for(int ms)
{
    struct epoll_event events[512];
    int room = INT(2) < 512 ? INT(2) : 512;
    long ready;

    if (!sf_mirror(FD))
        return -1;
    ready = epoll_wait(FD, events, room, ms);
    if (ready > 0 && !sf_poke(ARG(1), events, (size_t)ready * sizeof *events))
        return -1;
    return ready;
}

static long on_epoll_wait(void)
{
    bool masked = sf_remote.told.data.nr == SYS_epoll_pwait;

    return take_mask(masked ? ARG(4) : 0) ? epoll_for(INT(3)) : -1;
}

static long on_epoll_pwait2(void)
{
    int ms;

    if (!take_mask(ARG(4)) || milliseconds(ARG(3), &ms) < 0)
        return -1;
    return epoll_for(ms);
}

static long on_epoll_ctl(void)
{
    struct epoll_event event = {.events = 0};

    if (!sf_mirror(FD) || (!sf_mirror(INT(2)) && sf_remote.untouched))
        return -1;
    if (ARG(3) && INT(1) != EPOLL_CTL_DEL &&
        !sf_peek(&event, ARG(3), sizeof event))
        return -1;
    return epoll_ctl(FD, INT(1), INT(2), ARG(3) ? &event : NULL);
}

/* Numbers that newer machines do not have. */
#ifdef SYS_poll
static long on_poll(void)
{
    return poll_for(INT(2));
}

static long on_select(void)
{
    struct timeval t;
    long ready;

    if (ARG(4) == 0)
        return select_for(NULL);
    if (!sf_peek(&t, ARG(4), sizeof t))
        return -1;
    if (t.tv_sec < 0 || t.tv_usec < 0 || t.tv_usec > 999999)
        return untouched();
    ready = select_for(&t);
    if (!sf_remote.untouched)
        sf_poke(ARG(4), &t, sizeof t);
    return ready;
}

static long on_dup2(void)
{
    return sf_mirror(FD) || !sf_remote.untouched ? dup2(FD, INT(1)) : -1;
}
#endif

/* --- the table --- */

/* clang-format off */
#define TOLD_MAP(X)                                                           \
    X(read, on_read)             X(write, on_write)                           \
    X(readv, on_readv)           X(writev, on_writev)                         \
    X(recvfrom, on_recvfrom)     X(sendto, on_sendto)                         \
    X(recvmsg, on_recvmsg)       X(sendmsg, on_sendmsg)                       \
    X(sendfile, on_sendfile)     X(splice, on_splice)                         \
    X(accept, on_accept)         X(accept4, on_accept4)                       \
    X(connect, on_connect)       X(socket, on_socket)                         \
    X(socketpair, on_socketpair) X(dup, on_dup)                               \
    X(dup3, on_dup3)             X(close, on_close)                           \
    X(shutdown, on_shutdown)     X(getsockopt, on_getsockopt)                 \
    X(ioctl, on_ioctl)           X(ppoll, on_ppoll)                           \
    X(pselect6, on_pselect)      X(epoll_pwait, on_epoll_wait)                \
    X(epoll_pwait2, on_epoll_pwait2) X(epoll_ctl, on_epoll_ctl)               \
    X(close_range, on_close_range)                                            \
    X(execve, untouched)         X(execveat, untouched)                       \
    X(rt_sigaction, untouched)   X(ptrace, untouched)

/* Where traced.c cannot mend it, a fork that is told could be interrupted. */
#ifdef SYS_poll
#define TOLD_OLD_MAP(X)                                                       \
    X(poll, on_poll)             X(select, on_select)                         \
    X(epoll_wait, on_epoll_wait) X(dup2, on_dup2)                             \
    X(fork, untouched)           X(vfork, untouched)                          \
    X(clone, untouched)          X(clone3, untouched)
#else
#define TOLD_OLD_MAP(X)
#endif
/* clang-format on */

const int sf_told_calls[] = {
#define X(name, function) SYS_##name,
    TOLD_MAP(X) TOLD_OLD_MAP(X)
#undef X
};
const size_t sf_n_told_calls = sizeof sf_told_calls / sizeof *sf_told_calls;

bool sf_is_told(int number)
{
    for (size_t i = 0; i < sf_n_told_calls; i++)
        if (sf_told_calls[i] == number)
            return true;
    return false;
}

static long make(void)
{
    switch (sf_remote.told.data.nr) {
#define X(name, function) \
    case SYS_##name:      \
        return function();
        TOLD_MAP(X)
        TOLD_OLD_MAP(X)
#undef X
    default:
        return untouched();
    }
}

/* The mirrors go first: a close that follows must be the last one.  A program
 * that is left alone makes its calls by itself: made here, a close would close
 * our copy. */
void sf_answer(void)
{
    struct sf_told_answer answer = {.resp.id = sf_remote.told.id};
    long result;

    sf_remote.untouched = false;
    sf_remote.masked = false;
    errno = 0;
    result = sf_on ? make() : untouched();
    if (sf_remote.untouched)
        answer.resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    else if (result < 0)
        answer.resp.error = -errno;
    else
        answer.resp.val = result;
    free(there.bytes);
    there.bytes = NULL;
    sf_mirror_drop();
    sf_traced_answered(&sf_remote.told, sf_remote.untouched);
    sf_libc.ioctl(sf_remote.listener, SECCOMP_IOCTL_NOTIF_SEND, (long)&answer);
}
