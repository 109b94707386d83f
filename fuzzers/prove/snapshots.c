/*
 * snapshots.c: a walk that goes on from the middle of sessions, and ends a run
 * that comes to a state where another was; see walk.h
 */
#include "fuzzers/prove/snapshots.h"

#include "fuzzers/prove/arena.h"
#include "fuzzers/prove/core.h"
#include "fuzzers/prove/process.h"

#include "faultinject/inject/finding.h"
#include "faultinject/inject/inject.h"
#include "faultinject/session/guard.h"
#include "faultinject/session/hidden.h"
#include "faultinject/session/refuse.h"
#include "faultinject/session/run.h"
#include "faultinject/session/seen.h"
#include "faultinject/simnet/simnet.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    SAVE_EVERY = 64,   /* runs, for a break                           */
    TRY_EVERY = 256,   /* … for one that is made from the start, too  */
    TRY_OWN_EVERY = 32 /* … of a program that nobody knows            */
};

/* What the callbacks of one walk know; in memory that no run takes back. */
static struct live *child;
static const struct prove_job *job_now;
static struct sf_seen *seen;

/* A program of somebody's own, of which nothing is known. */
static bool is_strange(void)
{
    return !prove_core;
}

static void body(void *arg)
{
    (void)arg;
    if (is_strange())
        files_put();
    prove_play();
    image_leave();
}

static bool keep(void **mark)
{
    if (is_strange() && !files_note())
        image_leave();
    if (!image_take((struct image_snapshot **)mark))
        return false;
    if (is_strange())
        files_put();
    return true;
}

static struct sf_hidden *hidden; /* in memory that no run takes back */

/* What the program's own objects count, wherever they are. */
static void hide_counters(void)
{
    const struct prove_target *t = job_now->target;
    void *block = NULL;

    while (t->counters_in && (block = arena_next(block, t->counters_in)))
        for (unsigned i = 0; i < PROVE_COUNTERS; i++)
            sf_hide(hidden, (char *)block + t->counters_at[i],
                    sizeof(uint64_t));
}

static void met(unsigned left)
{
    struct sf_print p;

    hide_counters();
    if (is_strange())
        sf_program_counters(sf_hide, hidden);
    sf_session_forgotten(sf_hide, hidden);
    p = image_print();
    sf_show_again(hidden);
    if (sf_seen(seen, &p, child->who, job_now->loops ? 0 : left)) {
        child->merged += child->walk.counts || job_now->loops;
        child->cut = true;
        image_leave();
    }
}

/* Since when all is well: what is learnt later makes worthless what came after.
 * That is the last first choice at whose end nothing anywhere was new. */
struct round {
    struct sf_exhaust_place place;
    uint64_t schedules, merged;
};

static void begin_round(struct live *l, struct round *r)
{
    unsigned bound = l->walk.bound;

    image_forget(0);
    sf_seen_forget(seen);
    *r =
        (struct round){{bound, l->walk.resume}, l->schedules[bound], l->merged};
}

static void so_far_so_good(struct live *l, struct round *r)
{
    struct sf_exhaust_place place;

    if (job_now->loops || l->walk.bound == 0 ||
        !sf_exhaust_tell(&l->walk, &place) || place.bound != l->walk.bound)
        return;
    image_look();
    *r = (struct round){place, l->schedules[place.bound], l->merged};
}

static void begin_again(struct live *l, const struct round *r,
                        enum image_news news)
{
    sf_exhaust_seek(&l->walk, &r->place);
    if (job_now->loops)
        memset(l->schedules, 0, sizeof l->schedules);
    l->schedules[r->place.bound] = r->schedules;
    l->merged = r->merged;
    image_forget(0);
    if (news == IMAGE_STATE)
        sf_seen_forget(seen);
}

/* The same choices from the start of the session leave the same behind. */
static bool is_true(struct live *l)
{
    struct sf_exhaust walk = l->walk;
    struct sf_print rest = image_rest(), again;

    sf_exhaust_again(&l->walk);
    image_run(NULL);
    l->walk = walk;
    again = image_rest();
    return again.a == rest.a && again.b == rest.b;
}

/* Often at first, since there may be few. */
static bool is_due(struct live *l)
{
    uint64_t every = is_strange() ? TRY_OWN_EVERY : TRY_EVERY;

    if (l->cut || l->runs < l->next_try)
        return false;
    l->next_try = l->runs + (l->runs < every ? l->runs : every);
    return true;
}

/* What was learnt by this run, or by trying whether it is true? */
static enum image_news learns(struct live *l)
{
    enum image_news news = image_learnt();

    if (news == IMAGE_NOTHING && is_due(l)) {
        bool true_one = is_true(l) && (!is_strange() || process_is_same());

        news = image_learnt();
        l->untrue = news == IMAGE_NOTHING && !true_one;
    }
    return news;
}

/* A finding may come of what an earlier run has left behind, in lines that
 * nobody knew of then: learns() will say that all is worthless. */
static bool is_doubtful(enum sf_monitor monitor, const char *line)
{
    (void)monitor;
    (void)line;
    if (image_look())
        image_leave();
    return false;
}

static void ignore(void *arg, void *at, size_t len)
{
    image_ignore(arg, at, len);
}

static void *outside(size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (at == MAP_FAILED)
        abort();
    return at;
}

static bool begin(struct live *l, const struct prove_job *job, enum care care)
{
    child = l;
    job_now = job;
    sim_guard_signals(); /* or it would do so with ours */
    if (is_strange() ? !process_get_to_know(l, job) : !prove_use_arena())
        return false;
    seen = sf_seen_new();
    if (care == CAREFUL || is_strange())
        image_be_careful();
    if (!job->plain) {
        hidden = outside(sizeof *hidden);
        sf_sim_be_tidy(image_clear);
    }
    sf_finding_hook = is_doubtful;
    image_begin(body, NULL, !job->plain);
    if (is_strange())
        process_note();
    l->walk.keep = keep;
    return true;
}

/* After the first run it is known what changes. */
static void recognise(struct live *l)
{
    sf_session_counters(ignore, NULL);
    if (!is_strange())
        sf_program_counters(ignore, NULL);
    sf_refuse_counters(ignore, NULL);
    l->walk.met = job_now->plain ? NULL : met;
}

/* Snapshots of a level are worth nothing once its vector is left. */
bool prove_snapshots(struct live *l, const struct prove_job *job,
                     enum care care)
{
    size_t taken[SF_EXHAUST_MAX + 1] = {0};
    struct round round = {.place.bound = UINT32_MAX}, before;
    enum image_news news;

    if (!image_possible() || !begin(l, job, care))
        return false;
    while (!l->stop && !l->untrue && !l->unable && sf_exhaust_next(&l->walk)) {
        if (l->walk.bound != round.place.bound)
            begin_round(l, &round);
        image_forget(taken[l->walk.n]);
        l->cut = false;
        l->who = sf_exhaust_name(&l->walk);
        image_run(sf_exhaust_mark(&l->walk));
        taken[l->walk.n + 1] = image_taken();
        prove_count(l);
        if (l->runs == 1)
            recognise(l);
        before = round;
        so_far_so_good(l, &round);
        news = learns(l);
        if (news != IMAGE_NOTHING) {
            round = before;
            begin_again(l, &round, news);
        } else if (l->runs % SAVE_EVERY == 0) {
            prove_save(l);
        }
        l->states = sf_seen_states(seen);
    }
    return true;
}
