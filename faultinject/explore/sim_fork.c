/*
 * sim_fork.c: runs that need not begin at the program's start.
 *
 * The program waits for its first client, and there it forks for each run that
 * is asked for (simulate/serve.c).  A program with threads or children cannot.
 * What comes of it is taken for true only where the same comes of the start.
 */
#include "faultinject/explore/sim.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* True: it is no longer what it was.  Waits a moment. */
static bool has_changed(uint32_t *at, uint32_t from)
{
    static const struct timespec tick = {.tv_nsec =
                                             SF_SIM_TICK_MS * INT64_C(1000000)};

    if (__atomic_load_n(at, __ATOMIC_ACQUIRE) == from)
        syscall(SYS_futex, at, FUTEX_WAIT, from, &tick, NULL, 0);
    return __atomic_load_n(at, __ATOMIC_ACQUIRE) != from;
}

static bool has_ended(void)
{
    if (sim.server > 0 && waitpid(sim.server, NULL, WNOHANG) == 0)
        return false;
    sim.server = 0;
    return true;
}

void sf_sim_fork_end(void)
{
    if (sim.server <= 0)
        return;
    kill(sim.server, SIGKILL);
    waitpid(sim.server, NULL, 0);
    sim.server = 0;
}

void sf_sim_fork_differs(void)
{
    if (!sim.quiet)
        sf_complain("sim: each run begins at the program's start: forked where "
                    "it waits for its first client it does otherwise");
}

bool sf_sim_fork_begin(char **command, const struct sf_program *program)
{
    struct sf_serving *v = &sim.served->serving;
    int64_t since = sf_now_ms();

    sf_sim_clear();
    if (!sf_sim_same_clear())
        return false;
    *v = (struct sf_serving){.wanted = 1, .plain = sim.plain};
    sim.served->proves = true;
    sim.server = sf_sim_start(command, program);
    while (!has_changed(&v->ready, 0))
        if (has_ended() || sf_forwarded() ||
            sf_now_ms() - since > SF_SIM_HANG_MS)
            break;
    if (!v->ready)
        sf_sim_fork_end();
    else
        sf_sim_same_forks();
    return sim.server > 0;
}

/* Until the run has ended, one way or another; true: it hung. */
static bool await(struct sf_serving *v, uint32_t before)
{
    long own = 0;
    bool hung = false;

    while (!has_changed(&v->answered, before) && !has_ended()) {
        own += v->child > 0 ? sf_sim_own_ms(v->child) : 0;
        hung = own > SF_SIM_HANG_MS;
        if ((hung || sf_sim_same_is_much() || sf_forwarded()) && v->child > 0)
            kill(v->child, SIGKILL);
    }
    return hung;
}

int sf_sim_fork_run(const char *name)
{
    struct sf_serving *v = &sim.served->serving;
    uint32_t before = v->answered;
    bool hung;

    sim.killed = 0;
    sf_sim_allow();
    v->child = 0;
    __atomic_add_fetch(&v->asked, 1, __ATOMIC_RELEASE);
    syscall(SYS_futex, &v->asked, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
    hung = await(v, before);
    sf_end_children(sim.server);
    return sim.server > 0 ? sf_sim_verdict(name, v->status, hung)
                          : SF_COULD_NOT;
}
