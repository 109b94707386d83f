/*
 * core.h: what can be proved of sockfault's own core only.
 *
 * The prover knows its targets.
 */
#ifndef SF_PROVE_CORE_H
#define SF_PROVE_CORE_H

#include "fuzzers/prove/prove.h"

/* See the functions below. */
struct prove_core {
    bool (*recovery)(unsigned i, struct sf_session *s, char *name, size_t size);
    int (*decoder)(const char *format, unsigned max, bool rows, bool first);
};

/* recovery.c: the i-th session of the family of dead descriptors;
 * false when there are no more. */
bool prove_recovery(unsigned i, struct sf_session *s, char *name, size_t size);

/* decoder.c: the closure of a decoder; an exit status.  `max` bytes of
 * payload unless the format says; `first`: the first refuted one ends it. */
int prove_decoder(const char *format, unsigned max, bool rows, bool first);

#endif
