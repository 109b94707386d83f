/* shrink.c: delta debugging over the rules of a plan; see explore.h. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faultinject/explore/explore.h"

/* Every run costs what the command costs: enough is enough. */
enum { RUNS_MAX = 2000 };
/* … and so much more time than the first one took, in ms. */
enum { SLOWER = 10, SLACK_MS = 5000 };

struct shrinking {
    struct sf_run *run;
    const char *check;
    char folder[PATH_MAX]; /* of the command's output, for check */
    char wanted[32];       /* what is to be found */
    unsigned runs;
    bool cannot; /* a run could not be done, or check could not say */
};

/* The user, or patience, came to an end before the plan was the smallest. */
static bool is_over(const struct shrinking *s)
{
    return s->runs >= RUNS_MAX || s->cannot || sf_forwarded();
}

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

/* --- what a run shows --- */

static int shell(const char *command)
{
    int status = 0;
    pid_t pid = fork();

    if (pid < 0)
        return 128;
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* The user's command looks at what the run has left. */
static const char *ask_check(struct shrinking *s,
                             const struct sf_outcome_of_run *outcome)
{
    char text[16];
    int answer;

    snprintf(text, sizeof text, "%d", sf_shell_status(outcome->status));
    setenv("SOCKFAULT_STATUS", text, 1);
    setenv("SOCKFAULT_OUTPUT", s->run->output, 1);
    setenv("SOCKFAULT_ERRORS", s->run->errors, 1);
    answer = shell(s->check);
    if (answer > SF_FOUND && !is_over(s)) {
        s->cannot = true;
        sf_complain("--check '%s' ended with %d: expected 1 when the run shows "
                    "it and 0 when not",
                    s->check, answer);
    }
    return answer == SF_FOUND ? "check" : NULL;
}

static const char *what_shows(struct shrinking *s,
                              const struct sf_outcome_of_run *outcome)
{
    return s->check ? ask_check(s, outcome) : sf_verdict(s->run, outcome);
}

static bool shows(struct shrinking *s, struct sf_rule *rules, size_t n)
{
    struct sf_outcome_of_run outcome;
    const char *what;
    bool same;

    if (is_over(s))
        return false;
    if (!run_with(s, rules, n, &outcome)) {
        s->cannot = true;
        return false;
    }
    what = sf_forwarded() ? NULL : what_shows(s, &outcome);
    same = what && !sf_forwarded() && strcmp(what, s->wanted) == 0;
    release(&outcome);
    return same;
}

/* --- shrinking --- */

/* What happened, as rules that leave nothing to chance. */
static bool use_records(struct sf_plan *plan, const struct sf_control *c)
{
    size_t room = c->n_kept < SF_KEPT_MAX ? c->n_kept : SF_KEPT_MAX;
    struct sf_rule *rules = calloc(room + 1, sizeof *rules);
    const struct sf_record *endless = sf_endless(c);

    if (!rules)
        return sf_complain("no memory for %zu rules", room);
    free(plan->rules);
    plan->rules = rules;
    plan->n = 0;
    for (size_t i = 0; i < room; i++)
        if (c->kept[i].seq && !sf_is_of_row(&c->kept[i], endless))
            rules[plan->n++] = sf_rule_of(c, &c->kept[i], endless);
    return true;
}

/* Why the first runs are no beginning. */
static bool give_up(const struct shrinking *s, const char *what,
                    const char *is_not)
{
    if (s->cannot)
        return false; /* that was said */
    if (sf_forwarded())
        return sf_complain("shrink: stopped by SIG%s",
                           sigabbrev_np(sf_forwarded()));
    return sf_complain("shrink: %s %s", what, is_not);
}

/* What was found may be why it ended: without that it need not. */
static void limit_runs(struct sf_run *run, int64_t first_ms)
{
    if (run->timeout_ms == 0 && first_ms < (INT_MAX - SLACK_MS) / SLOWER)
        run->timeout_ms = (int)first_ms * SLOWER + SLACK_MS;
}

static bool first_run(struct shrinking *s)
{
    struct sf_plan *plan = &s->run->plan;
    struct sf_outcome_of_run outcome;
    const char *what;
    int64_t begin = sf_now_ms();
    bool good;

    if (!run_with(s, plan->rules, plan->n, &outcome))
        return false;
    limit_runs(s->run, sf_now_ms() - begin);
    what = sf_forwarded() ? NULL : what_shows(s, &outcome);
    if (what)
        snprintf(s->wanted, sizeof s->wanted, "%s", what);
    good = what && use_records(plan, outcome.control);
    release(&outcome);
    if (!what)
        return give_up(s, "nothing", "is found with this plan");
    return good &&
           (shows(s, plan->rules, plan->n) ||
            give_up(s, s->wanted, "is not found again by what happened"));
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

/* Larger pieces first: they cost as many runs as small ones. */
static bool minimize(struct shrinking *s)
{
    size_t size = s->run->plan.n;
    struct sf_rule *trial = calloc(size + 1, sizeof *trial);

    if (!trial)
        return sf_complain("no memory for %zu rules", size);
    while (size > 0)
        if (!pass(s, size, trial) || size > s->run->plan.n)
            size /= 2;
    free(trial);
    return !s->cannot;
}

/* The command's own output is for --check, or for nobody. */
static bool divert(struct shrinking *s, char *output, char *errors)
{
    const char *temporary = getenv("TMPDIR");

    s->run->output = s->run->errors = "/dev/null";
    if (!s->check)
        return true;
    snprintf(s->folder, sizeof s->folder, "%s/sockfault.XXXXXX",
             temporary && *temporary ? temporary : "/tmp");
    if (!mkdtemp(s->folder))
        return sf_complain("%s: %s", s->folder, strerror(errno));
    s->run->output = strcat(strcpy(output, s->folder), "/output");
    s->run->errors = strcat(strcpy(errors, s->folder), "/errors");
    return true;
}

static void clean_up(const struct shrinking *s)
{
    if (!s->check)
        return;
    unlink(s->run->output);
    unlink(s->run->errors);
    rmdir(s->folder);
}

static void tell(const struct shrinking *s)
{
    size_t n = s->run->plan.n;
    const char *more = "";

    if (n == 0)
        more = ": it needs no fault at all";
    else if (is_over(s))
        more = ", then stopped: there may be a smaller plan";
    fprintf(stderr, "sockfault: %s: %zu rule%s, %u runs%s\n", s->wanted, n,
            n == 1 ? "" : "s", s->runs, more);
}

bool sf_shrink(struct sf_run *run, const char *check)
{
    struct shrinking s = {.run = run, .check = check};
    char output[PATH_MAX + 16];
    char errors[PATH_MAX + 16];
    bool good;

    if (!divert(&s, output, errors))
        return false;
    good = first_run(&s) && minimize(&s);
    clean_up(&s);
    if (good)
        tell(&s);
    return good;
}
