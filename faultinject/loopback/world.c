/*
 * world.c: the kernel's own sockets in simnet's place, behind simnet.h.
 *
 * Calls are those of the kernel's world.  Only time is not the kernel's:
 * where the program would wait, peers act or the virtual clock is set
 * forward, so that a session is as quick, and its times as exact, as in
 * memory.
 */
#include "faultinject/loopback/loopback.h"

#include "faultinject/inject/inject.h"
#include "faultinject/simnet/random.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct loop loop;
unsigned sf_sim_threads, sf_sim_thread; /* there is one */

static struct sf_world below, world;

_Noreturn void loop_cannot(const char *why)
{
    fprintf(stderr, "cannot be said with real sockets: %s\n", why);
    fflush(NULL);
    _exit(2);
}

void loop_changed(void)
{
    loop.changes++;
}

/* ------------------------------------------------------------------ calls */

static int on_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
    return loop_bind(fd, addr, len);
}

static int on_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    const struct sockaddr *real = loop_real(addr, &len);

    if (loop.config.barred_err && addr->sa_family == loop.config.barred) {
        errno = loop.config.barred_err;
        return -1;
    }
    return loop_connect(fd, real, len);
}

static void took(int fd, long n, bool peeked)
{
    struct sf_end *end = sf_end_of(fd);

    if (end && n > 0 && !peeked)
        end->taken += (size_t)n;
    loop.changes += n > 0;
}

static void gave(int fd, long n)
{
    struct sf_end *end = sf_end_of(fd);

    if (end && n > 0)
        end->given += (size_t)n;
    loop.changes += n > 0;
}

static void accepted(long fd)
{
    if (fd < 0)
        return;
    loop_open((int)fd);
    loop_join((int)fd);
}

static void opened(long fd)
{
    if (fd >= 0)
        loop_open((int)fd);
}

/* A handler may have left the last call by a jump. */
static void before(enum sf_call call)
{
    loop.mask = NULL;
    if (++loop.calls >= loop.alarm)
        loop.config.before(loop.config.arg, call);
}

static void after(enum sf_call call, long first, long asked, long r, int err)
{
    if (loop.config.after)
        loop.config.after(loop.config.arg, call, first, asked, r,
                          r < 0 ? err : 0);
    if (r < 0 && err == EBADF && loop.config.stale)
        loop.config.stale(loop.config.arg, call, (int)first);
    errno = err;
}

/* A blocking send would wait for peers that this thread has to play. */
static bool unblock(int fd, int flags)
{
    int is = sf_libc.fcntl(fd, F_GETFL, 0);

    if (is < 0 || is & O_NONBLOCK || flags & MSG_DONTWAIT)
        return false;
    sf_libc.fcntl(fd, F_SETFL, is | O_NONBLOCK);
    return true;
}

static void block_again(int fd, long asked, long r)
{
    int saved = errno;

    sf_libc.fcntl(fd, F_SETFL, sf_libc.fcntl(fd, F_GETFL, 0) & ~O_NONBLOCK);
    if (r < asked && (r >= 0 || saved == EAGAIN))
        loop_cannot("the program blocks in a send");
    errno = saved;
}

static long iov_len(const struct iovec *iov, int n)
{
    size_t len = 0;

    for (int i = 0; i < n; i++)
        len += iov[i].iov_len;
    return (long)len;
}

/* The same without what finds no room. */
static const struct iovec *cut_iov(const struct iovec *iov, int *n, size_t room)
{
    static struct iovec less[IOV_MAX];
    int i = 0;

    if (*n <= 0 || *n > IOV_MAX || (size_t)iov_len(iov, *n) <= room)
        return iov;
    for (; room; i++) {
        less[i] = iov[i];
        if (less[i].iov_len > room)
            less[i].iov_len = room;
        room -= less[i].iov_len;
    }
    *n = i;
    return less;
}

static const struct msghdr *cut_message(const struct msghdr *msg, size_t room)
{
    static struct msghdr less;
    int n = (int)msg->msg_iovlen;

    less = *msg;
    less.msg_iov = (struct iovec *)(uintptr_t)cut_iov(msg->msg_iov, &n, room);
    less.msg_iovlen = (size_t)n;
    return &less;
}

