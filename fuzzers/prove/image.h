/*
 * image.h: a session that can be gone on with from any of its decisions.
 *
 * The session runs on a stack of its own, and its allocator has an arena of
 * its own (arena.h), so all that it can change lies between the first and the
 * last byte of this program's variables, or where else somebody says
 * (image_watch).  A snapshot is what of that has changed, the thread's own
 * variables, the registers, and errno; going back to one takes a fraction of a
 * microsecond.
 *
 * What changes is learnt in lines of 64 bytes.  All pages are read-only at
 * first: a write makes its page known.  In the pages that are known, lines
 * that differ from the beginning are looked for, at each snapshot and at the
 * end of each run: in all pages during the first runs, later in one of them
 * now and then, since such a line stays different.  Where it would not, it is
 * looked at before it is made as it was (image_clear).  One that was not known
 * makes all snapshots worthless, and whoever uses them has to begin again
 * (image_learnt).  That nothing is overlooked is tried as well: image_rest().
 *
 * Not under a sanitizer that keeps books of its own about stack or heap.
 */
#ifndef SF_PROVE_IMAGE_H
#define SF_PROVE_IMAGE_H

#include "faultinject/session/seen.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image_snapshot;

enum image_news { IMAGE_NOTHING, IMAGE_COUNTERS, IMAGE_STATE };

bool image_possible(void);

/* Beside the program's own variables, before it begins; false: these are too
 * many. */
bool image_watch(char *low, char *high);

/* These bytes are no part of a fingerprint, from when something is learnt
 * next. */
void image_ignore(void *arg, void *at, size_t len);

/* body(arg) is what runs, and never returns: it ends with image_leave().
 * `prints`: image_print() will be asked. */
void image_begin(void (*body)(void *arg), void *arg, bool prints);

/* Runs from its start, or from a snapshot, until image_leave(). */
void image_run(const struct image_snapshot *from);

/* --- in the run */
void image_leave(void) __attribute__((noreturn));
/* True: somebody went back to it.  False: it was taken, or, with *out NULL,
 * there is no more room. */
bool image_take(struct image_snapshot **out) __attribute__((returns_twice));
/* Of everything that the run can see from here on. */
struct sf_print image_print(void);
/* Zero again, as at first: memory that a run gives back before its end. */
void image_clear(void *at, size_t len);

/* --- between runs */
/* So many snapshots are there; forget those taken after. */
size_t image_taken(void);
void image_forget(size_t n);
/* Changes were found that no snapshot has: none is worth anything now.  Nor is
 * a fingerprint, unless it is only what is ignored. */
enum image_news image_learnt(void);
/* Looks for them everywhere, now: are there any? */
bool image_look(void);
/* … and at every snapshot, every fingerprint and the end of every run from now
 * on. */
void image_be_careful(void);
/* Of what the last run has left behind.  Runs that made the same choices leave
 * the same, wherever they began. */
struct sf_print image_rest(void);
/* Bytes of one snapshot. */
size_t image_size(void);

#endif
