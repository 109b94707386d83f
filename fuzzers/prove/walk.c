/* walk.c: the walk of a job, in a child process; see walk.h */
#include "fuzzers/prove/walk.h"

#include "fuzzers/prove/snapshots.h"

#include "faultinject/session/run.h"
#include "faultinject/simnet/simnet.h"

#include <string.h>
#include <unistd.h>

/* What the callbacks of one walk know. */
static struct live *child;
static const struct prove_job *job_now;

void prove_save(struct live *l)
{
    struct sf_exhaust_place place;
    struct sf_saved *next;

    if (!sf_exhaust_tell(&l->walk, &place))
        return;
    next = &l->saved[(l->saves + 1) % 2];
    next->place = place;
    memcpy(next->schedules, l->schedules, sizeof l->schedules);
    __sync_synchronize();
    l->saves++;
    __sync_synchronize();
}

void prove_run(const struct prove_job *job)
{
    static uint8_t bytes[SF_SESSION_MAX];

    job->target->run(bytes,
                     sf_session_encode(&job->session, bytes, sizeof bytes));
}

void prove_play(void)
{
    long before = prove_blocks();

    prove_run(job_now);
    prove_check_blocks(before);
    if (child->walk.n == 0) {
        child->calls = sf_sim_calls();
        child->decisions = child->walk.asked;
    }
    if (sf_exhaust_diverged(&child->walk)) {
        child->diverged = true;
        _exit(2);
    }
}

void prove_count(struct live *l)
{
    if ((l->walk.counts || job_now->loops) &&
        (l->walk.n || job_now->shard == 0))
        l->schedules[l->walk.n]++;
    if (l->walk.n > l->deepest)
        l->deepest = l->walk.n;
    l->runs++;
}

/* Each run from the start of the session. */
static void walk_plainly(struct live *l)
{
    while (!l->stop && sf_exhaust_next(&l->walk)) {
        prove_play();
        prove_count(l);
        prove_save(l);
    }
}

_Noreturn void prove_walker(struct live *l, const struct prove_job *job,
                            enum care care)
{
    child = l;
    job_now = job;
    prove_watch_strays(&l->stray);
    sf_session_choose(&l->walk.chooser);
    if ((care == PLAIN || !prove_snapshots(l, job, care)) && !l->unable)
        walk_plainly(l);
    l->done = !l->stop && !l->untrue && !l->unable;
    if (!l->done) /* or it would be said to stand where the bound begins */
        prove_save(l);
    _exit(0);
}

_Noreturn void prove_play_vector(struct live *l, const struct prove_job *job)
{
    alarm(HANG_S);
    child = l;
    job_now = job;
    prove_watch_strays(&l->stray);
    sf_exhaust_again(&l->walk);
    sf_session_choose(&l->walk.chooser);
    prove_play();
    _exit(0);
}
