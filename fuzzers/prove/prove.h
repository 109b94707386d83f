/*
 * prove.h: the parts of the prover.
 *
 * A job is one scenario with everything that can happen to it.  It is walked
 * in a child process: what the child is doing lies in memory that both share,
 * so a schedule that kills it, in whatever way, or ends it, or never returns,
 * is known to the parent.  That the walk is complete is said by the child in
 * that memory; silence proves nothing.
 */
#ifndef SF_PROVE_H
#define SF_PROVE_H

#include "faultinject/inject/choose_exhaust.h"
#include "faultinject/session/session.h"
#include "fuzzers/prove/image.h"

#include <sys/types.h>

enum { PROVE_COUNTERS = 3 };

/* FNV-1a, begun with PROVE_HASH. */
#define PROVE_HASH UINT64_C(0xcbf29ce484222325)
static inline uint64_t prove_hash(uint64_t h, const void *at, size_t len)
{
    const uint8_t *bytes = (const uint8_t *)at;

    for (size_t i = 0; i < len; i++)
        h = (h ^ bytes[i]) * UINT64_C(0x100000001b3);
    return h;
}

/* What can be proved: a fuzz target that plays sessions. */
struct prove_target {
    const char *name;
    int (*run)(const uint8_t *bytes, size_t len);
    /* The program's blocks of this size have counters there, of 64 bits that
     * decide nothing (faultinject/inject/counter.h); 0: they have none. */
    size_t counters_in, counters_at[PROVE_COUNTERS];
};
extern const struct prove_target prove_targets[];
extern const unsigned prove_target_count;

struct prove_job {
    char name[128]; /* of the scenario */
    const struct prove_target *target;
    struct sf_session session; /* its faults are none */
    unsigned k;                /* at most so many faults */
    bool plain;                /* states are not recognised */
    bool loops;                /* any number of faults, until no state is new */
    unsigned shard, shards;    /* shard 0 … shards - 1  */
    double budget;             /* seconds; 0: none      */
    const char *resume;        /* file, or NULL         */
    const char *out;           /* folder for what is found */
};

enum prove_end {
    PROVE_COMPLETE, /* everything within the bound, and nothing found  */
    PROVE_STOPPED,  /* … the time was over before                      */
    PROVE_FOUND,    /* a counterexample                                */
    PROVE_CANNOT,   /* it could not be done; a line says why           */
    PROVE_DOUBTFUL  /* found, but not again: within watch.c only  */
};

struct prove_result {
    enum prove_end end;
    uint64_t calls;     /* in the session without faults              */
    uint64_t decisions; /* … of which so many can be chosen           */
    unsigned deepest;   /* choices in the longest vector              */
    unsigned complete;  /* bounds 0 … complete - 1 were completed     */
    uint64_t schedules[SF_EXHAUST_MAX + 1]; /* with so many faults    */
    uint64_t runs;   /* … and those that were made for their children */
    uint64_t states; /* 0: they were not recognised                */
    uint64_t merged; /* schedules that ended in one seen before    */
    double seconds;
    char finding[512]; /* FOUND: its line                            */
    unsigned n;        /* the choices of the last run: FOUND, its own */
    struct sf_choice vector[SF_EXHAUST_MAX];
};

/* watch.c: walks the job and says how it went on standard error. */
void prove_walk(const struct prove_job *job, struct prove_result *result);

/* resume.c: a walk can be kept there; false after telling why. */
bool prove_can_keep(const char *path);

/* Adds the counts and seconds of r to those of *sum. */
void prove_add(struct prove_result *sum, const struct prove_result *r);

/* say.c: what was proved, to standard output. */
void prove_say(const struct prove_job *job, const struct prove_result *r);
/* One row of docs/proofs.md: only what is the same each time. */
void prove_row(const struct prove_job *job, const struct prove_result *r);
/* The same of a job that was tortured; or a row. */
void prove_say_memory(const struct prove_job *job, const struct prove_result *r,
                      bool row);
/* Writes the counterexample to files, and replays it before your eyes. */
void prove_show(const struct prove_job *job, const struct prove_result *r);

/* child.c.  From here on SIGINT, SIGTERM and SIGHUP no longer end the process;
 * which one has come, or 0. */
void prove_catch_ends(void);
int prove_stopped(void);
/* A child whose errors go to that file, and that ends when we do. */
pid_t prove_fork(int errors);
/* Its wait status, or -1.  It is killed when we are to end. */
int prove_wait(pid_t pid);
/* Somebody else may have sent the signal that ended it; surely has. */
bool prove_is_foreign(int status);
bool prove_is_kill(int status);
void prove_tell_killed(const struct prove_job *job, int status);
/* A file that has no name, and what a child left in it. */
int prove_scratch(void);
void prove_judge(int log, int status, struct prove_result *r);

/* torture.c: each allocation of the program fails, one a run.  In
 * result->runs how many there were, or which was FOUND. */
void prove_torture(const struct prove_job *job, struct prove_result *result);
void prove_torture_show(const struct prove_job *job,
                        const struct prove_result *r);

/* memory.c: blocks that the session has allocated and not freed; a
 * finding if they are others than before. */
long prove_blocks(void);
void prove_check_blocks(long before);
/* The nth allocation of the program from here on fails; how many it made. */
void prove_fail(uint64_t nth);
uint64_t prove_allocations(void);
/* What counts and decides nothing, as long as none fails. */
void prove_memory_counters(sf_counter *each, void *arg);
/* The next block of so many bytes in the arena; NULL: the first, the end. */
void *prove_next_block(const void *block, size_t size);
/* From here on blocks come from the arena. */
void prove_use_arena(void);

/* seen.c: the states of a walk. */
struct prove_seen;
struct prove_seen *prove_seen_new(void);
void prove_seen_forget(struct prove_seen *s);
uint64_t prove_seen_states(const struct prove_seen *s);
/* Another run was there, with at least so many faults left; if not, it is
 * noted that this one was: `who` by the choices it makes. */
bool prove_seen(struct prove_seen *s, const struct image_print *p, uint64_t who,
                unsigned left);

/* recovery.c: the i-th session of the family of dead descriptors;
 * false when there are no more. */
bool prove_recovery(unsigned i, struct sf_session *s, char *name, size_t size);

/* decoder.c: the closure of a decoder; an exit status.  `max` bytes of
 * payload unless the format says; `first`: the first refuted one ends it. */
int prove_decoder(const char *format, unsigned max, bool rows, bool first);

/* One line on standard error. */
void prove_complain(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

#endif
