/*
 * bell.c: the alarm clock of the process, ITIMER_REAL, on the virtual clock;
 * see setitimer(2).  It rings by a real SIGALRM, which the kernel keeps where
 * the program blocks it.
 */
#include "faultinject/simnet/calls.h"

#include <signal.h>

#define S  INT64_C(1000000000)
#define US INT64_C(1000)

static int64_t in_ns(struct timeval t)
{
    return t.tv_sec > SF_SIM_NEVER / S - 1 ? SF_SIM_NEVER
                                           : t.tv_sec * S + t.tv_usec * US;
}

static struct timeval from_ns(int64_t ns)
{
    return (struct timeval){.tv_sec = ns / S, .tv_usec = ns % S / US};
}

static bool is_time(struct timeval t)
{
    return t.tv_sec >= 0 && t.tv_usec >= 0 && t.tv_usec < S / US;
}

static struct itimerval left(void)
{
    struct itimerval t = {.it_interval = from_ns(sim_own.bell_period)};

    if (sim_own.bell != SF_SIM_NEVER)
        t.it_value =
            from_ns(sim_own.bell > sim.now + US ? sim_own.bell - sim.now : US);
    return t;
}

int sim_on_getitimer(enum __itimer_which which, struct itimerval *now)
{
    if (which != ITIMER_REAL)
        return PASS_INT;
    *now = left();
    return 0;
}

int sim_on_setitimer(enum __itimer_which which, const struct itimerval *want,
                     struct itimerval *old)
{
    static const struct itimerval none;

    if (which != ITIMER_REAL)
        return PASS_INT;
    if (!want)
        want = &none;
    if (!is_time(want->it_value) || !is_time(want->it_interval))
        return -EINVAL;
    if (old)
        *old = left();
    sim_own.bell_period = in_ns(want->it_interval);
    sim_own.bell =
        in_ns(want->it_value) ? sim_until(in_ns(want->it_value)) : SF_SIM_NEVER;
    return 0;
}

bool sim_bell(void)
{
    struct sigaction action;

    if (sim.now < sim_own.bell)
        return false;
    sim_own.bell =
        sim_own.bell_period ? sim_until(sim_own.bell_period) : SF_SIM_NEVER;
    sigaction(SIGALRM, NULL, &action);
    raise(SIGALRM);
    sim.restarts = action.sa_flags & SA_RESTART;
    return action.sa_handler != SIG_IGN && !sf_blocks(NULL, SIGALRM);
}
