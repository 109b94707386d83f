/*
 * watch.c: what the real kernel makes of the processes: they die, and SIGCHLD
 * comes.
 */
#include "faultinject/forks/process.h"

#include "faultinject/inject/sanitizer.h"
#include "faultinject/session/file.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ------------------------------------------------------- what /proc says */

enum { STAT_MAX = 1024 };

static bool read_stat(pid_t pid, char text[STAT_MAX])
{
    char path[40];
    ssize_t n = -1;
    int fd;

    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    fd = sf_file_open(path);
    if (fd >= 0) {
        n = sf_file_read(fd, text, STAT_MAX - 1);
        sf_file_close(fd);
    }
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* The state is behind the name, and how it ended is last: 49 on. */
static bool is_said_gone(pid_t pid, int *status)
{
    enum { FIELDS = 49 };
    char text[STAT_MAX], *at;

    if (!read_stat(pid, text) || !(at = strrchr(text, ')')))
        return false;
    if (at[1] != ' ' || (at[2] != 'Z' && at[2] != 'X'))
        return false;
    for (int i = 0; at && i <= FIELDS; i++)
        at = strchr(at + 1, ' ');
    *status = at ? atoi(at) : 0;
    return true;
}

/* Where there is no /proc, as after chroot(2), a parent knows. */
static bool is_ours_and_gone(pid_t pid, int *status)
{
    siginfo_t info = {.si_pid = 0};

    if (sf_syscall(SYS_waitid, P_PID, pid, (long)&info,
                   WEXITED | WNOHANG | WNOWAIT, 0, 0) < 0 ||
        info.si_pid != pid)
        return false;
    *status = info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status;
    return true;
}

bool sf_child_is_gone(pid_t pid, int *status)
{
    *status = 0;
    if (sf_syscall(SYS_kill, pid, 0, 0, 0, 0, 0) < 0 && errno == ESRCH)
        return true;
    return is_ours_and_gone(pid, status) || is_said_gone(pid, status);
}

/* ------------------------------------------------------------- who is to go */

static bool is_harmless(int signo)
{
    return signo == SIGCHLD || signo == SIGURG || signo == SIGWINCH ||
           signo == SIGCONT;
}

/* It was sent what ends it as soon as it is let through. */
static bool is_doomed(const sigset_t *mask)
{
    struct sigaction action;
    sigset_t came;

    sigpending(&came);
    for (int signo = 1; signo < NSIG; signo++)
        if (sigismember(&came, signo) == 1 && !sigismember(mask, signo) &&
            !is_harmless(signo) && sigaction(signo, NULL, &action) == 0 &&
            action.sa_handler == SIG_DFL)
            return true;
    return false;
}

static _Noreturn void die(const sigset_t *mask)
{
    sf_syscall(SYS_rt_sigprocmask, SIG_SETMASK, (long)mask, 0, NSIG / 8, 0, 0);
    for (;;) /* not one of those */
        sf_syscall(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

/* -------------------------------------------------------------- who is gone */

/* Sent by nobody: what a program does to itself. */
static bool is_crash(int signo)
{
    return signo == SIGSEGV || signo == SIGBUS || signo == SIGABRT ||
           signo == SIGFPE || signo == SIGILL || signo == SIGTRAP ||
           signo == SIGSYS;
}

static void note_crash(struct sf_child *child, bool by_signal, int how)
{
    if (by_signal && is_crash(how) && !child->sent)
        child->crash = how;
    if (!by_signal && how == SF_SANITIZER_STATUS)
        child->crash = -1;
}

static void note_death(struct sf_child *child, int status)
{
    note_crash(child, WIFSIGNALED(status),
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    sf_child_died(child);
}

/* Those that wait for their turn look now and then; one of them, so that nobody
 * else does it at the same time. */
static bool looks_after(const struct sf_child *child)
{
    const struct sf_child *c = sf_children.at;

    while (c == child || c->life != SF_LIVES)
        c++;
    return c == &sf_children.at[sf_forks_own];
}

/* Without the first one there is no session.  Whoever started it looks for what
 * it has left, and is given time for that. */
static bool is_alone(void)
{
    enum { TIMES = 50 };
    static unsigned times;
    int status;

    if (!sf_child_is_gone(sf_children.at[0].pid, &status))
        return false;
    if (++times == TIMES)
        sf_syscall(SYS_exit_group, 0, 0, 0, 0, 0, 0);
    return true;
}

/* It has become something else, and nothing comes of it. */
static void check_executed(const struct sf_child *child)
{
    enum { TIMES = 150 };
    static unsigned times;

    if (!child->executes || !sf_turns_has(child->turn))
        times = 0;
    else if (++times == TIMES)
        sf_forks_how.cannot("a process runs a program that does not load the "
                            "library that simulates");
}

/* Whoever runs the session wants it to end, and another does not let go of its
 * turn. */
static void end_if_told(const sigset_t *mask)
{
    enum { TIMES = 25 };
    static unsigned times;

    if (sf_forks_own > 0 || !is_doomed(mask) || ++times < TIMES)
        return;
    sf_forks_end();
    die(mask);
}

void sf_forks_in_vain(const sigset_t *mask)
{
    bool alone = is_alone();
    int status;

    end_if_told(mask);
    for (unsigned i = 1; i < sf_children.n && !alone; i++) {
        struct sf_child *c = &sf_children.at[i];

        if (c->life != SF_LIVES || !sf_turns_has(c->turn) || !looks_after(c))
            continue;
        if (sf_child_is_gone(c->pid, &status))
            note_death(c, status);
        else
            check_executed(c);
    }
}

/* What runs another program ends when it likes: others who have nothing else to
 * do wait for that, but not for one that lives on. */
bool sf_forks_calm(void)
{
    enum { PATIENCE_MS = 1000 };
    int status;

    for (unsigned i = 1; i < sf_children.n; i++) {
        struct sf_child *c = &sf_children.at[i];

        for (; c->life == SF_EXECS && c->waited < PATIENCE_MS; c->waited++) {
            if (sf_child_is_gone(c->pid, &status)) {
                sf_child_died(c);
                return true;
            }
            sf_forks_sleep();
        }
    }
    return false;
}

void sf_forks_sleep(void)
{
    static const struct timespec ms = {.tv_nsec = 1000000};

    sf_syscall(SYS_nanosleep, (long)&ms, 0, 0, 0, 0, 0);
}

/* --------------------------------------------------------- when it has come */

/* The signal that its end is to its parent is there once it can be waited for:
 * so it is, before the parent goes on. */
void sf_forks_note_children(void)
{
    for (unsigned i = 1; i < sf_children.n; i++) {
        struct sf_child *c = &sf_children.at[i];
        siginfo_t info = {.si_pid = 0};
        long r;

        if (c->life != SF_ENDED || c->noted || c->parent != sf_forks_own)
            continue;
        while ((r = sf_syscall(SYS_waitid, P_PID, c->pid, (long)&info,
                               WEXITED | WNOWAIT, 0, 0)) < 0 &&
               errno == EINTR)
            ;
        c->noted = true;
        if (r < 0) /* its parent does not want to know */
            c->life = SF_REAPED;
        if (info.si_pid == c->pid) /* it had left before it ended so */
            note_crash(c, info.si_code != CLD_EXITED, info.si_status);
    }
}

static void tell_crashes(void)
{
    for (unsigned i = 1; i < sf_children.n; i++) {
        struct sf_child *c = &sf_children.at[i];

        if (c->crash == 0 || c->told)
            continue;
        c->told = true;
        sf_forks_how.crashed(sf_turns_number(c->turn), c->crash);
    }
}

void sf_forks_has_come(const sigset_t *mask)
{
    sf_forks_note_children();
    sf_forks_how.has_turn();
    tell_crashes();
    if (sf_forks_is_child() && is_doomed(mask)) {
        sf_child_leaves(SF_ENDED);
        die(mask);
    }
}
