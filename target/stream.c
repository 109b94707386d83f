/* see stream.h */
#include "target/stream.h"
#include "target/loops.h"
#include "target/piece.h"

#include <poll.h>

enum {
    PIECE = FM_PIECE,   /* bytes of one receive                            */
    FLUSH_LEVEL = 65536 /* bytes of output that are sent without being told */
};

void fm_stream_init(struct fm_stream *s, int fd, const struct fm_format *f)
{
    s->fd = fd;
    s->wake = -1;
    s->idle_ms = -1;
    s->frame_ms = -1;
    s->sock = false;
    s->frame_by_ms = FM_NEVER;
    fm_decoder_init(&s->in, f);
    fm_buf_init(&s->out, SIZE_MAX);
}

void fm_stream_fini(struct fm_stream *s)
{
    fm_decoder_fini(&s->in);
    fm_buf_fini(&s->out);
}

static ssize_t recv_some(struct fm_stream *s, void *piece, int64_t deadline_ms)
{
    return s->sock ? fm_sock_recv_some(s->fd, piece, PIECE, deadline_ms)
                   : fm_recv_some(s->fd, piece, PIECE, deadline_ms);
}

/* Readiness may be false: then it is waited for both again. */
static ssize_t receive(struct fm_stream *s, void *piece, int64_t deadline_ms)
{
    while (s->wake >= 0) {
        ssize_t r = fm_wait_or(s->fd, POLLIN, s->wake, deadline_ms);

        if (r != 0)
            return r;
        r = recv_some(s, piece, 0);
        if (r != FM_E_TIMEOUT)
            return r;
    }
    return recv_some(s, piece, deadline_ms);
}

/* Until when to wait, from now on, for a byte to move. */
static int64_t idle_by(const struct fm_stream *s, int64_t deadline_ms)
{
    return fm_earliest(deadline_ms, fm_deadline_in(s->idle_ms));
}

/* Asked when nothing is left to be sent: while we wait to send, the peer may
 * wait for us to receive. */
static int64_t frame_by(struct fm_stream *s)
{
    if (!fm_decoder_inside(&s->in))
        s->frame_by_ms = FM_NEVER;
    else if (s->frame_by_ms == FM_NEVER)
        s->frame_by_ms = fm_deadline_in(s->frame_ms);
    return s->frame_by_ms;
}

/* One receive, or the news that there will be none. */
static int fill(struct fm_stream *s, int64_t deadline_ms)
{
    uint8_t piece[PIECE];
    ssize_t r = fm_stream_flush(s, deadline_ms);

    if (r < 0)
        return (int)r;
    r = receive(s, piece, fm_earliest(idle_by(s, deadline_ms), frame_by(s)));
    return r < 0 ? (int)r : fm_decoder_feed(&s->in, piece, (size_t)r);
}

int fm_stream_next(struct fm_stream *s, struct fm_frame *out,
                   int64_t deadline_ms)
{
    int r = s->in.ended ? fm_decoder_end(&s->in, out)
                        : fm_decoder_next(&s->in, out);

    while (r == FM_MORE) {
        r = fill(s, deadline_ms);
        if (r == FM_E_CLOSED)
            return fm_decoder_end(&s->in, out);
        if (r < 0)
            return r;
        r = fm_decoder_next(&s->in, out);
    }
    s->frame_by_ms = FM_NEVER;
    return r;
}

int fm_stream_put(struct fm_stream *s, const void *data, size_t len,
                  int64_t deadline_ms)
{
    int r = fm_encode(&s->in.format, data, len, &s->out);

    if (r == 0 && fm_buf_len(&s->out) >= FLUSH_LEVEL)
        r = fm_stream_flush(s, deadline_ms);
    return r;
}

static ssize_t send_some(struct fm_stream *s, int64_t deadline_ms)
{
    size_t len = fm_buf_len(&s->out);
    const uint8_t *bytes = fm_buf_peek(&s->out);

    return s->sock ? fm_sock_send_some(s->fd, bytes, len, deadline_ms)
                   : fm_send_some(s->fd, bytes, len, deadline_ms);
}

int fm_stream_flush(struct fm_stream *s, int64_t deadline_ms)
{
    while (fm_buf_len(&s->out) > 0) {
        ssize_t r = send_some(s, idle_by(s, deadline_ms));

        fm_buf_consume(&s->out, r < 0 ? fm_buf_len(&s->out) : (size_t)r);
        if (r < 0)
            return (int)r;
    }
    return 0;
}
