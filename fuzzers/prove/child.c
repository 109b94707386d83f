/*
 * child.c: the prover's children, and what ends them and us; see prove.h
 *
 * A child computes for hours and is told nothing, so it ends when we do, in
 * whatever way.  Whoever wants us to end is heard: what has been done is kept
 * first.
 */
#include "fuzzers/prove/prove.h"

#include "faultinject/session/statement.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const int ends[] = {SIGHUP, SIGINT, SIGTERM};
enum { ENDS = sizeof ends / sizeof *ends };

static volatile sig_atomic_t stopped;
static volatile pid_t awaited; /* a child of which nothing is kept, or 0 */

static void on_end(int signo)
{
    stopped = signo;
    if (awaited > 0)
        kill(awaited, SIGKILL);
}

void prove_catch_ends(void)
{
    struct sigaction now, ours = {.sa_handler = on_end, .sa_flags = SA_RESTART};

    signal(SIGCHLD, SIG_DFL); /* ignored, a child's end would not be told */
    for (int i = 0; i < ENDS; i++)
        if (sigaction(ends[i], NULL, &now) == 0 && now.sa_handler == SIG_DFL)
            sigaction(ends[i], &ours, NULL);
}

int prove_stopped(void)
{
    return stopped;
}

static void leave_ends(void)
{
    struct sigaction now;

    for (int i = 0; i < ENDS; i++)
        if (sigaction(ends[i], NULL, &now) == 0 && now.sa_handler == on_end)
            signal(ends[i], SIG_DFL);
}

pid_t prove_fork(int errors)
{
    pid_t parent = getpid(), pid;

    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        leave_ends();
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
            _exit(2);
        dup2(errors, STDERR_FILENO);
    }
    return pid;
}

/* The handler must never know the number of one that is no more. */
int prove_wait(pid_t pid)
{
    siginfo_t info;
    int status = -1;

    if (pid < 0)
        return -1;
    awaited = pid;
    if (stopped)
        kill(pid, SIGKILL);
    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0 &&
           errno == EINTR)
        ;
    awaited = 0;
    return waitpid(pid, &status, 0) == pid ? status : -1;
}

bool prove_is_foreign(int status)
{
    static const int foreign[] = {SIGKILL, SIGTERM, SIGINT, SIGHUP, SIGQUIT};

    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (WIFSIGNALED(status) && WTERMSIG(status) == foreign[i])
            return true;
    return false;
}

bool prove_is_kill(int status)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

void prove_tell_killed(const struct prove_job *job, int status)
{
    prove_complain("%s: the walker was killed by signal %d (SIG%s), and that "
                   "is nothing it did%s",
                   job->name, WTERMSIG(status), sigabbrev_np(WTERMSIG(status)),
                   sf_resume_text(job->resume));
}

int prove_scratch(void)
{
    char path[] = "/tmp/sockfault-prove-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);

    if (fd >= 0)
        unlink(path);
    return fd;
}

static char text[1 << 20]; /* of a child's standard error */

/* The line of the finding, after what the program says. */
static void read_finding(int fd, struct prove_result *r)
{
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    char *line;

    text[n > 0 ? n : 0] = '\0';
    line = strstr(text, "sockfault: finding: ");
    if (!line)
        line = strstr(text, "ERROR: ");
    if (!line)
        line = strstr(text, "runtime error: ");
    if (line)
        snprintf(r->finding, sizeof r->finding, "%.*s",
                 (int)strcspn(line, "\n"), line);
}

/* Who ends himself says why before he does. */
static const char *last_words(int status)
{
    size_t end = strlen(text);
    char *line;

    while (end > 0 && text[end - 1] == '\n')
        text[--end] = '\0';
    line = strrchr(text, '\n');
    return WTERMSIG(status) != SIGABRT ? "" : line ? line + 1 : text;
}

void prove_judge(int log, int status, struct prove_result *r)
{
    const char *why;

    read_finding(log, r);
    if (r->finding[0])
        return;
    if (WIFSIGNALED(status)) {
        why = last_words(status);
        snprintf(r->finding, sizeof r->finding,
                 "the process was killed: %s%s%s", strsignal(WTERMSIG(status)),
                 *why ? ": " : "", why);
    } else {
        snprintf(r->finding, sizeof r->finding,
                 "the process ended with exit status %d", WEXITSTATUS(status));
    }
}
