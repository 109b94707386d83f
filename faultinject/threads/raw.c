/*
 * raw.c: what threads wait for without libpthread: futexes, by which libraries
 * and languages make locks of their own, descriptors of the real kernel, and
 * signals.
 */
#include "faultinject/inject/inject.h"
#include "faultinject/interpose/interpose.h"
#include "faultinject/simnet/simnet.h"
#include "faultinject/threads/clocks.h"
#include "faultinject/threads/turns.h"
#include "faultinject/threads/waits.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* ----------------------------------------------------------------- futexes */

/* FUTEX_WAIT has so much time, FUTEX_WAIT_BITSET until then. */
static int64_t limit_of(int how, const struct timespec *time)
{
    clockid_t clock =
        how & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC;

    return (how & FUTEX_CMD_MASK) == FUTEX_WAIT ? sf_turns_from_now(time)
                                                : sf_turns_until(clock, time);
}

static long failed(int err)
{
    errno = err;
    return -1;
}

static long wait_at(const uint32_t *at, int how, uint32_t value,
                    const struct timespec *time)
{
    int r;

    sf_turns_point();
    if (__atomic_load_n(at, __ATOMIC_SEQ_CST) != value)
        return failed(EAGAIN);
    r = sf_wait_for(at, limit_of(how, time), NULL, NULL);
    return r ? failed(r) : 0;
}

/* Bits are not looked at.  To be woken for nothing is always possible, so where
 * not all are meant all are. */
static int most_of(int command, const long a[6])
{
    bool some = command == FUTEX_WAKE_BITSET &&
                (uint32_t)a[5] != FUTEX_BITSET_MATCH_ANY;

    return some ? SF_WAKE_ALL : (int)a[2];
}

/* Who does not take turns sleeps in the kernel. */
static bool futex(const long a[6], long *result)
{
    int how = (int)a[1], command = how & FUTEX_CMD_MASK, woken;

    if (command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET) {
        *result = wait_at((const uint32_t *)a[0], how, (uint32_t)a[2],
                          (const struct timespec *)a[3]);
        return true;
    }
    if (command != FUTEX_WAKE && command != FUTEX_WAKE_BITSET)
        return false;
    sf_turns_point();
    woken = sf_wake((const void *)a[0], most_of(command, a));
    *result = woken;
    if (woken < a[2])
        *result +=
            sf_syscall(SYS_futex, a[0], how, a[2] - woken, a[3], a[4], a[5]);
    return true;
}

bool sf_turns_syscall(long number, const long args[6], long *result)
{
    return number == SYS_futex && sf_turns_mine() && futex(args, result);
}

/* -------------------------------------------------------- real descriptors */

static bool reads(const struct sf_op *op)
{
    return sf_calls[op->call].kind & K_READ;
}

static bool would_wait(const struct sf_op *op)
{
    struct pollfd real = {.fd = op->fd, .events = reads(op) ? POLLIN : POLLOUT};

    return sf_calls[op->call].kind & (K_READ | K_WRITE) &&
           !(op->flags & MSG_DONTWAIT) && sf_libc.poll(&real, 1, 0) == 0 &&
           !(sf_syscall(SYS_fcntl, op->fd, F_GETFL, 0, 0, 0, 0) & O_NONBLOCK);
}

/* SO_RCVTIMEO, SO_SNDTIMEO: by simnet's clock, as all time is. */
static int64_t time_limit(const struct sf_op *op)
{
    struct timeval limit = {0, 0};
    socklen_t len = sizeof limit;
    int saved = errno;
    bool has = sf_libc.getsockopt(op->fd, SOL_SOCKET,
                                  reads(op) ? SO_RCVTIMEO : SO_SNDTIMEO, &limit,
                                  &len) == 0 &&
               (limit.tv_sec || limit.tv_usec);

    errno = saved;
    return has ? sf_sim_now() + sf_sim_ns_of_timeval(&limit) : SF_SIM_NEVER;
}

/* The real kernel would put this thread to sleep, and with it the others. */
bool sf_turns_await_real(const struct sf_op *op)
{
    int64_t until = 0;

    while (sf_sim_threads > 1 && would_wait(op)) {
        if (until == 0)
            until = time_limit(op);
        if (sf_turns_wait(until) != 0)
            return false;
    }
    return true;
}

/* ----------------------------------------------------------------- signals */

SF_NEXT(sigtimedwait, int,
        (const sigset_t *set, siginfo_t *info, const struct timespec *limit))

static int take_signal(const sigset_t *set, siginfo_t *info, int64_t until)
{
    static const struct timespec at_once;
    int signo, r = 0;

    while ((signo = next_sigtimedwait()(set, info, &at_once)) < 0 &&
           errno == EAGAIN && (r = sf_turns_wait_or_handle(until)) == 0)
        ;
    if (r < 0)
        errno = -r;
    return signo;
}

SF_EXPORT int sigtimedwait(const sigset_t *set, siginfo_t *info,
                           const struct timespec *limit)
{
    if (!sf_turns_mine())
        return next_sigtimedwait()(set, info, limit);
    return take_signal(set, info, sf_turns_from_now(limit));
}

SF_EXPORT int sigwaitinfo(const sigset_t *set, siginfo_t *info)
{
    return sigtimedwait(set, info, NULL);
}

/* It returns the error, and is not interrupted. */
SF_EXPORT int sigwait(const sigset_t *set, int *signo)
{
    int saved = errno, got, err;

    do
        got = sigtimedwait(set, NULL, NULL);
    while (got < 0 && errno == EINTR);
    err = got < 0 ? errno : 0;
    errno = saved;
    if (got >= 0)
        *signo = got;
    return err;
}
