/* run.c: the command under the library, once; see explore.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faultinject/explore/explore.h"

enum { GRACE_MS = 2000, PARTING_MS = 500 };

/* --- the shared file --- */

/* What one run needs and its child is given. */
struct shared {
    struct sf_program program;
    char library[PATH_MAX];
    char path[64];
    int fd; /* of the file at path, to hold it */
    struct sf_control *control;
};

/* Programs that give up rights must still be able to open it. */
static mode_t control_mode(void)
{
    return geteuid() == 0 ? 0666 : 0600;
}

static bool map_file(struct shared *s, size_t bytes)
{
    if (fchmod(s->fd, control_mode()) < 0 ||
        posix_fallocate(s->fd, 0, (off_t)bytes) != 0)
        return false;
    s->control =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
    return s->control != MAP_FAILED;
}

static void remove_file(struct shared *s)
{
    unlink(s->path);
    close(s->fd);
}

/* A new mapped file; what is in it comes later. */
static bool make_file(struct shared *s, size_t bytes)
{
    strcpy(s->path, SF_SHARED ".XXXXXX");
    s->fd = sf_shared_open(s->path);
    if (s->fd < 0)
        return false;
    if (!map_file(s, bytes)) {
        sf_complain("%s: no room for %zu bytes", s->path, bytes);
        remove_file(s);
        return false;
    }
    return true;
}

static void fill(struct sf_control *c, const struct sf_run *run, size_t bytes)
{
    strcpy(c->magic, SF_CONTROL_MAGIC);
    c->bytes = bytes;
    c->profile = run->plan.profile;
    c->tracing = run->trace != NULL;
    c->surveying = run->surveys;
    c->memory = run->memory;
    c->allowed = run->allowed;
    c->watched = run->watched;
    memcpy(c->only, run->only, sizeof c->only);
    c->n_rules = run->plan.n;
    if (run->plan.n > 0)
        memcpy(c->rules, run->plan.rules, run->plan.n * sizeof *c->rules);
}

/* What stands behind the rules. */
static void fill_rest(struct sf_control *c, const struct sf_span *spans,
                      size_t n)
{
    c->n_spans = n;
    if (n > 0)
        memcpy(sf_control_spans(c), spans, n * sizeof *spans);
    c->n_keyed = sf_index_make(sf_control_entries(c), c->rules, c->n_rules);
}

static bool make_shared(struct shared *s, const struct sf_run *run)
{
    struct sf_span *spans;
    size_t n;
    size_t bytes = sizeof *s->control + run->plan.n * (sizeof *run->plan.rules +
                                                       sizeof(struct sf_entry));
    bool good = sf_find_spans(&s->program, &run->plan, &spans, &n);

    bytes += n * sizeof *spans;
    good = good && make_file(s, bytes);
    if (good) {
        fill(s->control, run, bytes);
        fill_rest(s->control, spans, n);
    }
    free(spans);
    return good;
}

/* --- the child's environment --- */

/* The program that makes the command's calls for it. */
static bool find_notify(char *path, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", path, size - 8);

    if (n < 0)
        return sf_complain("/proc/self/exe: %s", strerror(errno));
    strcpy(path + n, "-notify");
    if (access(path, X_OK) == 0)
        return true;
    return sf_complain("%s: %s", path, strerror(errno));
}

/* Some allocation may fail: the allocator is stood in for. */
static bool refuses_memory(const struct sf_run *run)
{
    bool found = run->memory;

    for (size_t i = 0; i < run->plan.n && !found; i++)
        found = run->plan.rules[i].fault == SF_NO_MEMORY;
    return found;
}

/* How the calls of this command are reached. */
static bool find_way(struct shared *s, const struct sf_run *run)
{
    bool memory = refuses_memory(run);

    if (run->notify && memory)
        return sf_complain("--notify does not reach allocations: no-memory "
                           "needs the library");
    if (run->notify)
        return find_notify(s->library, sizeof s->library);
    if (s->program.is_static)
        return sf_complain("%s: statically linked: its calls do not go through "
                           "a libc that can be replaced; %s",
                           s->program.path,
                           memory ? "nothing reaches allocations"
                                  : "--notify reaches them");
    return sf_find_library(memory ? "libsockfault-memory.so"
                                  : "libsockfault.so",
                           s->library, sizeof s->library);
}

static void set_environment(const struct shared *shared, bool notify)
{
    if (!notify)
        sf_set_preload(&shared->program, shared->library);
    sf_set_sanitizers(false);
    setenv(SF_CONTROL_ENV, shared->path, 1);
}

/* --- the run --- */

/* A limit on files is an error of ours to tell, and a signal to the command
 * as before. */
static void (*file_limit)(int);

static void redirect(int to, const char *path, int flags)
{
    int fd = open(path, flags, 0600);

    if (fd < 0 || dup2(fd, to) < 0)
        _exit(126);
    close(fd);
}

/* Input is for a person who looks at the output. */
static void divert(const struct sf_run *run)
{
    redirect(STDIN_FILENO, "/dev/null", O_RDONLY);
    redirect(STDOUT_FILENO, run->output, O_WRONLY | O_CREAT | O_TRUNC);
    redirect(STDERR_FILENO, run->errors, O_WRONLY | O_CREAT | O_TRUNC);
}

