/*
 * sim.c: sockfault sim, a program over the kernel in memory; see
 * sockfault-sim(1).
 */
#include "faultinject/explore/sim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GRACE_MS = 500, PATIENCE_MS = 3000 };

struct sim sim = {.shards = 1, .report = SF_SHARED "-sim.XXXXXX"};

/* Its runs have no faults but ours, and many may come. */
static bool repeats(void)
{
    return sim.proves || sim.tortures;
}

/* What is not used of it takes no memory. */
static bool make_report(void)
{
    int fd = sf_shared_open(sim.report); /* held to the end */
    size_t size = sizeof *sim.served;

    if (repeats())
        size += SF_EXHAUST_ROOM * sizeof *sim.served->children;
    if (fd < 0)
        return false;
    /* A program that gives up rights must still be able to open it. */
    if (ftruncate(fd, (off_t)size) == 0 &&
        (geteuid() != 0 || fchmod(fd, 0666) == 0))
        sim.served =
            mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (!sim.served || sim.served == MAP_FAILED)
        return sf_complain("%s: %s", sim.report, strerror(errno));
    return true;
}

static void set_or_unset(const char *name, const char *value)
{
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

/*
 * Where a program's stack and heap begin depends on how large its environment
 * is, and on that what it draws, as OpenSSL does keys.  So that is rounded up.
 */
static void even_out(void)
{
    enum { VARIABLES = 64, BYTES = 8192 };
    static char fill[BYTES];
    size_t n = 0, bytes = 0;
    char name[24];

    for (unsigned i = 0; i < VARIABLES; i++) { /* of a sim around this one */
        snprintf(name, sizeof name, "SOCKFAULT_EVEN_%u", i);
        unsetenv(name);
    }
    for (; environ[n]; n++)
        bytes += strlen(environ[n]) + 1;
    for (unsigned i = 0; i == 0 || n % VARIABLES > 0; i++, n++) {
        bytes += (size_t)snprintf(name, sizeof name, "SOCKFAULT_EVEN_%u", i) +
                 sizeof "=";
        setenv(name, "", 1);
    }
    memset(fill, '.', BYTES - 1);
    fill[(BYTES - bytes % BYTES) % BYTES] = '\0';
    setenv(name, fill, 1);
}

static void set_environment(const struct sf_program *program)
{
    char pid[24];

    char *whole = realpath(sim.scenario, NULL); /* it may go elsewhere */

    sf_set_preload(program, sim.library);
    setenv(SF_SIM_SCENARIO_ENV, whole ? whole : sim.scenario, 1);
    free(whole);
    setenv(SF_SIM_REPORT_ENV, sim.report, 1);
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    setenv(SF_SIM_PID_ENV, pid, 1);
    setenv(SF_SIM_SHOW_ENV, sim.verbose ? "1" : "0", 1);
    set_or_unset(SF_SIM_AT_ENV, sim.at);
    set_or_unset(SF_SIM_DIALS_ENV, sim.dials);
    if (sim.proves && !sim.plain) /* which functions were called is no state */
        setenv("LD_BIND_NOW", "1", 0);
    sf_set_sanitizers(true);
    even_out();
}

/* --------------------------------------------------------------- verdict */

static __attribute__((format(printf, 2, 3))) int ends(int status,
                                                      const char *format, ...)
{
    char *line = sim.served->line;
    int n = snprintf(line, SF_SIM_LINE, "sockfault: ");
    va_list ap;

    va_start(ap, format);
    vsnprintf(line + n, SF_SIM_LINE - (size_t)n, format, ap);
    va_end(ap);
    return status;
}

void sf_sim_allow(void)
{
    sim.served->allowed = sim.allowed;
    if (sim.served->refused)
        sim.served->allowed |= 1u << SF_MON_DIED;
}

/* It was told to end; or it may, and says abort(), or glib's g_error(). */
static bool is_excused(int signo)
{
    return (signo == SIGTERM && sim.served->stopped) ||
           ((signo == SIGABRT || signo == SIGTRAP) && sim.tortures &&
            sim.allowed & 1u << SF_MON_DIED);
}

/* Nothing was done to it: it may be our numbers that it has no room for. */
static const char *before_all(const struct sf_served *s)
{
    static char why[96];

    if (s->joined || !s->met)
        return "";
    snprintf(
        why, sizeof why,
        "; descriptors have numbers from %d on here: has it room for them?",
        SF_SIM_FIRST);
    return why;
}

static int server_verdict(void)
{
    const struct sf_served *s = sim.served;

    if (!s->stopped && !(s->allowed & 1u << SF_MON_DIED))
        return ends(SF_FOUND, "finding: died: the program ended, and nobody "
                              "had told it to stop");
    if (sim.compares || sim.judges_silence)
        return ends(SF_COULD_NOT, "--compare and --silent are for clients, and "
                                  "this is a server");
    if (!s->accepted && !s->faults && !s->refused)
        return ends(SF_COULD_NOT,
                    "nobody was met: of %u connections in this session the "
                    "program accepted none",
                    s->conns);
    return SF_NOTHING_FOUND;
}

static int client_verdict(const char *name, int status)
{
    const struct sf_served *s = sim.served;
    char text[SF_SIM_LINE / 2];
    const char *differs = sf_sim_same(status, text);

    sim.status = s->stopped ? 0 : WEXITSTATUS(status);
    if (s->unusable)
        return SF_COULD_NOT;
    if (!s->conns && !s->faults && !s->refused)
        return ends(SF_COULD_NOT,
                    "nobody was met: %.40s connected to none of the peers",
                    name);
    return differs ? ends(SF_FOUND, "finding: %s", differs) : SF_NOTHING_FOUND;
}

static int much_verdict(const char *name)
{
    return sim.served->faults
               ? ends(SF_FOUND, "finding: output: %.40s prints without end",
                      name)
               : ends(SF_COULD_NOT, "%.40s prints more than can be compared",
                      name);
}

/* It was not to be waited for, since it slept. */
static bool asleep;

int sf_sim_verdict(const char *name, int status, bool hung)
{
    const struct sf_served *s = sim.served;

    sf_sim_look_recorded(name);
    if (s->unusable || s->found)
        return s->unusable ? SF_COULD_NOT : SF_FOUND;
    if (s->cut)
        return SF_NOTHING_FOUND;
    if (sf_sim_same_is_much())
        return much_verdict(name);
    if (sf_forwarded())
        return ends(SF_COULD_NOT, "stopped by SIG%s before the session ended",
                    sigabbrev_np(sf_forwarded()));
    if (!s->loaded)
        return ends(SF_COULD_NOT, "the program did not load the library");
    if (hung && s->turns.threads > 1)
        return ends(
            SF_COULD_NOT,
            "%s %u of %u of the program %s, that is in vain, since one runs at "
            "a time; 'sockfault run', over real sockets, is for it",
            s->turns.child > 0 ? "process" : "thread", s->turns.has,
            s->turns.threads,
            asleep ? "sleeps in the kernel: if another is to wake it up"
                   : "runs on and makes no call: if it waits until another has "
                     "changed a variable");
    if (hung)
        return ends(SF_FOUND,
                    "finding: stall: %s does not end, and makes no "
                    "calls",
                    name);
    if (WIFSIGNALED(status) && !is_excused(WTERMSIG(status))) {
        sim.killed = WTERMSIG(status);
        return ends(SF_FOUND, "finding: died: %s was killed by SIG%s%s%s", name,
                    sigabbrev_np(WTERMSIG(status)), s->terminate,
                    before_all(s));
    }
    if (!s->joined)
        return ends(SF_COULD_NOT, "the program ended before it %s%s%s%s",
                    sim.dials ? "connected or waited for a client"
                              : "waited for a client",
                    sim.at ? " at " : "", sim.at ? sim.at : "", before_all(s));
    if (WIFEXITED(status) && WEXITSTATUS(status) == SF_SANITIZER_STATUS &&
        sf_sanitized_ended(&s->sanitized))
        return ends(SF_FOUND, "finding: a sanitizer's report, see above");
    return s->dials && !s->listened ? client_verdict(name, status)
                                    : server_verdict();
}

/* ------------------------------------------------------------- the program */

/* What it says in each of thousands of runs; and none has read what another is
 * to read. */
static void be_silent(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
}

static pid_t start(char **command, const struct sf_program *program,
                   const sigset_t *mask)
{
    pid_t pid = fork();

    if (pid == 0) {
        set_environment(program);
        personality(ADDR_NO_RANDOMIZE); /* who sorts by address is the same */
        if (repeats()) /* it goes on for ever if we are killed */
            prctl(PR_SET_PDEATHSIG, SIGKILL);
        if ((sim.served->proves || sim.served->calm) && !sim.aloud)
            be_silent();
        sf_sim_same_redirect();
        sf_signals_free(mask);
        execvp(command[0], command); /* a script, too */
        _exit(127);
    }
    return pid;
}

static bool has_library(pid_t pid)
{
    char path[64], line[PATH_MAX + 128];
    bool has = false;
    FILE *maps;

    snprintf(path, sizeof path, "/proc/%ld/maps", (long)pid);
    maps = fopen(path, "re");
    if (!maps)
        return true; /* nobody can tell */
    while (!has && fgets(line, sizeof line, maps))
        has = strstr(line, "/libsockfault-sim") != NULL;
    fclose(maps);
    return has;
}

/* Of a socket's inode: does somebody listen there, by TCP? */
static bool is_listener(const char *table, unsigned long inode)
{
    enum { LISTENS = 10 }; /* TCP_LISTEN, of Linux */
    unsigned long other = 0;
    unsigned state = 0;
    char line[256];
    bool found = false;
    FILE *in = fopen(table, "re");

    while (in && !found && fgets(line, sizeof line, in))
        found = sscanf(line, "%*s %*s %*s %x %*s %*s %*s %*s %*s %lu", &state,
                       &other) == 2 &&
                state == LISTENS && other == inode;
    if (in)
        fclose(in);
    return found;
}

/* Its own sockets are none of the kernel's. */
static bool listens_for_real(pid_t pid)
{
    enum { FDS = 64 }; /* a listener is among the first */
    char path[64], table[64], to[64];
    unsigned long inode;
    bool listens = false;
    ssize_t n;

    snprintf(table, sizeof table, "/proc/%ld/net/tcp", (long)pid);
    for (int fd = 0; !listens && fd < FDS; fd++) {
        snprintf(path, sizeof path, "/proc/%ld/fd/%d", (long)pid, fd);
        n = readlink(path, to, sizeof to - 1);
        to[n > 0 ? n : 0] = '\0';
        if (sscanf(to, "socket:[%lu]", &inode) == 1)
            listens = is_listener(table, inode) ||
                      is_listener(strcat(strcpy(path, table), "6"), inode);
    }
    return listens;
}

/* Why it serves the real network, and would for ever; NULL: it does not. */
static const char *why_without(pid_t pid)
{
    if (!has_library(pid))
        return "goes on without the library that simulates: has it set "
               "LD_PRELOAD anew, as env(1) does, or emptied the environment?  "
               "Set what it needs for 'sockfault sim' itself";
    if (!sim.served->met && listens_for_real(pid))
        return "listens on the real network: its system calls do not go "
               "through libc, as those of Go; 'sockfault run --notify' is for "
               "it";
    return NULL;
}

static void note_without(const char *name, pid_t pid)
{
    struct sf_served *s = sim.served;
    static int64_t since;
    const char *why = s->joined || s->unusable ? NULL : why_without(pid);

    if (!why)
        since = 0;
    else if (since == 0)
        since = sf_now_ms();
    if (since == 0 || sf_now_ms() - since < PATIENCE_MS)
        return;
    s->unusable = true;
    since = 0;
    snprintf(s->line, sizeof s->line, "sockfault: %.40s %s", name, why);
}

long sf_sim_own_ms(pid_t pid)
{
    static pid_t last;
    static unsigned long before;
    unsigned long user = 0, kernel = 0, now;
    char path[64], line[512] = "", state = 'S', *end;
    long ms = SF_SIM_TICK_MS;
    FILE *in;

    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    in = fopen(path, "re");
    if (in) {
        if (fgets(line, sizeof line, in) && (end = strrchr(line, ')')))
            sscanf(end, ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                   &state, &user, &kernel);
        fclose(in);
    }
    now = (user + kernel) * 1000 / (unsigned long)sysconf(_SC_CLK_TCK);
    if (strchr("RTt", state))
        ms = (long)(now - (pid == last ? before : 0));
    last = pid;
    before = now;
    return ms;
}

static int64_t cpu_ms(pid_t pid)
{
    struct timespec used;
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) != 0 ||
        clock_gettime(clock, &used) < 0)
        return 0;
    return used.tv_sec * INT64_C(1000) + used.tv_nsec / 1000000;
}

