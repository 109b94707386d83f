/*
 * sim_prove.c: a run of the program for each combination of faults.
 *
 * Each is a process of its own, from its start, so whatever the program does
 * to itself ends with it.  The walk is here; the library in the program has a
 * copy and notes what else could have been chosen (served.h).
 */
#include "faultinject/explore/sim.h"
#include "faultinject/session/tape.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SAY_EVERY_MS = 10000, TTY_EVERY_MS = 500 };

enum end { COMPLETE, STOPPED, REFUTED, CANNOT };

static struct {
    struct sf_exhaust walk;
    struct sf_session session;
    uint64_t runs, schedules[SF_EXHAUST_MAX + 1];
    uint64_t calls;
    uint32_t decisions;
    int64_t since, said; /* ms */
    char counterexample[PATH_MAX];
} proof;

static bool load(void)
{
    static char bytes[SF_TEXT_MAX + 1];
    FILE *f = fopen(sim.scenario, "re");
    size_t n = f ? fread(bytes, 1, sizeof bytes, f) : 0;
    bool whole = f && !ferror(f);
    char why[256];

    if (!whole)
        sf_complain("%s: %s", sim.scenario, strerror(errno));
    if (f)
        fclose(f);
    return whole && (sf_session_read_file(&proof.session, bytes, n, why,
                                          sizeof why) == 0 ||
                     sf_complain("%s: %s", sim.scenario, why));
}

/* -------------------------------------------------------------------- walk */

/* Runs a second. */
static double rate(int64_t ms)
{
    return ms > 0 ? (double)proof.runs * 1000 / (double)ms : 0;
}

static void tell_progress(void)
{
    bool tty = isatty(STDERR_FILENO);
    int64_t t = sf_now_ms();

    if (sim.quiet || t - proof.said < (tty ? TTY_EVERY_MS : SAY_EVERY_MS))
        return;
    proof.said = t;
    fprintf(stderr,
            "%s%u faults: %" PRIu64 " schedules, %.0f a second, %.0f %% of "
            "this bound%s",
            tty ? "\r" : "sockfault: ", proof.walk.bound, proof.runs,
            rate(t - proof.since), 100 * sf_exhaust_part(&proof.walk),
            tty ? "\033[K" : "\n");
}

static void wipe(void)
{
    if (isatty(STDERR_FILENO) && !sim.quiet)
        fputs("\r\033[K", stderr);
}

static bool time_is_over(void)
{
    return sim.budget_ms && sf_now_ms() - proof.since > sim.budget_ms;
}

static int run(char **command, const struct sf_program *program)
{
    struct sf_served *s = sim.served;
    int status;

    memset(s, 0, sizeof *s);
    s->proves = true;
    s->walk = proof.walk;
    status = sf_sim_run(command, program);
    if (s->joined)
        sf_exhaust_take_back(&proof.walk, &s->walk, s->children);
    return status;
}

static void count(void)
{
    if (proof.walk.n == 0) {
        proof.calls = sim.served->calls;
        proof.decisions = proof.walk.asked;
    }
    proof.schedules[proof.walk.n] += proof.walk.counts;
    proof.runs++;
}

static enum end not_the_same(const char *program, const char *what)
{
    snprintf(sim.served->line, SF_SIM_LINE,
             "sockfault: %.40s is not deterministic: with the same choices %s",
             program, what);
    return CANNOT;
}

/* Once more: the first run, which has no choice to be compared at, and one that
 * found something. */
static enum end again(char **command, const struct sf_program *program,
                      int status)
{
    uint64_t way = proof.walk.way;
    bool same = run(command, program) == status && proof.walk.way == way;

    if (sf_forwarded())
        return STOPPED;
    if (!same)
        return not_the_same(command[0], "it did not do the same again");
    return status == SF_FOUND ? REFUTED : COMPLETE;
}

static enum end walk(char **command, const struct sf_program *program)
{
    while (sf_exhaust_next(&proof.walk)) {
        int status = run(command, program);
        enum end end = COMPLETE;

        if (sf_forwarded())
            return STOPPED;
        if (status == SF_COULD_NOT)
            return CANNOT;
        count();
        if (status != SF_FOUND && sf_exhaust_diverged(&proof.walk))
            return not_the_same(command[0], "it met other decisions");
        if (status == SF_FOUND || proof.runs == 1)
            end = again(command, program, status);
        if (end != COMPLETE)
            return end;
        tell_progress();
        if (time_is_over())
            return STOPPED;
    }
    return COMPLETE;
}

