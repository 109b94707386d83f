/*
 * monitor.h: calls that no correct program makes.
 *
 * Looked at after every call.  A finding goes to sf_finding().
 */
#ifndef SF_MONITOR_H
#define SF_MONITOR_H

#include "faultinject/inject/finding.h"
#include "faultinject/inject/inject.h"

/*
 * Which of them look, as bits of enum sf_monitor; none at first.  Those here
 * are SPIN, STALE_FD, DOUBLE_CLOSE, FD_LEAK, FD_RANGE, BLOCKING, PHANTOM,
 * CONNECT, MISUSE and ZOMBIE.
 */
extern unsigned sf_monitors;
/* Those that somebody named: they tell what is right in few programs, too. */
extern unsigned sf_monitors_asked;

/* Those that look in a world in memory, too: it judges all else itself. */
#define SF_MONITORS_OF_CALLS                                               \
    (1u << SF_MON_FD_RANGE | 1u << SF_MON_PHANTOM | 1u << SF_MON_CONNECT | \
     1u << SF_MON_MISUSE | 1u << SF_MON_STALE_FD)

/* Has the program one thread?  NULL: as libc knows it. */
extern bool (*sf_monitor_single)(void);

/* These look from now on, and know of nothing that was before. */
void sf_monitor_begin(unsigned which);

/* A wait begins; its members are still what the program asks for. */
void sf_monitor_wait(const struct sf_op *op);

/* The call has ended and was accounted for; `before`: what its descriptor
 * was when it began (enum sf_fd_state). */
void sf_monitor_call(const struct sf_op *op, int err, int before);

/* The same, quickly, where bytes of a connection moved: false if a monitor
 * has to look closer.  While sf_thread.alert is false none has to, unless the
 * connection is unchecked or the program asked for 0 or absurdly many bytes. */
bool sf_monitor_moved(const struct sf_op *op);

/* In the child after a fork: it has made no call yet. */
void sf_monitor_forked(void);

/* The thread ends: tell what was still waiting for more evidence. */
void sf_monitor_flush(void);

/* The process ends: tell which connections it has forgotten to close. */
void sf_monitor_end(void);

#endif
