/* report.c: `sockfault report`, the matrix; see report.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "faultinject/explore/report.h"

const struct sf_state_name sf_cell_states[SF_CELL_STATES] = {
    {"finding", "finding", "F", "something was found, and shown again"},
    {"unsure", "unsure", "?",
     "something was found, and not again, or without the fault"},
    {"to do", "to_do", "…", "it was not run yet"},
    {"not possible", "not_possible", "–",
     "the call came, and the fault was not possible then"},
    {"not reached", "not_reached", "∅", "the call never came"},
    {"handled", "handled", "✓", "the fault happened, and nothing was found"},
};

/* --- cells --- */

enum sf_cell_state sf_report_state(const struct sf_report *r, size_t i)
{
    static const enum sf_cell_state states[SF_CASE_STATES] = {
        [SF_CASE_TO_DO] = SF_CELL_TO_DO,
        [SF_CASE_QUIET] = SF_CELL_HANDLED,
        [SF_CASE_FOUND] = SF_CELL_UNSURE,
        [SF_CASE_UNMET] = SF_CELL_UNMET,
        [SF_CASE_IMPOSSIBLE] = SF_CELL_IMPOSSIBLE,
        [SF_CASE_ALONE] = SF_CELL_UNSURE,
    };
    const struct sf_sweep *s = r->sweep;

    if (s->state[i] == SF_CASE_FOUND &&
        sf_sweep_is_sure(&s->groups[s->group[i]]))
        return SF_CELL_FINDING;
    return states[s->state[i]];
}

enum sf_cell_state sf_cell_worst(const struct sf_cell *cell)
{
    int state = 0;

    while (state < SF_CELL_STATES - 1 && cell->counts[state] == 0)
        state++;
    return (enum sf_cell_state)state;
}

static struct sf_report_row *add_row(struct sf_report *r, int call,
                                     const char *site)
{
    struct sf_report_row *more =
        realloc(r->rows, (r->n_rows + 1) * sizeof *more);

    if (!more) {
        sf_complain("no memory for %zu places", r->n_rows + 1);
        return NULL;
    }
    r->rows = more;
    more += r->n_rows++;
    memset(more, 0, sizeof *more);
    more->call = call;
    more->site = site;
    for (int i = 0; i < SF_FAULT_COUNT; i++)
        more->cells[i].first = SF_NO_CASE;
    return more;
}

/* In the order in which the command comes there first. */
static struct sf_report_row *find_row(struct sf_report *r, int call,
                                      const char *site)
{
    for (size_t i = 0; i < r->n_rows; i++)
        if (r->rows[i].call == call && strcmp(r->rows[i].site, site) == 0)
            return &r->rows[i];
    return add_row(r, call, site);
}

static bool add_case(struct sf_report *r, size_t i)
{
    const struct sf_rule *rule = &r->sweep->cases.rules[i];
    struct sf_report_row *row = find_row(r, rule->call, r->sites[i]);
    enum sf_cell_state state = sf_report_state(r, i);
    struct sf_cell *cell;

    if (!row)
        return false;
    cell = &row->cells[rule->fault];
    if (cell->first == SF_NO_CASE)
        cell->first = i;
    else
        r->next[cell->last] = i;
    cell->last = i;
    r->next[i] = SF_NO_CASE;
    cell->counts[state]++;
    r->counts[state]++;
    r->faults |= UINT64_C(1) << rule->fault;
    return true;
}

static bool fill(struct sf_report *r)
{
    for (size_t i = 0; i < r->sweep->cases.n; i++)
        if (sf_sweep_is_ours(r->sweep, i) && !add_case(r, i))
            return false;
    return true;
}

/* --- what the folder says --- */

/* Where each rule's call is made stands behind it, for people: "# in WHERE".
 * Who knows only the place itself has it in the rule. */
static void take_note(struct sf_report *r, size_t i, char *line)
{
    static const char before[] = " # in ";
    char *note = strstr(line, before);

    r->sites[i] =
        note ? note + sizeof before - 1 : r->sweep->cases.rules[i].site;
}

/* Rules are in the order of their lines. */
static void take_notes(struct sf_report *r)
{
    const struct sf_plan *cases = &r->sweep->cases;
    unsigned number = 0;
    size_t i = 0;

    for (char *line = r->notes; line && i < cases->n; number++) {
        char *end = strchr(line, '\n');

        if (end)
            *end = '\0';
        if (cases->rules[i].line == number + 1)
            take_note(r, i++, line);
        line = end ? end + 1 : NULL;
    }
}

/* Its text again, since a plan in memory has no comments. */
static bool read_notes(struct sf_report *r)
{
    const char *path = sf_sweep_path(r->sweep, "cases");
    FILE *in = fopen(path, "re");
    size_t room = 0;
    bool good = in && getdelim(&r->notes, &room, '\0', in) > 0;

    if (in)
        fclose(in);
    if (!good)
        return sf_complain("%s: %s", path, strerror(errno));
    take_notes(r);
    return true;
}

