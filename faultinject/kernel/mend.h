/*
 * mend.h: what the kernel would not show by itself after an injected event.
 *
 * After a reset or an end that was made true, almost everything follows by
 * itself.  What does not:
 *
 *     end, TCP       bytes that arrive later would still be read: 0 for ever
 *     end            bytes that had arrived are gone: none are counted
 *     reset, TCP     the error is called ECONNRESET whatever was wished, the
 *                    own address and the unsent bytes are made up
 *     reset, AF_UNIX there is no error at all: it is told once
 *
 * Kept by number; a number that is closed is forgotten.
 */
#ifndef SF_MEND_H
#define SF_MEND_H

#include "faultinject/world.h"

/* fd was ended: from now on reading says 0. */
void sf_mend_end(int fd);
/*
 * fd was reset.  `pending`: the kernel does not tell the error, err is to be
 * told once instead; else it tells ECONNRESET, which becomes err.
 */
void sf_mend_reset(int fd, int err, bool pending, const struct sockaddr *name,
                   socklen_t len);
void sf_mend_forget(int fd);

/* The calls of the world that differ from libc's. */
struct sf_world;
void sf_mend_world(struct sf_world *world);

#endif
