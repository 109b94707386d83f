/*
 * sim.c: sockfault sim, a server over the kernel in memory; see
 * sockfault-sim(1).
 */
#include "faultinject/explore/explore.h"
#include "faultinject/session/served.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OPT_ALLOW = 256 };
enum { TICK_MS = 100, GRACE_MS = 500, PATIENCE_MS = 3000 };

static const char usage[] =
    "usage: sockfault sim --scenario FILE [--allow MONITOR]... [-v] [-q] "
    "[--]\n"
    "                     COMMAND [ARGUMENT]...\n"
    "\n"
    "Run a single-threaded server over sockets, peers and time in memory.\n"
    "  -s, --scenario FILE  the session: sockfault-session(5), or an input\n"
    "      --allow MONITOR  what it sees is no finding, and the session goes "
    "on\n"
    "  -v, --verbose        show it as it happens, on standard error\n"
    "  -q, --quiet          say only what was found\n"
    "\n"
    "Ends with 0: nothing found, 1: something found, 2: could not do it.\n";

static struct {
    const char *scenario;
    bool verbose, quiet;
    unsigned allowed;
    char library[PATH_MAX + 64], report[64];
    struct sf_served *served;
} sim = {.report = SF_SHARED "-sim.XXXXXX"};

/* ---------------------------------------------------------- preparations */

static bool take_options(int argc, char **argv)
{
    static const struct option options[] = {
        {"scenario", required_argument, NULL, 's'},
        {"allow", required_argument, NULL, OPT_ALLOW},
        {"verbose", no_argument, NULL, 'v'},
        {"quiet", no_argument, NULL, 'q'},
        {NULL, 0, NULL, 0},
    };
    static char name[] = "sockfault: sim";
    int option;

    argv[0] = name; /* getopt's messages begin with it */
    while ((option = getopt_long(argc, argv, "+s:vq", options, NULL)) != -1)
        switch (option) {
        case 's':
            sim.scenario = optarg;
            break;
        case OPT_ALLOW:
            if (!sf_find_monitor(optarg, &sim.allowed))
                return false;
            break;
        case 'v':
            sim.verbose = true;
            break;
        case 'q':
            sim.quiet = true;
            break;
        default: /* getopt has said what is wrong */
            return false;
        }
    if (!sim.scenario)
        return sf_complain("sim: which session?  --scenario FILE");
    if (access(sim.scenario, R_OK) < 0)
        return sf_complain("%s: %s", sim.scenario, strerror(errno));
    return optind < argc || sf_complain("sim: which command?");
}

static bool make_report(void)
{
    int fd = sf_shared_open(sim.report); /* held to the end */

    if (fd < 0)
        return false;
    if (ftruncate(fd, sizeof *sim.served) == 0)
        sim.served = mmap(NULL, sizeof *sim.served, PROT_READ | PROT_WRITE,
                          MAP_SHARED, fd, 0);
    if (!sim.served || sim.served == MAP_FAILED)
        return sf_complain("%s: %s", sim.report, strerror(errno));
    sim.served->allowed = sim.allowed;
    return true;
}

static void set_environment(const struct sf_program *program)
{
    char pid[24];

    sf_set_preload(program, sim.library);
    setenv(SF_SIM_SCENARIO_ENV, sim.scenario, 1);
    setenv(SF_SIM_REPORT_ENV, sim.report, 1);
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    setenv(SF_SIM_PID_ENV, pid, 1);
    if (sim.verbose)
        setenv(SF_SIM_SHOW_ENV, "1", 1);
}

/* --------------------------------------------------------------- verdict */

static int found(const char *what)
{
    fprintf(stderr, "sockfault: %s\n", what);
    return SF_FOUND;
}

static int could_not(const char *what)
{
    fprintf(stderr, "sockfault: %s\n", what);
    return SF_COULD_NOT;
}

static bool allowed(enum sf_monitor monitor)
{
    return sim.allowed & 1u << monitor;
}

