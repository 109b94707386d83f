/*
 * preload.c: libsockfault-sim.so, simnet around a program as it is.
 *
 * The world begins before main(); the session once the program listens and
 * waits with nothing ready for it.  Only then is it read, so that afl-fuzz's
 * fork server can be started there, with all of the program's preparation
 * behind it.  The program's own files stay below SF_SIM_FD.
 */
#include "faultinject/inject/finding.h"
#include "faultinject/inject/inject.h"
#include "faultinject/inject/monitor.h"
#include "faultinject/simnet/run.h"
#include "faultinject/simnet/served.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { INPUT_MAX = 1 << 16 };

/* In programs built with AFL++'s compilers. */
void __afl_manual_init(void) __attribute__((weak));

static struct sf_served unwatched, *served = &unwatched;
static struct sf_session session;
static const char *scenario; /* where the session is                       */
static bool fuzzing;         /* afl-fuzz is listening: a finding is a crash */

/* ------------------------------------------------------------ the session */

static void cannot(const char *why)
{
    served->unusable = true;
    dprintf(STDERR_FILENO, "sockfault: %s: %s\n",
            scenario[0] == '-' ? "standard input" : scenario, why);
    _exit(2);
}

static size_t read_all(int fd, char *bytes, size_t max)
{
    size_t len = 0;
    ssize_t r;

    do {
        r = sf_libc.read(fd, bytes + len, max - len);
        len += r > 0 ? (size_t)r : 0;
    } while (r > 0 || (r < 0 && errno == EINTR));
    if (r < 0)
        cannot(strerror(errno));
    return len;
}

/* Text if it begins like text, else the bytes of a fuzz input. */
static void load(void)
{
    static const char magic[] = "sockfault-session ";
    static char bytes[INPUT_MAX + 1];
    char why[160];
    int fd = strcmp(scenario, "-") ? open(scenario, O_RDONLY | O_CLOEXEC) : 0;
    size_t len;

    if (fd < 0)
        cannot(strerror(errno));
    len = read_all(fd, bytes, INPUT_MAX);
    if (fd > 0)
        sf_libc.close(fd);
    if (strncmp(bytes, magic, sizeof magic - 1) != 0)
        sf_session_decode(&session, (uint8_t *)bytes, len);
    else if (sf_session_parse(&session, bytes, why, sizeof why) < 0)
        cannot(why);
}

/* ------------------------------------------------------------ the program */

static void leave(void)
{
    if (served->ended || !served->joined)
        return;
    served->calls = sf_sim_calls();
    served->conns = sf_session_conns();
    sf_session_leave();
    served->ended = true;
}

/* As kill(1) does; to a program without a handler that is the end. */
static void stop(void *arg)
{
    struct sigaction action;

    (void)arg;
    served->stopped = true;
    if (sigaction(SIGTERM, NULL, &action) == 0 &&
        action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN) {
        raise(SIGTERM);
        return;
    }
    leave();
    _exit(0);
}

static void on_fault(void *arg, const struct sf_point *at,
                     const struct sf_outcome *outcome)
{
    (void)arg, (void)at, (void)outcome;
    served->faults++;
}

static struct sf_program program = {
    .side = SF_SERVE,
    .stop = stop,
    .fault = on_fault,
    .no_control = true, /* there is nothing it would be known to answer */
    .no_dead_fd = true, /* nor does it expect to be robbed              */
    .no_emfile = true,  /* its files are not in the same table          */
    .keeps_open = true,
};

/* Its children go on here; those of the program have no world. */
static bool serving_forks;

static void start_fork_server(void)
{
    serving_forks = true;
    if (&__afl_manual_init)
        __afl_manual_init();
    serving_forks = false;
}

static void forked(void)
{
    if (!serving_forks)
        sf_inject_end();
}

static enum sf_sim_wake on_idle(void *arg, int64_t until)
{
    socklen_t len;

    (void)arg;
    if (!sf_sim_listener(&len))
        return SF_SIM_NOTHING;
    start_fork_server();
    load();
    served->joined = true;
    program.name = program_invocation_short_name;
    return sf_session_join(&session, &program,
                           getenv(SF_SIM_SHOW_ENV) ? stderr : NULL, until);
}

/* --------------------------------------------------------------- findings */

static _Bool tell(enum sf_monitor monitor, const char *line)
{
    socklen_t len;

    if (monitor == SF_MON_STALL && !served->joined && !sf_sim_listener(&len))
        cannot("the program waits for ever and listens nowhere");
    served->found++;
    dprintf(STDERR_FILENO, "%s\n", line);
    if (fuzzing)
        abort();
    _exit(1);
}

static void map_report(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    void *map = MAP_FAILED;

    if (fd >= 0)
        map = mmap(NULL, sizeof *served, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                   0);
    if (fd >= 0)
        sf_libc.close(fd);
    if (map != MAP_FAILED)
        served = map;
}

/* Before the program's own constructors, AFL++'s among them. */
__attribute__((constructor(102))) static void attach(void)
{
    static const struct sf_sim_config config = {.idle = on_idle};
    const char *report = getenv(SF_SIM_REPORT_ENV);

    fuzzing = getenv("__AFL_SHM_ID");
    scenario = getenv(SF_SIM_SCENARIO_ENV);
    if (!scenario && fuzzing)
        scenario = "-";
    if (!scenario)
        return;
    if (report)
        map_report(report);
    if (fuzzing)
        setenv("__AFL_DEFER_FORKSRV", "1", 1);
    unsetenv(SF_SIM_SCENARIO_ENV); /* a program that it starts has its own */
    served->loaded = true;
    sf_finding_hook = tell;
    sf_sim_begin(&config);
    sf_inject_begin(sf_simnet(), NULL, SF_LINUX);
    sf_monitor_begin(SF_MONITORS_OF_CALLS);
    pthread_atfork(NULL, NULL, forked);
}

__attribute__((destructor(102))) static void detach(void)
{
    leave();
}
