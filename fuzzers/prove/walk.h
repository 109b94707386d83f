/*
 * walk.h: what a walk and who watches it share.
 *
 * The walker is a child that may end at any moment, in whatever way; what is
 * to be kept then lies here whole.
 */
#ifndef SF_PROVE_WALK_H
#define SF_PROVE_WALK_H

#include "fuzzers/prove/prove.h"

enum { HANG_S = 20 }; /* a run that takes longer never ends */

struct live {
    struct sf_exhaust walk;
    struct sf_saved saved[2];
    volatile unsigned saves; /* the last one is in saved[saves % 2] */
    volatile uint64_t runs;
    uint64_t schedules[SF_EXHAUST_MAX + 1];
    uint64_t calls, decisions, states, merged;
    unsigned deepest;
    volatile bool stop; /* the parent wishes an end     */
    volatile bool done, diverged;
    uint64_t who; /* this run is: of its vector                           */
    bool cut;     /* … ended in a state that was seen                     */
    uint64_t next_try; /* the run to be made from the start as well       */
    bool untrue; /* the same choices from the start end in another state */
    /* Why nothing can be gone on with from its middle, or NULL. */
    const char *volatile unable;
    struct prove_stray stray;
};

/*
 * A run may change a line that nobody knows of, and where not all pages are
 * looked at the next one finds it changed.  It is told by what is found so and
 * is not found from the start, and by runs that are tried from there; then all
 * is walked again, with more care.
 */
enum care { QUICK, CAREFUL, PLAIN };

/* walk.c, in a child. */
_Noreturn void prove_walker(struct live *l, const struct prove_job *job,
                            enum care care);
/* One session of its job, from its start; this run was made; where it stands,
 * for a break. */
void prove_play(void);
void prove_count(struct live *l);
void prove_save(struct live *l);
/* One schedule, from the start, and nothing else. */
_Noreturn void prove_play_vector(struct live *l, const struct prove_job *job);

/* resume.c: where the walk begins, which is what is saved until the walker
 * saves more; false after telling why. */
bool prove_begin(const struct prove_job *job, struct live *l);
/* Into the file of --resume, if there is one. */
void prove_keep(const struct prove_job *job, const struct live *l);

#endif
