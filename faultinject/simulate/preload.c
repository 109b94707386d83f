/*
 * preload.c: libsockfault-sim.so, simnet around a program as it is.
 *
 * The world begins before main(); the session once the program listens and
 * waits with nothing ready for it.  Under afl-fuzz only then is it read, so
 * that the fork server can be started there, with all of the program's
 * preparation behind it.  The program's own files stay below SF_SIM_FD.
 */
#include "faultinject/forks/forks.h"
#include "faultinject/inject/finding.h"
#include "faultinject/inject/hash.h"
#include "faultinject/inject/inject.h"
#include "faultinject/inject/monitor.h"
#include "faultinject/inject/pid.h"
#include "faultinject/session/errors.h"
#include "faultinject/session/machine.h"
#include "faultinject/session/refuse.h"
#include "faultinject/session/run.h"
#include "faultinject/session/word.h"
#include "faultinject/simulate/births.h"
#include "faultinject/simulate/dials.h"
#include "faultinject/simulate/kept.h"
#include "faultinject/simulate/noted.h"
#include "faultinject/simulate/others.h"
#include "faultinject/simulate/real.h"
#include "faultinject/simulate/serve.h"
#include "faultinject/simulate/served.h"
#include "faultinject/simulate/shortage.h"
#include "faultinject/simulate/tasks.h"
#include "faultinject/simulate/walk.h"
#include "faultinject/threads/revive.h"
#include "faultinject/threads/turns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/single_threaded.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { INPUT_MAX = SF_TEXT_MAX + 1, PATIENCE_MS = 1000 };

/* In programs built with AFL++'s compilers. */
void __afl_manual_init(void) __attribute__((weak));

static struct sf_served unwatched, *served = &unwatched;
static char scenario[PATH_MAX]; /* where the session is                */
static bool fuzzing; /* afl-fuzz is listening: a finding is a crash */
static pid_t owner;  /* the process that the world is for           */

/* All processes of the program have these in common. */
static struct {
    _Alignas(SF_AREA_PAGE) struct sf_session session;
    struct sf_program program;
} everybodys;
static struct sf_session *const session = &everybodys.session;
static struct sf_program *const program = &everybodys.program;

/* ------------------------------------------------------------ the session */

static void put_line(const char *why)
{
    snprintf(served->line, sizeof served->line, "sockfault: %.200s:%s%s",
             scenario[0] == '-' ? "standard input" : scenario,
             sf_before_why(why), why);
}

