/* summary.c: what came out, for people; see explore.h. */
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "faultinject/explore/explore.h"

enum { UNREACHED_MAX = 20 }; /* rules that are named */

/* --- what there is to say --- */

uint64_t sf_sum(const uint64_t *counts, size_t n)
{
    uint64_t total = 0;

    for (size_t i = 0; i < n; i++)
        total += counts[i];
    return total;
}

unsigned sf_processes(const struct sf_control *c)
{
    return c->n_processes < SF_PROCESSES_MAX ? c->n_processes
                                             : SF_PROCESSES_MAX;
}

uint64_t sf_seen(const struct sf_control *c, int call)
{
    uint64_t total = c->seen[call];

    for (unsigned i = 0; i < sf_processes(c); i++)
        total += c->processes[i].seen[call];
    return total;
}

uint64_t sf_calls_seen(const struct sf_control *c)
{
    uint64_t total = 0;

    for (int call = 0; call < SF_CALL_COUNT; call++)
        total += sf_seen(c, call);
    return total;
}

unsigned sf_findings(const struct sf_control *c)
{
    return c->n_findings < SF_FINDINGS_MAX ? c->n_findings : SF_FINDINGS_MAX;
}

uint64_t sf_connections(const struct sf_control *c)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < sf_processes(c); i++)
        total += c->processes[i].connections;
    return total;
}

static bool is_done(const struct sf_rule *rule)
{
    return rule->done || rule->fault == SF_NONE;
}

const char *sf_rule_state(const struct sf_rule *rule)
{
    if (is_done(rule))
        return "done";
    if (rule->p > 0)
        return rule->matched ? "never possible when drawn" : "never drawn";
    return rule->matched ? "never possible" : "not reached";
}

static bool allowed(const struct sf_run *run, enum sf_monitor monitor)
{
    return run->allowed & 1u << monitor;
}

/* The command ended by a sanitizer's report, its own or a child's.  From
 * outside, as --notify is, nobody sees what is in a program. */
static bool sanitizer_ended(const struct sf_run *run,
                            const struct sf_outcome_of_run *outcome)
{
    return WIFEXITED(outcome->status) &&
           WEXITSTATUS(outcome->status) == SF_SANITIZER_STATUS &&
           (run->notify || sf_sanitized_ended(&outcome->control->sanitized));
}

/* Nobody reads what it prints: that is between it and its shell.  What is
 * watched from outside does not say when it writes. */
static bool is_for_a_pipe(const struct sf_run *run,
                          const struct sf_outcome_of_run *outcome)
{
    return !run->notify && WIFSIGNALED(outcome->status) &&
           WTERMSIG(outcome->status) == SIGPIPE &&
           !sf_control_was_writing(outcome->control, outcome->pid);
}

/* What the end of the command itself says, in a word. */
static const char *verdict_of_end(const struct sf_run *run,
                                  const struct sf_outcome_of_run *outcome)
{
    enum sf_monitor monitor = SF_MON_DIED;
    int status = outcome->status;

    if (is_for_a_pipe(run, outcome))
        return run->status_counts ? "status" : NULL;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE)
        monitor = SF_MON_SIGPIPE;
    if (WIFSIGNALED(status) || sanitizer_ended(run, outcome))
        return allowed(run, monitor) ? NULL : sf_monitor_name(monitor);
    return run->status_counts && WEXITSTATUS(status) ? "status" : NULL;
}

const char *sf_verdict(const struct sf_run *run,
                       const struct sf_outcome_of_run *outcome)
{
    const struct sf_control *c = outcome->control;

    if (c->n_findings > 0)
        return sf_monitor_name((enum sf_monitor)c->findings[0].monitor);
    if (outcome->timed_out)
        return allowed(run, SF_MON_STALL) ? NULL
                                          : sf_monitor_name(SF_MON_STALL);
    if (WIFSIGNALED(outcome->status) &&
        WTERMSIG(outcome->status) == outcome->forwarded)
        return NULL; /* as it was told */
    return verdict_of_end(run, outcome);
}

/* Why the library could not follow the first of these. */
static const char *lost_text(const struct sf_lost_programs *lost)
{
    static const char *const texts[] = {
        [SF_LOST_NOT] = "is gone",
        [SF_LOST_STATIC] = "is statically linked: --notify sees it",
        [SF_LOST_CLASS] = "has another word size",
        [SF_LOST_RIGHTS] = "gains rights",
        [SF_LOST_ENVIRONMENT] = "got no LD_PRELOAD: --notify sees it"};

    return texts[lost->why];
}

static unsigned unreached(const struct sf_control *c)
{
    unsigned n = 0;

    for (size_t i = 0; i < c->n_rules; i++)
        n += !is_done(&c->rules[i]);
    return n;
}

