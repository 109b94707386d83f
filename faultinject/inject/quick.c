/* quick.c: the short way where it is not the shortest; see quick.h. */
#include "faultinject/inject/quick.h"

#include <errno.h>

SF_APART void sf_quick_weigh(struct sf_conn *conn)
{
    struct sf_chooser *chooser = sf_injector.chooser;
    struct sf_point at = {
        .fd = -1,
        .conn = conn->ordinal,
        .role = conn->role,
        .role_ordinal = conn->role_ordinal,
        .process = sf_injector.process,
        .peer = &conn->peer,
    };
    unsigned kinds = K_READ | K_WRITE;

    if (conn->unchecked || conn->held || conn->over_at > 0)
        return; /* not now */
    if (chooser)
        kinds = chooser->spares ? chooser->spares(chooser, &at) : 0;
    conn->quick = (uint8_t)kinds;
    conn->weighed = true;
}

/* A chooser counts them on other connections, too. */
static void note(struct sf_conn *conn, enum sf_call call, size_t bytes)
{
    sf_count_call(conn, call);
    sf_moved(conn, sf_calls[call].kind == K_READ ? SF_IN : SF_OUT, bytes);
    if (conn->streak > 0)
        conn->streak = 0;
}

/* It takes an op after all. */
static SF_APART long tell(struct sf_conn *conn, enum sf_call call, int fd,
                          size_t len, int flags, long result)
{
    struct sf_op op = {
        .call = call,
        .fd = fd,
        .flags = flags,
        .len = len,
        .world = sf_injector.world,
        .conn = conn,
        .before = SF_FD_CONN,
        .counts = true,
        .asked = len,
        .err = sf_injector.points ? &errno : NULL,
        .saved_errno = errno,
        .result = result,
    };

    if (sf_injector.points)
        sf_count_call(conn, call);
    return sf_tell(&op);
}

/* Of a read, too: to ask which it is costs more. */
static inline void count_end(uint64_t *counter)
{
    if (__libc_single_threaded) {
        ++*counter;
        sf_say_writing(0);
    } else {
        __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
    }
}

long sf_quick_tell(struct sf_conn *conn, enum sf_call call, int fd, size_t len,
                   int flags, long result)
{
    /* Nothing to count in: a signal handler forked, and this is the child. */
    if (__builtin_expect(result <= 0 || !sf_injector.seen, 0))
        return tell(conn, call, fd, len, flags, result);
    count_end(&sf_injector.seen[call]);
    if (sf_injector.points)
        note(conn, call, (size_t)result);
    return result;
}
