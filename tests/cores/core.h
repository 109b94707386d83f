/*
 * core.h: five framed echoes, each written in another way, none of them with
 * anything of target/.  They are correct: what has anything to say of them is
 * wrong itself.
 *
 * A frame is five digits, which say how long the payload is, and the payload.
 */
#ifndef CORE_H
#define CORE_H

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CORE_PREFIX = 5,
    CORE_MAX = 4000,
    CORE_ROOM = CORE_PREFIX + CORE_MAX,
    CORE_PAUSE_MS = 20 /* after accept found no more descriptors */
};

/* Serves until *stop; `open` is the signals that a wait lets through.  The
 * listener is non-blocking, and stays open. */
void core_serve(int listener, const volatile sig_atomic_t *stop,
                const sigset_t *open);

/* Bytes of the whole frame at the front; 0: it has not come; -1: there is
 * none, nor ever will be. */
static inline int core_frame(const char *bytes, size_t n)
{
    int size = 0;

    for (size_t i = 0; i < CORE_PREFIX && i < n; i++) {
        if (bytes[i] < '0' || bytes[i] > '9')
            return -1;
        size = size * 10 + (bytes[i] - '0');
    }
    if (n < CORE_PREFIX)
        return 0;
    if (size > CORE_MAX)
        return -1;
    return n < CORE_PREFIX + (size_t)size ? 0 : CORE_PREFIX + size;
}

/* Nothing was moved, and nothing is lost. */
static inline bool core_again(int err)
{
    return err == EINTR || err == EAGAIN || err == ENOBUFS || err == ENOMEM;
}

static inline bool core_exhausted(int err)
{
    return err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM;
}

#endif
