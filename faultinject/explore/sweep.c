/* sweep.c: `sockfault explore`, case after case; see sweep.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faultinject/explore/sweep.h"

enum { TICK_MS = 500, LOCK_MS = 10000, STOP_MS = 4000 };
#define SURVEYS ((size_t)-1)

struct job {
    pid_t pid; /* 0: none */
    size_t i;  /* case, or group, or SURVEYS */
    bool confirms;
};

static struct {
    struct job jobs[SF_JOBS_MAX];
    size_t next; /* in the order of cases */
    int64_t since;
    bool stopped;
    bool cannot;
    sigset_t mask; /* as before */
} at;

/* --- a process for a case --- */

/* It is told to end when we are killed, and clears up. */
static void begin_child(struct sf_sweep *s, pid_t parent, unsigned job,
                        size_t i)
{
    char text[24];

    prctl(PR_SET_PDEATHSIG, SIGTERM);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (getppid() != parent)
        _exit(SF_COULD_NOT);
    sigprocmask(SIG_SETMASK, &at.mask, NULL);
    snprintf(text, sizeof text, "%u", job);
    setenv("SOCKFAULT_JOB", text, 1);
    snprintf(text, sizeof text, "%zu", i + 1);
    setenv("SOCKFAULT_CASE", text, 1);
    sf_sweep_divert(s, job);
}

static int work(struct sf_sweep *s, const struct job *job)
{
    if (job->i == SURVEYS)
        return sf_sweep_survey(s);
    if (job->confirms)
        return sf_sweep_confirm(s, &s->groups[job->i]);
    return sf_sweep_try(s, job->i);
}

static bool launch(struct sf_sweep *s, struct job *job, size_t i, bool confirms)
{
    pid_t parent = getpid();
    int status;

    *job = (struct job){0, i, confirms};
    fflush(stdout);
    fflush(stderr);
    job->pid = fork();
    if (job->pid < 0) {
        job->pid = 0;
        at.cannot = true;
        return sf_complain("cannot start a process: %s", strerror(errno));
    }
    if (job->pid > 0)
        return true;
    begin_child(s, parent, (unsigned)(job - at.jobs) + 1, i);
    status = work(s, job);
    sf_end_children(0);
    fflush(stderr);
    _exit(sf_forwarded() ? SF_COULD_NOT : status);
}

/* --- which one comes next --- */

static bool is_at_work(const struct sf_sweep *s, size_t i, bool confirms)
{
    for (int j = 0; j < s->jobs; j++)
        if (at.jobs[j].pid && at.jobs[j].i == i &&
            at.jobs[j].confirms == confirms)
            return true;
    return false;
}

static bool next_group(const struct sf_sweep *s, size_t *i)
{
    for (*i = 0; *i < s->n_groups; ++*i)
        if (s->groups[*i].tries == 0 && !is_at_work(s, *i, true))
            return true;
    return false;
}

static bool next_case(const struct sf_sweep *s, size_t *i)
{
    for (; at.next < s->cases.n; at.next++) {
        *i = sf_sweep_case(s, at.next);
        if (sf_sweep_is_ours(s, *i) && s->state[*i] == SF_CASE_TO_DO) {
            at.next++;
            return true;
        }
    }
    return false;
}

static bool is_over(const struct sf_sweep *s)
{
    return s->budget_ms && sf_now_ms() - at.since >= s->budget_ms;
}

/* What was found is seen again also when the time is over. */
static bool launch_next(struct sf_sweep *s, struct job *job)
{
    size_t i;

    if (at.stopped || at.cannot)
        return false;
    if (next_group(s, &i))
        return launch(s, job, i, true);
    return !is_over(s) && next_case(s, &i) && launch(s, job, i, false);
}

static int fill(struct sf_sweep *s)
{
    int busy = 0;

    for (int j = 0; j < s->jobs; j++)
        busy += at.jobs[j].pid || launch_next(s, &at.jobs[j]);
    return busy;
}

/* --- waiting for them --- */

static void hold_signals(void)
{
    sigset_t ours;

    signal(SIGCHLD, SIG_DFL);
    sigemptyset(&ours);
    sigaddset(&ours, SIGCHLD);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGHUP);
    sigprocmask(SIG_BLOCK, &ours, &at.mask);
}

static void await(void)
{
    struct timespec tick = {0, TICK_MS * 1000000L};
    sigset_t ours;
    int sig;

    sigemptyset(&ours);
    sigaddset(&ours, SIGCHLD);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGHUP);
    sig = sigtimedwait(&ours, NULL, &tick);
    if (sig > 0 && sig != SIGCHLD)
        at.stopped = true;
}

static struct job *job_of(pid_t pid)
{
    for (int j = 0; j < SF_JOBS_MAX; j++)
        if (at.jobs[j].pid == pid)
            return &at.jobs[j];
    return NULL;
}

/* A case whose process fails says why by itself, and is the last. */
static int reap(void)
{
    struct job *job;
    int status, last = SF_NOTHING_FOUND;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        job = job_of(pid);
        if (!job)
            continue;
        job->pid = 0;
        last = WIFEXITED(status) ? WEXITSTATUS(status) : SF_COULD_NOT;
        if (WIFSIGNALED(status) && !at.stopped)
            sf_complain("explore: the process of case %zu was killed by SIG%s",
                        job->i + 1, sigabbrev_np(WTERMSIG(status)));
        if (last != SF_NOTHING_FOUND && !at.stopped)
            at.cannot = true;
    }
    return last;
}