static _Noreturn void cannot(const char *why)
{
    if (!served->unusable)
        put_line(why);
    if (served == &unwatched)
        dprintf(STDERR_FILENO, "%s\n", served->line);
    served->unusable = true;
    sf_forks_end();
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

static void load(void)
{
    static char bytes[INPUT_MAX];
    char why[160];
    int fd = strcmp(scenario, "-") ? open(scenario, O_RDONLY | O_CLOEXEC) : 0;
    size_t len;

    if (fd < 0)
        cannot(strerror(errno));
    len = read_all(fd, bytes, INPUT_MAX);
    if (fd > 0)
        sf_libc.close(fd);
    if ((fuzzing ? sf_session_read : sf_session_read_file)(session, bytes, len,
                                                           why, sizeof why) < 0)
        cannot(why);
    if (!fuzzing && (sf_session_has(session, SF_ACT_KILL) ||
                     sf_session_has(session, SF_ACT_LIMIT)))
        cannot("'kill' and 'limit' are done to fuzz targets, and not to a "
               "program as it is");
    if (served->calm || served->proves)
        session->faults_n = 0;
}

/* Where peers answer, if anywhere, and where alone they connect. */
static struct place {
    bool given, known;
    struct sockaddr_storage addr;
    socklen_t len; /* 0: everywhere */
} dialled, approached;

/* The environment may be something else later. */
static void read_place(struct place *p, const char *where)
{
    p->given = where;
    p->known = !where || sf_dials_read(where, &p->addr, &p->len);
}

static void check_places(void)
{
    if (!dialled.known)
        cannot(SF_SIM_DIALS_ENV ": " SF_DIALS_EXPECTED);
    if (approached.given && approached.len == 0)
        cannot(SF_SIM_AT_ENV ": " SF_DIALS_EXPECTED);
    if (approached.given)
        sf_sim_listens_only((struct sockaddr *)&approached.addr,
                            approached.len);
}

static FILE *show; /* the session, as it happens; NULL: to nobody */

/* ------------------------------------------------------------ the program */

static void count(void)
{
    served->calls = sf_sim_calls();
    served->conns = sf_session_conns();
    served->allocations = sf_refuse_asked();
}

/* It is over, by what was found or by where it came to. */
static bool is_judged(void)
{
    return served->ended || served->found || served->unusable || served->cut;
}

/* A child's end is not the program's. */
static void leave(void)
{
    sf_forks_leave();
    if (!served->joined || is_judged() || getpid() != owner)
        return;
    count();
    sf_session_leave();
    served->conns = sf_session_conns(); /* who came and did not wait, too */
    served->ended = true;
    sf_forks_end();
}

static _Noreturn void end(void)
{
    leave();
    _exit(0);
}

/* As kill(1) does; to a program without a handler that is the end, and so it
 * is where another thread would get it, which is not simulated. */
static void stop(void *arg)
{
    struct sigaction action;
    bool taken = sf_turns_takes(SIGTERM);

    (void)arg;
    served->stopped = true;
    sf_turns_changed();
    count(); /* a handler may end it by the same signal */
    if (!taken && sf_tasks_any(sf_task_takes_stop))
        end();
    if (taken && (sigaction(SIGTERM, NULL, &action) < 0 ||
                  action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN))
        end();
    if (taken && action.sa_flags & SA_RESTART)
        sf_session_resumes();
    if (sf_blocks(NULL, SIGTERM)) /* another takes it, a wait or a signalfd */
        sf_session_pends();
    kill(getpid(), SIGTERM);
}

static void on_fault(void *arg, const struct sf_point *at,
                     const struct sf_outcome *outcome)
{
    (void)arg, (void)at;
    served->faults++;
    served->fatal |= sf_faults[outcome->fault].cls != SF_BENIGN;
}

static void start_fork_server(void)
{
    if (fuzzing && sf_sim_threads > 1)
        cannot("afl-fuzz runs a fork of the program for each input, and a fork "
               "has one thread");
    sf_births_are_runs = true;
    if (&__afl_manual_init)
        __afl_manual_init();
    sf_births_are_runs = false;
}

/* … and so those that are asked for. */
static pid_t fork_run(void)
{
    pid_t child;

    sf_births_are_runs = true;
    child = sf_sim_threads > 1 ? sf_turns_fork() : fork();
    sf_births_are_runs = false;
    if (child == 0) {
        sf_forget_processor();
        served->loaded = true;
    }
    return child;
}

/* Those that take turns sleep until they have it. */
static bool others_may_run(void)
{
    return !__libc_single_threaded && sf_tasks() != sf_sim_threads &&
           sf_tasks_any(sf_task_runs);
}

/* Other threads come to their next wait before anything is judged or time
 * passes: what they do with the world does not depend on the machine's load. */
static void calm_threads(void *arg, int64_t until)
{
    static const struct timespec ms = {.tv_nsec = 1000000};

    (void)arg, (void)until;
    for (int i = 0; i < PATIENCE_MS && others_may_run(); i++)
        sf_syscall(SYS_nanosleep, (long)&ms, 0, 0, 0, 0, 0);
    if (served->unusable) /* a child has said why */
        _exit(2);
}

/* The program waits, in its session. */
static void look(void *arg, int64_t until)
{
    socklen_t len;

    calm_threads(arg, until);
    served->listened |= sf_sim_listener(&len) != NULL;
    if (sf_session_conns() == SF_CONNS_MAX)
        cannot("the program has more connections than a session can have");
}

/* Kept from the start: a program that sets its title writes it over argv, where
 * libc's own name for it is. */
static char called[41];

static void watch_others(void)
{
    sf_others_watch(&(struct sf_others){.served = served,
                                        .owner = owner,
                                        .called = called,
                                        .dials = dialled.given,
                                        .put_line = put_line,
                                        .cannot = cannot});
}

static const struct sf_program as_it_is = {
    .side = SF_SERVE,
    .stop = stop,
    .quiet = look,
    .fault = on_fault,
    .no_control = true, /* there is nothing it would be known to answer */
    .no_dead_fd = true, /* nor does it expect to be robbed              */
    .no_emfile = true,  /* its files are not in the same table          */
    .keeps_open = true,
};

static void own_areas(sf_area *each, void *arg)
{
    each(arg, &everybodys, sizeof everybodys, sizeof everybodys);
}

/* What comes back is a fork, or the process itself where none is wanted. */
static void serve_runs(void)
{
    pid_t process = getpid(), parent = getppid();

    start_fork_server();
    if (fuzzing)
        load();
    sf_turns_await_end();
    sf_walk_states(&served->serving);
    if (sf_noted_real_pair() && served->serving.wanted)
        _exit(2);
    sf_serve_runs(&served->serving, fork_run);
    if (getpid() == process)
        return;
    sf_pid_keep(process, parent);
    sf_sanitized_forked();
}

static void hear(void *arg, struct sf_peer *peer, const uint8_t *bytes,
                 size_t len)
{
    uint64_t *heard = &served->heard[peer->number];

    *heard = sf_hash(*heard ? *heard : SF_HASH, bytes, len);
    if (served->live)
        sf_real_received(arg, peer, bytes, len);
}

static void no_real_peer(const char *why)
{
    snprintf(served->line, sizeof served->line,
             "sockfault: port %u of 127.0.0.1: %s", served->live, why);
    served->unusable = true;
    sf_forks_end();
    _exit(2);
}

/* Their part is written down, instead of a session that is played. */
static void meet_real_peers(void)
{
    struct sf_real real = {.port = served->live,
                           .dials = dialled.given,
                           .next = session,
                           .recorded = &served->recorded,
                           .told = &served->told,
                           .dropped = &served->dropped};

    *session =
        (struct sf_session){.buffers = SF_SIM_BUFFER, .profile = SF_LINUX};
    served->recorded = *session;
    sf_real_nobody = no_real_peer;
    program->more = sf_real_more;
    if (!sf_real_begin(&real))
        no_real_peer(strerror(errno));
}

static void (*turns_calls)(enum sf_call call);

/* The session may have been joined by another process. */
static bool joined;

static void has_turn(void)
{
    if (joined || !served->joined)
        return;
    joined = true;
    sf_inject_calls = turns_calls;
    sf_session_adopt(show);
}

static void crashed(unsigned process, int signo)
{
    if (signo > 0)
        sf_finding(SF_MON_DIED, "process %u was killed by SIG%s", process,
                   sigabbrev_np(signo));
    else if (sf_sanitized_ended(&served->sanitized))
        sf_finding(SF_MON_DIED, "a sanitizer's report of process %u, see above",
                   process);
}

static void watch_forks(void)
{
    sf_forks_watch(&(struct sf_forks){.may = sf_births_may_share,
                                      .cannot = cannot,
                                      .has_turn = has_turn,
                                      .crashed = crashed,
                                      .lost = &served->lost,
                                      .areas = own_areas});
}

static struct sf_end *listen_there(void)
{
    enum { BACKLOG = 16 };
    struct sf_end *there;

    if (!dialled.given)
        return NULL;
    there = dialled.len ? sf_end_listen((struct sockaddr *)&dialled.addr,
                                        dialled.len, BACKLOG)
                        : sf_end_listen_anywhere(BACKLOG);
    if (!there)
        cannot("peers cannot answer where the program listens itself");
    return there;
}

static void join(enum sf_side side)
{
    sf_inject_calls = turns_calls;
    serve_runs();
    if (served->proves)
        sf_walk_join(served, count);
    served->joined = joined = true;
    served->dials = side == SF_DIAL;
    sf_shortage_begin(served, show);
    sf_sanitized_await();
    program->name = called;
    program->side = side;
    program->listener = listen_there();
    sf_session_join(session, program, show);
}

static enum sf_sim_wake on_idle(void *arg, int64_t until)
{
    socklen_t len;

    calm_threads(arg, until);
    if (!sf_sim_listener(&len))
        return SF_SIM_NOTHING;
    join(SF_SERVE);
    return SF_SIM_ACTED;
}

/* A client: what it connects with is the first call of its session. */
static void before_call(enum sf_call call)
{
    struct machine_caller kept;

    if (call != SF_CALL_connect || served->joined) {
        turns_calls(call);
        return;
    }
    kept = machine_caller;
    join(SF_DIAL);
    machine_caller = kept;
    sf_inject_calls(call);
}

/* --------------------------------------------------------------- findings */

/* Who waits for ever has nothing else to wait for. */
static bool is_allowed(enum sf_monitor monitor)
{
    if (!(served->allowed & 1u << monitor))
        return false;
    if (monitor == SF_MON_STALL) {
        served->stopped = true;
        end();
    }
    return true;
}

static bool tell(enum sf_monitor monitor, const char *line)
{
    socklen_t len;

    if (monitor == SF_MON_STALL && !served->joined && !sf_sim_listener(&len))
        cannot("the program waits for ever and listens nowhere");
    if (is_allowed(monitor))
        return true;
    count();
    served->found++;
    snprintf(served->line, sizeof served->line, "%s", line);
    if (served == &unwatched)
        dprintf(STDERR_FILENO, "%s\n", line);
    if (fuzzing)
        abort();
    sf_forks_end();
    _exit(1);
}

static void map_report(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    void *map = MAP_FAILED;
    struct stat st;

    if (fd >= 0 && fstat(fd, &st) == 0)
        map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED,
                   fd, 0);
    if (fd >= 0)
        sf_libc.close(fd);
    if (map != MAP_FAILED)
        served = map;
}

