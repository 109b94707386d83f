/* sweep_case.c: one case, and what is found in it; see sweep.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faultinject/explore/sweep.h"
#include "faultinject/session/place.h"

/* A call that did not come once may come the next time. */
enum { TRIES = 2 };

/* What a run of a case came to. */
struct judged {
    bool met;         /* the call came         */
    bool done;        /* … and the fault, too  */
    const char *kind; /* what was found; NULL  */
    char line[SF_GROUP_LINE];
    char name[SF_GROUP_NAME]; /* of all that are like it */
};

/* --- files --- */

const char *sf_sweep_path(const struct sf_sweep *s, const char *format, ...)
{
    static char paths[4][4096];
    static unsigned next;
    char *path = paths[next++ % 4];
    va_list ap;
    int n = snprintf(path, sizeof paths[0], "%.3900s/", s->folder);

    va_start(ap, format);
    vsnprintf(path + n, sizeof paths[0] - (size_t)n, format, ap);
    va_end(ap);
    return path;
}

void sf_sweep_divert(struct sf_sweep *s, unsigned job)
{
    static char output[4096], errors[4096];

    strcpy(output, sf_sweep_path(s, "output.%u", job));
    strcpy(errors, sf_sweep_path(s, "errors.%u", job));
    s->run.output = output;
    s->run.errors = errors;
}

static bool is_same_rest(FILE *a, FILE *b)
{
    char here[4096], there[4096];
    size_t n;

    do {
        n = fread(here, 1, sizeof here, a);
        if (fread(there, 1, sizeof there, b) != n || memcmp(here, there, n))
            return false;
    } while (n == sizeof here);
    return true;
}

bool sf_same_file(const char *a, const char *b)
{
    FILE *here = fopen(a, "re"), *there = fopen(b, "re");
    bool same = here && there && is_same_rest(here, there);

    if (here)
        fclose(here);
    if (there)
        fclose(there);
    return same;
}

/* --- the judge --- */

static bool is_benign(const struct sf_rule *rule)
{
    return sf_faults[rule->fault].cls == SF_BENIGN;
}

static bool prints_the_same(const struct sf_sweep *s)
{
    return sf_same_file(s->run.output, sf_sweep_path(s, "baseline.output"));
}

static bool complains_the_same(const struct sf_sweep *s)
{
    return sf_same_file(s->run.errors, sf_sweep_path(s, "baseline.errors"));
}

static const char *find_status(const struct sf_sweep *s, int status,
                               struct judged *j)
{
    snprintf(j->line, sizeof j->line,
             "it ended with status %d, and without a "
             "fault with %d",
             sf_shell_status(status), sf_shell_status(s->base.status));
    return "status";
}

static const char *find_output(struct judged *j, const char *kind,
                               const char *line)
{
    snprintf(j->line, sizeof j->line, "%s", line);
    return kind;
}

/*
 * What nothing else sees.  After a benign fault all is as without; after a
 * fatal one it may well end otherwise, but then it says so.
 */
static const char *compare(const struct sf_sweep *s, const struct sf_rule *rule,
                           int status, struct judged *j)
{
    bool same = status == s->base.status;

    if (!same)
        return is_benign(rule) ? find_status(s, status, j) : NULL;
    if (!s->compares || prints_the_same(s))
        return NULL;
    if (is_benign(rule))
        return find_output(j, "output", "it prints something else");
    if (!s->silent || !complains_the_same(s))
        return NULL;
    return find_output(j, "silent",
                       "it prints something else, and ends and complains as if "
                       "nothing had been");
}

/* The finding's own words, without those that all have. */
static void take_line(const struct sf_sweep *s,
                      const struct sf_outcome_of_run *o, struct judged *j)
{
    static const char all[] = "sockfault: finding: ";
    const char *line = o->control->findings[0].line;
    char end[SF_END_MAX];

    if (o->control->n_findings == 0) {
        sf_end_text(&s->run, o, end);
        snprintf(j->line, sizeof j->line, "%s: %s", j->kind, end);
    } else if (strncmp(line, all, sizeof all - 1) == 0) {
        snprintf(j->line, sizeof j->line, "%s", line + sizeof all - 1);
    }
}

