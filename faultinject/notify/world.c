/* world.c: see world.h. */
#include "faultinject/notify/world.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faultinject/inject/registry.h"
#include "faultinject/kernel/harmless.h"
#include "faultinject/kernel/limit.h"
#include "faultinject/kernel/mend.h"
#include "faultinject/notify/remote.h"

static const struct sf_world *kernel; /* what the calls end in */

/* --- sleeping --- */

/* How long nobody looks whether a signal came. */
enum { SLICE_MS = 5 };

static bool is_interrupted(void)
{
    struct sf_remote_signals signals;

    if (!sf_remote_signals(&signals))
        return true;
    return (signals.pending & (sf_remote.masked ? ~0ul : ~signals.blocked)) !=
           0;
}

static int64_t now_ms(void)
{
    struct timespec now;

    sf_libc.clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* Of what is left until then, -1 for ever, as much as may be slept now. */
static int slice(int64_t until)
{
    int64_t left = until < 0 ? SLICE_MS : until - now_ms();

    return left < 0 ? 0 : left < SLICE_MS ? (int)left : SLICE_MS;
}

static int64_t until(int timeout_ms)
{
    return timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
}

/*
 * The kernel knows best what a signal does to a call, so the program goes
 * into it itself, with the signal there.
 */
static int interrupted(void)
{
    sf_remote.untouched = true;
    errno = EINTR;
    return -1;
}

static int timeout_of(int fd, int option)
{
    struct timeval t = {0, 0};
    socklen_t len = sizeof t;

    sf_libc.getsockopt(fd, SOL_SOCKET, option, &t, &len);
    return t.tv_sec || t.tv_usec ? (int)(t.tv_sec * 1000 + t.tv_usec / 1000)
                                 : -1;
}

/* A call that would sleep: true when it need not any more. */
static bool await(int fd, short events, int flags)
{
    struct pollfd p = {.fd = fd, .events = events};
    int64_t end;

    if (flags & MSG_DONTWAIT || sf_libc.fcntl(fd, F_GETFL, 0) & O_NONBLOCK)
        return true;
    end = until(timeout_of(fd, SO_RCVTIMEO));
    do {
        if (sf_libc.poll(&p, 1, slice(end)) != 0)
            return true;
        if (is_interrupted())
            return interrupted() == 0;
    } while (end < 0 || now_ms() < end);
    return true; /* and it will say so */
}

#define READS(name, params, args, flags)           \
    static ssize_t remote_##name params            \
    {                                              \
        if (!await(fd, POLLIN | POLLRDHUP, flags)) \
            return -1;                             \
        return kernel->name args;                  \
    }

READS(read, (int fd, void *buf, size_t len), (fd, buf, len), 0)
READS(readv, (int fd, const struct iovec *iov, int n), (fd, iov, n), 0)
READS(recv, (int fd, void *buf, size_t len, int flags), (fd, buf, len, flags),
      flags)
READS(recvfrom,
      (int fd, void *buf, size_t len, int flags, struct sockaddr *addr,
       socklen_t *addrlen),
      (fd, buf, len, flags, addr, addrlen), flags)
READS(recvmsg, (int fd, struct msghdr *msg, int flags), (fd, msg, flags), flags)

static int remote_poll(struct pollfd *fds, nfds_t n, int timeout)
{
    int64_t end = until(timeout);
    int ready;

    while ((ready = kernel->poll(fds, n, slice(end))) == 0) {
        if (end >= 0 && now_ms() >= end)
            return 0;
        if (is_interrupted())
            return interrupted();
    }
    return ready;
}

/* Rounded up; what an int cannot say is as good as for ever. */
static int ms_of(const struct timeval *t)
{
    if (!t)
        return -1;
    if (t->tv_sec > INT_MAX / 1000 - 1)
        return INT_MAX;
    return (int)(t->tv_sec * 1000 + (t->tv_usec + 999) / 1000);
}

/* Linux leaves in it what was not slept. */
static void leave_rest(struct timeval *timeout, int64_t end)
{
    int64_t left = end - now_ms();

    left = left < 0 ? 0 : left;
    if (timeout)
        *timeout = (struct timeval){left / 1000, left % 1000 * 1000};
}

static int remote_select(int nfds, fd_set *rd, fd_set *wr, fd_set *ex,
                         struct timeval *timeout)
{
    int64_t end = until(ms_of(timeout));
    fd_set asked[3];
    fd_set *sets[3] = {rd, wr, ex};
    int ready;

    for (int i = 0; i < 3; i++)
        if (sets[i])
            asked[i] = *sets[i];
    for (;;) {
        int ms = slice(end);
        ready = kernel->select(nfds, rd, wr, ex,
                               &(struct timeval){ms / 1000, ms % 1000 * 1000});
        if (ready != 0 || (end >= 0 && now_ms() >= end)) {
            leave_rest(timeout, end);
            return ready;
        }
        for (int i = 0; i < 3; i++)
            if (sets[i])
                *sets[i] = asked[i];
        if (is_interrupted())
            return interrupted();
    }
}

static int remote_epoll_wait(int epfd, struct epoll_event *events, int room,
                             int timeout)
{
    int64_t end = until(timeout);
    int ready;

    while ((ready = kernel->epoll_wait(epfd, events, room, slice(end))) == 0) {
        if (end >= 0 && now_ms() >= end)
            return 0;
        if (is_interrupted())
            return interrupted();
    }
    return ready;
}

/* --- descriptors that the program gets --- */

static bool cloexec(int flags)
{
    return (flags & SOCK_CLOEXEC) != 0; /* it is O_CLOEXEC, too */
}

static int remote_accept4(int fd, struct sockaddr *addr, socklen_t *len,
                          int flags)
{
    int given;

    if (sf_remote_is_full()) {
        errno = EMFILE;
        return -1;
    }
    if (!await(fd, POLLIN, 0))
        return -1;
    given = kernel->accept4(fd, addr, len, flags);
    return given < 0 ? -1 : sf_mirror_give(given, -1, cloexec(flags));
}

static int remote_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
    return remote_accept4(fd, addr, len, 0);
}

