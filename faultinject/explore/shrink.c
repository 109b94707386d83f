/* shrink.c: delta debugging over the rules of a plan; see explore.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "faultinject/explore/explore.h"

/* Every run costs what the command costs: enough is enough. */
enum { RUNS_MAX = 2000 };

struct shrinking {
    struct sf_run *run;
    char wanted[32]; /* what is to be found */
    unsigned runs;
};

/* Run with these rules; the outcome's memory is the caller's. */
static bool run_with(struct shrinking *s, struct sf_rule *rules, size_t n,
                     struct sf_outcome_of_run *outcome)
{
    struct sf_run run = *s->run;

    run.plan.rules = rules;
    run.plan.n = n;
    s->runs++;
    return sf_run(&run, outcome);
}

static void release(struct sf_outcome_of_run *outcome)
{
    munmap(outcome->control, outcome->control->bytes);
}

static bool shows(struct shrinking *s, struct sf_rule *rules, size_t n)
{
    struct sf_outcome_of_run outcome;
    const char *verdict;
    bool same;

    if (s->runs >= RUNS_MAX || !run_with(s, rules, n, &outcome))
        return false;
    verdict = sf_verdict(s->run, &outcome);
    same = verdict && strcmp(verdict, s->wanted) == 0;
    release(&outcome);
    return same;
}

/* What happened, as rules that leave nothing to chance. */
static bool use_records(struct sf_plan *plan, const struct sf_control *c)
{
    size_t room = c->n_kept < SF_KEPT_MAX ? c->n_kept : SF_KEPT_MAX;
    struct sf_rule *rules = calloc(room + 1, sizeof *rules);

    if (!rules)
        return sf_complain("no memory for %zu rules", room);
    free(plan->rules);
    plan->rules = rules;
    plan->n = 0;
    for (size_t i = 0; i < room; i++)
        if (c->kept[i].seq)
            rules[plan->n++] = sf_rule_of(c, &c->kept[i]);
    return true;
}

static bool first_run(struct shrinking *s)
{
    struct sf_plan *plan = &s->run->plan;
    struct sf_outcome_of_run outcome;
    const char *verdict;
    bool good;

    if (!run_with(s, plan->rules, plan->n, &outcome))
        return false;
    verdict = sf_verdict(s->run, &outcome);
    good = verdict != NULL;
    if (good)
        snprintf(s->wanted, sizeof s->wanted, "%s", verdict);
    else
        sf_complain("shrink: nothing is found with this plan");
    good = good && use_records(plan, outcome.control);
    release(&outcome);
    if (good && !shows(s, plan->rules, plan->n))
        good = sf_complain("shrink: %s is not found again by what happened",
                           s->wanted);
    return good;
}

static void leave_out(struct sf_rule *to, const struct sf_plan *plan,
                      size_t first, size_t n)
{
    memcpy(to, plan->rules, first * sizeof *to);
    memcpy(to + first, plan->rules + first + n,
           (plan->n - first - n) * sizeof *to);
}

/* Leave out pieces of this size wherever it goes; true: some went. */
static bool pass(struct shrinking *s, size_t size, struct sf_rule *trial)
{
    struct sf_plan *plan = &s->run->plan;
    bool less = false;

    for (size_t first = 0; first < plan->n;) {
        size_t n = plan->n - first < size ? plan->n - first : size;
        leave_out(trial, plan, first, n);
        if (shows(s, trial, plan->n - n)) {
            plan->n -= n;
            memcpy(plan->rules, trial, plan->n * sizeof *trial);
            less = true;
        } else {
            first += n;
        }
    }
    return less;
}

bool sf_shrink(struct sf_run *run)
{
    struct shrinking s = {.run = run};
    struct sf_rule *trial;
    size_t size;

    if (!first_run(&s))
        return false;
    trial = calloc(run->plan.n + 1, sizeof *trial);
    if (!trial)
        return sf_complain("no memory for %zu rules", run->plan.n);
    for (size = run->plan.n; size > 0;)
        if (!pass(&s, size, trial) || size > run->plan.n)
            size /= 2;
    free(trial);
    fprintf(stderr, "sockfault: %s: %zu rule%s, %u runs\n", s.wanted,
            run->plan.n, run->plan.n == 1 ? "" : "s", s.runs);
    return true;
}
