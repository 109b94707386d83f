/*
 * tally.h: sockets that were made past the library.
 *
 * The kernel tells us of each call that makes a stream socket or an
 * io_uring, in the command and all that comes from it, however it is linked; we
 * count and let it go on.  What was not done by libc, or where our library is
 * not, went past it.  Calls that move bytes are not told.
 */
#ifndef SF_TALLY_H
#define SF_TALLY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct sf_tally;

/* What came out. */
struct sf_passed {
    uint64_t sockets;
    uint64_t rings; /* io_uring: what they do is not seen     */
    char first[32]; /* the program that first made such a socket */
};

/* NULL: no memory.  `refuse`: no io_uring is to be had (ENOSYS).  Calls that
 * carry the cookie are the library's and not told. */
struct sf_tally *sf_tally_new(bool refuse, uint64_t cookie);

/* In the child, before it executes the command; false: it is not counted. */
bool sf_tally_offer(struct sf_tally *tally);

/* In the parent, at once: begin to count.  False, and said why: nobody would
 * answer the child, which is to be killed. */
bool sf_tally_begin(struct sf_tally *tally, pid_t child);

/*
 * The command has ended: stop, add up and free.  Whom it leaves behind is
 * served by a process of ours as long as there is anybody.
 */
void sf_tally_end(struct sf_tally *tally, struct sf_passed *passed);

#endif