/* Calls that no program under test makes yet. */
static void refuse(const char *call)
{
    char why[64];

    snprintf(why, sizeof why, "the program calls %s", call);
    loop_cannot(why);
}

/* clang-format off */
#define FIRST(...)     FIRST_(__VA_ARGS__, 0)
#define FIRST_(a, ...) ((long)(a))

/* By kind: how many bytes, before the call, and once r says what came. */
#define RECEIVES(asked, flags, call)                                          \
    wanted = asked;                                                           \
    errno = loop_await(fd, POLLIN, flags);                                    \
    if (!errno)                                                               \
        r = call;                                                             \
    took(fd, r, (flags) & MSG_PEEK)
#define SENDS(asked, flags, cut, call)                                        \
    int why = loop_await(fd, POLLOUT, flags);                                 \
    bool blocks = unblock(fd, flags);                                         \
                                                                              \
    wanted = asked;                                                           \
    if (!why && wanted && !loop_room(fd))                                     \
        why = EAGAIN;                                                         \
    errno = why;                                                              \
    if (!why) {                                                               \
        cut;                                                                  \
        r = call;                                                             \
    }                                                                         \
    if (blocks)                                                               \
        block_again(fd, wanted, r);                                           \
    gave(fd, r)
#define CUT_LEN     len = len < loop_room(fd) ? len : loop_room(fd)
#define CUT_IOV     iov = cut_iov(iov, &iovcnt, loop_room(fd))
#define CUT_MESSAGE msg = cut_message(msg, loop_room(fd))

#define LIMITED(call)                                                         \
    loop_limit(true);                                                      \
    r = call;                                                                 \
    loop_limit(false)

#define DO_READ(name, call)     RECEIVES((long)len, 0, call)
#define DO_RECV(name, call)     RECEIVES((long)len, flags, call)
#define DO_READV(name, call)    RECEIVES(iov_len(iov, iovcnt), 0, call)
#define DO_RECVMSG(name, call)                                                \
    RECEIVES(iov_len(msg->msg_iov, (int)msg->msg_iovlen), flags, call)
#define DO_WRITE(name, call)    SENDS((long)len, 0, CUT_LEN, call)
#define DO_SEND(name, call)     SENDS((long)len, flags, CUT_LEN, call)
#define DO_WRITEV(name, call)   SENDS(iov_len(iov, iovcnt), 0, CUT_IOV, call)
#define DO_SENDMSG(name, call)                                                \
    SENDS(iov_len(msg->msg_iov, (int)msg->msg_iovlen), flags, CUT_MESSAGE,    \
          call)
#define DO_RECVMMSG(name, call) refuse(#name); r = call
#define DO_SENDMMSG(name, call) refuse(#name); r = call
#define DO_SPLICE(name, call)   refuse(#name); r = call
#define DO_ACCEPT(name, call)                                                 \
    errno = loop_await(fd, POLLIN, 0);                                        \
    if (!errno) {                                                             \
        LIMITED(call);                                                        \
        accepted(r);                                                          \
    }
#define DO_CLOSE(name, call)    loop_close(fd, false); r = call
#define DO_OPEN(name, call)     LIMITED(call); OPENED_##name
#define DO_CONNECT(name, call)  r = call
#define DO_WAIT(name, call)     wanted = sf_sim_limit(timeout); r = call
#define DO_CTL(name, call)      r = call
#define DO_SPECIAL(name, call)  r = call
#define DO_CLOCK(name, call)    r = call

#define ONE        opened(r)
#define TWO        opened(r < 0 ? -1 : fds[0]); opened(r < 0 ? -1 : fds[1])
#define TWICE      loop_cannot("the program has a descriptor twice")
#define OPENED_socket         ONE
#define OPENED_socketpair     TWO
#define OPENED_pipe           TWO
#define OPENED_pipe2          TWO
#define OPENED_dup            TWICE
#define OPENED_dup2           TWICE
#define OPENED_dup3           TWICE
#define OPENED_epoll_create   ONE
#define OPENED_epoll_create1  ONE
#define OPENED_eventfd        ONE
#define OPENED_timerfd_create loop_cannot("the program has a timerfd")