/* A copy: programs write their title over the environment. */
static bool find_scenario(void)
{
    const char *path = getenv(SF_SIM_SCENARIO_ENV);
    const char *pid = getenv(SF_SIM_PID_ENV);

    if (owner)
        return true;
    fuzzing = getenv("__AFL_SHM_ID");
    if (!path && fuzzing)
        path = "-";
    if (!path)
        return false;
    owner = pid ? (pid_t)atol(pid) : getpid();
    snprintf(scenario, sizeof scenario, "%s", path);
    if (!pid) /* what it starts has its own */
        unsetenv(SF_SIM_SCENARIO_ENV);
    return true;
}

static bool is_shown(void)
{
    const char *shown = getenv(SF_SIM_SHOW_ENV);

    return shown && strcmp(shown, "0") != 0;
}

/* A program that the simulated one started: as a child that it forked. */
static void stand_by(void)
{
    if (served == &unwatched)
        return;
    watch_others();
    sf_inject_begin(sf_simnet(), NULL, SF_LINUX);
    sf_inject_abandon();
}

/* What the kernel gave the process when it began: getauxval(3). */
static void determine_auxv(void)
{
    enum { BYTES = 16 };
    void *random = (void *)getauxval(AT_RANDOM);

    if (random)
        sf_simnet()->random(random, BYTES);
}