/* A plan can say more than one fault at one call: explore does not. */
static bool is_of_explore(const struct sf_sweep *s)
{
    for (size_t i = 0; i < s->cases.n; i++) {
        const struct sf_rule *rule = &s->cases.rules[i];

        if (rule->call == SF_ANY_CALL || rule->fault == SF_ANY_FAULT)
            return sf_complain("%s:%u: expected one call and one fault, as "
                               "sockfault explore writes them",
                               sf_sweep_path(s, "cases"), rule->line);
    }
    return true;
}

/* Whoever explores there has the lock; we leave no trace of having asked. */
static bool is_at_work(const struct sf_sweep *s)
{
    int fd = open(sf_sweep_path(s, "lock"), O_RDONLY | O_CLOEXEC);
    bool busy = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;

    if (fd >= 0)
        close(fd);
    return busy;
}

static bool is_there(const struct sf_sweep *s, enum sf_rest rest)
{
    if (sf_sweep_has_cases(s))
        return true;
    if (rest == SF_REST_AT_WORK)
        return sf_complain("report: %s: sockfault explore is at work there, "
                           "and does not know yet what fits",
                           s->folder);
    return sf_complain("report: %s: expected a folder of sockfault explore, "
                       "which has a file cases and a file baseline",
                       s->folder);
}

static bool load(struct sf_report *r, struct sf_options *o)
{
    struct sf_sweep *s = r->sweep;
    char *path;

    r->rest = is_at_work(s) ? SF_REST_AT_WORK : SF_REST_TO_DO;
    if (!is_there(s, r->rest) || asprintf(&path, "%s/cases", s->folder) < 0)
        return false;
    /* The words stay with the options, and name this as their program. */
    if (!sf_options_take_trace(o, path)) {
        free(path);
        return false;
    }
    s->run = o->run;
    s->cases = o->run.plan;
    free(path);
    return is_of_explore(s) && sf_sweep_load_kept(s) && sf_sweep_read(s);
}

static bool make(struct sf_report *r, struct sf_options *o)
{
    size_t n;

    if (!load(r, o))
        return false;
    n = r->sweep->cases.n;
    r->sites = calloc(n, sizeof *r->sites);
    r->next = calloc(n, sizeof *r->next);
    if (!r->sites || !r->next)
        return sf_complain("no memory for %zu cases", n);
    for (size_t i = 0; i < n; i++)
        r->sites[i] = "";
    return read_notes(r) && fill(r);
}

static void drop(struct sf_report *r)
{
    free(r->sweep->state);
    free(r->sweep->group);
    free(r->sweep->groups);
    free(r->rows);
    free(r->sites);
    free(r->next);
    free(r->notes);
}

/* --- the verdict --- */

bool sf_report_is_complete(const struct sf_report *r)
{
    const struct sf_sweep *s = r->sweep;

    for (size_t i = 0; i < s->n_groups; i++)
        if (s->groups[i].tries == 0)
            return false;
    return r->counts[SF_CELL_TO_DO] == 0;
}

/* A fault that did not happen shows nothing. */
static bool is_empty(const struct sf_report *r)
{
    return sf_sweep_count(r->sweep, SF_CASE_QUIET) == 0 &&
           sf_sweep_count(r->sweep, SF_CASE_FOUND) == 0;
}

int sf_report_status(const struct sf_report *r)
{
    if (sf_sweep_news(r->sweep))
        return SF_FOUND;
    return sf_report_is_complete(r) && !is_empty(r) ? SF_NOTHING_FOUND
                                                    : SF_COULD_NOT;
}

const char *sf_report_verdict(const struct sf_report *r)
{
    if (sf_sweep_news(r->sweep))
        return "something found";
    if (!sf_report_is_complete(r))
        return "not complete";
    return is_empty(r) ? "no fault happened" : "nothing found";
}

/* --- what is written --- */

static bool write_to(const struct sf_report *r, const char *path,
                     void (*print)(const struct sf_report *r, FILE *out))
{
    FILE *out;

    if (!sf_output_open(&out, path))
        return false;
    if (out)
        print(r, out);
    return sf_output_close(out, path);
}

static bool is_output(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

static int tell(const struct sf_report *r, const struct sf_options *o)
{
    if (is_output(o->run.json) && is_output(o->html)) {
        sf_complain("report: --json and --html both to standard output");
        return SF_COULD_NOT;
    }
    if (!write_to(r, o->run.json, sf_report_json) ||
        !write_to(r, o->html, sf_report_html))
        return SF_COULD_NOT;
    if (!is_output(o->run.json) && !is_output(o->html))
        sf_report_text(r);
    if (is_empty(r) && sf_report_is_complete(r))
        sf_complain("report: no fault happened, so nothing is shown");
    return sf_report_status(r);
}

int sf_report(struct sf_options *o, const char *folder)
{
    struct sf_sweep sweep = {.folder = folder,
                             .shard = o->shard,
                             .shards = o->shards ? o->shards : 1};
    struct sf_report report = {.sweep = &sweep};
    int status = SF_COULD_NOT;

    if (make(&report, o))
        status = tell(&report, o);
    drop(&report);
    return status;
}
