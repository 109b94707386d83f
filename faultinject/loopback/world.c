/*
 * world.c: the kernel's own sockets in simnet's place, behind simnet.h.
 *
 * Calls are those of the kernel's world.  Only time is not the kernel's:
 * where the program would wait, peers act or the virtual clock is set
 * forward, so that a session is as quick, and its times as exact, as in
 * memory.
 */
#include "faultinject/loopback/loopback.h"

#include "faultinject/inject/finding.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    STEP_MS = 5,
    ARRIVAL_MS = 250, /* TCP tries a closed window again after 200 */
};

enum { CLOSED, OPEN, KILLED, TOLD };

static struct {
    struct sf_sim_config config;
    struct sf_world below, world;
    uint64_t calls, alarm, changes, arrived;
    int64_t now;
    uint8_t slots[LOOP_PEER_FD];
    unsigned open;
    int limit;
} loop;

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

/* ------------------------------------------------------------ descriptors */

static bool is_slot(int fd)
{
    return fd >= SF_SIM_FD && fd < LOOP_PEER_FD;
}

void loop_open(int fd)
{
    if (!is_slot(fd))
        loop_cannot("the program has a descriptor of an unexpected number");
    loop.open += loop.slots[fd] != OPEN;
    loop.slots[fd] = OPEN;
    loop_changed();
}

static void note_closed(int fd, int how)
{
    if (!sf_sim_is_open(fd))
        return;
    loop_part(fd);
    loop.slots[fd] = (uint8_t)how;
    loop.open--;
    loop_changed();
}

bool sf_sim_is_open(int fd)
{
    return is_slot(fd) && loop.slots[fd] == OPEN;
}

bool sf_sim_was_killed(int fd)
{
    return is_slot(fd) && loop.slots[fd] >= KILLED;
}

bool sf_sim_was_told(int fd)
{
    return is_slot(fd) && loop.slots[fd] == TOLD;
}

void sf_sim_tell(int fd)
{
    for (int i = SF_SIM_FD; i < LOOP_PEER_FD; i++)
        if ((fd < 0 || fd == i) && loop.slots[i] == KILLED)
            loop.slots[i] = TOLD;
}

unsigned sf_sim_open(int *first)
{
    int fd = SF_SIM_FD;

    while (fd < LOOP_PEER_FD && loop.slots[fd] != OPEN)
        fd++;
    if (first)
        *first = fd < LOOP_PEER_FD ? fd : -1;
    return loop.open;
}

int sf_sim_lowest(void)
{
    int fd = sf_libc.fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

    sf_libc.close(fd);
    return fd;
}

/* The program begins with the number that it has in memory, too. */
static void fill_up_to(int first)
{
    int fd;

    do
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && fd < first);
    if (fd > first)
        loop_cannot("the process has too many descriptors");
    sf_libc.close(fd);
}

static void set_limit(rlim_t limit)
{
    struct rlimit now;

    if (getrlimit(RLIMIT_NOFILE, &now) < 0)
        return;
    now.rlim_cur = limit < now.rlim_max ? limit : now.rlim_max;
    setrlimit(RLIMIT_NOFILE, &now);
}

/* For the program's calls only: peers need descriptors, too. */
static void limit_numbers(bool on)
{
    int saved = errno;

    if (loop.limit)
        set_limit(on ? (rlim_t)loop.limit : RLIM_INFINITY);
    errno = saved;
}

void sf_sim_set_fd_limit(int limit)
{
    loop.limit = limit;
}

/* ------------------------------------------------------------------- time */

int64_t sf_sim_now(void)
{
    return loop.now;
}

void sf_sim_set_now(int64_t now)
{
    loop.now = now > loop.now ? now : loop.now;
    loop_changed();
}

static int64_t until(int64_t ns)
{
    return ns < 0 || ns > SF_SIM_NEVER - loop.now ? SF_SIM_NEVER
                                                  : loop.now + ns;
}

static int64_t ns_of_timeval(const struct timeval *tv)
{
    return tv ? tv->tv_sec * INT64_C(1000000000) + tv->tv_usec * 1000 : -1;
}

static int64_t ns_of(const struct timespec *ts)
{
    return ts ? ts->tv_sec * INT64_C(1000000000) + ts->tv_nsec : -1;
}

/* What is under way gets the time to arrive, once. */
static bool something_arrives(void)
{
    if (loop.arrived == loop.changes || !loop_in_flight())
        return false;
    loop.arrived = loop.changes;
    for (int ms = 0; ms < ARRIVAL_MS && loop_in_flight(); ms += STEP_MS)
        usleep(STEP_MS * 1000);
    return true;
}

/* Nothing is ready for the program: 0 when it has to look again, else EINTR
 * or EAGAIN, when its time is up. */
static int pass(int64_t end)
{
    enum sf_sim_wake wake;

    if (end <= loop.now)
        return EAGAIN;
    if (something_arrives())
        return 0;
    wake = loop.config.idle(loop.config.arg, end);
    if (wake == SF_SIM_ACTED)
        return 0;
    if (wake == SF_SIM_SIGNAL)
        return EINTR;
    if (end == SF_SIM_NEVER) {
        sf_finding(SF_MON_STALL,
                   "the program waits without a time-out and nobody will "
                   "ever act");
        return EINTR;
    }
    sf_sim_set_now(end);
    return EAGAIN;
}

