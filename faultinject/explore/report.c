/* report.c: the trace and the summary; see explore.h. */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "faultinject/explore/explore.h"

/* --- the trace --- */

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

/* A word of the shell's, quoted where it must be. */
static void print_quoted(const char *s, FILE *out)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789_-./:=,+@%";

    if (*s && s[strspn(s, plain)] == '\0') {
        fputs(s, out);
        return;
    }
    fputc('\'', out);
    for (; *s; s++)
        if (*s == '\'')
            fputs("'\\''", out);
        else
            fputc(*s, out);
    fputc('\'', out);
}

static void print_header(const struct sf_run *run, const struct sf_control *c,
                         FILE *out)
{
    fprintf(out, "sockfault-plan 1\n");
    if (run->plan.profile != SF_LINUX)
        fprintf(out, "profile %s\n", sf_profile_names[run->plan.profile]);
    fprintf(out, "run");
    for (char **word = run->command; *word; word++) {
        fputc(' ', out);
        print_quoted(*word, out);
    }
    fputc('\n', out);
    for (unsigned i = 0; i < c->n_processes && i < SF_PROCESSES_MAX; i++)
        fprintf(out, "# process %u: %s, pid %d\n", i + 1,
                c->processes[i].program, c->processes[i].pid);
}

static struct sf_range only(uint64_t n)
{
    return (struct sf_range){n, n, 1};
}

struct sf_rule sf_rule_of(const struct sf_control *c, const struct sf_record *r)
{
    struct sf_rule rule = {
        .call = r->call, .kinds = sf_calls[r->call].kind, .fault = r->fault};

    if (c->n_processes > 1)
        rule.process = only(r->process);
    if (r->conn)
        rule.conn = only(r->conn);
    rule.when = only(r->nth);
    if (r->fault == SF_SHORT)
        rule.amount = r->amount;
    if (sf_calls[r->call].kind == K_WAIT)
        rule.target = r->target;
    return rule;
}

/* A call that nothing was done to: where it was, as in a rule. */
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
    if (r->result < 0)
        fprintf(out, "%s", strerrorname_np(r->err));
    else if (sf_calls[r->call].kind & (K_READ | K_WRITE))
        fprintf(out, "%d of %u at %" PRIu64, r->result, r->asked, r->offset);
    else
        fprintf(out, "%d", r->result);
    if (r->fd >= 0)
        fprintf(out, " fd %d", r->fd);
}

static void print_record(const struct sf_control *c, const struct sf_record *r,
                         FILE *out)
{
    if (r->fault == SF_NONE) {
        print_where(c, r, out);
    } else {
        struct sf_rule rule = sf_rule_of(c, r);
        sf_rule_print(&rule, out);
        fprintf(out, " # ");
    }
    print_result(r, out);
    fputc('\n', out);
}

static uint64_t beyond(uint64_t n, uint64_t room)
{
    return n > room ? n - room : 0;
}

static void print_dropped(const struct sf_control *c, FILE *out)
{
    uint64_t calls = beyond(c->n_ring, SF_RING_MAX);
    uint64_t faults = beyond(c->n_kept, SF_KEPT_MAX);

    if (calls)
        fprintf(out, "# %" PRIu64 " calls before the last %d are not kept\n",
                calls, SF_RING_MAX);
    if (faults)
        fprintf(out, "# %" PRIu64 " faults after the first %d are not kept\n",
                faults, SF_KEPT_MAX);
}

void sf_trace_print(const struct sf_run *run, const struct sf_control *c,
                    FILE *out)
{
    const struct sf_record **all =
        malloc((SF_KEPT_MAX + SF_RING_MAX) * sizeof *all);
    size_t n;

    if (!all)
        return;
    n = collect(c->kept, c->n_kept, SF_KEPT_MAX, all);
    n += collect(c->ring, c->n_ring, SF_RING_MAX, all + n);
    qsort(all, n, sizeof *all, by_seq);
    print_header(run, c, out);
    print_dropped(c, out);
    for (size_t i = 0; i < n; i++)
        print_record(c, all[i], out);
    free(all);
}

/* --- the summary --- */

static uint64_t sum(const uint64_t *counts, size_t n)
{
    uint64_t total = 0;

    for (size_t i = 0; i < n; i++)
        total += counts[i];
    return total;
}

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static uint64_t connections(const struct sf_control *c)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < c->n_processes && i < SF_PROCESSES_MAX; i++)
        total += c->processes[i].connections;
    return total;
}

static uint64_t calls_seen(const struct sf_control *c)
{
    uint64_t total = sum(c->seen, SF_CALL_COUNT);

    for (unsigned i = 0; i < c->n_processes && i < SF_PROCESSES_MAX; i++)
        total += sum(c->processes[i].seen, SF_CALL_COUNT);
    return total;
}

