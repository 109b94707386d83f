/* walk.c: a job in a child process, watched; see prove.h */
#include "fuzzers/prove/prove.h"

#include "faultinject/inject/finding.h"
#include "faultinject/inject/inject.h"
#include "faultinject/session/guard.h"
#include "faultinject/session/run.h"
#include "faultinject/simnet/simnet.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    HANG_S = 20, /* a run that takes longer never ends          */
    HIDDEN_MAX = 512,
    HIDDEN_BYTES = 1 << 16,
    TURN_MAX_US = 20000,
    SAVE_EVERY = 64, /* runs, for a break                           */
    TRY_EVERY = 256, /* … for one that is made from the start, too  */
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
    uint64_t calls, decisions, states, merged;
    unsigned deepest;
    volatile bool stop; /* the parent wishes an end     */
    volatile bool done, diverged;
    uint64_t who; /* this run is: of its vector                           */
    bool cut;     /* … ended in a state that was seen                     */
    bool untrue;  /* the same choices from the start end in another state */
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --------------------------------------------------------------- the child */

/* What the callbacks of one walk know; in memory that no run takes back. */
static struct live *child;
static const struct prove_job *job_now;
static struct prove_seen *seen;

static void save(struct live *l)
{
    struct sf_exhaust_place place;

    if (!sf_exhaust_tell(&l->walk, &place))
        return;
    l->saving++;
    __sync_synchronize();
    l->saved.place = place;
    memcpy(l->saved.schedules, l->schedules, sizeof l->schedules);
    __sync_synchronize();
    l->saving++;
}

/* One session, from its start. */
static void play(void)
{
    static uint8_t bytes[SF_SESSION_MAX];
    long before = prove_blocks();

    job_now->target->run(
        bytes, sf_session_encode(&job_now->session, bytes, sizeof bytes));
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

static void count(struct live *l)
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
        play();
        count(l);
        save(l);
    }
}

static void body(void *arg)
{
    (void)arg;
    prove_use_arena();
    play();
    image_leave();
}

static bool keep(void **mark)
{
    return image_take((struct image_snapshot **)mark);
}

/* Bytes that do not count, while a fingerprint is taken. */
struct hidden {
    size_t n, len;
    struct {
        char *at;
        size_t len;
    } places[HIDDEN_MAX];
    char bytes[HIDDEN_BYTES];
};
static struct hidden *hidden; /* in memory that no run takes back */

static void hide(void *arg, void *at, size_t len)
{
    (void)arg;
    if (hidden->n == HIDDEN_MAX || len > HIDDEN_BYTES - hidden->len)
        return;
    memcpy(hidden->bytes + hidden->len, at, len);
    memset(at, 0, len);
    hidden->places[hidden->n].at = at;
    hidden->places[hidden->n++].len = len;
    hidden->len += len;
}

static void show_again(void)
{
    while (hidden->n--) {
        size_t len = hidden->places[hidden->n].len;

        hidden->len -= len;
        memcpy(hidden->places[hidden->n].at, hidden->bytes + hidden->len, len);
    }
    hidden->n = 0;
}

/* What the program's own objects count, wherever they are. */
static void hide_counters(void)
{
    const struct prove_target *t = job_now->target;
    void *block = NULL;

    while (t->counters_in && (block = prove_next_block(block, t->counters_in)))
        for (unsigned i = 0; i < PROVE_COUNTERS; i++)
            hide(NULL, (char *)block + t->counters_at[i], sizeof(uint64_t));
}

static void met(unsigned left)
{
    struct image_print p;

    hide_counters();
    sf_session_forgotten(hide, NULL);
    p = image_print();
    show_again();
    if (prove_seen(seen, &p, child->who, job_now->loops ? 0 : left)) {
        child->merged += child->walk.counts || job_now->loops;
        child->cut = true;
        image_leave();
    }
}

/* The same vector, in whatever round. */
static uint64_t who(const struct sf_exhaust *e)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (unsigned i = 0; i < e->n; i++) {
        const struct sf_choice *c = &e->vector[i];

        h = (h ^ c->at) * UINT64_C(0x100000001b3);
        h = (h ^ c->which) * UINT64_C(0x100000001b3);
        h = (h ^ c->amount) * UINT64_C(0x100000001b3);
    }
    return h;
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
    prove_seen_forget(seen);
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
        prove_seen_forget(seen);
}

/* The same choices from the start of the session leave the same behind. */
static bool is_true(struct live *l)
{
    struct sf_exhaust walk = l->walk;
    struct image_print rest = image_rest(), again;

    l->walk.met = NULL;
    l->walk.keep = NULL;
    l->walk.taken = l->walk.asked = 0;
    l->walk.noting = false;
    image_run(NULL);
    l->walk = walk;
    again = image_rest();
    return again.a == rest.a && again.b == rest.b;
}

