/* fuzz_upper.c: upper.c in whole sessions; all that sockfault needs. */
#include "faultinject/session/target.h"
#include "upper.h"

#include <ctype.h>

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

/* The oracle: what comes back is what was sent, in capitals. */
static void received(void *arg, struct sf_peer *peer, const uint8_t *bytes,
                     size_t len)
{
    (void)arg;
    for (size_t i = 0; i < len; i++) {
        size_t at = peer->received + i;

        if (at >= peer->sent || bytes[i] != toupper(peer->stream[at]))
            sf_peer_finding(SF_MON_WRONG, peer, "byte %zu is wrong", at);
    }
}

SF_FUZZ_TARGET(.name = "upper", .side = SF_SERVE, .run = run, .stop = stop,
               .received = received, .no_dead_fd = true)
