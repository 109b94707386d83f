/*
 * server.h: one protocol handler under three dispatchers.
 *
 * A server takes a listening descriptor (sock.h), accepts connections, cuts
 * what they send into frames, gives each frame to the handler, and sends what
 * the handler put into the output.  The handler is a pure function of one
 * frame; it is the same for all dispatchers and knows none of them.
 *
 *   fm_select_server   one thread, one select loop
 *   fm_thread_server   a thread a connection, blocking loops
 *   fm_fork_server     a process a connection, blocking loops
 *
 * What all three guarantee: replies come in the order of the requests and
 * each request is answered by exactly what the handler wrote; a peer that
 * half-closes gets all its replies before the connection is closed; a peer
 * that breaks the format, vanishes, stalls longer than idle_ms or does not
 * read concerns no connection but its own.
 */
#ifndef FM_SERVER_H
#define FM_SERVER_H

#include "target/decode.h"
#include "target/encode.h"

#include <signal.h>

/*
 * Called once for each frame, in order.  Appends the bytes of any number of
 * replies to *out, normally with fm_encode().
 *
 * Returns 0; FM_HANDLER_LAST to take no more from this connection (what is
 * in *out still goes out, then it is closed); or any error < 0 to the same
 * effect, for requests that make no sense: the connection has failed then.
 */
typedef int fm_handler(void *context, const struct fm_format *f,
                       const struct fm_frame *request, struct fm_buf *out);

enum { FM_HANDLER_LAST = 1 };

/* Sends every payload back. */
fm_handler fm_echo;

/*
 * What a server did, for people and tests.  Each connection that was accepted
 * is counted once more, when it is over: as ended, failed, timed_out or dead.
 * A server that has returned has counted them all.
 */
struct fm_server_stats {
    uint64_t accepted;  /* connections                                    */
    uint64_t refused;   /* closed at once: descriptor too high for select */
    uint64_t frames;    /* given to the handler                           */
    uint64_t ended;     /* connections that ended clean                   */
    uint64_t failed;    /* … that broke the format or were lost           */
    uint64_t timed_out; /* … that were idle for too long                  */
    uint64_t dead;      /* … whose descriptor was closed behind our back  */
    uint64_t exhausted; /* times that accept found no more descriptors    */
    uint64_t turns;     /* times round the select loop                    */
};

/* 0 or NULL in any field but format stands for the default. */
struct fm_server_options {
    struct fm_format format;
    fm_handler *handler; /* fm_echo                                       */
    void *context;       /* for the handler                               */
    size_t high_water;   /* bytes of output that stop us reading: 256 KiB */
    size_t low_water;    /* … and let us read again: half of it           */
    int idle_ms;         /* without a byte either way; < 0 no limit: 60 s */
    int keepalive_s;     /* TCP asks after a peer silent for so long, and so
                          * often, whether it is there: not at all        */
    int frame_ms;        /* from a frame's first byte to its last; < 0 no
                          * limit: 60 s                                   */
    int linger_ms;       /* for the peer to take the last bytes and close,
                          * also on stop: 2 s                             */
    int rearm_ms;        /* pause after accept found no descriptors: 100  */
    unsigned max_conns;  /* at once; more wait in the backlog: 1000       */
    int wake;            /* a descriptor > 0 that becomes readable when
                          * *stop is set; without one a signal that comes
                          * just before the wait is noticed only with the
                          * next event                                    */
    struct fm_server_stats *stats; /* filled as it happens                 */
};

/*
 * Serve until *stop is not 0; then send what is queued, close, and return 0.
 *
 * The listener is closed in any case, except when its descriptor was found
 * dead.  Returns < 0 when it cannot go on: FM_E_USAGE (options that make no
 * sense), FM_E_FD_RANGE (select: the listener's descriptor is too high),
 * FM_E_NOMEM at the start, FM_E_BADFD (the listener died; connections that
 * were open have been served to their end), FM_E_BUSY (select: no memory,
 * after several tries), FM_E_SYS.
 *
 * No global state and no clock but CLOCK_MONOTONIC.  The select server waits
 * in select only.  The fork server reaps exactly its own children, needs no
 * signals, and leaves no descriptor of one connection open in the child of
 * another; its frames are not counted.  When it dies itself, its children end
 * their connections as if it had been told to stop.
 */
int fm_select_server(int listener, const struct fm_server_options *o,
                     const volatile sig_atomic_t *stop);
int fm_thread_server(int listener, const struct fm_server_options *o,
                     const volatile sig_atomic_t *stop);
int fm_fork_server(int listener, const struct fm_server_options *o,
                   const volatile sig_atomic_t *stop);

#endif