/* In the process that is meant, from when it is first asked for. */
static void begin_world(void)
{
    static const struct sf_sim_config config = {.idle = on_idle,
                                                .hastens = true};
    static bool begun;

    if (!begun)
        sf_sim_begin(&config);
    begun = true;
}

static bool attached;

/* Constructors of other libraries run before ours, and ask for the time and for
 * random bytes. */
const struct sf_world *sf_early(void)
{
    static struct sf_world early;

    if (attached || !find_scenario() || getpid() != owner)
        return NULL;
    begin_world();
    early = (struct sf_world){.clock_gettime = sf_simnet()->clock_gettime,
                              .gettimeofday = sf_simnet()->gettimeofday,
                              .time = sf_simnet()->time,
                              .random = sf_simnet()->random};
    return &early;
}

static void be_in_world(void)
{
    watch_others();
    watch_forks();
    sf_forks_keep_environment();
    sf_finding_hook = tell;
    determine_auxv();
    sf_inject_begin(sf_noted_world(served), NULL, SF_LINUX);
    sf_turns_show(&served->turns);
    sf_turns_cannot = cannot;
    turns_calls = sf_inject_calls;
    if (dialled.given)
        sf_inject_calls = before_call;
    sf_monitor_begin(SF_MONITORS_OF_CALLS);
    sf_inject_exits = leave;
    sf_births_watch(served, fuzzing);
}

/* A program that another of this session has become, or has started. */
static void be_another(void)
{
    int errors;

    watch_forks();
    if (!sf_forks_resume(&errors)) {
        stand_by();
        return;
    }
    if (is_shown())
        show = sf_errors_adopt(errors);
    be_in_world();
    has_turn();
    sf_sim_meet_low();
}

/* Before the program's own constructors, AFL++'s among them. */
__attribute__((constructor(102))) static void attach(void)
{
    const char *report = getenv(SF_SIM_REPORT_ENV);

    attached = true;
    if (!find_scenario())
        return;
    strncpy(called, program_invocation_short_name, sizeof called - 1);
    read_place(&dialled, getenv(SF_SIM_DIALS_ENV));
    read_place(&approached, getenv(SF_SIM_AT_ENV));
    if (report)
        map_report(report);
    sf_sanitized_watch(&served->sanitized);
    if (getpid() != owner) {
        be_another();
        return;
    }
    if (fuzzing)
        setenv("__AFL_DEFER_FORKSRV", "1", 1);
    if (served->joined)
        cannot("the program ran another in its place once it had peers");
    served->loaded = true;
    check_places();
    if (dialled.given && served->proves)
        sf_kept_output();
    if (served->refused)
        sf_shortage_prepare();
    if (is_shown())
        show = sf_errors_keep();
    *program = as_it_is;
    program->signals = sf_kernel();
    if (served->hears)
        program->received = hear;
    if (served->live)
        meet_real_peers();
    else if (!fuzzing) /* while the path is still a path, and may be read */
        load();
    begin_world();
    sf_turns_begin();
    be_in_world();
}

__attribute__((destructor(102))) static void detach(void)
{
    if (sf_forks_is_child()) /* or it comes too late, in libc */
        fflush(stdout);
    leave();
}
