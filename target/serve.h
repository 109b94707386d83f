/*
 * serve.h: what the servers share besides the acceptor; private to them.
 */
#ifndef FM_SERVE_H
#define FM_SERVE_H

#include "target/server.h"

#include <stdatomic.h>

/* *given with the defaults filled in.  Returns 0, or FM_E_USAGE when the
 * options make no sense. */
int fm_options_complete(struct fm_server_options *o,
                        const struct fm_server_options *given);

/*
 * Serve one connection to its end by blocking loops: answer, send what is
 * queued, half-close, wait for the peer to close.  fd stays open.  Adds to
 * stats; exactly one of ended, failed, timed_out and dead.
 *
 * Returns whether fd is still the connection's.  When it was found closed or
 * to be something else it is left alone at once: the number may be somebody
 * else's by now, and is not to be closed either.
 *
 * To stop it, shut down the reading of fd, which ends a wait for input, and
 * then set *stop, which ends the patience with a peer that goes on sending.
 */
bool fm_serve_blocking(int fd, const struct fm_server_options *o,
                       const atomic_bool *stop, struct fm_server_stats *stats);

#endif
