/*
 * timerfd.c: timers as descriptors, on the virtual clock; see timerfd(2).
 *
 * A timer that is due rings once, when the clock gets there (sim_pass() stops
 * at sim.timer_due), and stays readable; how often it has expired is worked
 * out when it is read, which is also what sets a periodic one again.
 */
#include "faultinject/simnet/sim.h"

#include <sys/timerfd.h>

#define S INT64_C(1000000000)

static int64_t in_ns(struct timespec t)
{
    return t.tv_sec > SF_SIM_NEVER / S - 1 ? SF_SIM_NEVER
                                           : t.tv_sec * S + t.tv_nsec;
}

static struct timespec from_ns(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / S, .tv_nsec = ns % S};
}

static bool is_time(struct timespec t)
{
    return t.tv_sec >= 0 && t.tv_nsec >= 0 && t.tv_nsec < S;
}

/* When the next one rings. */
static void find_next(void)
{
    sim.timer_due = SF_SIM_NEVER;
    for (unsigned i = 0; i < sim.ends_used; i++) {
        const struct sf_end *end = &sim.ends[i];

        if (end->kind == SIM_TIMER && end->due && !end->rung &&
            end->due < sim.timer_due)
            sim.timer_due = end->due;
    }
}

void sim_timers_ring(void)
{
    for (unsigned i = 0; i < sim.ends_used; i++) {
        struct sf_end *end = &sim.ends[i];

        if (end->kind == SIM_TIMER && end->due && !end->rung &&
            end->due <= sim.now) {
            end->rung = true;
            sim_wake(end);
        }
    }
    find_next();
}

struct sf_end *sim_timerfd(clockid_t clock, int flags)
{
    struct sf_end *end = sim_end_new(SIM_TIMER);

    if (end) {
        end->wall = clock == CLOCK_REALTIME;
        end->nonblock = flags & TFD_NONBLOCK;
    }
    return end;
}

/* A periodic one that has rung counts on. */
int sim_timer_get(const struct sf_end *end, struct itimerspec *now)
{
    int64_t left = 0;

    if (end->kind != SIM_TIMER)
        return -EINVAL;
    if (end->due > sim.now)
        left = end->due - sim.now;
    else if (end->due && end->period)
        left = end->period - (sim.now - end->due) % end->period;
    now->it_value = from_ns(left);
    now->it_interval = from_ns(end->period);
    return 0;
}

/* An absolute time that has passed is due at once. */
int sim_timer_set(struct sf_end *end, int flags, const struct itimerspec *want)
{
    int64_t value;

    if (end->kind != SIM_TIMER || !is_time(want->it_value) ||
        !is_time(want->it_interval) ||
        (flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)))
        return -EINVAL;
    value = in_ns(want->it_value);
    if (value && (flags & TFD_TIMER_ABSTIME))
        value -= end->wall ? SF_SIM_WALL_NS : 0;
    else if (value)
        value = sim_until(value);
    end->due = value;
    end->period = in_ns(want->it_interval);
    end->rung = false;
    sim_timers_ring();
    return 0;
}

void sim_timer_close(struct sf_end *end)
{
    end->due = 0;
    find_next();
}

ssize_t sim_timer_read(struct sf_end *end, const struct iovec *iov, int n)
{
    uint64_t times = 1;

    if (sim_iov_len(iov, n) < sizeof times)
        return -EINVAL;
    if (!end->rung)
        return -EAGAIN;
    if (end->period) {
        times += (uint64_t)((sim.now - end->due) / end->period);
        end->due += (int64_t)times * end->period;
    } else {
        end->due = 0;
    }
    end->rung = false;
    sim.changes++;
    find_next();
    return sim_number_out(iov, n, times);
}

unsigned sim_timer_ready(const struct sf_end *end)
{
    return end->rung ? POLLIN : 0;
}
