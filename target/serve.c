/* see serve.h and, for fm_echo, server.h */
#include "target/serve.h"
#include "target/clock.h"
#include "target/sock.h"
#include "target/sockio.h"
#include "target/stream.h"

int fm_echo(void *context, const struct fm_format *f,
            const struct fm_frame *request, struct fm_buf *out)
{
    (void)context;
    return fm_encode(f, request->data, request->len, out);
}

static int milliseconds(int given, int preset)
{
    return given == 0 ? preset : given;
}

static bool make_sense(const struct fm_server_options *o)
{
    return o->low_water < o->high_water && o->high_water <= SIZE_MAX / 4 &&
           o->linger_ms > 0 && o->rearm_ms > 0 && o->wake >= 0;
}

int fm_options_complete(struct fm_server_options *o,
                        const struct fm_server_options *given)
{
    *o = *given;
    if (!o->handler)
        o->handler = fm_echo;
    if (o->high_water == 0)
        o->high_water = 256 * 1024;
    if (o->low_water == 0)
        o->low_water = o->high_water / 2;
    if (o->max_conns == 0)
        o->max_conns = 1000;
    o->idle_ms = milliseconds(o->idle_ms, 60 * 1000);
    o->frame_ms = milliseconds(o->frame_ms, 60 * 1000);
    o->linger_ms = milliseconds(o->linger_ms, 2 * 1000);
    o->rearm_ms = milliseconds(o->rearm_ms, 100);
    return make_sense(o) ? 0 : FM_E_USAGE;
}

/* One frame: FM_FRAME, or what fm_stream_next() says.  After the word to stop,
 * what has arrived is enough, and no more waits than until stop_by. */
static int next(struct fm_stream *s, struct fm_frame *frame, int64_t stop_by)
{
    int r;

    if (stop_by == FM_NEVER)
        return fm_stream_next(s, frame, FM_NEVER);
    r = fm_stream_flush(s, stop_by);
    if (r != 0)
        return r;
    r = fm_stream_next(s, frame, 0);
    return r == FM_E_TIMEOUT ? FM_E_CLOSED : r;
}

/* What the handler says of a frame.  An error that it has met elsewhere is not
 * the connection's, of which it would say something else. */
static int handle(struct fm_stream *s, const struct fm_server_options *o,
                  const struct fm_frame *frame)
{
    int r = o->handler(o->context, &o->format, frame, &s->out);

    return r < 0 ? FM_E_BAD : r;
}

/* Answer frames until there are no more; returns why.  A peer that takes no
 * more replies may still have frames for us. */
static int answer(struct fm_stream *s, const struct fm_server_options *o,
                  const atomic_bool *given, struct fm_server_stats *stats)
{
    int64_t stop_by = FM_NEVER;

    while (stop_by == FM_NEVER || fm_now_ms() < stop_by) {
        struct fm_frame frame;
        int r = next(s, &frame, stop_by);

        if (r == FM_FRAME) {
            stats->frames++;
            r = handle(s, o, &frame);
            if (r == 0 && fm_buf_len(&s->out) >= o->high_water)
                r = fm_stream_flush(s, FM_NEVER);
        }
        if (r == FM_E_INTR) {
            s->wake = -1;
            if (!given || *given)
                stop_by = fm_deadline_in(o->linger_ms);
        } else if (r != 0 && r != FM_E_PIPE) {
            return r == FM_HANDLER_LAST ? FM_E_CLOSED : r;
        }
    }
    return FM_E_CLOSED;
}

static void count_end(struct fm_server_stats *stats, int why)
{
    if (why == FM_E_CLOSED)
        stats->ended++;
    else if (why == FM_E_TIMEOUT)
        stats->timed_out++;
    else if (fm_io_is_foreign(why))
        stats->dead++;
    else
        stats->failed++;
}

bool fm_serve_blocking(int fd, const struct fm_server_options *o, int stop,
                       const atomic_bool *given, struct fm_server_stats *stats)
{
    struct fm_stream s;
    int why;

    fm_stream_init(&s, fd, &o->format);
    s.wake = stop;
    s.idle_ms = o->idle_ms;
    s.frame_ms = o->frame_ms;
    s.sock = true;
    why = answer(&s, o, given, stats);
    count_end(stats, why);
    if (!fm_io_is_foreign(why))
        why = fm_stream_flush(&s, fm_deadline_in(o->linger_ms));
    fm_stream_fini(&s);
    if (!fm_io_is_foreign(why))
        why = fm_drain(fd, fm_deadline_in(o->linger_ms));
    return !fm_io_is_foreign(why);
}
