/* sweep_cases.c: which faults fit the command's calls; see sweep.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "faultinject/explore/sweep.h"

enum { PAUSE_MS = 50 }; /* of delay and late */

/* Every run costs what the command costs, and a hang costs this. */
enum { SLOWER = 10, SLACK_MS = 5000, TIMEOUT_MAX_MS = 86400000 };
/* Looking at each allocation takes time, too. */
enum { LOOKING = 10 };

/* --- what was asked for --- */

/* In one line: a folder of another command, or of other faults, is not ours. */
static void print_choice(const struct sf_sweep *s, FILE *out)
{
    fprintf(out, "profile %s class %s%s%s",
            sf_profile_names[s->run.plan.profile], s->class ? s->class : "any",
            s->compares ? " compare" : "", s->silent ? " silent" : "");
    if (s->run.memory)
        fputs(" memory", out);
    if (s->cuts)
        fprintf(out, " cuts %u", s->cuts);
    for (int i = 1; i < SF_FAULT_COUNT; i++)
        if (s->without[i])
            fprintf(out, " without %s", sf_faults[i].word);
    fputc('\n', out);
}

/* As it is asked for now; to be freed. */
static char *asked(const struct sf_sweep *s)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    sf_run_line_print(&s->run, out);
    print_choice(s, out);
    fclose(out);
    return text;
}

/* --- what fits --- */

static bool is_chosen(const struct sf_sweep *s, const struct sf_record *r)
{
    enum sf_class cls = sf_faults[r->fault].cls;

    if (r->seq == 0 || s->without[r->fault])
        return false;
    return !s->class || (strcmp(s->class, "fatal") == 0) == (cls == SF_FATAL);
}

static void print_case(const struct sf_control *c, const struct sf_record *r,
                       uint32_t amount, FILE *out)
{
    struct sf_record one = *r;
    struct sf_rule rule;
    char where[SF_WHERE_MAX];

    one.amount = amount;
    rule = sf_rule_of(c, &one, NULL);
    sf_rule_print(&rule, out);
    if (sf_where(c, r->site, where))
        fprintf(out, " # in %s", where);
    fputc('\n', out);
}

/* One byte, or as many as are asked for, and all but one. */
static void print_cuts(const struct sf_sweep *s, const struct sf_control *c,
                       const struct sf_record *r, FILE *out)
{
    uint32_t amount = 1;

    do
        print_case(c, r, amount, out);
    while (amount++ < s->cuts && amount < r->amount);
    if (r->amount > 1)
        print_case(c, r, r->amount, out);
}

static void print_cases_of(const struct sf_sweep *s, const struct sf_control *c,
                           const struct sf_record *r, FILE *out)
{
    if (r->fault == SF_SHORT)
        print_cuts(s, c, r, out);
    else
        print_case(c, r, sf_fault_takes_time(r->fault) ? PAUSE_MS : 0, out);
}

static bool is_same_call(const struct sf_record *a, const struct sf_record *b)
{
    return a && a->process == b->process && a->call == b->call &&
           a->conn == b->conn && a->nth == b->nth;
}

/* Several listeners of one wait are one case: a rule names the first. */
static bool is_repeated(const struct sf_record *before,
                        const struct sf_record *r)
{
    return is_same_call(before, r) && before->fault == r->fault &&
           sf_fault_of_listener(r->fault);
}

