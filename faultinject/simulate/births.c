/* births.c: see births.h */
#include "faultinject/simulate/births.h"

#include "faultinject/forks/forks.h"
#include "faultinject/inject/inject.h"
#include "faultinject/inject/pid.h"
#include "faultinject/simnet/simnet.h"
#include "faultinject/threads/turns.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

enum { PATIENCE_MS = 1000 };

bool sf_births_are_runs;

static struct sf_served *served;
static bool fuzzing;

/*
 * A child's first calls decide whether the session can go on, so they come
 * before the program's next ones.  A pipe is closed when it has become
 * another program or ended; one that lives on by itself is not waited for.
 */
static int birth[2] = {-1, -1};

static void close_birth(int side)
{
    if (birth[side] >= 0)
        sf_libc.close(birth[side]);
    birth[side] = -1;
}

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
    else if (!sf_births_are_runs && sf_libc.pipe2(birth, O_CLOEXEC) < 0)
        birth[0] = birth[1] = -1;
}

static void in_parent(void)
{
    struct pollfd child = {.fd = birth[0], .events = POLLIN};

    if (shares) {
        sf_forks_in_parent();
        return;
    }
    if (!sf_births_are_runs)
        served->walk.met = NULL; /* its pages are not its own for a while */
    close_birth(1);
    if (child.fd >= 0)
        sf_libc.poll(&child, 1, PATIENCE_MS);
    close_birth(0);
    if (served->unusable)
        _exit(2);
}

static void in_child(void)
{
    if (shares) {
        sf_forks_in_child();
        return;
    }
    close_birth(0);
    if (!sf_births_are_runs) {
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
