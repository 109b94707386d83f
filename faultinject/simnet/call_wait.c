/*
 * call_wait.c: calls that wait, and those that ask what time it is; see
 * calls.h.
 */
#include "faultinject/simnet/calls.h"

#include <sys/eventfd.h>
#include <sys/timerfd.h>

/* ---------------------------------------------------------------- waiting */

/* Who waits for the real kernel only, and for ever, waits there, if no other
 * thread would have to wait with him.  With a limit it is ours: the time that
 * passes is. */
static bool waits_there(int64_t ns)
{
    return ns < 0 && sf_sim_threads < 2;
}

static int do_select(int nfds, fd_set *rd, fd_set *wr, fd_set *ex, int64_t ns)
{
    if (ns == -2 || nfds < 0)
        return -EINVAL;
    if (waits_there(ns) && sim_only_real(nfds, rd, wr, ex))
        return PASS_INT;
    return sim_select(nfds, rd, wr, ex, sim_until(ns));
}

/* Linux leaves in the timeval what was not slept. */
int sim_on_select(int nfds, fd_set *rd, fd_set *wr, fd_set *ex,
                  struct timeval *timeout)
{
    int64_t ns = sf_sim_ns_of_timeval(timeout), end = sim_until(ns), left;
    int r = do_select(nfds, rd, wr, ex, ns);

    if (timeout && ns >= 0 && r != PASS_INT) {
        left = end > sim.now ? end - sim.now : 0;
        timeout->tv_sec = left / 1000000000;
        timeout->tv_usec = left % 1000000000 / 1000;
    }
    return r;
}

int sim_on_pselect(int nfds, fd_set *rd, fd_set *wr, fd_set *ex,
                   const struct timespec *timeout, const sigset_t *mask)
{
    sim.mask = mask;
    return do_select(nfds, rd, wr, ex, sf_sim_ns(timeout));
}

static int do_poll(struct pollfd *fds, nfds_t nfds, int64_t ns)
{
    bool ours = false, real = false;

    if (ns == -2)
        return -EINVAL;
    if (!fds && nfds > 0)
        return -EFAULT;
    for (nfds_t i = 0; i < nfds && !ours; i++) {
        ours = sim_has(fds[i].fd);
        real |= fds[i].fd >= 0;
    }
    return waits_there(ns) && real && !ours
               ? PASS_INT
               : sim_poll(fds, nfds, sim_until(ns));
}

int sim_on_poll(struct pollfd *fds, nfds_t nfds, int timeout)
{
    return do_poll(fds, nfds, sf_sim_ns_of_ms(timeout));
}

int sim_on_ppoll(struct pollfd *fds, nfds_t nfds,
                 const struct timespec *timeout, const sigset_t *mask)
{
    sim.mask = mask;
    return do_poll(fds, nfds, sf_sim_ns(timeout));
}

static int do_epoll(int epfd, struct epoll_event *events, int maxevents,
                    int64_t ns)
{
    struct sf_end *ep = sim_end(epfd);

    if (!sim_has(epfd))
        return PASS_INT;
    if (ns == -2)
        return -EINVAL;
    if (!ep)
        return -EBADF;
    if (ep->kind != SIM_EPOLL || maxevents <= 0)
        return -EINVAL;
    return sim_epoll_wait(ep, events, maxevents, sim_until(ns));
}

int sim_on_epoll_wait(int epfd, struct epoll_event *events, int maxevents,
                      int timeout)
{
    return do_epoll(epfd, events, maxevents, sf_sim_ns_of_ms(timeout));
}

int sim_on_epoll_pwait(int epfd, struct epoll_event *events, int maxevents,
                       int timeout, const sigset_t *mask)
{
    sim.mask = mask;
    return sim_on_epoll_wait(epfd, events, maxevents, timeout);
}

