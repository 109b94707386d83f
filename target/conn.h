/*
 * conn.h: one connection of the select server.
 *
 *     SERVING ──► FLUSHING ──► LINGERING ──► closed
 *
 *   SERVING    frames are read, handled and answered.  While high_water
 *              bytes or more wait to be sent nothing is read and no frame is
 *              handled; from low_water down both go on, first with the
 *              frames that are here already.
 *   FLUSHING   no frame is taken any more: the peer ended its stream, broke
 *              the format, the handler said so, or the server stops.  What
 *              is queued goes out; what comes in is thrown away.
 *   LINGERING  all is sent and our direction is shut down; we wait for the
 *              peer to close, because closing with unread input resets the
 *              connection and the peer may lose the last replies.
 *
 * In each of them a receive or send for which the kernel has no memory begins
 * a rest: nothing is waited for but its end, FM_BUSY_PAUSE_MS later, and the
 * deadlines, which go on as if it had not been tried.  However often that
 * happens, the connection is not given up before those.
 *
 * A connection closes its descriptor exactly once, or never when it was
 * closed behind its back.
 */
#ifndef FM_CONN_H
#define FM_CONN_H

#include "target/list.h"
#include "target/loop.h"
#include "target/server.h"

enum fm_conn_state { FM_SERVING, FM_FLUSHING, FM_LINGERING };

struct fm_conn;

/* What the connections of one server share; it outlives them. */
struct fm_conn_env {
    struct fm_loop *loop;
    const struct fm_server_options *options; /* complete                    */
    struct fm_server_stats *stats;
    void *owner;
    void (*on_closed)(void *owner, struct fm_conn *c);
    struct fm_buf spare_in; /* lent to a connection that has something to
                             * do, so that all of them work in the same,
                             * warm memory and most need none of their own */
    struct fm_buf spare_out;
};

/* Get the memory to lend: what one receive can bring.  Without memory the
 * connections work too, in their own. */
void fm_conn_env_init(struct fm_conn_env *env);

/* Give back the memory, once the last connection is freed. */
void fm_conn_env_fini(struct fm_conn_env *env);

struct fm_conn {
    struct fm_watch watch;
    struct fm_conn_env *env;
    struct fm_link link; /* for the owner of the connections              */
    enum fm_conn_state state;
    uint64_t *counts_as; /* in the statistics, once it is over            */
    struct fm_decoder in;
    struct fm_buf out;
    bool paused;           /* output is above high water: read nothing      */
    bool ended;            /* the peer ended its stream                     */
    bool stopping;         /* the server stops: read nothing more           */
    bool out_blocked;      /* the kernel took less than we had              */
    bool out_broken;       /* the peer takes no more; it may still send     */
    uint64_t frame_offset; /* of the frame that is coming in                */
    int64_t frame_by_ms;   /* … and when it must be complete                */
    int64_t idle_by_ms;    /* moved on by every byte                        */
    int64_t close_by_ms;   /* the end of lingering, or of stopping          */
    int64_t rest_until_ms; /* the kernel is short of memory; or FM_NEVER    */
};

/*
 * A connection on fd, non-blocking, in the loop.  Returns 0 with *out set,
 * FM_E_NOMEM, or FM_E_FD_RANGE; fd is then still the caller's.
 *
 * When the connection is over, whether by itself or by fm_conn_close(), its
 * descriptor is closed and the owner told, who calls fm_conn_free() once the
 * turn of the loop is done.
 */
int fm_conn_open(struct fm_conn_env *env, int fd, struct fm_conn **out);
void fm_conn_free(struct fm_conn *c);

/* Answer the frames that are here, then close, within linger_ms. */
void fm_conn_stop(struct fm_conn *c);

/* Close at once.  Does nothing when c is closed already. */
void fm_conn_close(struct fm_conn *c);

#endif
