/*
 * choose_exhaust.h: every combination of at most k choices that are not 0.
 *
 * The walk is depth first.  A schedule is a vector of choices, each at a
 * decision counted from the start of the session; everywhere else the answer
 * is 0.  The session is run from its start for each of them:
 *
 *     sf_exhaust_init(&e, k);
 *     while (sf_exhaust_next(&e))
 *         run_session(&e.chooser);
 *
 * All schedules of b choices come before those of b + 1, so the first one
 * that fails is a smallest one, and a walk that was stopped has completed the
 * bound before.  A run with fewer choices than the bound notes what could
 * have been chosen after its last choice: those are the children.
 *
 * Where a run can be gone on with from the middle (keep), a child begins at its
 * parent's decision, and what comes before is run once.  Where a run can be
 * recognised as one that has been (met), it may be ended there.
 *
 * The position of the walk is two numbers (struct sf_exhaust_place), with which
 * it goes on later, in another process, with the schedules that begin with
 * that choice.  The session must be deterministic: see sf_exhaust_diverged().
 *
 * A choice of SHORT is also how many bytes: all of 1 … max when max is at
 * most SF_EXHAUST_ALL, otherwise 1, 2, half, max - 1 and max; or instead of 1
 * and 2 all of 1 … cuts.
 */
#ifndef SF_CHOOSE_EXHAUST_H
#define SF_CHOOSE_EXHAUST_H

#include "faultinject/inject/chooser.h"

enum {
    SF_EXHAUST_MAX = 512,     /* choices in one schedule               */
    SF_EXHAUST_ALL = 8,       /* so many amounts are tried             */
    SF_EXHAUST_CUTS = 127,    /* … at most; a tape can say these       */
    SF_EXHAUST_ROOM = 1 << 22 /* children of one vector, at most: that is
                               * address space, memory as it is used   */
};

struct sf_choice {
    uint32_t at;     /* decisions of the session before it */
    uint32_t amount; /* SHORT: bytes; else 0               */
    uint32_t max;    /* … of at most so many               */
    uint8_t which;   /* outcome: 1 … of - 1                */
    uint8_t of;
    uint8_t call;  /* enum sf_call  */
    uint8_t fault; /* enum sf_fault */
    void *mark;    /* of keep       */
    uint64_t way;  /* the calls of the run up to here, in brief */
    uint32_t seen; /* … and what this one was asked and could do */
};

struct sf_exhaust_level {
    struct sf_choice *found; /* children of the vector up to here */
    size_t n;
    size_t next; /* to be taken */
};

struct sf_exhaust_place {
    unsigned bound;
    uint64_t first; /* choices of the first level that are done */
};

struct sf_exhaust {
    struct sf_chooser chooser;
    /* May be set after init. */
    unsigned cuts; /* at most SF_EXHAUST_CUTS; 0: as above */
    bool (*allowed)(const struct sf_point *at, const struct sf_outcome *what);
    /* Keeps where the run is, and answers false; true: it is gone on with,
     * with the last choice of the vector.  *mark NULL: it cannot be. */
    bool (*keep)(void **mark);
    /* The run, of whose vector all is taken, is at a call where `left` more
     * could happen.  Does not return where that is enough of it. */
    void (*met)(unsigned left);
    unsigned shard, shards; /* first choices at a % shards == shard */

    unsigned k, bound;
    unsigned n; /* choices in the vector of this run */
    struct sf_choice vector[SF_EXHAUST_MAX];
    bool counts;    /* this run is a schedule that was not run before */
    uint32_t asked; /* decisions of this run so far                  */
    uint64_t way;   /* … and of which calls, in brief                */

    /* Private. */
    unsigned taken;
    bool noting, begun, diverged;
    struct sf_exhaust_level levels[SF_EXHAUST_MAX];
    uint64_t resume;
};

void sf_exhaust_init(struct sf_exhaust *e, unsigned k);
void sf_exhaust_fini(struct sf_exhaust *e);

/* Sets up the next run; false when all were made. */
bool sf_exhaust_next(struct sf_exhaust *e);

/* The same vector once more, from the start and to the end: nothing is noted,
 * and its callbacks are not called any more. */
void sf_exhaust_again(struct sf_exhaust *e);

/*
 * A run in another process: there it adopts a copy of the walk, which calls no
 * callbacks, with a place for the children it notes, of SF_EXHAUST_ROOM; when
 * it is over, what came of it is taken back here.
 */
void sf_exhaust_adopt(struct sf_exhaust *copy, struct sf_choice *found);
void sf_exhaust_take_back(struct sf_exhaust *e, const struct sf_exhaust *copy,
                          const struct sf_choice *found);

/* Of the vector, in whatever round. */
uint64_t sf_exhaust_name(const struct sf_exhaust *e);

/* Where the next run begins: NULL from the start of the session. */
void *sf_exhaust_mark(const struct sf_exhaust *e);

/* Between two runs: are all that begin with the same first choice done?  If
 * so, where the walk stands.  Go on there, after init or in the middle. */
bool sf_exhaust_tell(const struct sf_exhaust *e, struct sf_exhaust_place *p);
void sf_exhaust_seek(struct sf_exhaust *e, const struct sf_exhaust_place *p);

/* The run did not meet the decisions up to its last choice as they were noted:
 * the session is not deterministic, and nothing is proved.  What depends on
 * chance after that is not seen. */
bool sf_exhaust_diverged(const struct sf_exhaust *e);

/* How much of this bound is done, 0 … 1. */
double sf_exhaust_part(const struct sf_exhaust *e);

#endif
