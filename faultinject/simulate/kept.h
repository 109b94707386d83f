/*
 * kept.h: what the kernel keeps for a process, and so is in no memory of its:
 * its files and how far they are read, its folder, signal handlers, masks and
 * timers, and what it has printed.
 *
 * Of files whose descriptors are below SF_KEPT_FDS, where the program's own
 * are.  How far they are is the same for all forks.
 */
#ifndef SF_KEPT_H
#define SF_KEPT_H

#include <stdbool.h>
#include <stdint.h>

enum { SF_KEPT_FDS = 64 };

/* Before the program can do anything with it: what it prints is a part of the
 * state from here on. */
void sf_kept_output(void);

/* How far files are read and written now; and there again. */
void sf_kept_note(void);
void sf_kept_restore(void);

/* A part of the state that follows h.  How far a file was written that is not
 * read is none: it is what happened, as in a log. */
uint64_t sf_kept_hash(uint64_t h);

#endif
