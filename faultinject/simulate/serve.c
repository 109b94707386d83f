/*
 * serve.c: a program that stays where it waits for its first client, and forks
 * there for each run that is asked for; see served.h
 */
#include "faultinject/simulate/serve.h"

#include "faultinject/simulate/kept.h"
#include "faultinject/simulate/tasks.h"
#include "faultinject/world.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool has_children(void)
{
    siginfo_t child;

    return waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* Can a fork have all that it has?  Threads that take turns may be on the way
 * to where they wait for theirs, or to their end. */
static bool is_complete(void)
{
    enum { TRIES = 1000 };
    static const struct timespec moment = {.tv_nsec = 1000000};
    bool complete = false;

    for (int i = 0; i < TRIES && !complete; i++) {
        complete = sf_tasks() == 1 || sf_tasks() == sf_turns_at_rest();
        if (!complete)
            sf_libc.nanosleep(&moment, NULL);
    }
    return complete && !has_children();
}

static void set(uint32_t *at, uint32_t to)
{
    __atomic_store_n(at, to, __ATOMIC_RELEASE);
    sf_syscall(SYS_futex, (long)at, FUTEX_WAKE, INT_MAX, 0, 0, 0);
}

/* The number of the run that comes next. */
static uint32_t await(struct sf_serving *v, uint32_t made)
{
    uint32_t asked;

    while ((asked = __atomic_load_n(&v->asked, __ATOMIC_ACQUIRE)) == made)
        sf_syscall(SYS_futex, (long)&v->asked, FUTEX_WAIT, made, 0, 0, 0);
    return asked;
}

static void oversee(struct sf_serving *v, pid_t child)
{
    int status;

    v->child = child;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    v->child = 0;
    v->status = status;
}

/* No handler of the program's is to run here, which it would be told of its
 * children. */
void sf_serve_runs(struct sf_serving *v, pid_t (*fork_run)(void))
{
    sigset_t all, before;
    pid_t server = getpid(), child;
    uint32_t made = 0;

    if (!v->wanted)
        return;
    if (!is_complete())
        _exit(2);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    sf_kept_note();
    set(&v->ready, 1);
    for (;; set(&v->answered, made)) {
        made = await(v, made);
        sf_kept_restore();
        child = fork_run();
        if (child == 0)
            break;
        oversee(v, child);
    }
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != server)
        _exit(2);
    sigprocmask(SIG_SETMASK, &before, NULL);
}
