/* kernel.c: the real world, and how a fault is made true in it. */
#include "faultinject/world.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faultinject/inject/registry.h"
#include "faultinject/kernel/harmless.h"
#include "faultinject/kernel/limit.h"
#include "faultinject/kernel/mend.h"

/* --- facts --- */

static int option(int fd, int level, int name)
{
    int value = 0;
    socklen_t len = sizeof value;

    if (sf_libc.getsockopt(fd, level, name, &value, &len) < 0)
        return -1;
    return value;
}

static bool has_send_timeout(int fd)
{
    struct timeval tv = {0, 0};
    socklen_t len = sizeof tv;

    return sf_libc.getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, &len) == 0 &&
           (tv.tv_sec || tv.tv_usec);
}

static bool has_peer(int fd)
{
    struct sockaddr_storage addr;
    socklen_t len = sizeof addr;

    return sf_libc.getpeername(fd, (struct sockaddr *)&addr, &len) == 0;
}

/* The process that connected, or that listened; of a pair, who made it. */
pid_t sf_kernel_peer(int fd)
{
    struct ucred who = {0, 0, 0};
    socklen_t len = sizeof who;

    if (sf_libc.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0)
        return 0;
    return who.pid;
}

static size_t outstanding(int fd)
{
    int n = 0;

    return sf_libc.ioctl(fd, SIOCOUTQ, (long)&n) == 0 && n > 0 ? (size_t)n : 0;
}

/* The kernel doubles SO_SNDBUF to leave room for its own books. */
static size_t send_space(int fd)
{
    int buffer = option(fd, SOL_SOCKET, SO_SNDBUF) / 2;
    size_t used = outstanding(fd);

    return buffer > 0 && (size_t)buffer > used ? (size_t)buffer - used : 0;
}

static void tcp_state(int fd, struct sf_facts *f)
{
    struct tcp_info info;
    socklen_t len = sizeof info;

    memset(&info, 0, sizeof info);
    if (sf_libc.getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
        return;
    f->connecting = info.tcpi_state == TCP_SYN_SENT;
    f->fin =
        f->queued == 0 &&
        (info.tcpi_state == TCP_CLOSE_WAIT || info.tcpi_state == TCP_LAST_ACK ||
         info.tcpi_state == TCP_CLOSING || info.tcpi_state == TCP_TIME_WAIT);
    if (info.tcpi_state != TCP_CLOSE)
        f->type = f->type == SF_FD_UNCONN ? SF_FD_STREAM : f->type;
}

static bool has_children(void)
{
    siginfo_t info;

    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static bool is_handled(int sig, const sigset_t *mask, bool *restarts)
{
    struct sigaction sa;

    if (sf_blocks(mask, sig) || sigaction(sig, NULL, &sa) < 0 ||
        sa.sa_handler == SIG_DFL || sa.sa_handler == SIG_IGN)
        return false;
    *restarts = (sa.sa_flags & SA_RESTART) != 0;
    return sig != SIGCHLD || has_children();
}

/* A harmless signal with a handler, preferring one without SA_RESTART. */
static int handled_signal(const sigset_t *mask, bool *restarts)
{
    int found = SF_HARMLESS;

    for (int i = 0; i < SF_HARMLESS; i++) {
        bool again;
        if (!is_handled(sf_harmless[i].number, mask, &again))
            continue;
        found = i;
        *restarts = again;
        if (!again)
            break;
    }
    return found;
}

/* A signal is for the process, and the kernel gives it to the first thread. */
static bool is_first_thread(void)
{
    return syscall(SYS_gettid) == getpid();
}

static void signal_facts(const sigset_t *mask, struct sf_facts *f)
{
    bool restarts = true;

    f->handled =
        is_first_thread() && handled_signal(mask, &restarts) < SF_HARMLESS;
    f->interruptible = f->handled && !restarts;
}

/*
 * What poll says, where getpeername does not tell all.  TCP forgets the peer:
 * where both ends are done, and what it sent is still to be read, the socket is
 * readable, unlike one that was never connected; after a reset, and when
 * connect has failed, an error waits to be told.  So it does on AF_UNIX after a
 * reset.
 */
static bool was_connected(short events, struct sf_facts *f)
{
    f->error = events & POLLERR;
    f->settled = f->local && events & POLLRDHUP;
    return events & POLLIN && !f->error;
}

static void stream_facts(int fd, struct sf_facts *f)
{
    struct pollfd peek = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP};
    int flags = sf_libc.fcntl(fd, F_GETFL, 0);
    int queued = 0;
    bool connected;

    f->nonblock = flags >= 0 && (flags & O_NONBLOCK);
    f->signalled = flags >= 0 && (flags & O_ASYNC);
    f->low_water = option(fd, SOL_SOCKET, SO_RCVLOWAT) > 1;
    f->local = option(fd, SOL_SOCKET, SO_DOMAIN) == AF_UNIX;
    f->snd_timeout = has_send_timeout(fd);
    if (option(fd, SOL_SOCKET, SO_ACCEPTCONN) > 0) {
        f->type = SF_FD_LISTENER;
        f->backlog = sf_libc.poll(&peek, 1, 0) > 0 && peek.revents & POLLIN;
        return;
    }
    if (sf_libc.ioctl(fd, FIONREAD, (long)&queued) == 0 && queued > 0)
        f->queued = (size_t)queued;
    f->space = send_space(fd);
    connected = has_peer(fd);
    if (!connected || f->local) {
        sf_libc.poll(&peek, 1, 0);
        connected |= was_connected(peek.revents, f);
    }
    f->type = connected ? SF_FD_STREAM : SF_FD_UNCONN;
    if (f->local)
        f->own = sf_kernel_peer(fd) == getpid();
    else
        tcp_state(fd, f);
}

static bool sealed;

void sf_kernel_seal(void)
{
    sealed = true;
}

static void kernel_facts(int fd, const sigset_t *mask, struct sf_facts *facts)
{
    int saved = errno;
    int type;

    memset(facts, 0, sizeof *facts);
    facts->racy = true;
    facts->type = SF_FD_OTHER;
    if (sealed)
        return;
    type = option(fd, SOL_SOCKET, SO_TYPE);
    if (type == SOCK_STREAM)
        stream_facts(fd, facts);
    else
        facts->type = type < 0 && errno == EBADF ? SF_FD_CLOSED : SF_FD_OTHER;
    signal_facts(mask, facts);
    errno = saved;
}

/* --- the program's memory --- */

/*
 * The kernel copies as it does at a call.  Where it must not be asked, or does
 * not do such things, the program is believed.
 */
bool sf_kernel_peek(void *to, const void *from, size_t len)
{
    struct iovec here = {to, len}, there = {(void *)from, len};
    int saved = errno;
    ssize_t n = -1;
    bool is_there;

    errno = ENOSYS;
    if (!sealed)
        n = process_vm_readv(sf_process(), &here, 1, &there, 1, 0);
    is_there = n < 0 ? errno != EFAULT : (size_t)n == len;
    errno = saved;
    if (n < 0 && is_there)
        memcpy(to, from, len);
    return is_there;
}

/* --- events --- */

static void kernel_kill(int fd)
{
    int saved = errno;

    sf_mend_forget(fd);
    sf_libc.close(fd);
    errno = saved;
}

/* One that is exclusive cannot be modified. */
static void register_anew(const struct sf_registration *r)
{
    struct epoll_event event = r->event;
    int how = EPOLL_CTL_MOD;

    if (event.events & EPOLLEXCLUSIVE) {
        sf_libc.epoll_ctl(r->epfd, EPOLL_CTL_DEL, r->fd, NULL);
        how = EPOLL_CTL_ADD;
    }
    sf_libc.epoll_ctl(r->epfd, how, r->fd, &event);
}

/*
 * EPOLL_CTL_MOD with the mask that is already there makes the kernel look
 * again, and it reports a new edge if the descriptor is ready.  A one-shot
 * registration that has fired must stay quiet, so it is left alone unless the
 * program has not seen that.
 */
static void kernel_rearm(int fd, bool unseen)
{
    int saved = errno;
    int cursor = 0;
    const struct sf_registration *r;

    while ((r = sf_epoll_next(fd, &cursor)))
        if (r->event.events & EPOLLONESHOT ? unseen : r->event.events & EPOLLET)
            register_anew(r);
    errno = saved;
}

static void kernel_drop(int listener)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    int saved = errno;
    int fd = sf_libc.accept(listener, NULL, NULL);

    if (fd >= 0) {
        sf_libc.setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        sf_libc.close(fd);
    }
    errno = saved;
}

