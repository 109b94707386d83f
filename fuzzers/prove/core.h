/*
 * core.h: what can be proved of sockfault's own core only.
 *
 * The prover knows its targets and gives them their memory, so that sessions
 * are gone on with from their middle and states are recognised.
 */
#ifndef SF_PROVE_CORE_H
#define SF_PROVE_CORE_H

#include "fuzzers/prove/image.h"
#include "fuzzers/prove/prove.h"
#include "fuzzers/prove/walk.h"

/* See the functions below. */
struct prove_core {
    bool (*snapshots)(struct live *l, const struct prove_job *job,
                      enum care care);
    bool (*recovery)(unsigned i, struct sf_session *s, char *name, size_t size);
    int (*decoder)(const char *format, unsigned max, bool rows, bool first);
};

/* snapshots.c: the walk, in a child; false: not on this machine, or not under
 * a sanitizer. */
bool prove_snapshots(struct live *l, const struct prove_job *job,
                     enum care care);

/* memory.c.  The next block of so many bytes in the arena; NULL: the first,
 * the end. */
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

#endif