#define PROCESS(name, returns, params, args, kind)
#define CALL(name, returns, params, args, kind)                               \
    static returns world_##name params                                        \
    {                                                                         \
        long r = -1, wanted = 0;                                              \
                                                                              \
        before(SF_CALL_##name);                                               \
        DO_##kind(name, below.name args);                                \
        after(SF_CALL_##name, FIRST args, wanted, r, errno);                  \
        return (returns)r;                                                    \
    }
#include "faultinject/calls.def"
#undef CALL
/* clang-format on */

/* ----------------------------------------------------------------- faults */

/* Only what the program does can happen between asking and calling. */
static void on_facts(int fd, const sigset_t *mask, struct sf_facts *facts)
{
    struct pollfd p = {.fd = fd, .events = POLLRDHUP};

    sf_kernel()->facts(fd, mask, facts);
    facts->racy = false;
    facts->fin = facts->type == SF_FD_STREAM && facts->queued == 0 &&
                 sf_kernel()->poll(&p, 1, 0) == 1 && p.revents & POLLRDHUP;
    if (facts->type == SF_FD_STREAM && facts->space > loop_room(fd))
        facts->space = loop_room(fd);
    facts->handled =
        loop.config.handlers && !sf_sim_is_blocked(&loop.config, mask);
    facts->interruptible = facts->handled;
}

static void harm(struct sf_end *end)
{
    if (end)
        end->harmed = true;
    loop_changed();
}

static void on_reset(int fd, int err)
{
    harm(sf_end_of(fd));
    sf_kernel()->reset(fd, err);
}

static void on_end(int fd)
{
    harm(sf_end_of(fd));
    sf_kernel()->end(fd);
}

static void on_kill(int fd)
{
    harm(sf_end_of(fd));
    sf_kernel()->kill(fd);
    loop_close(fd, true);
}

static void on_drop(int listener)
{
    harm(loop_oldest());
    sf_kernel()->drop(listener);
}

static bool on_interrupt(const sigset_t *mask)
{
    (void)mask;
    if (loop.config.handlers && loop.config.signal)
        sf_inject_handle(loop.config.signal, loop.config.arg);
    return loop.config.handlers;
}

static void on_random(void *to, size_t len)
{
    sf_random(&loop.random, to, len);
}

/* ---------------------------------------------------------------- session */

static void make_world(void)
{
    below = *sf_kernel();
    below.bind = on_bind;
    below.connect = on_connect;
    loop_own_waits(&below);
    world = (struct sf_world){
#define PROCESS(name, returns, params, args, kind)
#define CALL(name, returns, params, args, kind) .name = world_##name,
#include "faultinject/calls.def"
#undef CALL
        .first = SF_SIM_FD,
        .count = LOOP_PEER_FD - SF_SIM_FD,
        .random = on_random,
        .facts = on_facts,
        .reset = on_reset,
        .end = on_end,
        .kill = on_kill,
        .drop = on_drop,
        .rearm = sf_kernel()->rearm,
        .interrupt = on_interrupt,
    };
}

const struct sf_world *sf_simnet(void)
{
    return &world;
}

void sf_sim_configure(const struct sf_sim_config *config)
{
    loop.config = *config;
}

void sf_sim_begin(const struct sf_sim_config *config)
{
    make_world();
    loop.config = *config;
    loop.alarm = UINT64_MAX;
    loop.now = SF_SIM_EPOCH_NS;
    loop.creep = (struct sf_creep){0, 0};
    loop.random = 0;
    loop_slots_begin(config->fd_first ? config->fd_first : SF_SIM_FD);
    loop_ends_begin(config->buffer);
}

void sf_sim_end(void)
{
    loop_ends_end();
}

void sf_sim_bar(sa_family_t family, int err)
{
    loop.config.barred = family;
    loop.config.barred_err = err;
}

uint64_t sf_sim_changes(void)
{
    return loop.changes;
}

bool sf_sim_blocks(void)
{
    return sf_sim_is_blocked(&loop.config, loop.mask);
}

uint64_t sf_sim_calls(void)
{
    return loop.calls;
}

void sf_sim_alarm(uint64_t call)
{
    loop.alarm = call;
}

/* A program that is joined, and a proof, are in memory only. */
const struct sockaddr *sf_sim_listener(socklen_t *len)
{
    *len = 0;
    return NULL;
}

void sf_sim_counters(sf_counter *each, void *arg)
{
    (void)each, (void)arg;
}

void sf_sim_times(sf_counter *each, void *arg)
{
    (void)each, (void)arg;
}