static bool all_idle(void)
{
    for (int j = 0; j < SF_JOBS_MAX; j++)
        if (at.jobs[j].pid)
            return false;
    return true;
}

static void signal_all(int sig)
{
    for (int j = 0; j < SF_JOBS_MAX; j++)
        if (at.jobs[j].pid)
            kill(at.jobs[j].pid, sig);
}

/* They end their commands and what these have left; if not, we do. */
static void stop_all(void)
{
    int64_t end = sf_now_ms() + STOP_MS;

    signal_all(SIGTERM);
    while (!all_idle() && sf_now_ms() < end) {
        await();
        reap();
    }
    signal_all(SIGKILL);
    sf_end_children(0);
}

/* --- the folder --- */

static bool make_folder(const char *path)
{
    return mkdir(path, 0777) == 0 || errno == EEXIST ||
           sf_complain("%s: %s", path, strerror(errno));
}

/* With all that it lies in; *made: the last part was not there. */
static bool make_all(const char *path, bool *made)
{
    char part[PATH_MAX];
    size_t n = 0;

    if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part)
        return sf_complain("%s: %s", path, strerror(ENAMETOOLONG));
    while (path[n += strspn(path + n, "/")]) {
        n += strcspn(path + n, "/");
        if (path[n + strspn(path + n, "/")] == '\0')
            break;
        part[n] = '\0';
        if (!make_folder(part))
            return false;
        part[n] = '/';
    }
    *made = mkdir(path, 0777) == 0;
    return *made || make_folder(path);
}

/* What a killed one had started has the lock as well, until it is gone. */
static bool lock(const struct sf_sweep *s)
{
    const char *path = sf_sweep_path(s, "lock");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    int64_t end = sf_now_ms() + LOCK_MS;

    while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (sf_now_ms() > end)
            return sf_complain("%s: another one is at work there", s->folder);
        usleep(100000);
    }
    return fd >= 0 || sf_complain("%s: %s", path, strerror(errno));
}

static bool open_folder(const struct sf_sweep *s, bool *made)
{
    return make_all(s->folder, made) &&
           make_folder(sf_sweep_path(s, "findings")) && lock(s) &&
           sf_sweep_mend(s);
}

static void remove_outputs(const struct sf_sweep *s)
{
    for (unsigned j = 1; j <= (unsigned)s->jobs; j++) {
        unlink(sf_sweep_path(s, "output.%u", j));
        unlink(sf_sweep_path(s, "errors.%u", j));
    }
}

/* There is nothing to go on with, and nobody has asked for a folder. */
static void remove_folder(const struct sf_sweep *s)
{
    static const char *const files[] = {"lock", "baseline.output",
                                        "baseline.errors"};

    remove_outputs(s);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(sf_sweep_path(s, "%s", files[i]));
    rmdir(sf_sweep_path(s, "findings"));
    rmdir(s->folder);
}

/* --- all of it --- */

static int survey(struct sf_sweep *s)
{
    int status = SF_NOTHING_FOUND;

    if (!launch(s, &at.jobs[0], SURVEYS, false))
        return SF_COULD_NOT;
    while (at.jobs[0].pid && !at.stopped) {
        await();
        status = reap();
    }
    if (at.stopped) {
        stop_all();
        return SF_COULD_NOT;
    }
    return status;
}

static bool go(struct sf_sweep *s)
{
    size_t before = sf_sweep_cases(s) - sf_sweep_count(s, SF_CASE_TO_DO);
    struct sf_progress progress;
    bool good = true;

    sf_progress_begin(&progress, false);
    while (good && fill(s) > 0) {
        await();
        reap();
        if (at.stopped || at.cannot)
            break;
        good = sf_sweep_read(s);
        sf_sweep_progress(s, &progress, before);
    }
    stop_all();
    sf_progress_wipe(&progress);
    return sf_sweep_read(s) && good;
}

static int verdict(const struct sf_sweep *s)
{
    size_t met =
        sf_sweep_count(s, SF_CASE_QUIET) + sf_sweep_count(s, SF_CASE_FOUND);

    if (sf_sweep_news(s))
        return SF_FOUND;
    if (at.cannot || at.stopped)
        return SF_COULD_NOT;
    if (met > 0)
        return SF_NOTHING_FOUND;
    sf_complain("explore: no fault happened, so nothing is shown");
    return SF_COULD_NOT;
}

int sf_sweep(struct sf_sweep *s)
{
    uint64_t before;
    bool made = false;
    int status;

    if (!open_folder(s, &made))
        return SF_COULD_NOT;
    hold_signals();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (!sf_sweep_has_cases(s) && (status = survey(s)) != SF_NOTHING_FOUND) {
        if (made)
            remove_folder(s);
        return status;
    }
    if (!sf_sweep_load(s) || !sf_sweep_read(s))
        return SF_COULD_NOT;
    at.cannot = false;
    before = s->runs;
    at.since = sf_now_ms();
    if (!go(s))
        at.cannot = true;
    remove_outputs(s);
    sf_sweep_say(s, at.stopped || at.cannot ? SF_REST_STOPPED : SF_REST_TIME,
                 sf_now_ms() - at.since, s->runs - before);
    return verdict(s);
}
