/*
 * mend.h: events made true, and what the kernel would not show by itself
 * after them.
 *
 * After a reset or an end that was made true, almost everything follows by
 * itself.  What does not:
 *
 *     end            bytes that arrive later would still be read: 0 for ever
 *     reset, TCP     bytes that are queued come first, then it is met; the
 *                    error is called ECONNRESET whatever was wished; the own
 *                    address and the number of unsent bytes are made up
 *     reset, AF_UNIX there is no error at all: it is told once
 *
 * Kept by number; a number that is closed is forgotten.
 */
#ifndef SF_MEND_H
#define SF_MEND_H

#include "faultinject/world.h"

/* As end(), reset() and lose() of struct sf_world. */
void sf_mend_end(int fd);
void sf_mend_reset(int fd, int err);
void sf_mend_lose(int fd);

void sf_mend_forget(int fd);

/* Put in the calls that differ from libc's. */
void sf_mend_world(struct sf_world *world);

/* A socket has an owner, whom SIGURG tells that urgent bytes of it came. */
extern bool sf_mend_owned;

/* kernel.c: is the handler of this one of harmless.h run? */
bool sf_kernel_sends(int i);

#endif
