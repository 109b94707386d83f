/* serve.h: what the three servers share; private to them. */
#ifndef FM_SERVE_H
#define FM_SERVE_H

#include "target/server.h"

/* *given with the defaults filled in.  Returns 0, or FM_E_USAGE when the
 * options make no sense. */
int fm_options_complete(struct fm_server_options *o,
                        const struct fm_server_options *given);

#endif
