/*
 * stream.h: a descriptor as a stream of frames, buffered both ways.
 *
 * The blocking counterpart of conn.h: it reads ahead, so many frames take
 * one receive, and gathers output, so many frames take one send.  Before it
 * waits for input it sends what is gathered, for the peer may be waiting for
 * just that.
 *
 * Works on any descriptor; deadlines and errors as in loops.h.  Beside the
 * deadline of a call, which is for all of it, idle_ms and frame_ms limit how
 * slow the peer may be; the time that we ourselves take counts for neither.
 * The descriptor stays the caller's.
 */
#ifndef FM_STREAM_H
#define FM_STREAM_H

#include "target/clock.h"
#include "target/decode.h"
#include "target/encode.h"

struct fm_stream {
    int fd;
    int wake;     /* -1, or a descriptor that ends a wait for input: below   */
    int idle_ms;  /* without a byte either way; < 0, as at first: no limit   */
    int frame_ms; /* from a frame's first byte to its last; likewise         */
    bool sock;    /* fd has to be a socket, see fm_sock_recv_some(); false   */
    int64_t frame_by_ms; /* private: when the frame has to be whole          */
    struct fm_decoder in;
    struct fm_buf out;
};

/* What the caller sets, it sets after this. */
void fm_stream_init(struct fm_stream *s, int fd, const struct fm_format *f);
void fm_stream_fini(struct fm_stream *s);

/*
 * The next frame; it stays until the next call on s.  Returns FM_FRAME, or
 * the errors of fm_decoder_next(), fm_decoder_end() and the loops.  After
 * FM_E_TIMEOUT it may be called again and nothing is lost; the same goes for
 * FM_E_INTR, which says that s->wake is readable: set by the caller, looked at
 * before each receive, never read from.  With it a wait is ended by deadlines
 * alone, not by time-outs of the descriptor's own.
 */
int fm_stream_next(struct fm_stream *s, struct fm_frame *out,
                   int64_t deadline_ms);

/* Add a frame to the output, and send when enough is gathered.  Returns 0,
 * or the errors of fm_encode() and fm_stream_flush(). */
int fm_stream_put(struct fm_stream *s, const void *data, size_t len,
                  int64_t deadline_ms);

/* Send what is gathered.  Returns 0, or the errors of fm_send_all(); the output
 * is then given up.  After FM_E_PIPE there may still be frames to come. */
int fm_stream_flush(struct fm_stream *s, int64_t deadline_ms);

#endif