/* The injector makes sockets of its own, too. */
static bool is_call(int number)
{
    return sf_remote.told.data.nr == number;
}

static int remote_socket(int domain, int type, int protocol)
{
    int fd = kernel->socket(domain, type, protocol);

    if (fd < 0 || !is_call(SYS_socket))
        return fd;
    return sf_mirror_give(fd, -1, cloexec(type));
}

static int remote_socketpair(int domain, int type, int protocol, int fds[2])
{
    int ours[2];

    if (kernel->socketpair(domain, type, protocol, ours) < 0)
        return -1;
    /* Out of the way of the numbers that they get. */
    for (int i = 0; i < 2; i++) {
        int high = sf_libc.fcntl(ours[i], F_DUPFD_CLOEXEC, SF_MIRROR_MAX / 2);
        sf_libc.close(ours[i]);
        ours[i] = high;
    }
    fds[0] = sf_mirror_give(ours[0], -1, cloexec(type));
    fds[1] = sf_mirror_give(ours[1], -1, cloexec(type));
    return fds[0] < 0 || fds[1] < 0 ? -1 : 0;
}

static int give_copy(int fd, int number, bool at_exec)
{
    int copy = sf_libc.fcntl(fd, F_DUPFD_CLOEXEC, SF_MIRROR_MAX / 2);

    return copy < 0 ? -1 : sf_mirror_give(copy, number, at_exec);
}

static int remote_dup(int fd)
{
    return give_copy(fd, -1, false);
}

static int remote_dup2(int fd, int number)
{
    return fd == number ? fd : give_copy(fd, number, false);
}

static int remote_dup3(int fd, int number, int flags)
{
    if (fd == number) {
        errno = EINVAL;
        return -1;
    }
    return give_copy(fd, number, (flags & O_CLOEXEC) != 0);
}

/* --- left to the program --- */

/* Who connects on AF_UNIX is told to the other side. */
static int remote_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    if (addr->sa_family != AF_UNIX || !is_call(SYS_connect))
        return kernel->connect(fd, addr, len);
    sf_remote.untouched = true;
    return 0;
}

static int remote_close(int fd)
{
    if (!is_call(SYS_close))
        return sf_libc.close(fd);
    sf_remote.untouched = true;
    return kernel->close(fd);
}

/* --- facts and events --- */

/* Only the first thread gets them, and only where it does not block them; what
 * it blocks in a wait with a mask of its own is not looked up. */
static int handled_signal(void)
{
    struct sf_remote_signals signals;
    int i = 0;

    if ((pid_t)sf_remote.told.pid != sf_remote.pid ||
        !sf_remote_signals(&signals))
        return SF_HARMLESS;
    if (!sf_remote.masked)
        signals.caught &= ~signals.blocked;
    while (i < SF_HARMLESS &&
           (!(signals.caught & 1ul << (sf_harmless[i].number - 1)) ||
            (sf_harmless[i].number == SIGCHLD && !sf_remote_has_children())))
        i++;
    return i;
}

/* Whether a handler has SA_RESTART cannot be seen from here: it has. */
static void remote_facts(int fd, const sigset_t *mask, struct sf_facts *facts)
{
    int saved = errno;

    sf_mirror(fd);
    kernel->facts(fd, mask, facts);
    facts->handled = handled_signal() < SF_HARMLESS;
    facts->interruptible = false;
    facts->own = facts->local && sf_kernel_peer(fd) == sf_remote.pid;
    errno = saved;
}

static bool remote_interrupt(const sigset_t *mask)
{
    int i = handled_signal();
    bool sends = sf_kernel_sends(i);

    (void)mask;
    if (sends)
        syscall(SYS_tgkill, sf_remote.pid, sf_remote.told.pid,
                sf_harmless[i].number);
    return sends;
}

static void remote_rearm(int fd, bool unseen)
{
    const struct sf_registration *r;
    int cursor = 0;

    sf_mirror(fd);
    while ((r = sf_epoll_next(fd, &cursor)))
        sf_mirror(r->epfd);
    kernel->rearm(fd, unseen);
}

/* As kernel.c does it to its own process. */
static void remote_exhaust(bool on)
{
    static struct sf_limit limit; /* of the program that is watched */

    if (on)
        sf_limit_lower(&limit, sf_remote.pid, sf_remote_lowest);
    else
        sf_limit_restore(&limit, sf_remote.pid);
}

/* clang-format off */
const struct sf_world *sf_remote_world(void)
{
    static struct sf_world world;

    kernel = sf_kernel();
    world = *kernel;
#define REMOTE(name) world.name = remote_##name
    REMOTE(read); REMOTE(readv); REMOTE(recv); REMOTE(recvfrom);
    REMOTE(recvmsg);
    REMOTE(poll); REMOTE(select); REMOTE(epoll_wait);
    REMOTE(accept); REMOTE(accept4); REMOTE(socket); REMOTE(socketpair);
    REMOTE(dup); REMOTE(dup2); REMOTE(dup3); REMOTE(connect); REMOTE(close);
    REMOTE(facts); REMOTE(interrupt); REMOTE(rearm); REMOTE(exhaust);
#undef REMOTE
    world.kill = NULL; /* no other process can close a number of it */
    return &world;
}
/* clang-format on */
