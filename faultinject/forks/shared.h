/*
 * shared.h: memory that the processes of a program share, in the place of the
 * variables that a world has (inject/area.h).
 *
 * What was in them is there, at the same addresses, so that no pointer changes;
 * and each process has a part that is at one address, too, but its own.
 */
#ifndef SF_SHARED_MEMORY_H
#define SF_SHARED_MEMORY_H

#include "faultinject/inject/area.h"

#include <stdbool.h>

enum { SF_SHARES_MAX = 512 }; /* processes */

/* Before the first fork.  The own part is `size` bytes at `own`.  False: this
 * machine cannot, and nothing was changed. */
bool sf_shared_begin(void (*areas)(sf_area *each, void *arg), void *own,
                     size_t size);
/* In a child: its own part is the nth now, and begins as its parent's is. */
bool sf_shared_take(unsigned n);
/* In a child that is to have no part in it: all of it is its own. */
void sf_shared_part(void (*areas)(sf_area *each, void *arg));
/* The file that it is, and in a process that has become another program by
 * exec(2), to which it was left open: all of it is there again, the nth own
 * part as well.  For who has these variables at the same addresses. */
int sf_shared_file(void);
bool sf_shared_resume(int file, void (*areas)(sf_area *each, void *arg),
                      void *own, size_t size, unsigned n);
/* The own part of the nth, for another. */
void *sf_shared_of(unsigned n);

#endif
