/* report.c: the trace and the summary; see explore.h. */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "faultinject/explore/explore.h"

/* --- the trace ------------------------------------------------------------ */

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

/* Where it was: the part of a rule before the colon. */
static void print_where(const struct sf_control *c, const struct sf_record *r,
                        FILE *out)
{
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
        fprintf(out, "# ");
        print_where(c, r, out);
    } else {
        print_where(c, r, out);
        fprintf(out, "%s", sf_faults[r->fault].word);
        if (r->fault == SF_SHORT)
            fprintf(out, " %u", r->amount);
        else if (sf_calls[r->call].kind == K_WAIT && r->target)
            fprintf(out, " conn %u", r->target);
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

/* --- the summary ------------------------------------------------------------
 */

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

static void print_counts(const struct sf_control *c)
{
    uint64_t calls = sum(c->seen, SF_CALL_COUNT);
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
static void print_unreached(const struct sf_control *c)
{
    for (size_t i = 0; i < c->n_rules; i++) {
        const struct sf_rule *r = &c->rules[i];
        if (r->done || r->fault == SF_NONE)
            continue;
        fprintf(stderr, "sockfault: %s: ",
                r->matched ? "never possible" : "not reached");
        sf_rule_print(r, stderr);
    }
}

static unsigned print_findings(const struct sf_control *c)
{
    for (unsigned i = 0; i < c->n_findings && i < SF_FINDINGS_MAX; i++)
        fprintf(stderr, "%s (process %u, %s)\n", c->findings[i].line,
                c->findings[i].process,
                c->findings[i].process <= SF_PROCESSES_MAX
                    ? c->processes[c->findings[i].process - 1].program
                    : "?");
    return c->n_findings;
}

/* The end of the command itself; true: it should not have ended so. */
static bool print_end(const struct sf_run *run,
                      const struct sf_outcome_of_run *outcome)
{
    const struct sf_control *c = outcome->control;
    int status = outcome->status;

    if (outcome->timed_out) {
        fprintf(stderr, "sockfault: finding: stall: not done after %d ms\n",
                run->timeout_ms);
        return true;
    }
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE) {
        fprintf(stderr, "sockfault: finding: unguarded-sigpipe: a send "
                        "killed the program\n");
        return true;
    }
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && c->n_findings)
        return true; /* it was ended for what it did */
    if (WIFSIGNALED(status)) {
        fprintf(stderr, "sockfault: finding: died: killed by SIG%s\n",
                sigabbrev_np(WTERMSIG(status)));
        return true;
    }
    if (WEXITSTATUS(status) == SF_SANITIZER_STATUS) {
        fprintf(stderr, "sockfault: finding: died: a sanitizer reported\n");
        return true;
    }
    if (WEXITSTATUS(status))
        fprintf(stderr, "sockfault: the command ended with status %d\n",
                WEXITSTATUS(status));
    return WEXITSTATUS(status) && run->status_counts;
}

int sf_summarize(const struct sf_run *run,
                 const struct sf_outcome_of_run *outcome)
{
    const struct sf_control *c = outcome->control;
    bool found;

    if (!run->quiet) {
        print_counts(c);
        print_unreached(c);
    }
    found = print_findings(c) > 0;
    found |= print_end(run, outcome);
    if (found)
        return SF_FOUND;
    if (sum(c->seen, SF_CALL_COUNT) == 0) {
        sf_complain("no call was intercepted: %s made no socket call "
                    "through libc",
                    run->command[0]);
        return SF_COULD_NOT;
    }
    return SF_NOTHING_FOUND;
}
