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
 * The word to stop is that `stop` (-1: none) is readable, at its end, or dead,
 * and that *given is set; with NULL the first alone.  Without *given it was an
 * accident, and the connection goes on and looks at `stop` no more.
 *
 * Told, it answers what has arrived and ends as above, with linger_ms for the
 * answers, for sending them, and for the peer's end.  Only a wait for room to
 * send goes on: to end that, shut the connection down later.  Shutting down its
 * reading instead of this is wrong, unless there is no other way: a connection
 * that is closed while its peer still sends is reset, and the answers under way
 * are lost, so the peer's end has to be seen.
 */
bool fm_serve_blocking(int fd, const struct fm_server_options *o, int stop,
                       const atomic_bool *given, struct fm_server_stats *stats);

#endif
