/* watch.c: the walk of a job, watched by its parent; see walk.h */
#include "fuzzers/prove/walk.h"

#include "faultinject/session/run.h"
#include "faultinject/session/statement.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    TURN_MAX_US = 20000,
    KEEP_EVERY_S = 1, /* for a break that nobody has announced */
    STOP_S = 1        /* for a run to end when we have to      */
};

struct watch {
    pid_t child;
    int status;
    bool hung;
    double moved, kept;
    double told; /* when we were told to stop, or 0 */
    uint64_t runs;
    struct sf_progress progress;
};

static void kill_if_late(const struct live *l, struct watch *w, double t)
{
    if (l->runs != w->runs) {
        w->runs = l->runs;
        w->moved = t;
    }
    if (prove_stopped() && w->told == 0)
        w->told = t;
    w->hung = w->told == 0 && t - w->moved > HANG_S;
    if (w->hung || (w->told > 0 && t - w->told > STOP_S))
        kill(w->child, SIGKILL);
}

static void look(const struct prove_job *job, struct live *l, struct watch *w)
{
    double t = sf_seconds();

    kill_if_late(l, w, t);
    if (prove_stopped() || (job->until > 0 && t > job->until))
        l->stop = true;
    sf_progress_look(&w->progress, &l->walk, l->runs);
    if (t - w->kept > KEEP_EVERY_S) {
        prove_keep(job, l);
        w->kept = t;
    }
}

/* Until the child has ended, one way or another. */
static void watch(const struct prove_job *job, struct live *l, struct watch *w)
{
    struct timespec turn = {0, 200000};

    w->moved = w->kept = sf_seconds();
    sf_progress_begin(&w->progress, false);
    while (waitpid(w->child, &w->status, WNOHANG) == 0) {
        nanosleep(&turn, NULL);
        if (turn.tv_nsec < TURN_MAX_US * 1000L)
            turn.tv_nsec += turn.tv_nsec / 2;
        look(job, l, w);
    }
    sf_progress_wipe(&w->progress);
}

static void tell_killed(const struct prove_job *job, const struct live *l,
                        int status, struct prove_result *r)
{
    r->end = PROVE_CANNOT;
    prove_keep(job, l);
    prove_tell_killed(job, status);
}

static void judge(const struct prove_job *job, const struct live *l,
                  const struct watch *w, enum care care, int log,
                  struct prove_result *r)
{
    r->calls = l->calls;
    r->decisions = l->calls || l->walk.n ? l->decisions : l->walk.asked;
    r->runs = l->runs;
    r->states = job->plain ? 0 : l->states;
    r->merged = l->merged;
    r->deepest = l->deepest;
    r->complete = l->done ? l->walk.k + 1 : l->walk.bound;
    r->n = l->walk.n;
    memcpy(r->vector, l->walk.vector, sizeof r->vector);
    memcpy(r->schedules, l->schedules, sizeof r->schedules);
    if (l->untrue || l->unable || (l->diverged && care != PLAIN)) {
        r->end = PROVE_DOUBTFUL;
        r->unable = l->unable;
    } else if (l->diverged) {
        r->end = PROVE_CANNOT;
        prove_complain("the session is not deterministic: run again with the "
                       "same choices it met other decisions%s",
                       prove_core ? ""
                                  : "; does the program keep something "
                                    "from one run to the next?");
    } else if (w->status == 0 && l->done && !l->calls && !job->resume) {
        prove_complain("%s: the program makes no call: does the target play "
                       "sessions, and this one?",
                       job->name);
    } else if (w->status == 0 && l->done) {
        r->end =
            job->loops && l->deepest == job->k ? PROVE_STOPPED : PROVE_COMPLETE;
    } else if (prove_stopped() || (w->status == 0 && l->stop)) {
        r->end = PROVE_STOPPED;
    } else if (w->hung) {
        r->end = PROVE_FOUND;
        snprintf(r->finding, sizeof r->finding,
                 "it does not return, and makes no calls");
    } else {
        r->end = PROVE_FOUND;
        prove_judge(log, w->status, r);
    }
}

/*
 * What was found by going on from the middle is found from the start, too.  So
 * is what a program does to itself by a signal that others send as well; only
 * for SIGKILL there is no doubt, and the same hand may strike again.
 */