static bool is_asleep(pid_t pid)
{
    char path[64], line[512] = "", *end;
    FILE *in;

    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    in = fopen(path, "re");
    if (in) {
        if (!fgets(line, sizeof line, in))
            line[0] = '\0';
        fclose(in);
    }
    end = strrchr(line, ')');
    return end && strncmp(end, ") S", 3) == 0;
}

/* One of several has had the turn for long and others could not: it has run, or
 * slept all the time. */
static bool keeps_turn(pid_t pid)
{
    enum { LONG_MS = 10000, ASLEEP_MS = 20000 };
    const struct sf_turns_seen *t = &sim.served->turns;
    pid_t who = t->child > 0 ? t->child : pid;
    static uint64_t asked;
    static int64_t since, used, slept_since;
    bool goes_on = t->threads < 2 || t->asked != asked;
    int64_t now = cpu_ms(who);

    if (goes_on || now < since)
        since = now;
    if (goes_on || now != used || sim.live || !is_asleep(who))
        slept_since = sf_now_ms();
    asked = t->asked;
    used = now;
    asleep = sf_now_ms() - slept_since > ASLEEP_MS;
    return asleep || now - since > LONG_MS;
}

/*
 * Whoever says that it cannot be done, or serves the real network, may be a
 * child of a program that waits for it by other means than sockets, and would
 * for ever.
 */