int sf_status(const struct sf_run *run, const struct sf_outcome_of_run *outcome)
{
    const struct sf_control *c = outcome->control;

    if (sf_verdict(run, outcome))
        return SF_FOUND;
    if (sf_calls_seen(c) == 0)
        return SF_COULD_NOT;
    return run->all_rules && unreached(c) ? SF_COULD_NOT : SF_NOTHING_FOUND;
}

/* --- saying it --- */

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static void print_counts(const struct sf_control *c)
{
    uint64_t calls = sf_calls_seen(c);
    uint64_t faults = sf_sum(c->injected, SF_FAULT_COUNT);
    uint64_t conns = sf_connections(c);
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
    size_t more = 0;

    for (size_t i = 0; i < c->n_rules; i++) {
        const struct sf_rule *r = &c->rules[i];
        if (is_done(r) || more++ >= UNREACHED_MAX)
            continue;
        fprintf(stderr, "sockfault: %s: ", sf_rule_state(r));
        sf_rule_print(r, stderr);
        fputc('\n', stderr);
    }
    if (more > UNREACHED_MAX)
        fprintf(stderr, "sockfault: and %zu more rules\n",
                more - UNREACHED_MAX);
}

/* How often each monitor fired, where that says more than the lines do. */
static void print_fired(const struct sf_control *c)
{
    unsigned fired[SF_MON_COUNT] = {0};
    const char *before = "sockfault: found ";

    for (unsigned i = 0; i < sf_findings(c); i++)
        fired[c->findings[i].monitor] += c->findings[i].times;
    for (int i = 0; i < SF_MON_COUNT; i++)
        if (fired[i]) {
            fprintf(stderr, "%s%u %s", before, fired[i],
                    sf_monitor_name((enum sf_monitor)i));
            before = ", ";
        }
    if (c->n_findings > SF_FINDINGS_MAX)
        fprintf(stderr, ", and %u more", c->n_findings - SF_FINDINGS_MAX);
    fputc('\n', stderr);
}

/* Compilers unroll loops: one place in the sources may be several sites. */
static bool is_same_place(const struct sf_control *c, uint64_t a, uint64_t b)
{
    char here[SF_WHERE_MAX], there[SF_WHERE_MAX];

    return a == b || (sf_where(c, a, here) && sf_where(c, b, there) &&
                      strcmp(here, there) == 0);
}

static bool is_same(const struct sf_control *c, const struct sf_told *a,
                    const struct sf_told *b)
{
    return a->process == b->process && strcmp(a->line, b->line) == 0 &&
           is_same_place(c, a->site, b->site);
}

/* How often it was told in all; 0: that was said of an earlier one. */
static unsigned times_told(const struct sf_control *c, unsigned i)
{
    unsigned times = 0;

    for (unsigned j = 0; j < sf_findings(c); j++) {
        if (!is_same(c, &c->findings[j], &c->findings[i]))
            continue;
        if (j < i)
            return 0;
        times += c->findings[j].times;
    }
    return times;
}

static void print_finding(const struct sf_control *c,
                          const struct sf_told *told, unsigned times)
{
    char where[SF_WHERE_MAX];

    fprintf(stderr, "%s (process %u, %s", told->line, told->process,
            told->process <= SF_PROCESSES_MAX
                ? c->processes[told->process - 1].program
                : "?");
    if (sf_where(c, told->site, where))
        fprintf(stderr, ", in %s", where);
    if (times > 1)
        fprintf(stderr, ", %u times", times);
    fputs(")\n", stderr);
}

/* The rule that makes the fault behind the first finding. */
static void print_cause(const struct sf_control *c)
{
    const struct sf_record *record =
        sf_cause(c, c->n_findings > 0 ? &c->findings[0] : NULL);
    char where[SF_WHERE_MAX];
    struct sf_rule rule;

    if (!record)
        return;
    rule = sf_rule_of(c, record, sf_endless(c));
    fputs("sockfault: it came after ", stderr);
    sf_rule_print(&rule, stderr);
    if (sf_where(c, record->site, where))
        fprintf(stderr, " (in %s)", where);
    fputc('\n', stderr);
}

static void print_findings(const struct sf_control *c)
{
    if (c->n_findings > 1 || (c->n_findings > 0 && c->findings[0].times > 1))
        print_fired(c);
    for (unsigned i = 0; i < sf_findings(c); i++) {
        unsigned times = times_told(c, i);
        if (times > 0)
            print_finding(c, &c->findings[i], times);
    }
}

/* Who spins would do so for ever: attach.c ended it. */
static bool was_ended(const struct sf_outcome_of_run *outcome)
{
    const struct sf_control *c = outcome->control;

    for (unsigned i = 0; i < sf_findings(c); i++)
        if (c->findings[i].monitor == SF_MON_SPIN)
            return WTERMSIG(outcome->status) == SIGKILL;
    return false;
}

