/* forks.c: see forks.h. */
#include "faultinject/notify/forks.h"

#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/uio.h>

/* Looked for as often as that; then its thread's next call will tell. */
enum { FORKS_MAX = 64, LOOKS_MAX = 500 };

static struct birth {
    pid_t process;
    pid_t thread;
    pid_t newest; /* its child that was there before; 0: none */
    int looks;
} forks[FORKS_MAX];
static int n_forks;

bool sf_fork_is_one(pid_t process, const struct seccomp_data *call)
{
    uint64_t flags = call->args[0];
    struct iovec here = {&flags, sizeof flags};
    struct iovec there = {(void *)(uintptr_t)call->args[0], sizeof flags};

    switch (call->nr) {
#ifdef SYS_fork
    case SYS_fork:
    case SYS_vfork:
        return true;
#endif
    case SYS_clone3:
        if (process_vm_readv(process, &here, 1, &there, 1, 0) < 0)
            return false;
        break;
    case SYS_clone:
        break;
    default:
        return false;
    }
    return !(flags & (CLONE_THREAD | CLONE_PARENT));
}

/* The kernel lists them in the order in which they came. */
static pid_t newest_child(const struct birth *birth)
{
    pid_t child = 0;
    char path[64];
    FILE *in;

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", birth->process,
             birth->thread);
    in = fopen(path, "re");
    while (in && fscanf(in, "%d", &child) == 1)
        ;
    if (in)
        fclose(in);
    return child;
}

void sf_fork_begins(pid_t process, pid_t thread)
{
    struct birth *birth = &forks[n_forks];

    if (n_forks == FORKS_MAX)
        return;
    *birth = (struct birth){process, thread, 0, 0};
    birth->newest = newest_child(birth);
    n_forks++;
}

static void remove_fork(int i)
{
    forks[i] = forks[--n_forks];
}

bool sf_fork_next(pid_t *child, pid_t *parent)
{
    for (int i = 0; i < n_forks; i++) {
        *child = newest_child(&forks[i]);
        *parent = forks[i].process;
        forks[i].looks++;
        if (*child > 0 && *child != forks[i].newest) {
            remove_fork(i);
            return true;
        }
    }
    return false;
}

void sf_fork_ended(pid_t thread)
{
    for (int i = n_forks - 1; i >= 0; i--)
        if (forks[i].thread == thread)
            remove_fork(i);
}

bool sf_fork_is_pending(pid_t process)
{
    for (int i = 0; i < n_forks; i++)
        if (forks[i].process == process)
            return true;
    return false;
}

void sf_fork_forget(pid_t process)
{
    for (int i = n_forks - 1; i >= 0; i--)
        if (forks[i].process == process)
            remove_fork(i);
}

bool sf_fork_is_due(void)
{
    for (int i = 0; i < n_forks; i++)
        if (forks[i].looks < LOOKS_MAX)
            return true;
    return false;
}
