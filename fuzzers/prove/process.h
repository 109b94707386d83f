/*
 * process.h: a fuzz target of somebody's own, of which sessions are to be gone
 * on with from their middle (image.h).
 *
 * Nothing is known of it but what the kernel says of its memory, and that its
 * blocks come from the arena (arena.h).  Of what else it may have, files that
 * are open and nothing more can be taken back; threads, and memory that comes
 * and goes, cannot.
 */
#ifndef SF_PROVE_PROCESS_H
#define SF_PROVE_PROCESS_H

#include "fuzzers/prove/walk.h"

/* process.c.  Before the image begins: the arena is used, the session has been
 * played, and all memory that the process can write is watched; false: the walk
 * says why it is unable. */
bool process_get_to_know(struct live *l, const struct prove_job *job);
bool process_cannot(const char *why); /* false */

/* Threads, and where there is memory, are now as they are to be … and are so
 * still; false, as above. */
void process_note(void);
bool process_is_same(void);

/* files.c: before the image begins; before a snapshot, false as above; and when
 * that is gone on with, or a run begins at the start. */
bool files_begin(void);
bool files_note(void);
void files_put(void);

#endif
