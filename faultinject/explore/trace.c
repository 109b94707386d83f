/* trace.c: what happened, as a plan; see explore.h. */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faultinject/explore/explore.h"
#include "faultinject/session/word.h"

enum { ROW_MIN = 100 }; /* faults, for a row in which somebody spins */

static int by_seq(const void *a, const void *b)
{
    const struct sf_record *x = *(const struct sf_record *const *)a;
    const struct sf_record *y = *(const struct sf_record *const *)b;

    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static size_t collect(const struct sf_record *from, uint64_t n, size_t room,
                      const struct sf_record **to)
{
    size_t found = 0;

    for (size_t i = 0; i < n && i < room; i++)
        if (from[i].seq > 0)
            to[found++] = &from[i];
    return found;
}

void sf_run_line_print(const struct sf_run *run, FILE *out)
{
    fprintf(out, "run");
    for (int i = 0; i < run->n_kept; i++) {
        fprintf(out, " --%s", run->kept[i].name);
        if (run->kept[i].value) {
            fputc(' ', out);
            sf_print_word(run->kept[i].value, out);
        }
    }
    if (run->n_kept || run->command[0][0] == '-')
        fprintf(out, " --");
    for (char **word = run->command; *word; word++) {
        fputc(' ', out);
        sf_print_word(*word, out);
    }
    fputc('\n', out);
}

/* A relative name in the command means nothing elsewhere. */
static void print_directory(FILE *out)
{
    char path[PATH_MAX];

    if (!getcwd(path, sizeof path))
        return;
    fputs("# in ", out);
    sf_print_word(path, out);
    fputc('\n', out);
}

static void print_header(const struct sf_run *run, const struct sf_control *c,
                         FILE *out)
{
    fprintf(out, "sockfault-plan 1\n");
    if (run->plan.profile != SF_LINUX)
        fprintf(out, "profile %s\n", sf_profile_names[run->plan.profile]);
    sf_run_line_print(run, out);
    print_directory(out);
    for (unsigned i = 0; i < c->n_processes && i < SF_PROCESSES_MAX; i++)
        fprintf(out, "# process %u: %s, pid %d\n", i + 1,
                c->processes[i].program, c->processes[i].pid);
}

static struct sf_range only(uint64_t n)
{
    return (struct sf_range){n, n, 1};
}

struct sf_rule sf_rule_of(const struct sf_control *c, const struct sf_record *r,
                          const struct sf_record *endless)
{
    struct sf_rule rule = {
        .call = r->call, .kinds = sf_calls[r->call].kind, .fault = r->fault};

    if (c->n_processes > 1)
        rule.process = only(r->process);
    if (r->conn)
        rule.conn = only(r->conn);
    rule.when = only(r->nth);
    /* By the place alone: names are for people. */
    if (sf_calls[r->call].kind == K_ALLOC && !sf_place(c, r->site, rule.site))
        rule.when = only(r->offset);
    if (r == endless)
        rule.when.last = UINT64_MAX;
    if (sf_fault_has_amount(r->fault))
        rule.amount = r->amount;
    if (sf_calls[r->call].kind == K_WAIT && !sf_fault_of_listener(r->fault))
        rule.target = r->target;
    return rule;
}

static bool is_alike(const struct sf_record *r, const struct sf_record *to)
{
    return r->seq > 0 && r->process == to->process && r->call == to->call &&
           r->conn == to->conn && r->fault == to->fault;
}

bool sf_is_of_row(const struct sf_record *r, const struct sf_record *endless)
{
    return endless && is_alike(r, endless) && r->nth > endless->nth;
}

/* Of the same fault at one call after the other up to this one; of a few that
 * stand so by chance only the last one counts. */
static const struct sf_record *first_of_row(const struct sf_control *c,
                                            const struct sf_record *last)
{
    const struct sf_record *first = last;

    for (const struct sf_record *r = last; r && r >= c->kept; r--)
        if (is_alike(r, first) && r->nth + 1 == first->nth)
            first = r;
    return last && last->nth - first->nth >= ROW_MIN ? first : last;
}

static bool is_spin(const struct sf_told *told)
{
    return told && told->monitor == SF_MON_SPIN;
}

static const struct sf_record *last_before(const struct sf_control *c,
                                           const struct sf_told *told)
{
    const struct sf_record *last = NULL;

    for (size_t i = 0; i < c->n_kept && i < SF_KEPT_MAX; i++) {
        const struct sf_record *r = &c->kept[i];
        if (r->seq == 0 || (last && r->seq < last->seq))
            continue;
        if (!told || (r->seq <= told->seq && r->process == told->process))
            last = r;
    }
    return last;
}

const struct sf_record *sf_cause(const struct sf_control *c,
                                 const struct sf_told *told)
{
    const struct sf_record *last = last_before(c, told);

    return is_spin(told) ? first_of_row(c, last) : last;
}

const struct sf_record *sf_endless(const struct sf_control *c)
{
    const struct sf_told *told = c->findings;
    const struct sf_record *last, *first;

    if (c->n_findings == 0 || !is_spin(told))
        return NULL;
    last = last_before(c, told);
    first = first_of_row(c, last);
    return first != last ? first : NULL;
}

/* A call that no rule is needed for: where it was, as in a rule. */
static void print_where(const struct sf_control *c, const struct sf_record *r,
                        FILE *out)
{
    fprintf(out, "# ");
    if (c->n_processes > 1)
        fprintf(out, "process %u ", r->process);
    if (r->conn)
        fprintf(out, "conn %u ", r->conn);
    fprintf(out, "%s %u: ", sf_calls[r->call].name, r->nth);
}

static void print_result(const struct sf_record *r, FILE *out)
{
    if (!r->ended)
        fprintf(out, "never came back");
    else if (r->result < 0)
        fprintf(out, "%s", strerrorname_np(r->err));
    else if (sf_calls[r->call].kind & (K_READ | K_WRITE))
        fprintf(out, "%d of %u at %" PRIu64, r->result, r->asked, r->offset);
    else
        fprintf(out, "%d", r->result);
    if (r->fd >= 0)
        fprintf(out, " fd %d", r->fd);
}

static void print_record(const struct sf_control *c, const struct sf_record *r,
                         const struct sf_record *endless, FILE *out)
{
    char where[SF_WHERE_MAX];

    if (r->fault == SF_NONE || sf_is_of_row(r, endless)) {
        print_where(c, r, out);
    } else {
        struct sf_rule rule = sf_rule_of(c, r, endless);
        sf_rule_print(&rule, out);
        fprintf(out, " # ");
    }
    print_result(r, out);
    if (sf_where(c, r->site, where))
        fprintf(out, " in %s", where);
    fputc('\n', out);
}

static uint64_t beyond(uint64_t n, uint64_t room)
{
    return n > room ? n - room : 0;
}

struct sf_dropped sf_dropped(const struct sf_control *c)
{
    return (struct sf_dropped){beyond(c->n_ring, SF_RING_MAX),
                               beyond(c->n_kept, SF_KEPT_MAX)};
}

static void print_dropped(const struct sf_control *c, FILE *out)
{
    struct sf_dropped dropped = sf_dropped(c);

    if (dropped.calls)
        fprintf(out, "# %" PRIu64 " calls before the last %d are not kept\n",
                dropped.calls, SF_RING_MAX);
    if (dropped.faults)
        fprintf(out, "# %" PRIu64 " faults after the first %d are not kept\n",
                dropped.faults, SF_KEPT_MAX);
}

void sf_trace_print(const struct sf_run *run, const struct sf_control *c,
                    FILE *out)
{
    const struct sf_record **all =
        malloc((SF_KEPT_MAX + SF_RING_MAX) * sizeof *all);
    const struct sf_record *endless = sf_endless(c);
    size_t n;

    if (!all)
        return;
    n = collect(c->kept, c->n_kept, SF_KEPT_MAX, all);
    n += collect(c->ring, c->n_ring, SF_RING_MAX, all + n);
    qsort(all, n, sizeof *all, by_seq);
    print_header(run, c, out);
    print_dropped(c, out);
    for (size_t i = 0; i < n; i++)
        print_record(c, all[i], endless, out);
    free(all);
}

char *sf_rule_text(const struct sf_rule *rule)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    sf_rule_print(rule, out);
    fclose(out);
    return text;
}
