/* resume.c: the file with which a walk goes on later; see walk.h */
#include "fuzzers/prove/walk.h"

#include <string.h>

/* Which program, session and shard the file belongs to. */
static uint64_t job_key(const struct prove_job *job)
{
    uint8_t bytes[SF_SESSION_MAX];
    size_t len = sf_session_encode(&job->session, bytes, sizeof bytes);
    static uint64_t program; /* this very one */
    uint64_t h = sf_hash(SF_HASH, bytes, len);

    if (!program)
        program = sf_hash_file(SF_HASH, "/proc/self/exe");
    h = sf_hash(h, &program, sizeof program);
    h = sf_hash(h, &job->session.profile, sizeof job->session.profile);
    h = sf_hash(h, job->target->name, strlen(job->target->name));
    h = sf_hash(h, &job->cuts, sizeof job->cuts);
    h = sf_hash(h, &job->shard, sizeof job->shard);
    return sf_hash(h, &job->shards, sizeof job->shards);
}

/* The walker may end at any moment, and go on at any other. */
static struct sf_saved last_saved(const struct live *l)
{
    unsigned saves;
    struct sf_saved s;

    do {
        saves = l->saves;
        __sync_synchronize();
        s = l->saved[saves % 2];
        __sync_synchronize();
    } while (saves != l->saves);
    return s;
}

void prove_keep(const struct prove_job *job, const struct live *l)
{
    char why[SF_WHY];
    struct sf_saved s;

    if (!job->resume)
        return;
    s = last_saved(l);
    if (!sf_place_write(job->resume, job_key(job), &s, why))
        prove_complain("%s", why);
}

bool prove_begin(const struct prove_job *job, struct live *l)
{
    struct sf_saved s = {0};
    char why[SF_WHY];

    if (job->resume &&
        !sf_place_read(job->resume, job_key(job), l->walk.k, &s, why)) {
        prove_complain("%s", why);
        return false;
    }
    if (job->resume)
        sf_exhaust_seek(&l->walk, &s.place);
    memcpy(l->schedules, s.schedules, sizeof s.schedules);
    l->saved[0] = s;
    l->saved[0].place.bound = l->walk.bound;
    return true;
}