static const struct sf_record *fault_of(const struct sf_control *c)
{
    return sf_cause(c, NULL);
}

/* Its first word: some write there what they are doing. */
static const char *program_of(const struct sf_control *c, unsigned process)
{
    static char name[sizeof c->processes->program + 1];

    if (process == 0 || process > sf_processes(c))
        return "?";
    snprintf(name, sizeof name, "%s", c->processes[process - 1].program);
    name[strcspn(name, ": ")] = '\0';
    return name;
}

/* A crash is not what a program does on purpose, by abort(), and neither is
 * what C++ does where nobody catches. */
static const char *signal_of(const struct judged *j)
{
    static const char before[] = " killed by ";
    const char *at =
        strcmp(j->kind, "died") == 0 ? strstr(j->line, before) : NULL;

    if (at && strstr(at, ", by std::terminate"))
        return " terminate";
    return at ? at + sizeof before - 2 : "";
}

/* A monitor says where it was; what only the end shows is told apart by the
 * signal, if there was one, by the call that failed, and whether for good: how
 * it did is seldom what matters. */
static void find_key(const struct sf_control *c, const struct sf_rule *rule,
                     const struct judged *j, char *key, size_t size)
{
    const struct sf_record *r = fault_of(c);
    const struct sf_told *told = c->n_findings ? c->findings : NULL;
    char where[SF_WHERE_MAX] = "";

    if (told && told->site && sf_where(c, told->site, where)) {
        snprintf(key, size, "%s %s %s", j->kind, program_of(c, told->process),
                 where);
        return;
    }
    if (r)
        sf_where(c, r->site, where);
    snprintf(key, size, "%s%s %s %s %s %s", j->kind, signal_of(j),
             program_of(c, r ? r->process : 0),
             sf_class_names[sf_faults[rule->fault].cls],
             r ? sf_calls[r->call].name : "?", where);
}

static void name_it(const struct sf_control *c, const struct sf_rule *rule,
                    struct judged *j)
{
    char key[512];
    size_t n;

    find_key(c, rule, j, key, sizeof key);
    n = strcspn(key + strlen(j->kind) + 1, "/") + strlen(j->kind) + 1;
    snprintf(j->name, sizeof j->name - 8, "%.*s", (int)n, key);
    for (char *at = j->name; *at; at++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                    "0123456789_.",
                    *at))
            *at = '-';
    sprintf(j->name + strlen(j->name), "-%06x",
            (unsigned)sf_hash(SF_HASH, key, strlen(key)) & 0xffffff);
}

static void judge(const struct sf_sweep *s, const struct sf_rule *rule,
                  const struct sf_outcome_of_run *o, struct judged *j)
{
    const struct sf_rule *used = &o->control->rules[0];

    memset(j, 0, sizeof *j);
    j->met = used->matched > 0;
    j->done = used->done > 0;
    j->kind = sf_verdict(&s->run, o);
    if (j->kind && strcmp(j->kind, "status") != 0)
        take_line(s, o, j);
    else if (j->kind)
        find_status(s, o->status, j);
    else
        j->kind = compare(s, rule, o->status, j);
    if (j->kind)
        name_it(o->control, rule, j);
}

/* --- running it --- */

/* False: it could not be run, or we were told to stop. */
static bool run_case(struct sf_sweep *s, const struct sf_rule *rule,
                     struct judged *j, FILE *trace)
{
    struct sf_outcome_of_run outcome;
    struct sf_run run = s->run;
    struct sf_rule one = *rule;

    one.matched = one.done = 0;
    run.plan.rules = &one;
    run.plan.n = 1;
    run.trace = trace ? "" : NULL;
    if (!sf_run(&run, &outcome))
        return false;
    sf_end_children(0);
    if (!sf_forwarded())
        judge(s, rule, &outcome, j);
    if (trace)
        sf_trace_print(&run, outcome.control, trace);
    munmap(outcome.control, outcome.control->bytes);
    return !sf_forwarded();
}

