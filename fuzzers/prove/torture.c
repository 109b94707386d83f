/*
 * torture.c: each allocation of a session fails; see prove.h
 *
 * One a run, in a process of its own.  Memory that is short costs somebody his
 * connection, and which one is not known here: so nothing is owed to anybody.
 * What is judged is everything else: the sanitizers, blocks and descriptors
 * that are not given back, wrong bytes, misused descriptors, and an end.
 */
#include "fuzzers/prove/prove.h"

#include "faultinject/inject/finding.h"
#include "faultinject/session/refuse.h"
#include "fuzzers/fuzz.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PATIENCE_S = 20 };

struct report {
    volatile uint64_t made; /* allocations */
};

static _Bool is_excused(enum sf_monitor monitor, const char *line)
{
    (void)line;
    return monitor == SF_MON_LOST || monitor == SF_MON_LOST_WAKEUP ||
           monitor == SF_MON_HARM || monitor == SF_MON_LATENESS ||
           monitor == SF_MON_DIED;
}

static _Noreturn void play(const struct prove_job *job, uint64_t nth,
                           struct report *report)
{
    static uint8_t bytes[SF_SESSION_MAX];
    size_t len = sf_session_encode(&job->session, bytes, sizeof bytes);
    long before = prove_blocks();

    alarm(PATIENCE_S);
    sf_finding_hook = is_excused;
    prove_fail(nth);
    job->target->run(bytes, len);
    report->made = sf_refuse_asked();
    prove_check_blocks(before);
    fflush(NULL);
    _exit(0);
}

/* The wait status, or -1.  What the run says goes to `to`. */
static int run(const struct prove_job *job, uint64_t nth, int to,
               struct report *report)
{
    pid_t pid = prove_fork(to);

    if (pid == 0)
        play(job, nth, report);
    return prove_wait(pid);
}

/* How it came out; a finding if it is the first. */
static void take(const struct prove_job *job, uint64_t nth, int status, int log,
                 struct prove_result *r)
{
    if (status < 0 || prove_is_kill(status)) {
        r->end = PROVE_CANNOT;
        if (status < 0)
            prove_complain("no process");
        else
            prove_tell_killed(job, status);
    } else if (status > 0 && r->failing++ == 0) {
        r->end = PROVE_FOUND;
        r->nth = nth;
        prove_judge(log, status, r);
    }
}

/* How many there are, only a run in which none fails can tell: a program may
 * end at the one that does. */
static void torture(const struct prove_job *job, bool first, int log,
                    struct report *report, struct prove_result *r)
{
    uint64_t all;

    r->end = PROVE_COMPLETE;
    take(job, 0, run(job, 0, log, report), log, r);
    all = report->made;
    while (r->runs < all && r->end != PROVE_CANNOT && !prove_stopped() &&
           !(r->failing && (first || r->nth == 0))) {
        r->runs++;
        take(job, r->runs, run(job, r->runs, log, report), log, r);
    }
    if (prove_stopped() && r->end != PROVE_FOUND)
        r->end = PROVE_STOPPED;
}

void prove_torture(const struct prove_job *job, bool first,
                   struct prove_result *r)
{
    struct report *report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int log = prove_scratch();

    *r = (struct prove_result){.end = PROVE_CANNOT};
    if (report == MAP_FAILED || log < 0)
        prove_complain("no memory, or no place for a file");
    else
        torture(job, first, log, report, r);
    if (report != MAP_FAILED)
        munmap(report, sizeof *report);
    if (log >= 0)
        close(log);
}

void prove_torture_show(const struct prove_job *job,
                        const struct prove_result *r)
{
    struct report report;

    if (r->nth)
        printf("\nallocation %" PRIu64 " fails:\n\n", r->nth);
    else
        printf("\nno allocation fails:\n\n");
    sf_verbose = true;
    run(job, r->nth, STDOUT_FILENO, &report);
    sf_verbose = false;
}
