/*
 * loop.h: a select loop that survives what happens to descriptors.
 *
 * Whoever wants to know about a descriptor embeds a struct fm_watch, fills
 * in fd, want, deadline_ms and on_event, and adds it to the loop.  The owner
 * may change want and deadline_ms at any time.  fm_loop_turn() waits once
 * and calls on_event of each watch for which something is due.
 *
 * What the loop guarantees:
 *   - on_event is called only for a watch that was in the loop before the
 *     wait began, never for one that was removed or added meanwhile, even
 *     when it has the number of another that was ready;
 *   - a failed select never leads to calls for readiness;
 *   - a descriptor that somebody else closed (EBADF) is found, taken out of
 *     the loop, not closed again, and its owner is told exactly once, with
 *     FM_DEAD; all others carry on.  When the dead number is handed out
 *     again, this happens at the latest when the new owner adds it;
 *   - numbers select cannot hold (FD_SETSIZE) are refused.
 *
 * One loop belongs to one thread.  It allocates nothing.
 */
#ifndef FM_LOOP_H
#define FM_LOOP_H

#include "target/clock.h"
#include "target/err.h"

#include <stdbool.h>
#include <sys/select.h>

enum fm_event {
    FM_READABLE = 1, /* or the stream ended, or is in error               */
    FM_WRITABLE = 2, /* or in error                                       */
    FM_URGENT = 4,   /* out-of-band data                                  */
    FM_EXPIRED = 8,  /* deadline_ms has come; the owner sets another      */
    FM_DEAD = 16     /* fd was closed behind our back.  The watch is out
                      * of the loop already and its fd is -1              */
};

struct fm_watch {
    int fd;              /* the loop's while it is in it; else -1          */
    unsigned want;       /* FM_READABLE, FM_WRITABLE, FM_URGENT, or'ed     */
    int64_t deadline_ms; /* FM_NEVER for none                              */
    void (*on_event)(struct fm_watch *w, unsigned events);
    bool fresh; /* private: added since the last wait began          */
};

/* Fields are private; here so that a loop can live anywhere. */
struct fm_loop {
    struct fm_watch *by_fd[FD_SETSIZE];
    int low;           /* no watch has a lower number than this            */
    int top;           /* … and every watch has a lower one than this      */
    int64_t now_ms;    /* when the last wait ended                         */
    unsigned failures; /* selects in a row that failed for no known reason */
};

void fm_loop_init(struct fm_loop *loop);

/*
 * The kernel has just given this number to somebody.  A watch that has it must
 * have been closed behind our back, and is told FM_DEAD.  For who calls
 * anything on a new descriptor before it is in the loop: what fails there would
 * else be blamed on the new one alone.
 */
void fm_loop_handed_out(struct fm_loop *loop, int fd);

/*
 * Put w into the loop.  If another watch has the same number, that one is told
 * FM_DEAD first.
 *
 * Returns 0, or FM_E_FD_RANGE.
 */
int fm_loop_add(struct fm_loop *loop, struct fm_watch *w);

/* Take w out and set its fd to -1; the descriptor stays open and is returned
 * (-1 when w was not in the loop). */
int fm_loop_remove(struct fm_loop *loop, struct fm_watch *w);

/*
 * Wait until something is due, and deal with it.
 *
 * Returns 0, also when a signal or a dead descriptor ended the wait; or the
 * error of a select that keeps failing although all descriptors are well.
 */
int fm_loop_turn(struct fm_loop *loop);

/* The deadline ms after the wait of this turn ended, FM_NEVER when ms < 0: as
 * fm_deadline_in(), but the clock is read once a turn. */
int64_t fm_loop_deadline_in(const struct fm_loop *loop, int64_t ms);

#endif