/* --------------------------------------------------------------- statement */

static const char *scenario_name(void)
{
    const char *slash = strrchr(sim.scenario, '/');

    return slash ? slash + 1 : sim.scenario;
}

/* "1 fault", "2 faults"; one at a time. */
static const char *faults(unsigned n)
{
    static char text[24];

    snprintf(text, sizeof text, "%u fault%s", n, n == 1 ? "" : "s");
    return text;
}

static void say_schedules(void)
{
    uint64_t all = 0;

    for (unsigned i = 0; i <= sim.k; i++)
        all += proof.schedules[i];
    printf("  schedules  %" PRIu64 ":", all);
    for (unsigned i = 0; i <= sim.k; i++)
        printf("%s %" PRIu64 " with %u", i ? "," : "", proof.schedules[i], i);
    printf("\n");
}

static void say_end(enum end end)
{
    unsigned bound = proof.walk.bound;

    switch (end) {
    case COMPLETE:
        printf("  PROVED     complete: every schedule of at most %s was run\n",
               faults(sim.k));
        break;
    case STOPPED:
        printf("  INCOMPLETE %s; complete only for ",
               sf_forwarded() ? "it was stopped" : "the time was over");
        if (bound)
            printf("at most %s\n", faults(bound - 1));
        else
            printf("nothing\n");
        break;
    case REFUTED:
        printf("  REFUTED    with %s: %s\n", faults(proof.walk.n),
               sim.served->line);
        break;
    case CANNOT:
        printf("  NOTHING    is proved\n");
        break;
    }
}

static void say(const char *program, enum end end)
{
    int64_t took = sf_now_ms() - proof.since;

    printf("%s (%s, profile %s, at most %s)\n", scenario_name(), program,
           sf_profile_names[proof.session.profile], faults(sim.k));
    printf("  session    %" PRIu64 " calls, %u decisions without a fault\n",
           proof.calls, proof.decisions);
    say_schedules();
    say_end(end);
    printf("  took       %.2f s, %.0f runs a second\n", (double)took / 1000,
           rate(took));
    fflush(stdout);
}

/* ---------------------------------------------------------- counterexample */

static bool write_counterexample(const char *program)
{
    const char *slash = strrchr(program, '/');
    FILE *f;

    if (!sf_session_take_choices(&proof.session, proof.walk.vector,
                                 proof.walk.n))
        return sf_complain("the counterexample is longer than a tape can be");
    snprintf(proof.counterexample, sizeof proof.counterexample,
             "%s/%s.%.*s.session", sim.out, slash ? slash + 1 : program,
             (int)strcspn(scenario_name(), "."), scenario_name());
    f = fopen(proof.counterexample, "w");
    if (f)
        sf_session_print(&proof.session, f);
    return (f && fclose(f) == 0) ||
           sf_complain("%s: %s", proof.counterexample, strerror(errno));
}

/* By its tape alone, as `sockfault sim` would. */
static void show(char **command, const struct sf_program *program)
{
    if (!write_counterexample(command[0]))
        return;
    memset(sim.served, 0, sizeof *sim.served);
    sim.scenario = proof.counterexample;
    sim.verbose = true;
    fprintf(stderr, "\n");
    if (sf_sim_run(command, program) == SF_FOUND)
        fprintf(stderr, "%s\n", sim.served->line);
    else if (!sf_forwarded())
        fprintf(stderr, "played by its tape alone nothing was found\n");
    printf("\nto see it again: sockfault sim -v -s %s -- COMMAND\n",
           proof.counterexample);
}

int sf_sim_prove(char **command, const struct sf_program *program)
{
    static const int status[] = {SF_NOTHING_FOUND, SF_COULD_NOT, SF_FOUND,
                                 SF_COULD_NOT};
    enum end end;

    if (!load())
        return SF_COULD_NOT;
    sf_exhaust_init(&proof.walk, sim.k);
    proof.since = proof.said = sf_now_ms();
    end = walk(command, program);
    wipe();
    if (end == CANNOT)
        fprintf(stderr, "%s\n", sim.served->line);
    if (proof.runs > 0)
        say(command[0], end);
    if (end == REFUTED)
        show(command, program);
    return status[end];
}