static void confirm(const struct prove_job *job, struct live *l, int status,
                    int log, struct prove_result *r)
{
    bool foreign = prove_is_foreign(status);
    int again = status;

    if (!prove_is_kill(status)) {
        pid_t pid = prove_fork(log);

        if (pid == 0)
            prove_play_vector(l, job);
        again = prove_wait(pid);
    }
    if (prove_stopped())
        r->end = PROVE_STOPPED;
    else if (prove_is_kill(again) || (foreign && again == 0))
        tell_killed(job, l, foreign ? status : again, r);
    else if (again <= 0)
        r->end = PROVE_DOUBTFUL;
}

static void see_through(const struct prove_job *job, struct live *l,
                        struct watch *w, enum care care, int log,
                        struct prove_result *r)
{
    bool foreign;

    watch(job, l, w);
    judge(job, l, w, care, log, r);
    foreign = !w->hung && prove_is_foreign(w->status);
    if (r->end == PROVE_FOUND && !l->stray.call &&
        (care != PLAIN || foreign || !prove_core))
        confirm(job, l, foreign ? w->status : 0, log, r);
    if (l->stray.call) {
        prove_complain("%s: with %s %s", job->name, sf_faults_text(r->n),
                       prove_stray_text(&l->stray));
        r->end = PROVE_CANNOT;
    }
    if (r->end == PROVE_STOPPED)
        prove_keep(job, l);
}

static void walk_watched(const struct prove_job *job, enum care care,
                         struct prove_result *r)
{
    struct live *l = mmap(NULL, sizeof *l, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct watch w = {0};
    double since = sf_seconds();
    int log = prove_scratch();

    *r = (struct prove_result){.end = PROVE_CANNOT};
    if (l == MAP_FAILED || log < 0) {
        prove_complain("%s", strerror(errno));
        return;
    }
    sf_exhaust_init(&l->walk, job->k);
    l->walk.allowed = sf_session_allows;
    l->walk.shard = job->shard;
    l->walk.shards = job->shards;
    l->walk.cuts = job->cuts;
    if (job->loops)
        l->walk.bound = job->k;
    if (prove_begin(job, l)) {
        w.child = prove_fork(log);
        if (w.child == 0)
            prove_walker(l, job, care);
        if (w.child < 0)
            prove_complain("no process: %s", strerror(errno));
        else
            see_through(job, l, &w, care, log, r);
    }
    r->seconds = sf_seconds() - since;
    close(log);
    munmap(l, sizeof *l);
}

/* Is there more care to be taken, after this was too little? */
static bool more_care(const struct prove_job *job, struct prove_result *r,
                      enum care *care)
{
    static const char untrue[] = "what came of going on from the middle does "
                                 "not come of the start";
    bool plain = r->unable || *care + 1 == PLAIN;

    if (plain && job->loops) { /* they are recognised in the middle only */
        prove_complain("%s: --loops: its states are not recognised: %s",
                       job->name, r->unable ? r->unable : untrue);
        r->end = PROVE_CANNOT;
        return false;
    }
    if (r->unable)
        prove_complain("%s: each schedule is run from its start: %s", job->name,
                       r->unable);
    else
        prove_complain("%s: %s; all is walked again%s", job->name, untrue,
                       plain ? " from there" : "");
    *care = plain ? PLAIN : *care + 1;
    return true;
}

void prove_walk(const struct prove_job *job, struct prove_result *r)
{
    enum care care = QUICK;

    walk_watched(job, care, r);
    while (r->end == PROVE_DOUBTFUL && care < PLAIN && !prove_stopped() &&
           more_care(job, r, &care)) {
        if (job->resume) /* what it says has been walked is doubtful, too */
            unlink(job->resume);
        walk_watched(job, care, r);
    }
    if (r->end == PROVE_DOUBTFUL) {
        prove_complain("%s: %s; but not from a fresh start, with the same "
                       "choices: it depends on earlier runs, or on chance",
                       job->name, r->finding);
        r->end = PROVE_CANNOT;
    }
}

void prove_add(struct prove_result *sum, const struct prove_result *r)
{
    sum->calls += r->calls;
    sum->decisions += r->decisions;
    sum->runs += r->runs;
    sum->states += r->states;
    sum->merged += r->merged;
    sum->seconds += r->seconds;
    for (unsigned i = 0; i <= SF_EXHAUST_MAX; i++)
        sum->schedules[i] += r->schedules[i];
}
