/* births.c: see births.h */
#include "faultinject/simulate/births.h"

#include "faultinject/forks/birth.h"
#include "faultinject/forks/forks.h"
#include "faultinject/inject/inject.h"
#include "faultinject/inject/pid.h"
#include "faultinject/simnet/simnet.h"
#include "faultinject/threads/turns.h"

#include <pthread.h>
#include <unistd.h>

enum { PATIENCE_MS = 1000 };

bool sf_births_are_runs;

static struct sf_served *served;
static bool fuzzing;

/* Of runs that are forks the world is each one's, threads are in turns that a
 * fork does not have, and who has real peers has them alone. */
bool sf_births_may_share(void)
{
    return sf_turns_mine() && !sf_births_are_runs && !fuzzing &&
           !served->proves && !served->refused && !served->serving.wanted &&
           !served->live && sf_turns_threads() == 1;
}

static bool shares; /* the fork that is under way */

static void before_fork(void)
{
    shares = sf_births_may_share();
    if (shares)
        sf_forks_before();
    else if (!sf_births_are_runs)
        sf_birth_begin();
}

/* A child's first calls decide whether the session can go on, so they come
 * before the program's next ones.  Who lives on by itself is not waited for. */
static void in_parent(void)
{
    if (shares) {
        sf_forks_in_parent();
        return;
    }
    if (!sf_births_are_runs) {
        served->walk.met = NULL; /* its pages are not its own for a while */
        sf_birth_await(PATIENCE_MS);
    }
    if (served->unusable)
        _exit(2);
}

static void in_child(void)
{
    if (shares) {
        sf_forks_in_child();
        return;
    }
    if (!sf_births_are_runs) {
        sf_birth_in_child();
        sf_forks_part();
        sf_pid_forked();
        sf_inject_refuses = NULL;
        sf_turns_abandon();
        sf_inject_abandon();
        sf_sim_end();
    }
}

static void on_fork(enum sf_fork where)
{
    static void (*const handlers[])(void) = {before_fork, in_parent, in_child};

    handlers[where]();
}

void sf_births_watch(struct sf_served *report, bool by_afl)
{
    served = report;
    fuzzing = by_afl;
    sf_inject_forks = on_fork;
    pthread_atfork(before_fork, in_parent, in_child);
}
