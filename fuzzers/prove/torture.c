/*
 * torture.c: each allocation of a session fails; see prove.h
 *
 * One a run, in a process of its own.  Memory that is short costs somebody his
 * connection, and which one is not known here: so nothing is owed to anybody.
 * What is judged is everything else: the sanitizers, blocks and descriptors
 * that are not given back, wrong bytes, misused descriptors, and an end.
 */
#include "fuzzers/prove/core.h"

#include "faultinject/inject/finding.h"
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
    report->made = prove_allocations();
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

void prove_torture(const struct prove_job *job, struct prove_result *r)
{
    struct report *report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int log = prove_scratch(), status;
    uint64_t all;

    *r = (struct prove_result){.end = PROVE_CANNOT};
    if (report == MAP_FAILED || log < 0) {
        prove_complain("no memory, or no place for a file");
        return;
    }
    /* How many there are, only a run in which none fails can tell: a program
     * may end at the one that does. */
    status = run(job, 0, log, report);
    all = report->made;
    while (status == 0 && r->runs < all && !prove_stopped())
        status = run(job, ++r->runs, log, report);
    if (prove_stopped()) {
        r->end = PROVE_STOPPED;
    } else if (status < 0) {
        prove_complain("no process");
    } else if (prove_is_kill(status)) {
        prove_tell_killed(job, status);
    } else if (status == 0) {
        r->end = PROVE_COMPLETE;
    } else {
        r->end = PROVE_FOUND;
        prove_judge(log, status, r);
    }
    close(log);
    munmap(report, sizeof *report);
}

void prove_torture_show(const struct prove_job *job,
                        const struct prove_result *r)
{
    struct report report;

    printf("\nallocation %" PRIu64 " fails:\n\n", r->runs);
    sf_verbose = true;
    run(job, r->runs, STDOUT_FILENO, &report);
    sf_verbose = false;
}
