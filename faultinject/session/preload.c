/*
 * preload.c: libsockfault-sim.so, simnet around a program as it is.
 *
 * The world begins before main(); the session once the program listens and
 * waits with nothing ready for it.  Under afl-fuzz only then is it read, so
 * that the fork server can be started there, with all of the program's
 * preparation behind it.  The program's own files stay below SF_SIM_FD.
 */
#include "faultinject/inject/conn.h"
#include "faultinject/inject/finding.h"
#include "faultinject/inject/hash.h"
#include "faultinject/inject/inject.h"
#include "faultinject/inject/monitor.h"
#include "faultinject/inject/pid.h"
#include "faultinject/session/dials.h"
#include "faultinject/session/errors.h"
#include "faultinject/session/kept.h"
#include "faultinject/session/machine.h"
#include "faultinject/session/others.h"
#include "faultinject/session/real.h"
#include "faultinject/session/refuse.h"
#include "faultinject/session/run.h"
#include "faultinject/session/serve.h"
#include "faultinject/session/served.h"
#include "faultinject/session/tasks.h"
#include "faultinject/session/walk.h"
#include "faultinject/session/word.h"
#include "faultinject/threads/revive.h"
#include "faultinject/threads/turns.h"

#include <errno.h>
#include <execinfo.h>
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
static struct sf_session session;
static char scenario[PATH_MAX]; /* where the session is                */
static bool fuzzing; /* afl-fuzz is listening: a finding is a crash */
static pid_t owner;  /* the process that the world is for           */

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
    if ((fuzzing ? sf_session_read : sf_session_read_file)(&session, bytes, len,
                                                           why, sizeof why) < 0)
        cannot(why);
    if (!fuzzing && (sf_session_has(&session, SF_ACT_KILL) ||
                     sf_session_has(&session, SF_ACT_LIMIT)))
        cannot("'kill' and 'limit' are done to fuzz targets, and not to a "
               "program as it is");
    if (served->calm || served->proves)
        session.faults_n = 0;
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

/* ------------------------------------------------------------- its memory */

/* Of simulated threads only: what others do has no fixed place in time. */
static bool allocates;

/* Whose it is, for whoever sees it happen. */
static void tell_allocation(void)
{
    void *frames[32];
    int n = backtrace(frames, sizeof frames / sizeof *frames);

    fprintf(show, "allocation %llu, which fails:\n",
            (unsigned long long)served->refused);
    fflush(show);
    backtrace_symbols_fd(frames, n, sf_errors_fd());
}

/* It loads a library the first time. */
static void load_backtrace(void)
{
    void *frame;

    backtrace(&frame, 1);
}

/* What it takes to tell is not the program's. */
static bool refuses(const void *caller)
{
    (void)caller;
    if (!allocates || !sf_turns_mine() || !sf_refused())
        return false;
    allocates = false;
    if (show)
        tell_allocation();
    allocates = true;
    errno = ENOMEM;
    return true;
}

static char *say_terminate(void)
{
    return served->terminate;
}

static void begin_to_refuse(void)
{
    sf_inject_terminates = say_terminate;
    allocates = true;
    sf_inject_refuses = refuses;
    served->blind = !sf_refuse_sees();
    sf_refuse(served->refused);
}

/* ------------------------------------------------------------ the program */