static int interrupted(void)
{
    errno = EINTR;
    return -1;
}

/* Takes out those that are writable only because the kernel's buffers are
 * larger; r as select said it. */
static int without_full(int nfds, fd_set *wr, int r)
{
    for (int fd = SF_SIM_FD; wr && r > 0 && fd < nfds; fd++)
        if (FD_ISSET(fd, wr) && !loop_is_writable(fd)) {
            FD_CLR(fd, wr);
            r--;
        }
    return r;
}

static int wait_select(int nfds, fd_set *sets[3], int64_t end)
{
    struct timespec at_once = {0, 0};
    fd_set asked[3];
    int r, why = 0;

    for (int i = 0; i < 3; i++)
        if (sets[i])
            asked[i] = *sets[i];
    for (;;) {
        r = sf_kernel()->pselect(nfds, sets[0], sets[1], sets[2], &at_once,
                                 NULL);
        r = without_full(nfds, sets[1], r);
        if (r != 0 || why == EAGAIN)
            return r;
        if (why == EINTR)
            return interrupted();
        for (int i = 0; i < 3; i++)
            if (sets[i])
                *sets[i] = asked[i];
        why = pass(end);
    }
}

static int on_pselect(int nfds, fd_set *rd, fd_set *wr, fd_set *ex,
                      const struct timespec *timeout, const sigset_t *mask)
{
    fd_set *sets[3] = {rd, wr, ex};

    (void)mask;
    return wait_select(nfds, sets, until(ns_of(timeout)));
}

static int on_select(int nfds, fd_set *rd, fd_set *wr, fd_set *ex,
                     struct timeval *tv)
{
    fd_set *sets[3] = {rd, wr, ex};
    int64_t end = until(ns_of_timeval(tv));
    int r = wait_select(nfds, sets, end);

    if (tv) {
        tv->tv_sec = (end - loop.now) / 1000000000;
        tv->tv_usec = (end - loop.now) % 1000000000 / 1000;
    }
    return r;
}

static int poll_now(struct pollfd *fds, nfds_t n)
{
    int r = sf_kernel()->poll(fds, n, 0);

    for (nfds_t i = 0; r > 0 && i < n; i++) {
        if (!(fds[i].revents & POLLOUT) || loop_is_writable(fds[i].fd))
            continue;
        fds[i].revents &= ~(POLLOUT | POLLWRNORM);
        r -= !fds[i].revents;
    }
    return r;
}

static int wait_poll(struct pollfd *fds, nfds_t n, int64_t end)
{
    int r, why = 0;

    for (;;) {
        r = poll_now(fds, n);
        if (r != 0 || why == EAGAIN)
            return r;
        if (why == EINTR)
            return interrupted();
        why = pass(end);
    }
}

static int on_poll(struct pollfd *fds, nfds_t n, int timeout)
{
    return wait_poll(fds, n, until(timeout * INT64_C(1000000)));
}

static int on_ppoll(struct pollfd *fds, nfds_t n,
                    const struct timespec *timeout, const sigset_t *mask)
{
    (void)mask;
    return wait_poll(fds, n, until(ns_of(timeout)));
}

static int on_epoll_wait(int epfd, struct epoll_event *events, int max,
                         int timeout)
{
    int64_t end = until(timeout * INT64_C(1000000));
    int r, why = 0;

    loop_free_buffers(); /* whose event it is only the program knows */
    for (;;) {
        r = sf_kernel()->epoll_wait(epfd, events, max, 0);
        if (r != 0 || why == EAGAIN)
            return r;
        if (why == EINTR)
            return interrupted();
        why = pass(end);
    }
}

static int on_epoll_pwait(int epfd, struct epoll_event *events, int max,
                          int timeout, const sigset_t *mask)
{
    (void)mask;
    return on_epoll_wait(epfd, events, max, timeout);
}

static int on_clock_gettime(clockid_t clock, struct timespec *now)
{
    int64_t ns =
        loop.now + (clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE
                        ? 0
                        : SF_SIM_WALL_NS);

    *now = (struct timespec){.tv_sec = ns / 1000000000,
                             .tv_nsec = ns % 1000000000};
    return 0;
}

static int on_gettimeofday(struct timeval *now, void *zone)
{
    int64_t ns = loop.now + SF_SIM_WALL_NS;

    (void)zone;
    *now = (struct timeval){.tv_sec = ns / 1000000000,
                            .tv_usec = ns % 1000000000 / 1000};
    return 0;
}

static time_t on_time(time_t *now)
{
    time_t t = (loop.now + SF_SIM_WALL_NS) / 1000000000;

    if (now)
        *now = t;
    return t;
}

static int on_nanosleep(const struct timespec *want, struct timespec *left)
{
    int64_t end = until(ns_of(want));
    int why;

    do
        why = pass(end);
    while (why == 0);
    if (why == EAGAIN)
        return 0;
    if (left)
        *left = (struct timespec){.tv_sec = (end - loop.now) / 1000000000,
                                  .tv_nsec = (end - loop.now) % 1000000000};
    return interrupted();
}

