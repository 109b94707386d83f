/* sweep_say.c: progress, and what came of it; see sweep.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "faultinject/explore/sweep.h"
#include "faultinject/session/word.h"

static const char *s_of(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static double rate(uint64_t n, int64_t ms)
{
    return ms > 0 ? (double)n * 1000 / (double)ms : 0;
}

static size_t done(const struct sf_sweep *s)
{
    return sf_sweep_cases(s) - sf_sweep_count(s, SF_CASE_TO_DO);
}

/* --- progress --- */

/* The rest takes so long at this rate, or the time is over before. */
static double seconds_left(const struct sf_sweep *s,
                           const struct sf_progress *p, double needed)
{
    double budget = s->budget_ms / 1000.0 - (sf_seconds() - p->since);

    if (s->budget_ms == 0 || needed < budget)
        return needed;
    return budget > 0 ? budget : 0;
}

static void print_progress(const struct sf_sweep *s,
                           const struct sf_progress *p, size_t before)
{
    size_t all = sf_sweep_cases(s), n = done(s);
    double each = sf_progress_rate(p, n - before);
    size_t left = n < all ? all - n : 0;

    fprintf(stderr, "%zu of %zu faults, %zu finding%s, %.1f a second", n, all,
            s->n_groups, s_of(s->n_groups), each);
    if (left == 0)
        fputs(", to be seen again", stderr);
    else if (each > 0)
        fprintf(stderr, ", %.0f s left",
                seconds_left(s, p, (double)left / each));
}

void sf_sweep_progress(const struct sf_sweep *s, struct sf_progress *p,
                       size_t before)
{
    if (!sf_progress_due(p))
        return;
    print_progress(s, p, before);
    sf_progress_end_line(p);
}

/* --- the statement --- */

static void say_command(const struct sf_sweep *s)
{
    const char *before = "";

    for (char **word = s->run.command; *word; word++) {
        printf("%s%s", before, *word);
        before = " ";
    }
    printf(" (profile %s, one fault a run)\n",
           sf_profile_names[s->cases.profile]);
}

static void say_baseline(const struct sf_baseline *b)
{
    printf("  baseline   %" PRIu64 " call%s of %" PRIu64
           " connection%s in %u process%s, status %d, %d ms\n",
           b->calls, s_of(b->calls), b->connections, s_of(b->connections),
           b->processes, b->processes == 1 ? "" : "es",
           sf_shell_status(b->status), b->ms);
}

static void say_cases(const struct sf_sweep *s)
{
    if (s->run.memory)
        printf("  memory     %zu allocation%s, one for each way to one",
               s->cases.n, s_of(s->cases.n));
    else
        printf("  faults     %zu fit, at %u call%s", s->cases.n, s->base.at,
               s_of(s->base.at));
    if (s->base.beyond)
        printf("; %" PRIu64 " more fit, and are left out", s->base.beyond);
    if (s->shards > 1)
        printf("; shard %u/%u has %zu", s->shard + 1, s->shards,
               sf_sweep_cases(s));
    printf("\n");
}

/* A fault that did not happen shows nothing: that is said apart. */
static void say_performed(const struct sf_sweep *s)
{
    size_t n = done(s);
    size_t alone = sf_sweep_count(s, SF_CASE_ALONE);
    size_t unmet = sf_sweep_count(s, SF_CASE_UNMET);
    size_t performed =
        sf_sweep_count(s, SF_CASE_QUIET) + sf_sweep_count(s, SF_CASE_FOUND);

    printf("  performed  %zu of %zu; of the others %zu call%s never came, at "
           "%zu it was not possible then\n",
           performed, n, unmet, s_of(unmet),
           sf_sweep_count(s, SF_CASE_IMPOSSIBLE));
    if (alone)
        printf("  flaky      %zu run%s showed something, though the fault did "
               "not happen\n",
               alone, s_of(alone));
}

/* In the order of enum sf_rest. */
static const struct {
    const char *word; /* padded */
    const char *why;
} rests[SF_RESTS] = {
    {"SAMPLE    ", "the time was over"},
    {"INCOMPLETE", "it was stopped"},
    {"INCOMPLETE", "the same explore once more goes on with the others"},
    {"INCOMPLETE", "sockfault explore is at work there just now"},
};

