/* prove_walk.c: a job in a child process, watched; see prove.h */
#include "fuzzers/prove.h"

#include "faultinject/inject/finding.h"
#include "faultinject/simnet/run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    CHECK_EVERY = 256, /* runs between two looks at the parent's wish */
    HANG_S = 20,       /* a run that takes longer never ends          */
    TURN_MAX_US = 20000,
    SAY_EVERY_S = 10 /* where nobody watches */
};

/* What a walk comes back with after a break. */
struct saved {
    struct sf_exhaust_place place;
    uint64_t schedules[SF_EXHAUST_MAX + 1];
};

struct live {
    struct sf_exhaust walk;
    struct saved saved;
    volatile unsigned saving; /* odd: `saved` is being written */
    volatile uint64_t runs;
    uint64_t schedules[SF_EXHAUST_MAX + 1];
    uint64_t calls, decisions;
    volatile bool stop; /* the parent wishes an end     */
    volatile bool done, diverged;
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --------------------------------------------------------------- the child */

static void save(struct live *l)
{
    l->saving++;
    __sync_synchronize();
    sf_exhaust_tell(&l->walk, &l->saved.place);
    memcpy(l->saved.schedules, l->schedules, sizeof l->schedules);
    __sync_synchronize();
    l->saving++;
}

static void run_once(struct live *l, const struct prove_job *job,
                     const uint8_t *bytes, size_t len)
{
    long before = prove_blocks();

    job->target->run(bytes, len);
    if (prove_blocks() != before)
        sf_finding(SF_MON_MEMORY, "%ld blocks of memory were not given back",
                   prove_blocks() - before);
    if (sf_exhaust_diverged(&l->walk)) {
        l->diverged = true;
        _exit(2);
    }
    if (l->walk.counts && (l->walk.n || job->shard == 0))
        l->schedules[l->walk.n]++;
    if (l->walk.n == 0) {
        l->calls = sf_sim_calls();
        l->decisions = l->walk.asked;
    }
    l->runs++;
}

static void walk(struct live *l, const struct prove_job *job)
{
    uint8_t bytes[SF_SESSION_MAX];
    size_t len = sf_session_encode(&job->session, bytes, sizeof bytes);

    sf_session_choose(&l->walk.chooser);
    while (!l->stop && sf_exhaust_next(&l->walk)) {
        run_once(l, job, bytes, len);
        if (l->runs % CHECK_EVERY == 0)
            save(l);
    }
    l->done = !l->stop;
    save(l);
    _exit(0);
}

/* -------------------------------------------------------------- the parent */

static void tell_progress(const struct live *l, double since, bool tty)
{
    double took = now() - since, part = sf_exhaust_part(&l->walk);
    double rate = took > 0 ? (double)l->runs / took : 0;

    fprintf(stderr,
            "%s%u faults: %" PRIu64 " schedules, %.0f a second, %.0f %% of "
            "this bound%s",
            tty ? "\r" : "sockfault: ", l->walk.bound, l->runs, rate,
            100 * part, tty ? "\033[K" : "\n");
    fflush(stderr);
}

static void wipe(bool tty)
{
    if (tty)
        fputs("\r\033[K", stderr);
}

/* A part of the file's name says which session and bound it belongs to. */
static uint64_t job_key(const struct prove_job *job)
{
    uint8_t bytes[SF_SESSION_MAX];
    size_t len = sf_session_encode(&job->session, bytes, sizeof bytes);
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < len; i++)
        h = (h ^ bytes[i]) * UINT64_C(0x100000001b3);
    return (h ^ job->shard << 8 ^ job->shards) * UINT64_C(0x100000001b3);
}

static void write_saved(const struct prove_job *job, const struct live *l)
{
    char fresh[4200];
    unsigned before;
    struct saved s;
    FILE *f;

    do {
        before = l->saving;
        __sync_synchronize();
        s = l->saved;
        __sync_synchronize();
    } while (before % 2 || before != l->saving);
    snprintf(fresh, sizeof fresh, "%s.new", job->resume);
    f = fopen(fresh, "w");
    if (!f) {
        prove_complain("%s: %s", fresh, strerror(errno));
        return;
    }
    fprintf(f, "sockfault-prove 1\nkey %016" PRIx64 "\nbound %u\n",
            job_key(job), s.place.bound);
    for (unsigned i = 0; i < SF_EXHAUST_MAX; i++)
        fprintf(f, "next %" PRIu64 "\n", s.place.next[i]);
    for (unsigned i = 0; i <= SF_EXHAUST_MAX; i++)
        fprintf(f, "schedules %" PRIu64 "\n", s.schedules[i]);
    if (fclose(f) != 0 || rename(fresh, job->resume) < 0)
        prove_complain("%s: %s", job->resume, strerror(errno));
}

