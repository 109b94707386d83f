/* resume.c: the file with which a walk goes on later; see walk.h */
#include "fuzzers/prove/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of this very program: what another build has walked is proved of that one.
 * 0 where it cannot be read. */
static uint64_t program_hash(void)
{
    static uint64_t hash;
    int fd = hash ? -1 : open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    void *map = MAP_FAILED;
    struct stat st;

    if (fd >= 0 && fstat(fd, &st) == 0)
        map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map != MAP_FAILED) {
        hash = prove_hash(PROVE_HASH, map, (size_t)st.st_size);
        munmap(map, (size_t)st.st_size);
    }
    if (fd >= 0)
        close(fd);
    return hash;
}

/* Which program, session and shard the file belongs to. */
static uint64_t job_key(const struct prove_job *job)
{
    uint8_t bytes[SF_SESSION_MAX];
    size_t len = sf_session_encode(&job->session, bytes, sizeof bytes);
    uint64_t h = prove_hash(PROVE_HASH, bytes, len), program = program_hash();

    h = prove_hash(h, &program, sizeof program);
    h = prove_hash(h, &job->session.profile, sizeof job->session.profile);
    h = prove_hash(h, job->target->name, strlen(job->target->name));
    h = prove_hash(h, &job->shard, sizeof job->shard);
    return prove_hash(h, &job->shards, sizeof job->shards);
}

/* The walker may end at any moment, and go on at any other. */
static struct saved last_saved(const struct live *l)
{
    unsigned saves;
    struct saved s;

    do {
        saves = l->saves;
        __sync_synchronize();
        s = l->saved[saves % 2];
        __sync_synchronize();
    } while (saves != l->saves);
    return s;
}

static void name_fresh(char *fresh, size_t size, const char *path)
{
    snprintf(fresh, size, "%s.new", path);
}

bool prove_can_keep(const char *path)
{
    char fresh[4200];
    struct stat st;
    FILE *f;

    name_fresh(fresh, sizeof fresh, path);
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        prove_complain("--resume %s: expected a file", path);
        return false;
    }
    f = fopen(fresh, "we");
    if (!f) {
        prove_complain("--resume %s: %s", path, strerror(errno));
        return false;
    }
    fclose(f);
    unlink(fresh);
    return true;
}

void prove_keep(const struct prove_job *job, const struct live *l)
{
    char fresh[4200];
    struct saved s;
    FILE *f;

    if (!job->resume)
        return;
    s = last_saved(l);
    name_fresh(fresh, sizeof fresh, job->resume);
    f = fopen(fresh, "we");
    if (!f) {
        prove_complain("%s: %s", fresh, strerror(errno));
        return;
    }
    fprintf(f,
            "sockfault-prove 2\nkey %016" PRIx64 "\nbound %u\nfirst %" PRIu64
            "\n",
            job_key(job), s.place.bound, s.place.first);
    for (unsigned i = 0; i <= SF_EXHAUST_MAX; i++)
        fprintf(f, "schedules %" PRIu64 "\n", s.schedules[i]);
    if (fclose(f) != 0 || rename(fresh, job->resume) < 0)
        prove_complain("%s: %s", job->resume, strerror(errno));
}

/* True when there is nothing to go on from, or it was read. */
static bool read_saved(const struct prove_job *job, struct live *l)
{
    FILE *f = fopen(job->resume, "re");
    struct saved s = {0};
    uint64_t key = 0;
    bool good;

    if (!f && errno == ENOENT)
        return true;
    if (!f) {
        prove_complain("%s: %s", job->resume, strerror(errno));
        return false;
    }
    good = fscanf(f,
                  "sockfault-prove 2\nkey %" SCNx64 "\nbound %u\nfirst %" SCNu64
                  "\n",
                  &key, &s.place.bound, &s.place.first) == 3;
    for (unsigned i = 0; good && i <= SF_EXHAUST_MAX; i++)
        good = fscanf(f, "schedules %" SCNu64 "\n", &s.schedules[i]) == 1;
    fclose(f);
    if (!good || key != job_key(job) || s.place.bound > l->walk.k) {
        prove_complain("%s: expected what a walk of this scenario, shard and "
                       "bound has left, by this build of the program",
                       job->resume);
        return false;
    }
    sf_exhaust_seek(&l->walk, &s.place);
    memcpy(l->schedules, s.schedules, sizeof s.schedules);
    return true;
}

bool prove_begin(const struct prove_job *job, struct live *l)
{
    if (job->resume && !read_saved(job, l))
        return false;
    l->saved[0].place =
        (struct sf_exhaust_place){l->walk.bound, l->walk.resume};
    memcpy(l->saved[0].schedules, l->schedules, sizeof l->schedules);
    return true;
}