static void print_counts(const struct sf_control *c)
{
    uint64_t calls = calls_seen(c);
    uint64_t faults = sum(c->injected, SF_FAULT_COUNT);
    uint64_t conns = connections(c);
    const char *before = ": ";

    fprintf(stderr,
            "sockfault: %" PRIu64 " call%s of %" PRIu64 " connection%s in %u "
            "process%s, %" PRIu64 " fault%s",
            calls, plural(calls), conns, plural(conns), c->n_processes,
            c->n_processes == 1 ? "" : "es", faults, plural(faults));
    for (int i = 1; i < SF_FAULT_COUNT; i++)
        if (c->injected[i]) {
            fprintf(stderr, "%s%" PRIu64 " %s", before, c->injected[i],
                    sf_faults[i].word);
            before = ", ";
        }
    fputc('\n', stderr);
}

/* A plan that does not come to pass must not look like one that did. */
static unsigned print_unreached(const struct sf_control *c)
{
    unsigned n = 0;

    for (size_t i = 0; i < c->n_rules; i++) {
        const struct sf_rule *r = &c->rules[i];
        if (r->done || r->fault == SF_NONE)
            continue;
        fprintf(stderr, "sockfault: %s: ",
                r->matched ? "never possible" : "not reached");
        sf_rule_print(r, stderr);
        fputc('\n', stderr);
        n++;
    }
    return n;
}

static void print_findings(const struct sf_control *c)
{
    for (unsigned i = 0; i < c->n_findings && i < SF_FINDINGS_MAX; i++)
        fprintf(stderr, "%s (process %u, %s)\n", c->findings[i].line,
                c->findings[i].process,
                c->findings[i].process <= SF_PROCESSES_MAX
                    ? c->processes[c->findings[i].process - 1].program
                    : "?");
}

const char *sf_verdict(const struct sf_run *run,
                       const struct sf_outcome_of_run *outcome)
{
    const struct sf_control *c = outcome->control;
    int status = outcome->status;

    if (c->n_findings > 0)
        return sf_monitor_name((enum sf_monitor)c->findings[0].monitor);
    if (outcome->timed_out)
        return sf_monitor_name(SF_MON_STALL);
    if (WIFSIGNALED(status) && WTERMSIG(status) == outcome->forwarded)
        return NULL; /* as it was told */
    if (WIFSIGNALED(status))
        return sf_monitor_name(WTERMSIG(status) == SIGPIPE ? SF_MON_SIGPIPE
                                                           : SF_MON_DIED);
    if (WEXITSTATUS(status) == SF_SANITIZER_STATUS)
        return sf_monitor_name(SF_MON_DIED);
    return run->status_counts && WEXITSTATUS(status) ? "status" : NULL;
}

/* The end of the command itself. */
static void print_end(const struct sf_run *run,
                      const struct sf_outcome_of_run *outcome)
{
    const char *monitor = sf_verdict(run, outcome);
    int status = outcome->status;

    if (outcome->control->n_findings == 0 && monitor)
        fprintf(stderr, "sockfault: finding: %s: ", monitor);
    else
        fprintf(stderr, "sockfault: ");
    if (outcome->timed_out)
        fprintf(stderr, "the command was not done after %d ms\n",
                run->timeout_ms);
    else if (WIFSIGNALED(status))
        fprintf(stderr, "the command was killed by SIG%s\n",
                sigabbrev_np(WTERMSIG(status)));
    else if (WEXITSTATUS(status) == SF_SANITIZER_STATUS)
        fprintf(stderr, "a sanitizer ended the command\n");
    else
        fprintf(stderr, "the command ended with status %d\n",
                WEXITSTATUS(status));
}

int sf_summarize(const struct sf_run *run,
                 const struct sf_outcome_of_run *outcome)
{
    const struct sf_control *c = outcome->control;

    unsigned unreached = 0;

    if (!run->quiet)
        print_counts(c);
    if (!run->quiet || run->all_rules)
        unreached = print_unreached(c);
    print_findings(c);
    if (outcome->timed_out || (outcome->status != 0 && outcome->forwarded == 0))
        print_end(run, outcome);
    if (sf_verdict(run, outcome))
        return SF_FOUND;
    if (calls_seen(c) == 0) {
        sf_complain("no call was intercepted: %s made no socket call "
                    "through libc",
                    run->command[0]);
        return SF_COULD_NOT;
    }
    return run->all_rules && unreached ? SF_COULD_NOT : SF_NOTHING_FOUND;
}