int sim_on_epoll_pwait2(int epfd, struct epoll_event *events, int maxevents,
                        const struct timespec *timeout, const sigset_t *mask)
{
    sim.mask = mask;
    return do_epoll(epfd, events, maxevents, sf_sim_ns(timeout));
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

int sim_on_epoll_create1(int flags)
{
    if (flags & ~EPOLL_CLOEXEC)
        return -EINVAL;
    return new_fd(sim_end_new(SIM_EPOLL), flags & EPOLL_CLOEXEC);
}

int sim_on_epoll_create(int size)
{
    return size > 0 ? sim_on_epoll_create1(0) : -EINVAL;
}

int sim_on_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
    struct sf_end *ep = sim_end(epfd), *end = sim_end(fd);

    if (!sim_has(epfd))
        return PASS_INT;
    if (op != EPOLL_CTL_DEL && !event)
        return -EFAULT;
    if (!ep || fd < 0 || (sim_has(fd) && !end))
        return -EBADF;
    if (ep->kind != SIM_EPOLL)
        return -EINVAL;
    if (!end)
        return sim_epoll_ctl_real(ep, op, fd, event);
    return sim_epoll_ctl(ep, op, fd, end, event);
}

/* ------------------------------------------------------ counters and timers */

int sim_on_eventfd(unsigned count, int flags)
{
    if (flags & ~(EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE))
        return -EINVAL;
    return new_fd(sim_eventfd(count, flags), flags & EFD_CLOEXEC);
}

int sim_on_timerfd_create(clockid_t clock, int flags)
{
    if ((clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME &&
         clock != CLOCK_BOOTTIME) ||
        (flags & ~(TFD_CLOEXEC | TFD_NONBLOCK)))
        return -EINVAL;
    return new_fd(sim_timerfd(clock, flags), flags & TFD_CLOEXEC);
}

int sim_on_timerfd_gettime(int fd, struct itimerspec *now)
{
    struct sf_end *end = sim_end(fd);

    if (!sim_has(fd))
        return PASS_INT;
    return end ? sim_timer_get(end, now) : -EBADF;
}

int sim_on_timerfd_settime(int fd, int flags, const struct itimerspec *want,
                           struct itimerspec *old)
{
    struct sf_end *end = sim_end(fd);
    struct itimerspec was;
    int r;

    if (!sim_has(fd))
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

/* Where somebody sets it: an hour back, and later right again. */
static int64_t real_time(void)
{
    static const int64_t second = 1000000000;
    bool back = sim.config.set_wall && sim.now / second % 4 == 1;

    return sim.now + SF_SIM_WALL_NS - (back ? 3600 * second : 0);
}

static void creep(void)
{
    sim.now += sf_creep(&sim.creep, sim.changes, sim.config.hastens);
    if (sim.now >= sim.timer_due)
        sim_timers_ring();
}

int sim_on_clock_gettime(clockid_t clock, struct timespec *now)
{
    bool wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE ||
                clock == CLOCK_TAI;
    int64_t ns;

    if (is_cpu_clock(clock))
        return PASS_INT;
    if (clock > CLOCK_TAI)
        return -EINVAL;
    creep();
    ns = wall ? real_time() : sim.now;
    now->tv_sec = ns / 1000000000;
    now->tv_nsec = ns % 1000000000;
    return 0;
}

int sim_on_gettimeofday(struct timeval *now, void *zone)
{
    (void)zone;
    creep();
    now->tv_sec = real_time() / 1000000000;
    now->tv_usec = real_time() % 1000000000 / 1000;
    return 0;
}

time_t sim_on_time(time_t *now)
{
    time_t t;

    creep();
    t = real_time() / 1000000000;
    if (now)
        *now = t;
    return t;
}

int sim_on_nanosleep(const struct timespec *want, struct timespec *left)
{
    int64_t ns = sf_sim_ns(want), until = sim_until(ns);
    int r;

    if (!want || ns == -2)
        return want ? -EINVAL : -EFAULT;
    do
        r = sim_nap(until);
    while (r == 0);
    if (r == -EINTR && left) {
        left->tv_sec = (until - sim.now) / 1000000000;
        left->tv_nsec = (until - sim.now) % 1000000000;
    }
    return r == -EINTR ? -EINTR : 0;
}
