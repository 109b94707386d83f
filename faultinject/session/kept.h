/*
 * kept.h: what the kernel keeps for a process, and so is in no memory of its:
 * how far its files are read, its signal handlers and its mask.
 *
 * Of files whose descriptors are below SF_KEPT_FDS, where the program's own
 * are.  How far they are is the same for all forks.
 */
#ifndef SF_KEPT_H
#define SF_KEPT_H

#include <stdint.h>

enum { SF_KEPT_FDS = 64 };

/* How far files are read and written now; and there again. */
void sf_kept_note(void);
void sf_kept_restore(void);

/* A part of the state that follows h.  Files that are written to are none: how
 * far is what happened, as in a log. */
uint64_t sf_kept_hash(uint64_t h);

#endif