static void execute(const struct sf_run *run, const struct shared *shared)
{
    char **word = run->command;
    size_t n = 0;

    if (!run->notify) {
        execvp(run->command[0], run->command);
        return;
    }
    while (word[n])
        n++;
    word = calloc(n + 2, sizeof *word);
    if (word) {
        word[0] = (char *)shared->library;
        memcpy(word + 1, run->command, n * sizeof *word);
        execv(shared->library, word);
    }
}

/* --- the command's process --- */

static void become(const struct sf_run *run, const struct shared *shared,
                   struct sf_tally *tally, const sigset_t *mask)
{
    if (run->timeout_ms > 0)
        setpgid(0, 0);
    if (run->output)
        divert(run);
    signal(SIGXFSZ, file_limit);
    set_environment(shared, run->notify);
    if (tally) /* before a signal can end it: somebody waits for this */
        sf_tally_offer(tally);
    sf_signals_free(mask);
    execute(run, shared);
}

/* exec failed: its errno comes through a pipe that exec would have closed. */
static pid_t spawn(const struct sf_run *run, const struct shared *shared,
                   struct sf_tally *tally, const sigset_t *mask)
{
    int report[2];
    int err = 0;
    pid_t pid;

    if (pipe2(report, O_CLOEXEC) < 0) {
        sf_complain("cannot start a process: %s", strerror(errno));
        return -1;
    }
    pid = fork();
    if (pid < 0) {
        sf_complain("cannot start a process: %s", strerror(errno));
        close(report[0]);
        close(report[1]);
        return -1;
    }
    if (pid == 0) {
        become(run, shared, tally, mask);
        err = errno;
        _exit(write(report[1], &err, sizeof err) < 0 ? 126 : 127);
    }
    close(report[1]);
    if (tally && !sf_tally_begin(tally, pid)) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        close(report[0]);
        return -1;
    }
    if (read(report[0], &err, sizeof err) == sizeof err) {
        waitpid(pid, NULL, 0);
        sf_complain("%s: %s", run->command[0], strerror(err));
        pid = -1;
    }
    close(report[0]);
    return pid;
}

static pid_t start(const struct sf_run *run, const struct shared *shared,
                   struct sf_tally *tally, const sigset_t *mask)
{
    pid_t pid;

    sf_signals_early();
    pid = spawn(run, shared, tally, mask);
    sf_signals_pass(pid, run->timeout_ms > 0);
    sigprocmask(SIG_SETMASK, mask, NULL);
    return pid;
}

static void watch(pid_t pid, const struct sf_run *run,
                  struct sf_outcome_of_run *outcome)
{
    if (run->timeout_ms > 0 && !sf_ends_within(pid, run->timeout_ms)) {
        outcome->timed_out = true;
        kill(-pid, SIGTERM);
        if (!sf_ends_within(pid, GRACE_MS))
            kill(-pid, SIGKILL);
    }
    while (waitpid(pid, &outcome->status, 0) < 0 && errno == EINTR)
        ;
    sf_signals_pass(0, false);
    outcome->forwarded = sf_forwarded();
}

/* A daemon, or a child: it goes on, and nobody tells of it any more. */
static bool goes_on(pid_t pid)
{
    return pid > 0 && kill(pid, 0) == 0 && !sf_ends_within(pid, PARTING_MS) &&
           kill(pid, 0) == 0;
}

static const char *find_survivor(const struct sf_control *c)
{
    for (unsigned i = 0; i < sf_processes(c); i++)
        if (goes_on(c->processes[i].pid))
            return c->processes[i].program;
    return NULL;
}

/*
 * What goes past the library is counted where it is told, and where that
 * takes no rights from the command: others than root would have to promise
 * that it gains none.  Under --notify nothing goes past.
 */
static bool counts(const struct sf_run *run)
{
    bool is_told = !run->quiet || run->json;

    return !run->notify && (run->no_io_uring || (is_told && geteuid() == 0));
}

/* Calls of the library's say so with a number that nobody else knows; without
 * one they are told as well. */
static struct sf_tally *begin_tally(const struct sf_run *run,
                                    struct sf_control *c)
{
    if (getrandom(&c->cookie, sizeof c->cookie, GRND_NONBLOCK) < 0)
        c->cookie = 0;
    return sf_tally_new(run->no_io_uring, c->cookie);
}

bool sf_run(const struct sf_run *run, struct sf_outcome_of_run *outcome)
{
    static int asked;
    struct shared shared;
    struct sf_tally *tally;
    sigset_t mask;
    pid_t pid;

    memset(outcome, 0, sizeof *outcome);
    if (!asked++)
        file_limit = signal(SIGXFSZ, SIG_IGN);
    if (!sf_program_find(&shared.program, run->command[0]) ||
        !find_way(&shared, run))
        return false;
    sf_signals_hold(&mask);
    if (!make_shared(&shared, run)) {
        sigprocmask(SIG_SETMASK, &mask, NULL);
        return false;
    }
    tally = counts(run) ? begin_tally(run, shared.control) : NULL;
    pid = start(run, &shared, tally, &mask);
    outcome->pid = pid;
    if (pid > 0) {
        watch(pid, run, outcome);
        outcome->control = shared.control;
        outcome->survivor = run->quiet ? NULL : find_survivor(shared.control);
    }
    if (tally)
        sf_tally_end(tally, &outcome->passed);
    remove_file(&shared);
    return pid > 0;
}
