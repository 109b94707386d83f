/*
 * sweep.h: the parts of `sockfault explore`.
 *
 * One folder holds all that is known, so that whoever is killed goes on where
 * it was:
 *
 *     baseline   the command without a fault: what was asked for, what came out
 *     cases      a plan, each rule of it one case: the faults that fit
 *     runs       a line for each case that is done, in the order of their ends
 *     findings/  a trace for each finding, as `sockfault replay` takes it
 *
 * Each case is run in a process of its own, which writes its line by itself.
 */
#ifndef SF_SWEEP_H
#define SF_SWEEP_H

#include <stdarg.h>

#include "faultinject/explore/explore.h"
#include "faultinject/session/progress.h"

enum {
    SF_GROUP_NAME = 96,
    SF_GROUP_LINE = 256,
    SF_REPEATS = 3,
    SF_REFUTED_MAX = 3
};

/* What the command does when nothing happens to it. */
struct sf_baseline {
    int status; /* as from waitpid */
    uint64_t calls;
    uint64_t connections;
    unsigned processes;
    unsigned at;     /* calls at which some fault fits              */
    uint64_t beyond; /* faults that fit and of which nobody kept it */
    int ms;
    int timeout_ms;
};

/* What is known of a case. */
enum sf_case_state {
    SF_CASE_TO_DO,
    SF_CASE_QUIET,      /* its fault happened, and nothing was found      */
    SF_CASE_FOUND,      /* … and something was                            */
    SF_CASE_UNMET,      /* its call never came                            */
    SF_CASE_IMPOSSIBLE, /* it came, and the fault was not possible then   */
    SF_CASE_ALONE,      /* something was found, and its fault was not met */
    SF_CASE_STATES
};

_Static_assert(SF_FAULT_COUNT <= 64, "they are kept as bits");

/* Cases that show the same. */
struct sf_group {
    char name[SF_GROUP_NAME];
    char line[SF_GROUP_LINE]; /* what was found */
    size_t first;             /* case that is seen again, at first the first */
    size_t last;
    size_t cases;
    unsigned refuted; /* cases that were not shown again */
    uint64_t faults;  /* of these cases, as bits */
    unsigned shown;   /* so often of `tries` times, with the case alone */
    unsigned tries;   /* 0: that is still to be seen                    */
};

struct sf_sweep {
    struct sf_run run;
    const char *folder;
    const char *class;   /* NULL: both         */
    const bool *without; /* faults, by number  */
    bool compares;       /* what it prints after a benign fault, too */
    bool silent;         /* … and after a fatal one, if nothing tells of it */
    unsigned cuts;       /* a short count after each of so many bytes */
    int jobs;
    int budget_ms;  /* 0: none */
    unsigned shard; /* 0 … shards - 1 */
    unsigned shards;
    struct sf_baseline base;
    struct sf_plan cases;
    uint8_t *state; /* by case                     */
    size_t *group;  /* by case that found: which   */
    size_t step;    /* from one case to the next   */
    long log_at;    /* what was read of `runs`     */
    uint64_t runs;  /* that were made for cases    */
    struct sf_group *groups;
    size_t n_groups;
};

/* Where it is kept if nobody says where. */
#define SF_EXPLORED "explore"

/* The path of a thing in the folder: one of a few static ones. */
const char *sf_sweep_path(const struct sf_sweep *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* --- sweep_cases.c: what there is to run ---------------------------------- */

/* In a process of its own: run it without a fault, find out what fits, and
 * write it down.  An exit status of the command's. */
int sf_sweep_survey(struct sf_sweep *s);

/* Is there a survey of the same command? */
bool sf_sweep_has_cases(const struct sf_sweep *s);
bool sf_sweep_load(struct sf_sweep *s);
/* The same of a survey of any command, once its cases are in s->cases; nothing
 * is run afterwards. */
bool sf_sweep_load_kept(struct sf_sweep *s);

/* The i-th that is to be run: they are run in an order in which those up to any
 * are spread evenly over all. */
size_t sf_sweep_case(const struct sf_sweep *s, size_t i);
/* It is one of this shard's. */
bool sf_sweep_is_ours(const struct sf_sweep *s, size_t i);

/* --- sweep_case.c: one of them -------------------------------------------- */

/* Where the output of the n-th job's command goes. */
void sf_sweep_divert(struct sf_sweep *s, unsigned job);

bool sf_same_file(const char *a, const char *b);

/* In a process of its own: run a case, and write its line. */
int sf_sweep_try(struct sf_sweep *s, size_t i);

/* The same for the first case of a group: is it shown again?  Writes the trace
 * and a line that says so. */
int sf_sweep_confirm(struct sf_sweep *s, const struct sf_group *group);

/* --- sweep_log.c: what was run -------------------------------------------- */

/* A line of `runs`, at once; without the newline. */
bool sf_sweep_write(const struct sf_sweep *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Read what is new in there. */
bool sf_sweep_read(struct sf_sweep *s);
/* A line that whoever was killed did not end is ended. */
bool sf_sweep_mend(const struct sf_sweep *s);

/* Those of this shard: of one state, and all. */
size_t sf_sweep_count(const struct sf_sweep *s, enum sf_case_state state);
size_t sf_sweep_cases(const struct sf_sweep *s);
/* Shown again, at least once. */
bool sf_sweep_is_sure(const struct sf_group *group);
/* How many of them are, and are not known. */
size_t sf_sweep_news(const struct sf_sweep *s);

/* --- sweep_say.c: what is said -------------------------------------------- */

/* Where it is, now and then. */
void sf_sweep_progress(const struct sf_sweep *s, struct sf_progress *p,
                       size_t before);

/* If not all were run: why. */
enum sf_rest {
    SF_REST_TIME,
    SF_REST_STOPPED,
    SF_REST_TO_DO,
    SF_REST_AT_WORK,
    SF_RESTS
};
const char *sf_sweep_rest(enum sf_rest rest);

/* What came of it, up to how many findings. */
void sf_sweep_say_state(const struct sf_sweep *s, enum sf_rest rest);
/* The findings. */
void sf_sweep_say_groups(const struct sf_sweep *s);
/* All. */
void sf_sweep_say(const struct sf_sweep *s, enum sf_rest rest, int64_t took_ms,
                  uint64_t runs);
/* The command that shows one again, for free(3); NULL: no memory. */
char *sf_sweep_replay_text(const struct sf_sweep *s, const struct sf_group *g);

/* --- sweep.c -------------------------------------------------------------- */

/* `sockfault explore`: its exit status. */
int sf_sweep(struct sf_sweep *s);

#endif