int sf_shell_status(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void sf_end_text(const struct sf_run *run,
                 const struct sf_outcome_of_run *outcome, char text[SF_END_MAX])
{
    int status = outcome->status;

    if (outcome->timed_out)
        snprintf(text, SF_END_MAX, "the command was not done after %d ms",
                 run->timeout_ms);
    else if (WIFSIGNALED(status) && was_ended(outcome))
        snprintf(text, SF_END_MAX, "the command was ended, since it spins");
    else if (WIFSIGNALED(status))
        snprintf(text, SF_END_MAX, "the command was killed by SIG%s%s",
                 sigabbrev_np(WTERMSIG(status)),
                 sf_terminate_of(outcome->control, outcome->pid));
    else if (sanitizer_ended(run, outcome))
        snprintf(text, SF_END_MAX, "a sanitizer ended the command");
    else
        snprintf(text, SF_END_MAX, "the command ended with status %d",
                 WEXITSTATUS(status));
}

/* The end of the command, where that is worth a word. */
static void print_end(const struct sf_run *run,
                      const struct sf_outcome_of_run *outcome)
{
    const char *verdict = sf_verdict(run, outcome);
    char text[SF_END_MAX];

    if (!outcome->timed_out &&
        (outcome->status == 0 || (outcome->forwarded != 0 && !verdict)))
        return;
    sf_end_text(run, outcome, text);
    if (outcome->control->n_findings == 0 && verdict)
        fprintf(stderr, "sockfault: finding: %s: %s\n", verdict, text);
    else
        fprintf(stderr, "sockfault: %s\n", text);
}

/* Silence about it would look as if there was nothing. */
static void print_passed(const struct sf_control *c,
                         const struct sf_passed *passed)
{
    if (c->n_sealed)
        fprintf(stderr,
                "sockfault: %u process%s put a seccomp filter on: from there "
                "only watched\n",
                c->n_sealed, c->n_sealed == 1 ? "" : "es");
    if (passed->sockets)
        fprintf(stderr,
                "sockfault: %" PRIu64 " socket%s went past the library, first "
                "in %s: --notify sees all\n",
                passed->sockets, plural(passed->sockets), passed->first);
    if (passed->rings)
        fprintf(stderr,
                "sockfault: %" PRIu64 " io_uring%s, whose calls are not seen: "
                "--no-io-uring refuses them\n",
                passed->rings, plural(passed->rings));
}

/* It may well be the one that matters. */
static void print_lost(const struct sf_lost_programs *lost)
{
    if (lost->n)
        fprintf(stderr,
                "sockfault: %u program%s executed where the library cannot "
                "follow, first %s, which %s\n",
                lost->n, lost->n == 1 ? " was" : "s were", lost->first,
                lost_text(lost));
}

static void print_blind(const struct sf_control *c)
{
    if (c->n_blind)
        fprintf(stderr,
                "sockfault: %s has a malloc() of its own, as with a sanitizer: "
                "its allocations are not seen\n",
                c->blind);
}

static void print_beyond(const struct sf_control *c)
{
    if (c->n_beyond)
        fprintf(stderr,
                "sockfault: %u connection%s found no room: neither watched nor "
                "harmed\n",
                c->n_beyond, c->n_beyond == 1 ? "" : "s");
    if (c->n_unplaced)
        fprintf(stderr,
                "sockfault: %" PRIu64 " allocation%s found no room: where they "
                "are made none was counted\n",
                c->n_unplaced, plural(c->n_unplaced));
}

static void print_survivor(const char *program)
{
    if (program)
        fprintf(stderr,
                "sockfault: %s goes on in the background, and nothing more "
                "is told of it\n",
                program);
}

static void print_nothing(const struct sf_run *run,
                          const struct sf_outcome_of_run *outcome)
{
    bool some = run->only[0][0];
    int signo = outcome->forwarded; /* it may be that it would have made one */

    sf_complain("no call was intercepted%s%s: %s made %s socket call%s%s",
                signo ? " until SIG" : "", signo ? sigabbrev_np(signo) : "",
                some ? "no program of --only" : run->command[0],
                some ? "a" : "no", run->notify ? "" : " through libc",
                outcome->passed.sockets ? ", and made sockets: try --notify"
                                        : "");
}

void sf_summary_print(const struct sf_run *run,
                      const struct sf_outcome_of_run *outcome)
{
    const struct sf_control *c = outcome->control;

    if (!run->quiet)
        print_counts(c);
    if (!run->quiet || run->all_rules)
        print_unreached(c);
    if (!run->quiet)
        print_passed(c, &outcome->passed);
    if (!run->quiet)
        print_lost(&c->lost);
    if (!run->quiet)
        print_blind(c);
    if (!run->quiet)
        print_beyond(c);
    print_survivor(outcome->survivor);
    print_findings(c);
    print_end(run, outcome);
    if (sf_verdict(run, outcome))
        print_cause(c);
    if (sf_calls_seen(c) == 0 && !sf_verdict(run, outcome))
        print_nothing(run, outcome);
}
