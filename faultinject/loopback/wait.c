/*
 * wait.c: the clock, and waiting, of which neither is the kernel's; see
 * loopback.h.
 */
#include "faultinject/loopback/loopback.h"

#include "faultinject/inject/finding.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum {
    STEP_MS = 5,
    ARRIVAL_MS = 250, /* TCP tries a closed window again after 200 */
};

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

/* Any that is less than none is none. */
static int64_t ns_of_ms(int ms)
{
    return ms < 0 ? -1 : ms * INT64_C(1000000);
}

/* What is under way gets the real time to arrive, once. */
static bool something_arrives(void)
{
    static const struct timespec step = {.tv_nsec = STEP_MS * 1000000};

    if (loop.arrived == loop.changes || !loop_in_flight())
        return false;
    loop.arrived = loop.changes;
    for (int ms = 0; ms < ARRIVAL_MS && loop_in_flight(); ms += STEP_MS)
        sf_libc.nanosleep(&step, NULL);
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
    if (wake == SF_SIM_SIGNAL || wake == SF_SIM_RESUMES)
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

static int fails(int err)
{
    errno = err;
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

static int wait_select(int nfds, fd_set *sets[3], int64_t ns)
{
    struct timespec at_once = {0, 0};
    int64_t end = until(ns);
    fd_set asked[3];
    int r, why = 0;

    if (ns == -2)
        return fails(EINVAL);
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
            return fails(EINTR);
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

    loop.mask = mask;
    return wait_select(nfds, sets, sf_sim_ns(timeout));
}

static int on_select(int nfds, fd_set *rd, fd_set *wr, fd_set *ex,
                     struct timeval *tv)
{
    fd_set *sets[3] = {rd, wr, ex};
    int64_t ns = sf_sim_ns_of_timeval(tv), end = until(ns);
    int r = wait_select(nfds, sets, ns);

    if (tv && ns >= 0) {
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

static int wait_poll(struct pollfd *fds, nfds_t n, int64_t ns)
{
    int64_t end = until(ns);
    int r, why = 0;

    if (ns == -2)
        return fails(EINVAL);
    for (;;) {
        r = poll_now(fds, n);
        if (r != 0 || why == EAGAIN)
            return r;
        if (why == EINTR)
            return fails(EINTR);
        why = pass(end);
    }
}

static int on_poll(struct pollfd *fds, nfds_t n, int timeout)
{
    return wait_poll(fds, n, ns_of_ms(timeout));
}

static int on_ppoll(struct pollfd *fds, nfds_t n,
                    const struct timespec *timeout, const sigset_t *mask)
{
    loop.mask = mask;
    return wait_poll(fds, n, sf_sim_ns(timeout));
}

static int on_epoll_wait(int epfd, struct epoll_event *events, int max,
                         int timeout)
{
    int64_t end = until(ns_of_ms(timeout));
    int r, why = 0;

    loop_free_buffers(); /* whose event it is only the program knows */
    for (;;) {
        r = sf_kernel()->epoll_wait(epfd, events, max, 0);
        if (r != 0 || why == EAGAIN)
            return r;
        if (why == EINTR)
            return fails(EINTR);
        why = pass(end);
    }
}

static int on_epoll_pwait(int epfd, struct epoll_event *events, int max,
                          int timeout, const sigset_t *mask)
{
    loop.mask = mask;
    return on_epoll_wait(epfd, events, max, timeout);
}

static void creep(void)
{
    loop.now += sf_creep(&loop.creep, loop.changes, false);
}

static int on_clock_gettime(clockid_t clock, struct timespec *now)
{
    bool wall = clock != CLOCK_MONOTONIC && clock != CLOCK_MONOTONIC_COARSE;
    int64_t ns;

    creep();
    ns = loop.now + (wall ? SF_SIM_WALL_NS : 0);
    *now = (struct timespec){.tv_sec = ns / 1000000000,
                             .tv_nsec = ns % 1000000000};
    return 0;
}

static int on_gettimeofday(struct timeval *now, void *zone)
{
    int64_t ns;

    (void)zone;
    creep();
    ns = loop.now + SF_SIM_WALL_NS;
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
    int64_t ns = sf_sim_ns(want), end = until(ns);
    int why;

    if (ns == -2)
        return fails(EINVAL);
    do
        why = pass(end);
    while (why == 0);
    if (why == EAGAIN)
        return 0;
    if (left)
        *left = (struct timespec){.tv_sec = (end - loop.now) / 1000000000,
                                  .tv_nsec = (end - loop.now) % 1000000000};
    return fails(EINTR);
}

/* When a call that blocks on this has waited long enough. */
static int64_t patience(int fd, int name)
{
    struct timeval tv = {0, 0};
    socklen_t len = sizeof tv;

    sf_libc.getsockopt(fd, SOL_SOCKET, name, &tv, &len);
    return until(tv.tv_sec || tv.tv_usec ? sf_sim_ns_of_timeval(&tv) : -1);
}

int loop_await(int fd, short events, int flags)
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

void loop_own_waits(struct sf_world *w)
{
    w->select = on_select;
    w->pselect = on_pselect;
    w->poll = on_poll;
    w->ppoll = on_ppoll;
    w->epoll_wait = on_epoll_wait;
    w->epoll_pwait = on_epoll_pwait;
    w->clock_gettime = on_clock_gettime;
    w->gettimeofday = on_gettimeofday;
    w->time = on_time;
    w->nanosleep = on_nanosleep;
}