static void count(void)
{
    served->calls = sf_sim_calls();
    served->conns = sf_session_conns();
    served->accepted = sf_conn_count_of(SF_ROLE_SERVER);
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
    if (!served->joined || is_judged() || getpid() != owner)
        return;
    count();
    sf_session_leave();
    served->conns = sf_session_conns(); /* who came and did not wait, too */
    served->ended = true;
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

/* Its children go on here; those of the program have no world. */
static bool serving_forks;

static void start_fork_server(void)
{
    if (fuzzing && sf_sim_threads > 1)
        cannot("afl-fuzz runs a fork of the program for each input, and a fork "
               "has one thread");
    serving_forks = true;
    if (&__afl_manual_init)
        __afl_manual_init();
    serving_forks = false;
}

/* … and so those that are asked for. */
static pid_t fork_run(void)
{
    pid_t child;

    serving_forks = true;
    child = sf_sim_threads > 1 ? sf_turns_fork() : fork();
    serving_forks = false;
    if (child == 0) {
        sf_forget_processor();
        served->loaded = true;
    }
    return child;
}

/*
 * A child's first calls decide whether the session can go on, so they come
 * before the program's next ones.  A pipe is closed when it has become
 * another program or ended; one that lives on by itself is not waited for.
 */
static int birth[2] = {-1, -1};

static void close_birth(int side)
{
    if (birth[side] >= 0)
        sf_libc.close(birth[side]);
    birth[side] = -1;
}

static void before_fork(void)
{
    if (!serving_forks && sf_libc.pipe2(birth, O_CLOEXEC) < 0)
        birth[0] = birth[1] = -1;
}

static void in_parent(void)
{
    struct pollfd child = {.fd = birth[0], .events = POLLIN};

    if (!serving_forks) /* what it writes is not its own alone for a while */
        served->walk.met = NULL;
    close_birth(1);
    if (child.fd >= 0)
        sf_libc.poll(&child, 1, PATIENCE_MS);
    close_birth(0);
    if (served->unusable)
        _exit(2);
}

static void in_child(void)
{
    close_birth(0);
    if (!serving_forks) {
        sf_pid_forked();
        sf_inject_refuses = NULL;
        sf_turns_abandon();
        sf_inject_abandon();
        sf_sim_end();
    }
}

static void on_fork(enum sf_fork where)
{
    static void (*const handlers[])(void) = {before_fork, in_parent, in_child};

    handlers[where]();
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

static struct sf_program program = {
    .side = SF_SERVE,
    .stop = stop,
    .quiet = look,
    .fault = on_fault,
    .no_control = true, /* there is nothing it would be known to answer */
    .no_dead_fd = true, /* nor does it expect to be robbed              */
    .no_emfile = true,  /* its files are not in the same table          */
    .keeps_open = true,
};

/* A pair that is no stream is the real kernel's, and all forks would have it in
 * common. */
static bool has_real_pair;

/* What comes back is a fork, or the process itself where none is wanted. */
static void serve_runs(void)
{
    pid_t process = getpid(), parent = getppid();

    start_fork_server();
    if (fuzzing)
        load();
    sf_turns_await_end();
    sf_walk_states(&served->serving);
    if (has_real_pair && served->serving.wanted)
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
    _exit(2);
}

/* Their part is written down, instead of a session that is played. */
static void meet_real_peers(void)
{
    struct sf_real real = {.port = served->live,
                           .dials = dialled.given,
                           .next = &session,
                           .recorded = &served->recorded,
                           .dropped = &served->dropped};

    session =
        (struct sf_session){.buffers = SF_SIM_BUFFER, .profile = SF_LINUX};
    served->recorded = session;
    sf_real_nobody = no_real_peer;
    program.more = sf_real_more;
    if (!sf_real_begin(&real))
        no_real_peer(strerror(errno));
}

static void (*turns_calls)(enum sf_call call);

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
    served->joined = true;
    served->dials = side == SF_DIAL;
    begin_to_refuse();
    sf_sanitized_await();
    program.name = called;
    program.side = side;
    program.listener = listen_there();
    sf_session_join(&session, &program, show);
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

    if (call != SF_CALL_connect) {
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
    _exit(1);
}

/* The pipes to who knows the names of its functions are not the program's, and
 * their other ends are in a process that the world is not for. */
static int pipe_unless_reporting(int fds[2])
{
    return sf_sanitized_reports() ? sf_libc.pipe(fds) : sf_simnet()->pipe(fds);
}

static int pair_noted(int domain, int type, int protocol, int fds[2])
{
    int r = sf_simnet()->socketpair(domain, type, protocol, fds);

    has_real_pair |= r == 0 && fds[0] < SF_SIM_FD;
    return r;
}

static int socket_noted(int domain, int type, int protocol)
{
    served->met = true;
    return sf_simnet()->socket(domain, type, protocol);
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

/* Before the program's own constructors, AFL++'s among them. */
__attribute__((constructor(102))) static void attach(void)
{
    static struct sf_world world;
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
        stand_by();
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
        load_backtrace();
    if (is_shown())
        show = sf_errors_keep();
    if (served->hears)
        program.received = hear;
    if (served->live)
        meet_real_peers();
    else if (!fuzzing) /* while the path is still a path, and may be read */
        load();
    watch_others();
    sf_finding_hook = tell;
    program.signals = sf_kernel();
    begin_world();
    determine_auxv();
    world = *sf_simnet();
    world.pipe = pipe_unless_reporting;
    world.socket = socket_noted;
    world.socketpair = pair_noted;
    sf_inject_begin(&world, NULL, SF_LINUX);
    sf_turns_show(&served->turns);
    sf_turns_cannot = cannot;
    sf_turns_begin();
    turns_calls = sf_inject_calls;
    if (dialled.given)
        sf_inject_calls = before_call;
    sf_monitor_begin(SF_MONITORS_OF_CALLS);
    sf_inject_forks = on_fork;
    sf_inject_exits = leave;
    pthread_atfork(before_fork, in_parent, in_child);
}

__attribute__((destructor(102))) static void detach(void)
{
    leave();
}
