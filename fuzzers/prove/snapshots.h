/*
 * snapshots.h: the parts of a walk that goes on from the middle of sessions,
 * where it is known what a run can change (image.h).
 */
#ifndef SF_PROVE_SNAPSHOTS_H
#define SF_PROVE_SNAPSHOTS_H

#include "fuzzers/prove/image.h"
#include "fuzzers/prove/walk.h"

/* The walk, in a child; false: not on this machine, or not under a sanitizer,
 * or the walk says why it is unable. */
bool prove_snapshots(struct live *l, const struct prove_job *job,
                     enum care care);

/* memory.c, heap.c.  From here on blocks come from the arena; false: not
 * those of this program. */
bool prove_use_arena(void);

/* seen.c: the states of a walk. */
struct prove_seen;
struct prove_seen *prove_seen_new(void);
void prove_seen_forget(struct prove_seen *s);
uint64_t prove_seen_states(const struct prove_seen *s);
/* Another run was there, with at least so many faults left; if not, it is
 * noted that this one was: `who` by the choices it makes. */
bool prove_seen(struct prove_seen *s, const struct image_print *p, uint64_t who,
                unsigned left);

#endif