static int watch(const char *name, pid_t pid, bool *hung)
{
    struct sf_served *s = sim.served;
    int status = 0, elsewhere = 0, unusable = 0, told = 0;
    long own = 0;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        sf_ends_within(pid, SF_SIM_TICK_MS);
        note_without(name, pid);
        s->told = sf_forwarded() != 0;
        own += repeats() ? sf_sim_own_ms(pid) : 0;
        *hung = own > SF_SIM_HANG_MS || keeps_turn(pid);
        if (*hung || sf_sim_same_is_much() ||
            (repeats() && sf_forwarded() &&
             ++told * SF_SIM_TICK_MS >= PATIENCE_MS))
            kill(pid, SIGKILL);
        if (s->elsewhere && !s->joined &&
            ++elsewhere * SF_SIM_TICK_MS >= PATIENCE_MS)
            s->unusable = true;
        if (s->unusable && ++unusable * SF_SIM_TICK_MS >= GRACE_MS)
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

void sf_sim_clear(void)
{
    const struct sf_serving serving = sim.served->serving;

    *sim.served = (struct sf_served){.serving = serving, .hears = sim.recorded};
}

pid_t sf_sim_start(char **command, const struct sf_program *program)
{
    sigset_t mask;
    pid_t pid;

    sf_sim_allow();
    sim.killed = 0;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    sf_signals_hold(&mask);
    sf_signals_early();
    pid = start(command, program, &mask);
    sf_signals_pass(pid, false);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    return pid;
}

int sf_sim_run(char **command, const struct sf_program *program)
{
    bool hung = false;
    pid_t pid;
    int status;

    sf_sim_fork_end();
    sim.served->serving = (struct sf_serving){.wanted = 0};
    pid = sf_sim_start(command, program);
    if (pid < 0)
        return ends(SF_COULD_NOT, "cannot start a process");
    status = watch(command[0], pid, &hung);
    note_left_over(command[0]);
    if (sim.served->unusable || sf_forwarded() || repeats() || hung)
        sf_end_children(0);
    return sf_sim_verdict(command[0], status, hung);
}

static void say_nothing_found(const struct sf_served *s)
{
    printf("sockfault: %u connection%s, %llu calls, %llu fault%s: nothing "
           "found",
           s->conns, s->conns == 1 ? "" : "s", (unsigned long long)s->calls,
           (unsigned long long)s->faults, s->faults == 1 ? "" : "s");
    if (sim.status)
        printf("; it ended with status %d", sim.status);
    putchar('\n');
}

static void say_lost(const struct sf_lost_programs *lost)
{
    static const char *const why[] = {[SF_LOST_STATIC] = "is static",
                                      [SF_LOST_CLASS] = "has another word size",
                                      [SF_LOST_RIGHTS] = "gains rights"};

    if (lost->n)
        fprintf(stderr,
                "sockfault: %u program%s had no part in it, first %s, which "
                "%s: what it does with a connection is not seen\n",
                lost->n, lost->n == 1 ? "" : "s", lost->first, why[lost->why]);
}

/* What it does with the session's faults is compared with what it does without
 * them. */
static int run_both(char **command, const struct sf_program *program)
{
    struct sf_session session;
    int status = SF_NOTHING_FOUND;

    if (!sf_sim_same_begin() || !sf_sim_load(&session))
        return SF_COULD_NOT;
    if (session.faults_n > 0) {
        sim.served->calm = true;
        status = sf_sim_run(command, program);
        sf_sim_clear();
    }
    if (status == SF_NOTHING_FOUND)
        status = sf_sim_run(command, program);
    sf_sim_same_print();
    return status;
}

static int run(char **command, const struct sf_program *program)
{
    if (sim.live)
        return sf_sim_real(command, program);
    return sim.dials ? run_both(command, program)
                     : sf_sim_run(command, program);
}

static int run_once(char **command, const struct sf_program *program)
{
    const struct sf_served *s = sim.served;
    int status = run(command, program);

    if (status != SF_NOTHING_FOUND && *s->line)
        fprintf(stderr, "%s\n", s->line);
    else if (status == SF_NOTHING_FOUND && !sim.quiet)
        say_nothing_found(s);
    if (!sim.quiet)
        say_lost(&s->lost);
    return status;
}

static int simulate(char **command, const struct sf_program *program)
{
    if (program->is_static) {
        sf_complain("a static program loads no library");
        return SF_COULD_NOT;
    }
    if (!sim.live)
        sf_sim_find_recorded();
    sf_sim_clear();
    if (sim.proves)
        return sf_sim_prove(command, program);
    return sim.tortures ? sf_sim_torture(command, program)
                        : run_once(command, program);
}

int main(int argc, char **argv)
{
    struct sf_program program;
    int status;

    sf_check_output();
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        sf_sim_usage();
        return SF_NOTHING_FOUND;
    }
    if (!sf_sim_options(argc, argv) ||
        !sf_program_find(&program, argv[optind]) ||
        !sf_find_library("libsockfault-sim.so", sim.library,
                         sizeof sim.library) ||
        !make_report())
        return SF_COULD_NOT;
    status = simulate(argv + optind, &program);
    unlink(sim.report);
    return status;
}