const char *sf_sweep_rest(enum sf_rest rest)
{
    return rests[rest].why;
}

static void say_end(const struct sf_sweep *s, enum sf_rest rest)
{
    size_t all = sf_sweep_cases(s), n = done(s);

    if (n >= all)
        printf("  COMPLETE   each was run\n");
    else
        printf("  %s %zu of %zu, evenly spread: %s\n", rests[rest].word, n, all,
               rests[rest].why);
}

static void say_groups_count(const struct sf_sweep *s)
{
    size_t news = sf_sweep_news(s), known = 0;

    for (size_t i = 0; i < s->n_groups; i++)
        known += sf_sweep_is_sure(&s->groups[i]);
    known -= news;
    if (news)
        printf("  FOUND      %zu, in %zu of the cases", news,
               sf_sweep_count(s, SF_CASE_FOUND));
    else
        printf("  FOUND      nothing");
    if (known)
        printf("; and %zu that %s known", known, known == 1 ? "is" : "are");
    putchar('\n');
}

static void say_faults(uint64_t faults)
{
    const char *before = "";

    for (int i = 0; i < SF_FAULT_COUNT; i++)
        if (faults & UINT64_C(1) << i) {
            printf("%s%s", before, sf_faults[i].word);
            before = ", ";
        }
}

/* What it prints no monitor looks at. */
static bool is_of_output(const struct sf_group *g)
{
    return strncmp(g->name, "output-", strlen("output-")) == 0 ||
           strncmp(g->name, "silent-", strlen("silent-")) == 0;
}

char *sf_sweep_replay_text(const struct sf_sweep *s, const struct sf_group *g)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    fputs("sockfault replay ", out);
    sf_print_word(sf_sweep_path(s, "findings/%s.plan", g->name), out);
    if (is_of_output(g)) {
        fputs(" | cmp - ", out);
        sf_print_word(sf_sweep_path(s, "baseline.output"), out);
    }
    fclose(out);
    return text;
}

static void say_again(const struct sf_sweep *s, const struct sf_group *g)
{
    char *replay = sf_sweep_replay_text(s, g);
    const char *until = sf_known_until(g->name);

    printf("  shown again %u of %u times%s%s\n", g->shown, g->tries,
           !sf_sweep_is_sure(g) ? ": does not count"
           : until              ? ": known until "
                                : "",
           sf_sweep_is_sure(g) && until ? until : "");
    printf("  %s\n", replay ? replay : "");
    free(replay);
}

static void say_group(const struct sf_sweep *s, const struct sf_group *g)
{
    printf("\nfinding %s\n  %s\n  %zu case%s: ", g->name, g->line, g->cases,
           s_of(g->cases));
    say_faults(g->faults);
    printf("; first ");
    sf_rule_print(&s->cases.rules[g->first], stdout);
    printf("\n");
    if (g->tries)
        say_again(s, g);
}

void sf_sweep_say_state(const struct sf_sweep *s, enum sf_rest rest)
{
    say_command(s);
    say_baseline(&s->base);
    say_cases(s);
    say_performed(s);
    say_end(s, rest);
    say_groups_count(s);
}

void sf_sweep_say_groups(const struct sf_sweep *s)
{
    for (size_t i = 0; i < s->n_groups; i++)
        say_group(s, &s->groups[i]);
}

void sf_sweep_say(const struct sf_sweep *s, enum sf_rest rest, int64_t took_ms,
                  uint64_t runs)
{
    sf_sweep_say_state(s, rest);
    printf("  runs       %" PRIu64 " in %.1f s, %.1f a second, %d job%s\n",
           runs, (double)took_ms / 1000, rate(runs, took_ms), s->jobs,
           s_of((uint64_t)s->jobs));
    fputs("  report     sockfault report ", stdout);
    sf_print_word(s->folder, stdout);
    fputc('\n', stdout);
    sf_sweep_say_groups(s);
    fflush(stdout);
}