static bool write_result(const struct sf_sweep *s, size_t i, unsigned tries,
                         const struct judged *j)
{
    if (j->kind && j->done)
        return sf_sweep_write(s, "%zu found %u %s %s", i, tries, j->name,
                              j->line);
    return sf_sweep_write(s, "%zu %s %u", i,
                          j->kind   ? "alone"
                          : j->done ? "quiet"
                          : j->met  ? "impossible"
                                    : "unmet",
                          tries);
}

int sf_sweep_try(struct sf_sweep *s, size_t i)
{
    struct judged j = {.done = false};
    unsigned tries = 0;

    while (tries < TRIES && !j.done && !j.kind) {
        if (!run_case(s, &s->cases.rules[i], &j, NULL))
            return SF_COULD_NOT;
        tries++;
    }
    return write_result(s, i, tries, &j) ? SF_NOTHING_FOUND : SF_COULD_NOT;
}

/* --- once more --- */

/* What a replay of the trace needs beyond what was asked for. */
static void keep_options(struct sf_run *run, int timeout_ms, bool status)
{
    static char text[16];
    bool has_timeout = false;

    snprintf(text, sizeof text, "%dms", timeout_ms);
    for (int i = 0; i < run->n_kept; i++)
        has_timeout |= strcmp(run->kept[i].name, "timeout") == 0;
    if (!has_timeout && run->n_kept < SF_OPTIONS_KEPT)
        run->kept[run->n_kept++] = (struct sf_option){"timeout", text};
    if (status && !run->status_counts && run->n_kept < SF_OPTIONS_KEPT)
        run->kept[run->n_kept++] = (struct sf_option){"status", NULL};
}

static bool begins_with(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Behind the first line of the trace, which says what it is. */
static bool write_trace(const struct sf_sweep *s, const struct sf_group *g,
                        const char *text)
{
    const char *path = sf_sweep_path(s, "findings/%s.plan", g->name);
    const char *rest = text ? strchr(text, '\n') : NULL;
    char fresh[4096 + 8];
    FILE *out;

    snprintf(fresh, sizeof fresh, "%s.new", path);
    out = rest ? fopen(fresh, "we") : NULL;
    if (out)
        fprintf(out, "%.*s\n# %s\n%s", (int)(rest - text), text, g->line,
                rest + 1);
    if (out && fclose(out) == 0 && rename(fresh, path) == 0)
        return true;
    return sf_complain("%s: %s", path, strerror(errno));
}

static void keep_output(const struct sf_sweep *s, const struct sf_group *g)
{
    rename(s->run.output, sf_sweep_path(s, "findings/%s.output", g->name));
    rename(s->run.errors, sf_sweep_path(s, "findings/%s.errors", g->name));
}

/* One run for the trace; true: that is written, and *shown if it is so again.
 */
static bool repeat(struct sf_sweep *s, const struct sf_group *g, bool write,
                   bool *shown)
{
    const struct sf_rule *rule = &s->cases.rules[g->first];
    struct judged j = {.done = false};
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    bool good = out && run_case(s, rule, &j, out);

    if (out)
        fclose(out);
    *shown = good && j.kind && j.done && begins_with(g->name, j.kind);
    if (good && (write || *shown)) {
        good = write_trace(s, g, text);
        keep_output(s, g);
    }
    free(text);
    return good;
}

int sf_sweep_confirm(struct sf_sweep *s, const struct sf_group *g)
{
    unsigned n = 0;

    keep_options(&s->run, s->run.timeout_ms,
                 begins_with(g->name, "status") && s->base.status == 0);
    for (unsigned i = 0; i < SF_REPEATS; i++) {
        bool shown;

        if (!repeat(s, g, i == 0, &shown))
            return SF_COULD_NOT;
        n += shown;
    }
    return sf_sweep_write(s, "%zu again %u %u %s", g->first, n, SF_REPEATS,
                          g->name)
               ? SF_NOTHING_FOUND
               : SF_COULD_NOT;
}