static int verdict(const char *name, int status)
{
    const struct sf_served *s = sim.served;
    char line[256];

    if (s->unusable || s->found) {
        fprintf(stderr, "%s\n", s->line);
        return s->unusable ? SF_COULD_NOT : SF_FOUND;
    }
    if (sf_forwarded()) {
        snprintf(line, sizeof line, "stopped by SIG%s before the session ended",
                 sigabbrev_np(sf_forwarded()));
        return could_not(line);
    }
    if (!s->loaded)
        return could_not("the program did not load the library");
    if (WIFSIGNALED(status) && !(s->stopped && WTERMSIG(status) == SIGTERM)) {
        snprintf(line, sizeof line, "finding: died: %s was killed by SIG%s",
                 name, sigabbrev_np(WTERMSIG(status)));
        return found(line);
    }
    if (!s->joined)
        return could_not("the program ended before it waited for a client");
    if (WIFEXITED(status) && WEXITSTATUS(status) == SF_SANITIZER_STATUS &&
        sf_sanitized_ended(&s->sanitized))
        return found("finding: a sanitizer's report, see above");
    if (!s->stopped && !allowed(SF_MON_DIED))
        return found("finding: died: the program ended, and nobody had told "
                     "it to stop");
    if (!sim.quiet)
        printf("sockfault: %u connection%s, %llu calls, %llu fault%s: nothing "
               "found\n",
               s->conns, s->conns == 1 ? "" : "s", (unsigned long long)s->calls,
               (unsigned long long)s->faults, s->faults == 1 ? "" : "s");
    return SF_NOTHING_FOUND;
}

/* ------------------------------------------------------------- the program */

static pid_t start(char **command, const struct sf_program *program,
                   const sigset_t *mask)
{
    pid_t pid = fork();

    if (pid == 0) {
        set_environment(program);
        sf_set_sanitizers();
        sf_signals_free(mask);
        execvp(command[0], command); /* a script, too */
        _exit(127);
    }
    return pid;
}

/*
 * Whoever says that it cannot be done, or serves the real network, may be a
 * child of a program that waits for it by other means than sockets, and would
 * for ever.
 */
static int watch(pid_t pid)
{
    struct sf_served *s = sim.served;
    int status, elsewhere = 0, unusable = 0;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        sf_ends_within(pid, TICK_MS);
        if (s->elsewhere && !s->joined && ++elsewhere * TICK_MS >= PATIENCE_MS)
            s->unusable = true;
        if (s->unusable && ++unusable * TICK_MS >= GRACE_MS)
            kill(pid, SIGKILL);
    }
    sf_signals_pass(0, false);
    return status;
}

/* What was left to us by a parent that has ended, and goes on; 0: none. */
static pid_t left_over(void)
{
    char path[64];
    FILE *children;
    long pid = 0;

    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
    children = fopen(path, "re");
    if (!children || fscanf(children, "%ld", &pid) != 1)
        pid = 0;
    if (children)
        fclose(children);
    return (pid_t)pid;
}

/* A server that went into the background serves the real network there. */
static void note_left_over(const char *name)
{
    struct sf_served *s = sim.served;
    pid_t pid = left_over();

    if (s->unusable || s->joined || !s->loaded || sf_forwarded())
        return;
    s->unusable = pid > 0 || s->elsewhere;
    if (pid == 0 || s->elsewhere)
        return;
    snprintf(s->line, sizeof s->line,
             "sockfault: %.200s: %.40s ended before it waited for a client, "
             "and process %ld goes on without it: run it " SF_SIM_FOREGROUND,
             sim.scenario, name, (long)pid);
}

static void end_left_over(void)
{
    pid_t pid;

    while ((pid = left_over()) > 0 && kill(pid, SIGKILL) == 0)
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
}

static int run(char **command, const struct sf_program *program)
{
    sigset_t mask;
    pid_t pid;
    int status;

    prctl(PR_SET_CHILD_SUBREAPER, 1);
    sf_signals_hold(&mask);
    sf_signals_early();
    pid = start(command, program, &mask);
    sf_signals_pass(pid, false);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    if (pid < 0)
        return could_not("cannot start a process");
    status = watch(pid);
    note_left_over(command[0]);
    if (sim.served->unusable || sf_forwarded())
        end_left_over();
    return verdict(command[0], status);
}

int main(int argc, char **argv)
{
    struct sf_program program;
    int status;

    atexit(sf_check_output);
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return SF_NOTHING_FOUND;
    }
    if (!take_options(argc, argv) || !sf_program_find(&program, argv[optind]) ||
        !sf_find_library("libsockfault-sim.so", sim.library,
                         sizeof sim.library) ||
        !make_report())
        return SF_COULD_NOT;
    status = program.is_static ? could_not("a static program loads no library")
                               : run(argv + optind, &program);
    unlink(sim.report);
    return status;
}
