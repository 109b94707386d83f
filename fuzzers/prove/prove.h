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

#include "faultinject/session/place.h"
#include "faultinject/session/session.h"

#include <sys/types.h>

enum { PROVE_COUNTERS = 3 };

/* What can be proved: a fuzz target that plays sessions. */
struct prove_target {
    const char *name;
    int (*run)(const uint8_t *bytes, size_t len);
    /* The program's blocks of this size have counters there, of 64 bits that
     * decide nothing (faultinject/inject/counter.h); 0: they have none. */
    size_t counters_in, counters_at[PROVE_COUNTERS];
};

/*
 * Which there are: those of sockfault's own core (core.c), or the one of the
 * program that this is a part of (own.c).  Where there are more than one, the
 * path of a scenario names its own.
 */
extern const struct prove_target *const prove_targets;
extern const unsigned prove_target_count;

/* What can be done with the core only; NULL where it is not. */
extern const struct prove_core *const prove_core;

/* The command; argv[0] is replaced.  Its exit status. */
int prove_main(int argc, char **argv);

struct prove_job {
    char name[128]; /* of the scenario */
    const struct prove_target *target;
    struct sf_session session; /* its faults are none */
    unsigned k;                /* at most so many faults */
    unsigned cuts;             /* see choose_exhaust.h */
    bool plain;                /* states are not recognised */
    bool loops;                /* any number of faults, until no state is new */
    unsigned shard, shards;    /* shard 0 … shards - 1  */
    double until;              /* sf_seconds(); 0: no end */
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
    uint64_t runs;    /* … and those that were made for their children */
    uint64_t states;  /* 0: they were not recognised                */
    uint64_t merged;  /* schedules that ended in one seen before    */
    uint64_t failing; /* --memory: runs in which something was found */
    uint64_t nth; /* … the first of them: of this allocation; 0: of none */
    uint64_t strayed; /* … and others that cannot be played           */
    double seconds;
    const char *unable; /* DOUBTFUL: why it cannot be told, or NULL    */
    char finding[512];  /* FOUND: its line                            */
    unsigned n;         /* the choices of the last run: FOUND, its own */
    struct sf_choice vector[SF_EXHAUST_MAX];
};

/* walk.c: one session of the job, and nothing else. */
void prove_run(const struct prove_job *job);

/* watch.c: walks the job and says how it went on standard error. */
void prove_walk(const struct prove_job *job, struct prove_result *result);

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

/* torture.c: each allocation of the program fails, one a run; `first`: the
 * first that is FOUND ends it. */
void prove_torture(const struct prove_job *job, bool first,
                   struct prove_result *result);
void prove_torture_show(const struct prove_job *job,
                        const struct prove_result *r);

/* refuse.c.  The nth allocation of the program from here on fails; 0: none. */
void prove_fail(uint64_t nth);
/* Asked for each by what stands in for the allocator: memory.c, or what own.c
 * has told of it. */
bool prove_refused(void);

/* memory.c, leaks.c: what the program has allocated and not given back; a
 * finding if that is other than before. */
long prove_blocks(void);
/* … and of that so many blocks were made by it, as far as a sanitizer tells. */
uint64_t prove_made(void);
void prove_check_blocks(long before);

/* stray.c.  A run in which another thread uses the session's descriptors, which
 * no finding is about: its process ends, and leaves here at which call; that
 * is NULL before. */
struct prove_stray {
    const char *volatile call;
    int fd;
};
void prove_watch_strays(struct prove_stray *stray);
/* What to say of it; one at a time. */
const char *prove_stray_text(const struct prove_stray *stray);

/* One line on standard error. */
void prove_complain(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

#endif
