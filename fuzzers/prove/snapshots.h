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

#endif
