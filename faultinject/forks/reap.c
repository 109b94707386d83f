/*
 * reap.c: waiting for children, and signals to other processes.
 *
 * The kernel is asked about a child that has ended here, and then it answers:
 * when another ends is the world's affair.
 */
#include "faultinject/forks/process.h"

#include "faultinject/inject/inject.h"
#include "faultinject/interpose/interpose.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whom a call waits for, as waitpid(2) has it. */
static bool is_meant(const struct sf_child *child, pid_t pid)
{
    if (child->parent != sf_forks_own || child->life == SF_REAPED ||
        child == sf_children.at)
        return false;
    if (pid > 0 || pid == -1)
        return pid == -1 || child->pid == pid;
    return getpgid(child->pid) == (pid == 0 ? getpgrp() : -pid);
}

/* The oldest of those that are at least so far; NULL: there is none. */
static struct sf_child *find(pid_t pid, enum sf_life life)
{
    for (unsigned i = 1; i < sf_children.n; i++)
        if (sf_children.at[i].life >= life && is_meant(&sf_children.at[i], pid))
            return &sf_children.at[i];
    return NULL;
}

/* Where it runs another program it ends when it likes; others who have a turn
 * wait for that, too. */
static bool has_ended(struct sf_child *child)
{
    int status;

    if (child->life == SF_EXECS && sf_child_is_gone(child->pid, &status))
        sf_child_died(child);
    return child->life == SF_ENDED;
}

static bool has_one_inside(pid_t pid)
{
    for (unsigned i = 1; i < sf_children.n; i++)
        if (sf_children.at[i].life == SF_LIVES &&
            is_meant(&sf_children.at[i], pid))
            return true;
    return false;
}

static void look_outside(pid_t pid)
{
    for (unsigned i = 1; i < sf_children.n; i++)
        if (sf_children.at[i].life == SF_EXECS &&
            is_meant(&sf_children.at[i], pid))
            has_ended(&sf_children.at[i]);
}

/* What to wait for: a child that has ended.  NULL: *result is the answer, or
 * where it is `ask` the kernel has to be asked, of those that it alone knows.
 */
enum { ASK = -2 };
static struct sf_child *await(pid_t pid, int options, int *result)
{
    for (;;) {
        struct sf_child *child;

        look_outside(pid);
        child = find(pid, SF_ENDED);
        if (child)
            return child;
        *result = ASK;
        if (!find(pid, SF_LIVES))
            return NULL;
        *result = 0;
        if (options & WNOHANG)
            return NULL;
        if (!has_one_inside(pid)) {
            sf_forks_sleep();
            continue;
        }
        *result = -1;
        if (sf_turns_wait_or_handle(SF_SIM_NEVER) == -EINTR) {
            errno = EINTR;
            return NULL;
        }
    }
}

/* One whose parent does not want to know is gone without a word. */
static bool reap(struct sf_child *child, long result, int options)
{
    bool gone = result < 0 && errno == ECHILD;

    if (gone || (result >= 0 && !(options & WNOWAIT)))
        child->life = SF_REAPED;
    return !gone;
}

static bool takes_part(void)
{
    return sf_forks_are() && sf_turns_mine();
}

static long ask4(pid_t pid, int *status, int options, struct rusage *usage)
{
    long r;

    do
        r = sf_syscall(SYS_wait4, pid, (long)status, options, (long)usage, 0,
                       0);
    while (r < 0 && errno == EINTR && !(options & WNOHANG));
    return r;
}

static pid_t wait_in_turn(pid_t pid, int *status, int options,
                          struct rusage *usage)
{
    struct sf_child *child;
    int result;
    long r;

    while ((child = await(pid, options, &result))) {
        r = ask4(child->pid, status, options & ~WNOHANG, usage);
        if (reap(child, r, options))
            return (pid_t)r;
    }
    if (result == ASK)
        result = sf_libc.wait4(pid, status, options, usage);
    return result;
}

SF_EXPORT pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage)
{
    return takes_part() ? wait_in_turn(pid, status, options, usage)
                        : sf_libc.wait4(pid, status, options, usage);
}

SF_EXPORT pid_t waitpid(pid_t pid, int *status, int options)
{
    return takes_part() ? wait_in_turn(pid, status, options, NULL)
                        : sf_libc.waitpid(pid, status, options);
}

SF_EXPORT pid_t wait(int *status)
{
    return waitpid(-1, status, 0);
}

SF_EXPORT pid_t wait3(int *status, int options, struct rusage *usage)
{
    return wait4(-1, status, options, usage);
}

SF_NEXT(waitid, int, (idtype_t type, id_t id, siginfo_t *info, int options))

/* As waitpid() has it; 0 if it is no process of ours that is meant. */
static pid_t pid_of(idtype_t type, id_t id)
{
    switch (type) {
    case P_ALL:
        return -1;
    case P_PID:
        return (pid_t)id;
    case P_PGID:
        return -(pid_t)id;
    default:
        return 0;
    }
}

SF_EXPORT int waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
    struct sf_child *child;
    int result = ASK, r;

    while (takes_part() && options & WEXITED && pid_of(type, id) != 0 &&
           (child = await(pid_of(type, id), options, &result))) {
        r = next_waitid()(P_PID, (id_t)child->pid, info, options & ~WNOHANG);
        if (reap(child, r, options))
            return r;
    }
    if (result == ASK)
        return next_waitid()(type, id, info, options);
    if (result == 0 && info)
        memset(info, 0, sizeof *info);
    return result;
}

/* ----------------------------------------------------------------- signals */

static bool is_sent(const struct sf_child *child, pid_t process)
{
    if (process > 0)
        return child->pid == process;
    return process == -1 ||
           getpgid(child->pid) == (process == 0 ? getpgrp() : -process);
}

/* Who is sent SIGKILL is no more, and if its parent has the turn it gets
 * SIGCHLD now, and not somewhere in what it does next; any other gets it in its
 * turn, soon. */
static void note_sent(struct sf_child *child, int signo)
{
    if (child == &sf_children.at[sf_forks_own] || child->life != SF_LIVES)
        return;
    child->sent = true;
    if (signo != SIGKILL) {
        sf_turns_rouse(child->turn);
        return;
    }
    sf_child_died(child);
    sf_forks_note_children();
}

void sf_forks_sent(pid_t process, int signo)
{
    for (unsigned i = 0; i < sf_children.n && signo > 0; i++)
        if (is_sent(&sf_children.at[i], process))
            note_sent(&sf_children.at[i], signo);
}

/* To all of them in that group, the calling one last. */
static int send_to_all(pid_t group, int signo)
{
    bool own = false, any = false;

    for (unsigned i = 0; i < sf_children.n; i++) {
        struct sf_child *c = &sf_children.at[i];

        if (c->life >= SF_ENDED || !is_sent(c, group))
            continue;
        any = true;
        own |= i == sf_forks_own;
        if (i == sf_forks_own)
            continue;
        sf_syscall(SYS_kill, c->pid, signo, 0, 0, 0, 0);
        if (signo > 0)
            note_sent(c, signo);
    }
    if (own && group != -1)
        return kill(sf_process(), signo);
    if (!any)
        errno = ESRCH;
    return any ? 0 : -1;
}

/* The program's group is also that of whoever runs it, and all are more than
 * are meant. */
bool sf_forks_kill(pid_t group, int signo, int *result)
{
    pid_t meant = group == 0 ? getpgrp() : -group;

    if (!sf_turns_mine() || (group != -1 && meant != sf_children.harness))
        return false;
    *result = send_to_all(group, signo);
    return true;
}
