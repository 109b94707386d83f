/*
 * acceptor.h: taking connections from a listener, for all three servers.
 *
 * Accepting rests in two cases, and each ends in one place: too many
 * connections are open (until one is closed), or there are no descriptors or
 * memory (until one is closed or rearm_ms later, whichever comes first).
 * Without that rest a listener that stays readable would keep the loop
 * spinning.
 */
#ifndef FM_ACCEPTOR_H
#define FM_ACCEPTOR_H

#include "target/loop.h"
#include "target/server.h"

struct fm_acceptor {
    struct fm_loop loop;
    struct fm_watch listener;
    struct fm_watch wake;
    struct fm_server_options options; /* with the defaults filled in        */
    struct fm_server_stats *stats;    /* the caller's, or our own           */
    struct fm_server_stats own_stats;
    unsigned open; /* connections now                                       */
    int error;     /* why there is no listener any more                     */

    /* Take this connection, or return an error; fd is then closed. */
    int (*on_accepted)(struct fm_acceptor *a, int fd);
};

/* Take over the listener and watch it, and options.wake, in a->loop.
 * Returns 0, or an error as fm_select_server(); the listener is closed. */
int fm_acceptor_init(struct fm_acceptor *a, int listener,
                     const struct fm_server_options *given);

/* One turn of the loop, counted. */
int fm_acceptor_turn(struct fm_acceptor *a);

/* A connection was closed: there is room for another. */
void fm_acceptor_release(struct fm_acceptor *a);

/* Close the listener, unless that happened already, and watch wake no more. */
void fm_acceptor_close(struct fm_acceptor *a);

/* Until *stop is set (0), the loop fails, or the listener is dead and the
 * last connection closed (< 0). */
int fm_acceptor_serve(struct fm_acceptor *a, const volatile sig_atomic_t *stop,
                      void (*after_turn)(struct fm_acceptor *a));

#endif
