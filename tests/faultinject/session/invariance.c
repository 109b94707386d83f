/* invariance.c: a server about whose answers nothing is said but that they do
 * not depend on transient faults.  With UPPER_PLANTED=1 they do. */
#include "faultinject/session/target.h"

#include "examples/outside/upper.h"

#ifndef UPPER_INVARIANT
#define UPPER_INVARIANT true /* scripts/bench asks what it costs */
#endif

static void run(void *arg, int fd)
{
    socklen_t len;
    const struct sockaddr *addr = sf_session_addr(&len);

    (void)arg, (void)fd;
    upper_serve(addr, len);
}

static void stop(void *arg)
{
    (void)arg;
    upper_stop = 1;
}

SF_FUZZ_TARGET(.name = "upper", .side = SF_SERVE, .run = run, .stop = stop,
               .invariant = UPPER_INVARIANT, .no_dead_fd = true)
