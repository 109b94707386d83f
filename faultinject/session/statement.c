/* statement.c: see statement.h */
#include "faultinject/session/statement.h"

#include <inttypes.h>
#include <stdio.h>

/* ---------------------------------------------------------------- progress */

/* Of less nothing can be told. */
static const double enough = 1e-5;

static void tell_left(struct sf_progress *p, unsigned bound, double part)
{
    double t = sf_seconds();

    if (p->bound != bound) {
        p->bound = bound;
        p->bound_since = t;
        p->part = part;
    } else if (part > p->part + enough) {
        fprintf(stderr, ", about %.0f s left",
                (t - p->bound_since) * (1 - part) / (part - p->part));
    }
}

void sf_progress_look(struct sf_progress *p, const struct sf_exhaust *walk,
                      uint64_t runs)
{
    double part = sf_exhaust_part(walk);

    if (!sf_progress_due(p))
        return;
    fprintf(stderr,
            "%s: %" PRIu64 " schedules, %.0f a second, %.0f %% of this bound",
            sf_faults_text(walk->bound), runs, sf_progress_rate(p, runs),
            100 * part);
    tell_left(p, walk->bound, part);
    sf_progress_end_line(p);
}

void sf_progress_count(struct sf_progress *p, uint64_t runs, uint64_t all)
{
    double pace = sf_progress_rate(p, runs);

    if (!sf_progress_due(p))
        return;
    fprintf(stderr,
            "%" PRIu64 " of %" PRIu64 " runs, %.0f a second, about %.0f s "
            "left",
            runs, all, pace, pace > 0 ? (double)(all - runs) / pace : 0);
    sf_progress_end_line(p);
}

/* -------------------------------------------------------------- statements */

const char *sf_faults_text(unsigned n)
{
    static char text[24];

    snprintf(text, sizeof text, "%u fault%s", n, n == 1 ? "" : "s");
    return text;
}

const char *sf_stopped_text(int signo)
{
    return signo ? "it was stopped" : "the time was over";
}

const char *sf_resume_text(const char *file)
{
    static char text[4400];

    snprintf(text, sizeof text, "%s%s", file ? "; go on with --resume " : "",
             file ? file : "");
    return text;
}

static uint64_t total(const struct sf_statement *s, unsigned from)
{
    uint64_t n = 0;

    for (unsigned i = from; i <= s->k; i++)
        n += s->schedules[i];
    return n;
}

void sf_state_subject(const struct sf_statement *s)
{
    printf("%s (%s, profile %s, %s%s", s->session, s->program,
           sf_profile_names[s->profile],
           s->loops ? "any number of faults" : "at most ",
           s->loops ? "" : sf_faults_text(s->k));
    if (s->cuts)
        printf(", cuts %u", s->cuts);
    if (s->shards > 1)
        printf(", shard %u of %u", s->shard + 1, s->shards);
    if (s->cut)
        printf(")\n  session    not played to its end without a fault: %" PRIu64
               " decisions until then\n",
               s->decisions);
    else
        printf(")\n  session    %" PRIu64 " calls, %" PRIu64
               " decisions without a fault\n",
               s->calls, s->decisions);
}

void sf_state_schedules(const struct sf_statement *s)
{
    if (s->loops) {
        printf("  schedules  %" PRIu64 ", of at most %s\n", total(s, 0),
               sf_faults_text(s->deepest));
        return;
    }
    printf("  schedules  %" PRIu64 ":", total(s, 0));
    for (unsigned i = 0; i <= s->k; i++)
        printf("%s %" PRIu64 " with %u", i ? "," : "", s->schedules[i], i);
    printf("\n");
}

/* Nobody shall take it for a proof that faults are survived. */
static const char *of_nothing(const struct sf_statement *s)
{
    if (s->k == 0 || total(s, 1) > 0)
        return "";
    return s->shards > 1 ? ": no fault is possible in it"
                         : ": no fault is possible in this session";
}

void sf_state_states(uint64_t states, uint64_t merged)
{
    printf("  states     %" PRIu64 "; %" PRIu64
           " schedules ended in one that was seen\n",
           states, merged);
}

/* Of what is left that is all there is to be seen. */
static void say_way(const struct sf_choice *vector, unsigned n)
{
    unsigned times[SF_FAULT_COUNT] = {0};
    const char *before = ", last after ";

    for (unsigned i = 0; i < n; i++)
        times[vector[i].fault]++;
    for (int i = 0; i < SF_FAULT_COUNT; i++)
        if (times[i] > 0) {
            printf("%s%u %s", before, times[i], sf_faults[i].word);
            before = ", ";
        }
}

void sf_state_open(const struct sf_statement *s, int signo,
                   const struct sf_choice *vector, unsigned n)
{
    printf("  INCOMPLETE not closed: states were left, %s",
           s->deepest == s->k ? "also beyond the longest way that is followed"
           : signo            ? "when it was stopped"
                              : "when the time was over");
    say_way(vector, n);
    printf("\n");
}

void sf_state_complete(const struct sf_statement *s)
{
    if (s->loops) {
        printf("  PROVED     closed: any number of faults, in any order, leads "
               "to one of these states\n");
        return;
    }
    printf("  PROVED     complete: every schedule of at most %s was run%s%s\n",
           sf_faults_text(s->k), s->shards > 1 ? " (of this shard)" : "",
           of_nothing(s));
}

void sf_state_stopped(unsigned bounds, int signo)
{
    printf("  INCOMPLETE %s; complete only for %s%s\n", sf_stopped_text(signo),
           bounds ? "at most " : "nothing",
           bounds ? sf_faults_text(bounds - 1) : "");
}

void sf_state_refuted(unsigned n, const char *finding)
{
    printf("  REFUTED    with %s: %s\n", sf_faults_text(n), finding);
}

void sf_state_nothing(void)
{
    printf("  NOTHING    is proved\n");
}

void sf_state_short_subject(const struct sf_statement *s)
{
    printf("%s (%s, profile %s, short of memory)\n", s->session, s->program,
           sf_profile_names[s->profile]);
}

void sf_state_short_complete(const struct sf_shortage *s)
{
    if (s->runs == 0)
        printf("  PROVED     complete: the program asks for no memory\n");
    else if (s->runs == 1)
        printf("  PROVED     complete: its only allocation has failed\n");
    else
        printf("  PROVED     complete: each of %" PRIu64
               " allocations has failed\n",
               s->runs);
}

void sf_state_short_stopped(const struct sf_shortage *s, int signo)
{
    printf("  INCOMPLETE %s; %" PRIu64 " allocations have failed\n",
           sf_stopped_text(signo), s->runs);
}

void sf_state_short_refuted(const struct sf_shortage *s)
{
    if (s->nth)
        printf("  REFUTED    allocation %" PRIu64 " fails: %s\n", s->nth,
               s->finding);
    else
        printf("  REFUTED    also when none fails: %s\n", s->finding);
    if (s->failing > 1)
        printf("             and %" PRIu64 " more of the %" PRIu64
               " allocations\n",
               s->failing - 1, s->runs);
}

void sf_state_pace(const struct sf_statement *s)
{
    printf("  took       %.2f s, %.0f runs a second\n", s->seconds,
           s->seconds > 0 ? (double)s->runs / s->seconds : 0);
    fflush(stdout);
}