/* ------------------------------------------------------------------ calls */

static int on_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
    return loop_bind(fd, addr, len);
}

static int on_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    const struct sockaddr *real = loop_real(addr, &len);

    return loop_connect(fd, real, len);
}

/* When a call that blocks on this has waited long enough. */
static int64_t patience(int fd, int name)
{
    struct timeval tv = {0, 0};
    socklen_t len = sizeof tv;

    sf_libc.getsockopt(fd, SOL_SOCKET, name, &tv, &len);
    return until(tv.tv_sec || tv.tv_usec ? ns_of_timeval(&tv) : -1);
}

/* A call that would block: others act in the meantime.  0 when it need not
 * any more, else EINTR or EAGAIN. */
static int await(int fd, short events, int flags)
{
    struct pollfd p = {.fd = fd, .events = events};
    int is = sf_libc.fcntl(fd, F_GETFL, 0), why = 0;
    int64_t end = patience(fd, events == POLLIN ? SO_RCVTIMEO : SO_SNDTIMEO);

    if (is < 0 || is & O_NONBLOCK || flags & MSG_DONTWAIT)
        return 0;
    while (poll_now(&p, 1) == 0) {
        if (why)
            return why;
        why = pass(end);
    }
    return 0;
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

static void before(enum sf_call call)
{
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
    errno = await(fd, POLLIN, flags);                                         \
    if (!errno)                                                               \
        r = call;                                                             \
    took(fd, r, (flags) & MSG_PEEK)
#define SENDS(asked, flags, cut, call)                                        \
    int why = await(fd, POLLOUT, flags);                                      \
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
    limit_numbers(true);                                                      \
    r = call;                                                                 \
    limit_numbers(false)

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
    errno = await(fd, POLLIN, 0);                                             \
    if (!errno) {                                                             \
        LIMITED(call);                                                        \
        accepted(r);                                                          \
    }
#define DO_CLOSE(name, call)    note_closed(fd, CLOSED); r = call
#define DO_OPEN(name, call)     LIMITED(call); OPENED_##name
#define DO_CONNECT(name, call)  r = call
#define DO_WAIT(name, call)     r = call
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

#define CALL(name, returns, params, args, kind)                               \
    static returns world_##name params                                        \
    {                                                                         \
        long r = -1, wanted = 0;                                              \
                                                                              \
        before(SF_CALL_##name);                                               \
        DO_##kind(name, loop.below.name args);                                \
        after(SF_CALL_##name, FIRST args, wanted, r, errno);                  \
        return (returns)r;                                                    \
    }
#include "faultinject/calls.def"
#undef CALL
/* clang-format on */

/* ----------------------------------------------------------------- faults */

/* Only what the program does can happen between asking and calling. */
static void on_facts(int fd, struct sf_facts *facts)
{
    struct pollfd p = {.fd = fd, .events = POLLRDHUP};

    sf_kernel()->facts(fd, facts);
    facts->racy = false;
    facts->fin = facts->type == SF_FD_STREAM && facts->queued == 0 &&
                 sf_kernel()->poll(&p, 1, 0) == 1 && p.revents & POLLRDHUP;
    if (facts->type == SF_FD_STREAM && facts->space > loop_room(fd))
        facts->space = loop_room(fd);
    facts->interruptible = facts->handled = loop.config.handlers;
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
    note_closed(fd, KILLED);
}

static void on_drop(int listener)
{
    harm(loop_oldest());
    sf_kernel()->drop(listener);
}

static bool on_interrupt(void)
{
    if (loop.config.handlers && loop.config.signal)
        loop.config.signal(loop.config.arg);
    return loop.config.handlers;
}

/* ---------------------------------------------------------------- session */

static void make_world(void)
{
    loop.below = *sf_kernel();
    loop.below.bind = on_bind;
    loop.below.connect = on_connect;
    loop.below.select = on_select;
    loop.below.pselect = on_pselect;
    loop.below.poll = on_poll;
    loop.below.ppoll = on_ppoll;
    loop.below.epoll_wait = on_epoll_wait;
    loop.below.epoll_pwait = on_epoll_pwait;
    loop.below.clock_gettime = on_clock_gettime;
    loop.below.gettimeofday = on_gettimeofday;
    loop.below.time = on_time;
    loop.below.nanosleep = on_nanosleep;
    loop.world = (struct sf_world){
#define CALL(name, returns, params, args, kind) .name = world_##name,
#include "faultinject/calls.def"
#undef CALL
        .first = SF_SIM_FD,
        .count = LOOP_PEER_FD - SF_SIM_FD,
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
    return &loop.world;
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
    set_limit(RLIM_INFINITY);
    fill_up_to(config->fd_first ? config->fd_first : SF_SIM_FD);
    loop_ends_begin(config->buffer);
}

void sf_sim_end(void)
{
    loop_ends_end();
}

uint64_t sf_sim_changes(void)
{
    return loop.changes;
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
