/*
 * quick.h: the short way of a call about which nobody asks anything.
 *
 * Under `sockfault run` nearly every call moves bytes of a connection that no
 * rule is about, and all that is wanted of it is to be counted.  Its wrapper
 * makes it at once, without a struct sf_op; only where it then moves nothing is
 * one filled in, and sf_tell() told.
 */
#ifndef SF_QUICK_H
#define SF_QUICK_H

#include <limits.h>
#include <sys/single_threaded.h>

#include "faultinject/inject/injector.h"

/* Find out which calls on it may go the short way. */
void sf_quick_weigh(struct sf_conn *conn);

/* Something about it has changed: the long way until it is weighed again. */
static inline void sf_quick_stop(struct sf_conn *conn)
{
    conn->weighed = false;
    conn->quick = 0;
}

/*
 * The connection, if a call of that kind on fd goes the short way; NULL: it
 * goes the long one.
 */
static inline __attribute__((always_inline)) struct sf_conn *
sf_quick(enum sf_kind kind, int fd, size_t len, int flags)
{
    struct sf_conn *conn = sf_fd_conn(fd);

    if (!conn || !(conn->quick & kind) || sf_thread.busy_or_alert ||
        len - 1 >= SSIZE_MAX || flags & (MSG_PEEK | SF_ASIDE))
        return NULL;
    return conn;
}

/* A locked addition costs as much as all else here: only among threads. */
static inline void sf_quick_count(uint64_t *counter)
{
    if (__libc_single_threaded)
        ++*counter;
    else
        __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* It has ended: as sf_tell(). */
long sf_quick_tell(struct sf_conn *conn, enum sf_call call, int fd, size_t len,
                   int flags, long result);

#endif