/* True when there is nothing to go on from, or it was read. */
static bool read_saved(const struct prove_job *job, struct live *l)
{
    FILE *f = fopen(job->resume, "r");
    struct saved s = {0};
    uint64_t key = 0;
    bool good;

    if (!f)
        return errno == ENOENT;
    good = fscanf(f, "sockfault-prove 1\nkey %" SCNx64 "\nbound %u\n", &key,
                  &s.place.bound) == 2;
    for (unsigned i = 0; good && i < SF_EXHAUST_MAX; i++)
        good = fscanf(f, "next %" SCNu64 "\n", &s.place.next[i]) == 1;
    for (unsigned i = 0; good && i <= SF_EXHAUST_MAX; i++)
        good = fscanf(f, "schedules %" SCNu64 "\n", &s.schedules[i]) == 1;
    fclose(f);
    if (!good || key != job_key(job) || s.place.bound > l->walk.k) {
        prove_complain("%s: expected what a walk of this scenario, shard and "
                       "bound has left",
                       job->resume);
        return false;
    }
    sf_exhaust_seek(&l->walk, &s.place);
    memcpy(l->schedules, s.schedules, sizeof s.schedules);
    return true;
}

struct watch {
    pid_t child;
    int status;
    bool hung;
};

/* Until the child has ended, one way or another. */
static void watch(const struct prove_job *job, struct live *l, struct watch *w)
{
    struct timespec turn = {0, 200000};
    bool tty = isatty(STDERR_FILENO);
    double since = now(), said = since, moved = since;
    uint64_t seen = 0;

    while (waitpid(w->child, &w->status, WNOHANG) == 0) {
        double t = now();

        nanosleep(&turn, NULL);
        if (turn.tv_nsec < TURN_MAX_US * 1000L)
            turn.tv_nsec += turn.tv_nsec / 2;
        if (l->runs != seen) {
            seen = l->runs;
            moved = t;
        }
        if (t - moved > HANG_S) {
            w->hung = true;
            kill(w->child, SIGKILL);
        }
        if (job->budget > 0 && t - since > job->budget)
            l->stop = true;
        if (t - said > (tty ? 0.5 : SAY_EVERY_S)) {
            tell_progress(l, since, tty);
            said = t;
            if (job->resume)
                write_saved(job, l);
        }
    }
    wipe(tty);
}

/* What the child left on its standard error: the line of the finding. */
static void read_finding(int fd, struct prove_result *r)
{
    static char text[16384];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    char *line;

    text[n > 0 ? n : 0] = '\0';
    line = strstr(text, "sockfault: finding: ");
    if (!line)
        line = strstr(text, "ERROR: ");
    if (!line)
        line = strstr(text, "runtime error: ");
    if (line)
        snprintf(r->finding, sizeof r->finding, "%.*s",
                 (int)strcspn(line, "\n"), line);
}

static void say_how(const struct watch *w, struct prove_result *r)
{
    if (r->finding[0])
        return;
    if (w->hung)
        snprintf(r->finding, sizeof r->finding,
                 "it does not return, and makes no calls");
    else if (WIFSIGNALED(w->status))
        snprintf(r->finding, sizeof r->finding, "the process was killed: %s",
                 strsignal(WTERMSIG(w->status)));
    else
        snprintf(r->finding, sizeof r->finding,
                 "the process ended with exit status %d",
                 WEXITSTATUS(w->status));
}

static void judge(const struct live *l, const struct watch *w, int log,
                  struct prove_result *r)
{
    r->calls = l->calls;
    r->decisions = l->decisions;
    r->runs = l->runs;
    r->complete = l->done ? l->walk.k + 1 : l->walk.bound;
    memcpy(r->schedules, l->schedules, sizeof r->schedules);
    if (l->diverged) {
        r->end = PROVE_CANNOT;
        prove_complain("the session is not deterministic: run again with the "
                       "same choices it met other decisions");
    } else if (w->status == 0 && l->done) {
        r->end = PROVE_COMPLETE;
    } else if (w->status == 0 && l->stop) {
        r->end = PROVE_STOPPED;
    } else {
        r->end = PROVE_FOUND;
        r->n = l->walk.n;
        memcpy(r->vector, l->walk.vector, sizeof r->vector);
        read_finding(log, r);
        say_how(w, r);
    }
}

static int scratch(void)
{
    char path[] = "/tmp/sockfault-prove-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);

    if (fd >= 0)
        unlink(path);
    return fd;
}

void prove_walk(const struct prove_job *job, struct prove_result *r)
{
    struct live *l = mmap(NULL, sizeof *l, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct watch w = {0};
    double since = now();
    int log = scratch();

    *r = (struct prove_result){.end = PROVE_CANNOT};
    if (l == MAP_FAILED || log < 0) {
        prove_complain("%s", strerror(errno));
        return;
    }
    sf_exhaust_init(&l->walk, job->k);
    l->walk.allowed = sf_session_allows;
    l->walk.shard = job->shard;
    l->walk.shards = job->shards;
    if (!job->resume || read_saved(job, l)) {
        fflush(NULL);
        w.child = fork();
        if (w.child == 0) {
            dup2(log, STDERR_FILENO);
            walk(l, job);
        }
        watch(job, l, &w);
        judge(l, &w, log, r);
        if (job->resume && r->end == PROVE_STOPPED)
            write_saved(job, l);
    }
    r->seconds = now() - since;
    close(log);
    munmap(l, sizeof *l);
}

void prove_add(struct prove_result *sum, const struct prove_result *r)
{
    sum->calls += r->calls;
    sum->decisions += r->decisions;
    sum->runs += r->runs;
    sum->seconds += r->seconds;
    for (unsigned i = 0; i <= SF_EXHAUST_MAX; i++)
        sum->schedules[i] += r->schedules[i];
}