static int by_seq(const void *a, const void *b)
{
    const struct sf_record *x = a, *y = b;

    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static void print_cases(struct sf_sweep *s, struct sf_control *c, FILE *out)
{
    size_t n = c->n_kept < SF_KEPT_MAX ? c->n_kept : SF_KEPT_MAX;
    const struct sf_record *before = NULL;

    qsort(c->kept, n, sizeof *c->kept, by_seq);
    for (size_t i = 0; i < n; i++) {
        const struct sf_record *r = &c->kept[i];

        if (!is_chosen(s, r) || is_repeated(before, r))
            continue;
        s->base.at += !is_same_call(before, r);
        print_cases_of(s, c, r, out);
        before = r;
    }
    s->base.beyond = c->n_kept - n + c->n_unplaced;
}

static bool write_cases(struct sf_sweep *s, struct sf_control *c)
{
    char path[4096 + 16];
    FILE *out;

    snprintf(path, sizeof path, "%s.new", sf_sweep_path(s, "cases"));
    out = fopen(path, "we");
    if (!out)
        return sf_complain("%s: %s", path, strerror(errno));
    fprintf(out, "sockfault-plan 1\nprofile %s\n",
            sf_profile_names[s->run.plan.profile]);
    sf_run_line_print(&s->run, out);
    print_cases(s, c, out);
    if (fclose(out) != 0 || rename(path, sf_sweep_path(s, "cases")) < 0)
        return sf_complain("%s: %s", path, strerror(errno));
    return true;
}

/* --- without a fault --- */

static bool write_baseline(const struct sf_sweep *s)
{
    const struct sf_baseline *b = &s->base;
    const char *path = sf_sweep_path(s, "baseline");
    char *text = asked(s);
    FILE *out = text ? fopen(path, "we") : NULL;

    if (out)
        fprintf(out,
                "%sstatus %d calls %" PRIu64 " connections %" PRIu64
                " processes %u at %u beyond %" PRIu64 " ms %d timeout %d\n",
                text, b->status, b->calls, b->connections, b->processes, b->at,
                b->beyond, b->ms, b->timeout_ms);
    free(text);
    return (out && fclose(out) == 0) ||
           sf_complain("%s: %s", path, strerror(errno));
}

/* What one should know before anything is made of it. */
static bool is_worth_a_word(const struct sf_run *run,
                            const struct sf_outcome_of_run *o)
{
    return sf_verdict(run, o) || o->passed.sockets || o->passed.rings ||
           o->control->lost.n || o->control->n_sealed || o->control->n_blind ||
           o->survivor || sf_calls_seen(o->control) == 0;
}

/* Of the run that says what fits. */
static void count(struct sf_baseline *b, const struct sf_control *c)
{
    b->calls = sf_calls_seen(c);
    b->connections = sf_connections(c);
    b->processes = c->n_processes;
}

/* Nothing that a run has left behind is there in the next. */
static bool run_alone(const struct sf_run *run, struct sf_outcome_of_run *o)
{
    bool good = sf_run(run, o);

    sf_end_children(0);
    return good;
}

/* Once, as `sockfault run` would; false: that was enough, with this status. */
static bool look(struct sf_sweep *s, int *status)
{
    struct sf_outcome_of_run outcome;
    struct sf_run run = s->run;
    bool good;

    run.quiet = false;
    if (!run_alone(&run, &outcome)) {
        *status = SF_COULD_NOT;
        return false;
    }
    s->base.status = outcome.status;
    if (is_worth_a_word(&run, &outcome))
        sf_summary_print(&run, &outcome);
    *status = sf_status(&run, &outcome);
    good = *status == SF_NOTHING_FOUND;
    if (good && sf_connections(outcome.control) == 0)
        sf_complain("explore: it makes no connection, and so hardly a call "
                    "that can fail: has its client met the server?");
    if (good && outcome.control->n_blind) {
        sf_complain("explore: --memory: --only leaves %s out",
                    outcome.control->blind);
        *status = SF_COULD_NOT;
        good = false;
    }
    if (*status == SF_FOUND)
        sf_complain("explore: that was found without any fault: mend it, or "
                    "--allow it");
    munmap(outcome.control, outcome.control->bytes);
    return good;
}

/* Again, as all cases will be run; true: it ended as the first time. */
static bool time_it(struct sf_sweep *s)
{
    struct sf_outcome_of_run outcome;
    int64_t since = sf_now_ms();
    bool good;

    if (!run_alone(&s->run, &outcome))
        return false;
    s->base.ms = (int)(sf_now_ms() - since);
    good = !sf_verdict(&s->run, &outcome) && outcome.status == s->base.status;
    if (!good)
        sf_complain("explore: without a fault it ends now so, now otherwise: "
                    "%s",
                    sf_verdict(&s->run, &outcome)
                        ? sf_verdict(&s->run, &outcome)
                        : "its exit status differs");
    munmap(outcome.control, outcome.control->bytes);
    return good;
}

static bool keep_output(const struct sf_sweep *s)
{
    if (rename(s->run.output, sf_sweep_path(s, "baseline.output")) == 0 &&
        rename(s->run.errors, sf_sweep_path(s, "baseline.errors")) == 0)
        return true;
    return sf_complain("%s: %s", s->run.output, strerror(errno));
}

static bool is_as_before(const struct sf_sweep *s)
{
    if (!s->compares ||
        sf_same_file(s->run.output, sf_sweep_path(s, "baseline.output")))
        return true;
    return sf_complain("explore: without a fault it prints now this, now that: "
                       "%s and %s; --compare needs a command that prints the "
                       "same each time",
                       sf_sweep_path(s, "baseline.output"), s->run.output);
}

static void limit(struct sf_sweep *s)
{
    if (s->run.timeout_ms == 0)
        s->run.timeout_ms = s->base.ms < (TIMEOUT_MAX_MS - SLACK_MS) / SLOWER
                                ? s->base.ms * SLOWER + SLACK_MS
                                : TIMEOUT_MAX_MS;
    s->base.timeout_ms = s->run.timeout_ms;
}

/* Half a survey would be taken for all. */
static bool saw_all(const struct sf_sweep *s, const struct sf_run *run,
                    const struct sf_outcome_of_run *o)
{
    char text[SF_END_MAX];

    if (!o->timed_out && o->status == s->base.status)
        return true;
    sf_end_text(run, o, text);
    return sf_complain("explore: while it was looked what fits %s, and not as "
                       "without%s",
                       text, o->timed_out ? ": see --timeout" : "");
}

static bool survey(struct sf_sweep *s)
{
    struct sf_outcome_of_run outcome;
    struct sf_run run = s->run;
    bool good;

    run.surveys = true;
    if (run.timeout_ms < TIMEOUT_MAX_MS / LOOKING)
        run.timeout_ms *= LOOKING;
    if (!run_alone(&run, &outcome))
        return false;
    count(&s->base, outcome.control);
    good = !sf_forwarded() && saw_all(s, &run, &outcome) &&
           write_cases(s, outcome.control);
    munmap(outcome.control, outcome.control->bytes);
    return good;
}

/* The first run is cold, and the last word is that of the cases: who has them
 * has all. */
int sf_sweep_survey(struct sf_sweep *s)
{
    int status = SF_COULD_NOT;

    sf_sweep_divert(s, 1);
    if (!look(s, &status) || !keep_output(s))
        return status;
    if (!time_it(s) || !is_as_before(s) || !time_it(s) || !is_as_before(s))
        return SF_COULD_NOT;
    limit(s);
    /* Its file has to be there before that of the cases, and says how many. */
    return survey(s) && write_baseline(s) ? SF_NOTHING_FOUND : SF_COULD_NOT;
}

/* --- what is there --- */

bool sf_sweep_has_cases(const struct sf_sweep *s)
{
    return access(sf_sweep_path(s, "cases"), F_OK) == 0 &&
           access(sf_sweep_path(s, "baseline"), F_OK) == 0;
}

static bool read_figures(struct sf_baseline *b, FILE *in)
{
    return fscanf(in,
                  "status %d calls %" SCNu64 " connections %" SCNu64
                  " processes %u at %u beyond %" SCNu64 " ms %d timeout %d",
                  &b->status, &b->calls, &b->connections, &b->processes, &b->at,
                  &b->beyond, &b->ms, &b->timeout_ms) == 8;
}

static bool load_baseline(struct sf_sweep *s)
{
    const char *path = sf_sweep_path(s, "baseline");
    FILE *in = fopen(path, "re");
    char *text = asked(s);
    size_t n = text ? strlen(text) : 0;
    char *told = calloc(1, n + 1);
    bool same = in && text && told && fread(told, 1, n, in) == n &&
                strcmp(told, text) == 0;
    bool good = same && read_figures(&s->base, in);

    if (in)
        fclose(in);
    free(text);
    free(told);
    if (good)
        return true;
    return sf_complain(same ? "%s: cannot be read"
                            : "%s: is of another command, or of other options: "
                              "choose another folder",
                       path);
}

static size_t divisor(size_t a, size_t b)
{
    return b ? divisor(b, a % b) : a;
}

/* The golden section of n, or near it, so that all are met. */
static size_t golden(size_t n)
{
    size_t step = n * 618 / 1000;

    while (step > 1 && divisor(n, step) != 1)
        step--;
    return step ? step : 1;
}

static bool begin(struct sf_sweep *s)
{
    if (s->cases.n == 0)
        return sf_complain("explore: no fault of this choice fits any of its "
                           "%" PRIu64 " calls",
                           s->base.calls);
    s->run.timeout_ms = s->base.timeout_ms;
    s->step = golden(s->cases.n);
    s->state = calloc(s->cases.n, 1);
    s->group = calloc(s->cases.n, sizeof *s->group);
    return (s->state && s->group) ||
           sf_complain("no memory for %zu cases", s->cases.n);
}

bool sf_sweep_load(struct sf_sweep *s)
{
    return load_baseline(s) &&
           sf_load_plan(&s->cases, sf_sweep_path(s, "cases")) && begin(s);
}

/* Behind the command and the choice, a line each. */
bool sf_sweep_load_kept(struct sf_sweep *s)
{
    const char *path = sf_sweep_path(s, "baseline");
    FILE *in = fopen(path, "re");
    char *line = NULL;
    size_t room = 0;
    bool good =
        in && getline(&line, &room, in) > 0 && getline(&line, &room, in) > 0;

    s->run.memory = good && strstr(line, " memory");
    good = good && read_figures(&s->base, in);
    if (in)
        fclose(in);
    free(line);
    return good ? begin(s)
                : sf_complain("%s: is not as this version of sockfault "
                              "explore writes it",
                              path);
}

size_t sf_sweep_case(const struct sf_sweep *s, size_t i)
{
    return (size_t)((unsigned __int128)i * s->step % s->cases.n);
}

bool sf_sweep_is_ours(const struct sf_sweep *s, size_t i)
{
    return i % s->shards == s->shard;
}
