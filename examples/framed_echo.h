/*
 * framed_echo.h: the protocol of the echoes on event loops: five digits that
 * say how long the payload is, then the payload.
 */
#ifndef FRAMED_ECHO_H
#define FRAMED_ECHO_H

#include "faultinject/session/target.h"

#include <string.h>

enum { ECHO_PREFIX = 5, ECHO_MAX = 9999 };

/* struct sf_program's: a frame of so many letters. */
static inline size_t echo_frame(void *arg, const struct sf_peer *peer,
                                unsigned nth, unsigned size, uint8_t *out,
                                size_t max)
{
    (void)arg, (void)peer;
    if (size > ECHO_MAX || size + ECHO_PREFIX + 1 > max)
        return 0;
    snprintf((char *)out, max, "%05u", size);
    memset(out + ECHO_PREFIX, 'a' + (int)(nth % 26), size);
    return ECHO_PREFIX + size;
}

/* The bytes at the front that are whole frames; -1: there is none, nor ever
 * will be. */
static inline ssize_t echo_whole(const char *bytes, size_t len)
{
    size_t at = 0;
    unsigned long n;

    for (; len - at >= ECHO_PREFIX; at += ECHO_PREFIX + n) {
        n = 0;
        for (int i = 0; i < ECHO_PREFIX; i++) {
            if (bytes[at + i] < '0' || bytes[at + i] > '9')
                return at ? (ssize_t)at : -1;
            n = n * 10 + (unsigned long)(bytes[at + i] - '0');
        }
        if (n > ECHO_MAX)
            return at ? (ssize_t)at : -1;
        if (len - at < ECHO_PREFIX + n)
            break;
    }
    return (ssize_t)at;
}

#endif