/* What was learnt by this run, or by trying whether it is true? */
static enum image_news learns(struct live *l)
{
    enum image_news news = image_learnt();

    if (news == IMAGE_NOTHING && l->runs % TRY_EVERY == 0 && !l->cut) {
        bool true_one = is_true(l);

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

/* Snapshots of a level are worth nothing once its vector is left. */
static void walk_by_snapshots(struct live *l)
{
    size_t taken[SF_EXHAUST_MAX + 1] = {0};
    struct round round = {.place.bound = UINT32_MAX}, before;
    enum image_news news;

    sim_guard_signals(); /* or it would do so with ours */
    if (!job_now->plain) {
        hidden = mmap(NULL, sizeof *hidden, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (hidden == MAP_FAILED)
            abort();
        sf_sim_be_tidy(image_clear);
    }
    sf_finding_hook = is_doubtful;
    image_begin(body, NULL, !job_now->plain);
    l->walk.keep = keep;
    while (!l->stop && !l->untrue && sf_exhaust_next(&l->walk)) {
        if (l->walk.bound != round.place.bound)
            begin_round(l, &round);
        image_forget(taken[l->walk.n]);
        l->cut = false;
        l->who = who(&l->walk);
        image_run(sf_exhaust_mark(&l->walk));
        taken[l->walk.n + 1] = image_taken();
        count(l);
        if (l->runs == 1) {
            sf_session_counters(ignore, NULL);
            prove_memory_counters(ignore, NULL);
            l->walk.met = job_now->plain ? NULL : met;
        }
        before = round;
        so_far_so_good(l, &round);
        news = learns(l);
        if (news != IMAGE_NOTHING) {
            round = before;
            begin_again(l, &round, news);
        } else if (l->runs % SAVE_EVERY == 0) {
            save(l);
        }
        l->states = prove_seen_states(seen);
    }
}

/*
 * A run may change a line that nobody knows of, and where not all pages are
 * looked at the next one finds it changed.  It is told by what is found so and
 * is not found from the start, and by runs that are tried from there; then all
 * is walked again, with more care.
 */
enum care { QUICK, CAREFUL, PLAIN };

static void walk(struct live *l, const struct prove_job *job, enum care care)
{
    child = l;
    job_now = job;
    sf_session_choose(&l->walk.chooser);
    seen = prove_seen_new();
    if (care == CAREFUL)
        image_be_careful();
    if (image_possible() && care != PLAIN)
        walk_by_snapshots(l);
    else
        walk_plainly(l);
    l->done = !l->stop && !l->untrue;
    save(l);
    _exit(0);
}

/* -------------------------------------------------------------- the parent */

/* How far it has come, and since when: the time that is left is judged by it.
 */
struct pace {
    double since;
    unsigned bound;
    double bound_since, part; /* at the beginning of this bound */
};

static void tell_left(struct pace *p, const struct live *l, double part)
{
    if (p->bound != l->walk.bound)
        *p = (struct pace){p->since, l->walk.bound, now(), part};
    else if (part > p->part)
        fprintf(stderr, ", about %.0f s left",
                (now() - p->bound_since) * (1 - part) / (part - p->part));
}

static void tell_progress(struct pace *p, const struct live *l, bool tty)
{
    double took = now() - p->since, part = sf_exhaust_part(&l->walk);
    double rate = took > 0 ? (double)l->runs / took : 0;

    fprintf(stderr,
            "%s%u faults: %" PRIu64 " schedules, %.0f a second, %.0f %% of "
            "this bound",
            tty ? "\r" : "sockfault: ", l->walk.bound, l->runs, rate,
            100 * part);
    tell_left(p, l, part);
    fputs(tty ? "\033[K" : "\n", stderr);
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
    FILE *f = fopen(job->resume, "r");
    struct saved s = {0};
    uint64_t key = 0;
    bool good;

    if (!f)
        return errno == ENOENT;
    good = fscanf(f,
                  "sockfault-prove 2\nkey %" SCNx64 "\nbound %u\nfirst %" SCNu64
                  "\n",
                  &key, &s.place.bound, &s.place.first) == 3;
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
    struct pace pace = {.since = since, .bound = UINT_MAX};
    uint64_t runs = 0;

    while (waitpid(w->child, &w->status, WNOHANG) == 0) {
        double t = now();

        nanosleep(&turn, NULL);
        if (turn.tv_nsec < TURN_MAX_US * 1000L)
            turn.tv_nsec += turn.tv_nsec / 2;
        if (l->runs != runs) {
            runs = l->runs;
            moved = t;
        }
        if (t - moved > HANG_S) {
            w->hung = true;
            kill(w->child, SIGKILL);
        }
        if (job->budget > 0 && t - since > job->budget)
            l->stop = true;
        if (t - said > (tty ? 0.5 : SAY_EVERY_S)) {
            tell_progress(&pace, l, tty);
            said = t;
            if (job->resume)
                write_saved(job, l);
        }
    }
    wipe(tty);
}

/* What a child left on its standard error: the line of the finding. */
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

void prove_judge(int log, int status, struct prove_result *r)
{
    read_finding(log, r);
    if (r->finding[0])
        return;
    if (WIFSIGNALED(status))
        snprintf(r->finding, sizeof r->finding, "the process was killed: %s",
                 strsignal(WTERMSIG(status)));
    else
        snprintf(r->finding, sizeof r->finding,
                 "the process ended with exit status %d", WEXITSTATUS(status));
}

static void judge(const struct prove_job *job, const struct live *l,
                  const struct watch *w, int log, struct prove_result *r)
{
    r->calls = l->calls;
    r->decisions = l->decisions;
    r->runs = l->runs;
    r->states = job->plain ? 0 : l->states;
    r->merged = l->merged;
    r->deepest = l->deepest;
    r->complete = l->done ? l->walk.k + 1 : l->walk.bound;
    r->n = l->walk.n;
    memcpy(r->vector, l->walk.vector, sizeof r->vector);
    memcpy(r->schedules, l->schedules, sizeof r->schedules);
    if (l->untrue) {
        r->end = PROVE_DOUBTFUL;
    } else if (l->diverged) {
        r->end = PROVE_CANNOT;
        prove_complain("the session is not deterministic: run again with the "
                       "same choices it met other decisions");
    } else if (w->status == 0 && l->done) {
        r->end =
            job->loops && l->deepest == job->k ? PROVE_STOPPED : PROVE_COMPLETE;
    } else if (w->status == 0 && l->stop) {
        r->end = PROVE_STOPPED;
    } else {
        r->end = PROVE_FOUND;
        if (w->hung)
            snprintf(r->finding, sizeof r->finding,
                     "it does not return, and makes no calls");
        else
            prove_judge(log, w->status, r);
    }
}

int prove_scratch(void)
{
    char path[] = "/tmp/sockfault-prove-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);

    if (fd >= 0)
        unlink(path);
    return fd;
}

/* One schedule, from the start, and nothing else. */
static void play_vector(struct live *l, const struct prove_job *job)
{
    alarm(HANG_S);
    child = l;
    job_now = job;
    l->walk.met = NULL;
    l->walk.keep = NULL;
    l->walk.taken = l->walk.asked = 0;
    l->walk.noting = false;
    sf_session_choose(&l->walk.chooser);
    play();
    _exit(0);
}

/* What was found by going on from the middle is found from the start, too. */
static bool confirmed(struct live *l, const struct prove_job *job, int log)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        dup2(log, STDERR_FILENO);
        play_vector(l, job);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && status != 0;
}

static void walk_watched(const struct prove_job *job, enum care care,
                         struct prove_result *r)
{
    struct live *l = mmap(NULL, sizeof *l, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct watch w = {0};
    double since = now();
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
    if (job->loops)
        l->walk.bound = job->k;
    if (!job->resume || read_saved(job, l)) {
        fflush(NULL);
        w.child = fork();
        if (w.child == 0) {
            dup2(log, STDERR_FILENO);
            walk(l, job, care);
        }
        watch(job, l, &w);
        judge(job, l, &w, log, r);
        if (r->end == PROVE_FOUND && care != PLAIN && !confirmed(l, job, log))
            r->end = PROVE_DOUBTFUL;
        if (job->resume && r->end == PROVE_STOPPED)
            write_saved(job, l);
    }
    r->seconds = now() - since;
    close(log);
    munmap(l, sizeof *l);
}

void prove_walk(const struct prove_job *job, struct prove_result *r)
{
    enum care care = QUICK;

    walk_watched(job, care, r);
    while (r->end == PROVE_DOUBTFUL && care < PLAIN) {
        prove_complain("%s: what came of going on from the middle does not "
                       "come of the start; all is walked again%s",
                       job->name, ++care == PLAIN ? " from there" : "");
        if (job->resume) /* what it says has been walked is doubtful, too */
            unlink(job->resume);
        walk_watched(job, care, r);
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