static struct sf_limit limit;

static int lowest_free(void)
{
    int fd = (int)syscall(SYS_memfd_create, "", MFD_CLOEXEC);

    if (fd >= 0)
        sf_libc.close(fd);
    return fd;
}

static void kernel_exhaust(bool on)
{
    int saved = errno;

    if (on)
        sf_limit_lower(&limit, 0, lowest_free);
    else
        sf_limit_restore(&limit, 0);
    errno = saved;
}

/* poll refuses more entries than the limit, used or not. */
bool sf_kernel_lift(bool on)
{
    if (on)
        return sf_limit_lift(&limit);
    sf_limit_unlift(&limit);
    return true;
}

bool sf_kernel_sends(int i)
{
    return i < SF_HARMLESS && sf_harmless[i].sent &&
           !(sf_harmless[i].number == SIGURG && sf_mend_owned);
}

/* As long as a wait with a mask of its own would take. */
static void run_handler(int sig, const sigset_t *mask)
{
    sigset_t own;

    if (mask)
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, mask, &own, _NSIG / 8);
    syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), sig);
    if (mask)
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, &own, NULL, _NSIG / 8);
}

static bool kernel_interrupt(const sigset_t *mask)
{
    int saved = errno;
    bool restarts;
    int i = handled_signal(mask, &restarts);
    bool sends = sf_kernel_sends(i);

    if (sends)
        run_handler(sf_harmless[i].number, mask);
    errno = saved;
    return sends;
}

/* --- calls --- */

#define PROCESS(name, returns, params, args, kind)
#define CALL(name, returns, params, args, kind) \
    static returns kernel_##name params         \
    {                                           \
        return sf_libc.name args;               \
    }
#include "faultinject/calls.def"
#undef CALL

static struct sf_world kernel = {
#define PROCESS(name, returns, params, args, kind)
#define CALL(name, returns, params, args, kind) .name = kernel_##name,
#include "faultinject/calls.def"
#undef CALL
    .count = INT_MAX,
    .all_threads = true,
    .peek = sf_kernel_peek,
    .there = sf_kernel_there,
    .facts = kernel_facts,
    .reset = sf_mend_reset,
    .end = sf_mend_end,
    .lose = sf_mend_lose,
    .kill = kernel_kill,
    .forget = sf_mend_forget,
    .drop = kernel_drop,
    .rearm = kernel_rearm,
    .exhaust = kernel_exhaust,
    .interrupt = kernel_interrupt,
};

/* Filled in before any session can begin. */
__attribute__((constructor(101))) static void mend(void)
{
    sf_mend_world(&kernel);
}

const struct sf_world *sf_kernel(void)
{
    return &kernel;
}
