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
#include "faultinject/session/statement.h"
#include "fuzzers/fuzz.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PATIENCE_S = 20 };

struct report {
    volatile uint64_t made;   /* allocations */
    volatile uint64_t unseen; /* … and more that nobody was asked for */
    struct prove_stray stray;
};

static bool is_excused(enum sf_monitor monitor, const char *line)
{
    (void)line;
    return monitor == SF_MON_LOST || monitor == SF_MON_LOST_WAKEUP ||
           monitor == SF_MON_HARM || monitor == SF_MON_LATENESS ||
           monitor == SF_MON_DIED;
}

static _Noreturn void play(const struct prove_job *job, uint64_t nth,
                           struct report *report)
{
    long before = prove_blocks();
    uint64_t made = prove_made();

    alarm(PATIENCE_S);
    prove_watch_strays(&report->stray);
    sf_finding_hook = nth ? is_excused : NULL;
    prove_fail(nth);
    prove_run(job);
    report->made = sf_refuse_asked();
    made = prove_made() - made;
    report->unseen = made > report->made ? made - report->made : 0;
    prove_check_blocks(before);
    fflush(NULL);
    _exit(0);
}

/* The wait status, or -1.  What it says goes to `to`, with what its program
 * prints: that would be among the statements. */
static int run(const struct prove_job *job, uint64_t nth, int to,
               struct report *report)
{
    pid_t pid = prove_fork(to);

    if (pid == 0) {
        dup2(to, STDOUT_FILENO);
        play(job, nth, report);
    }
    return prove_wait(pid);
}

static void differs(const struct prove_job *job, uint64_t all, uint64_t made,
                    struct prove_result *r)
{
    prove_complain("%s is not deterministic: it asked for memory "
                   "%" PRIu64 " times, and then %" PRIu64,
                   job->target->name, all, made);
    r->end = PROVE_CANNOT;
}

/* Others may be played still, and refute it. */
static void take_stray(const struct prove_job *job, uint64_t nth,
                       const struct prove_stray *stray, struct prove_result *r)
{
    char which[40] = "no allocation";

    if (nth > 0)
        snprintf(which, sizeof which, "allocation %" PRIu64, nth);
    if (r->strayed++ == 0)
        prove_complain("%s: %s fails: %s", job->name, which,
                       prove_stray_text(stray));
    if (nth == 0)
        r->end = PROVE_CANNOT;
}

/* How it came out; a finding if it is the first. */
static void take(const struct prove_job *job, uint64_t nth, int log,
                 struct report *report, struct prove_result *r)
{
    int status;

    if (ftruncate(log, 0) < 0 || lseek(log, 0, SEEK_SET) < 0)
        prove_complain("what the run before has said remains");
    report->stray.call = NULL;
    status = run(job, nth, log, report);
    if (status == 0 && report->made < nth)
        differs(job, nth, report->made, r);
    if (report->stray.call) {
        take_stray(job, nth, &report->stray, r);
    } else if (status < 0 || prove_is_kill(status)) {
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

/* That each has failed is said only where all are seen, and were played. */
static void own_up(uint64_t unseen, struct prove_result *r)
{
    if (r->end != PROVE_COMPLETE)
        return;
    if (r->strayed > 1)
        prove_complain("… and so with %" PRIu64 " more of %" PRIu64
                       " allocations",
                       r->strayed - 1, r->runs);
    if (unseen > 0)
        prove_complain("%" PRIu64
                       " more allocations are not seen: operator new is "
                       "the sanitizer's here; build the program without one",
                       unseen);
    if (unseen > 0 || r->strayed > 0)
        r->end = PROVE_CANNOT;
}

static bool is_over(const struct prove_job *job)
{
    return prove_stopped() || (job->until > 0 && sf_seconds() > job->until);
}

/* So many of them, until one is enough. */
static void fail_each(const struct prove_job *job, uint64_t all, bool first,
                      int log, struct report *report, struct prove_result *r)
{
    struct sf_progress progress;

    sf_progress_begin(&progress, false);
    while (r->runs < all && r->end != PROVE_CANNOT && !(r->failing && first)) {
        if (is_over(job)) {
            r->end = r->end == PROVE_FOUND ? PROVE_FOUND : PROVE_STOPPED;
            break;
        }
        take(job, ++r->runs, log, report, r);
        sf_progress_count(&progress, r->runs, all);
    }
    sf_progress_wipe(&progress);
}

/* How many there are, only a run in which none fails can tell: a program may
 * end at the one that does.  Two, to see that it does the same again. */
static void torture(const struct prove_job *job, bool first, int log,
                    struct report *report, struct prove_result *r)
{
    uint64_t all, unseen;

    r->end = PROVE_COMPLETE;
    take(job, 0, log, report, r);
    all = report->made;
    unseen = report->unseen;
    if (r->end == PROVE_COMPLETE)
        take(job, 0, log, report, r);
    if (r->end == PROVE_COMPLETE && report->made != all)
        differs(job, all, report->made, r);
    if (r->end == PROVE_COMPLETE)
        fail_each(job, all, first, log, report, r);
    own_up(unseen, r);
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
    else if (!sf_refuse_sees())
        prove_complain("the program has a malloc() of its own: what it asks "
                       "that for is not seen");
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
    int status;

    if (r->nth)
        printf("\nallocation %" PRIu64 " fails:\n\n", r->nth);
    else
        printf("\nno allocation fails:\n\n");
    sf_verbose = true;
    status = run(job, r->nth, STDOUT_FILENO, &report);
    sf_verbose = false;
    if (status == 0)
        prove_complain("this time that was not found: what is lost may still "
                       "be pointed to by what has been shown");
}
