/* see conn.h */
#include "target/conn.h"
#include "target/piece.h"
#include "target/sockio.h"

#include <stdlib.h>

enum {
    PIECE = FM_PIECE,  /* bytes of one receive                              */
    READS_PER_TURN = 4 /* so that a flooder keeps nobody else waiting       */
};

static bool is_open(const struct fm_conn *c)
{
    return c->watch.fd >= 0;
}

static int64_t deadline_in(const struct fm_conn *c, int ms)
{
    return fm_loop_deadline_in(c->env->loop, ms);
}

static void touch(struct fm_conn *c)
{
    c->idle_by_ms = deadline_in(c, c->env->options->idle_ms);
}

static void gone(struct fm_conn *c)
{
    ++*c->counts_as;
    c->env->on_closed(c->env->owner, c);
}

static void conn_close(struct fm_conn *c)
{
    int fd = fm_loop_remove(c->env->loop, &c->watch);

    if (fd < 0)
        return;
    fm_io_close(fd);
    gone(c);
}

void fm_conn_close(struct fm_conn *c)
{
    conn_close(c);
}

/* The connection was lost: nothing that is queued can be delivered. */
static void lose(struct fm_conn *c)
{
    if (c->state == FM_SERVING)
        c->counts_as = &c->env->stats->failed;
    conn_close(c);
}

/* The number is somebody else's by now: let go without closing it. */
static void abandon(struct fm_conn *c)
{
    c->counts_as = &c->env->stats->dead;
    fm_loop_remove(c->env->loop, &c->watch);
    gone(c);
}

static void drop_output(struct fm_conn *c)
{
    fm_buf_consume(&c->out, fm_buf_len(&c->out));
}

/* No more frames from this peer; err says why. */
static void finish(struct fm_conn *c, int err)
{
    c->state = FM_FLUSHING;
    c->counts_as =
        err == FM_E_CLOSED ? &c->env->stats->ended : &c->env->stats->failed;
}

/* What queue_frame() works with.  One limit stands for all that can be wrong
 * with the output, and frames are counted after the last. */
struct batch {
    struct fm_conn *conn;
    const struct fm_server_options *options;
    size_t limit; /* bytes of output to stop at; 0 when nobody takes them */
    uint64_t frames;
};

/* The handler wants no more, or there is output enough.  Not inlined: most
 * frames have nothing to keep for it. */
__attribute__((noinline)) static int queue_no_more(struct fm_conn *c, int r)
{
    if (r != 0)
        finish(c, r < 0 ? FM_E_BAD : FM_E_CLOSED);
    else
        c->paused = !c->out_broken;
    if (c->out_broken)
        drop_output(c);
    return r != 0 || c->paused;
}

/* Let the handler put its replies into the output queue.  Returns whether
 * the next frame has to wait, perhaps for ever. */
static int queue_frame(void *context, const struct fm_frame *frame)
{
    struct batch *b = context;
    const struct fm_server_options *o = b->options;
    int r = o->handler(o->context, &o->format, frame, &b->conn->out);

    b->frames++;
    if (r != 0 || fm_buf_len(&b->conn->out) >= b->limit)
        return queue_no_more(b->conn, r);
    return 0;
}

/* The rest of a frame must come in time; waiting for ourselves is free. */
static void time_frame(struct fm_conn *c)
{
    uint64_t offset = fm_decoder_offset(&c->in);

    if (c->paused || !fm_decoder_inside(&c->in)) {
        c->frame_offset = 0;
        c->frame_by_ms = FM_NEVER;
    } else if (c->frame_by_ms == FM_NEVER || c->frame_offset != offset) {
        c->frame_offset = offset;
        c->frame_by_ms = deadline_in(c, c->env->options->frame_ms);
    }
}

/* After the last whole frame: what the end of the stream makes of the rest. */
static int take_rest(struct batch *b)
{
    struct fm_frame frame;
    int r;

    do {
        r = fm_decoder_end(&b->conn->in, &frame);
        if (r == FM_FRAME)
            r = queue_frame(b, &frame);
    } while (r == 0);
    return r;
}

static void take_frames(struct fm_conn *c)
{
    const struct fm_server_options *o = c->env->options;
    struct batch b = {
        .conn = c, .options = o, .limit = c->out_broken ? 0 : o->high_water};
    int r;

    if (c->state == FM_SERVING && !c->paused) {
        r = fm_decoder_run(&c->in, queue_frame, &b);
        if (r == FM_MORE && c->ended)
            r = take_rest(&b);
        if (r == FM_MORE && c->stopping)
            r = FM_E_CLOSED;
        if (r < 0)
            finish(c, r);
        c->env->stats->frames += b.frames;
    }
    time_frame(c);
}

/* It is ready, and would be reported again at once. */
static void rest(struct fm_conn *c)
{
    c->rest_until_ms = deadline_in(c, FM_BUSY_PAUSE_MS);
}

static void read_failed(struct fm_conn *c, int err)
{
    switch (err) {
    case FM_E_AGAIN:
    case FM_E_INTR:
        break;
    case FM_E_BUSY:
        rest(c);
        break;
    case FM_E_CLOSED:
        c->ended = true;
        take_frames(c);
        break;
    case FM_E_BADFD:
    case FM_E_NOT_SOCK:
        abandon(c);
        break;
    default:
        lose(c);
    }
}

static bool wants_input(const struct fm_conn *c)
{
    if (c->ended)
        return false;
    return c->state != FM_SERVING || !c->paused;
}

/*
 * Receive once, into the decoder, or to throw it away.  The decoder takes
 * memory only for bytes that are here, so they come by way of a piece until
 * it has enough.  Not inlined: the piece is gone before a handler needs stack.
 */
__attribute__((noinline)) static ssize_t receive(struct fm_conn *c)
{
    uint8_t piece[PIECE];
    bool serving = c->state == FM_SERVING;
    bool direct = serving && fm_decoder_has_room(&c->in, PIECE);
    uint8_t *room = direct ? fm_decoder_reserve(&c->in, PIECE) : piece;
    ssize_t r = fm_io_recv(c->watch.fd, room, PIECE);

    if (r > 0 && direct)
        fm_decoder_commit(&c->in, (size_t)r);
    else if (r > 0 && serving)
        fm_decoder_feed(&c->in, piece, (size_t)r);
    return r;
}

static void on_readable(struct fm_conn *c)
{
    for (int i = 0; i < READS_PER_TURN && wants_input(c); i++) {
        ssize_t r = receive(c);

        if (r < 0) {
            read_failed(c, (int)r);
            return;
        }
        if (c->state == FM_SERVING) {
            touch(c);
            take_frames(c);
        }
        if (r < PIECE)
            return;
    }
}

static void write_failed(struct fm_conn *c, int err)
{
    switch (err) {
    case FM_E_AGAIN:
    case FM_E_INTR:
        c->out_blocked = true;
        break;
    case FM_E_BUSY:
        c->out_blocked = true;
        rest(c);
        break;
    case FM_E_BADFD:
    case FM_E_NOT_SOCK:
        abandon(c);
        break;
    default:
        /* The peer's last frames may still wait to be read. */
        c->out_broken = true;
        drop_output(c);
    }
}

static void on_writable(struct fm_conn *c)
{
    size_t len = fm_buf_len(&c->out);
    ssize_t r;

    if (len == 0)
        return;
    r = fm_io_send(c->watch.fd, fm_buf_peek(&c->out), len);
    if (r < 0) {
        write_failed(c, (int)r);
        return;
    }
    fm_buf_consume(&c->out, (size_t)r);
    c->out_blocked = (size_t)r < len;
    touch(c);
}

/* Enough went out: go on with the frames that are here already. */
static void resume(struct fm_conn *c)
{
    if (!c->paused || fm_buf_len(&c->out) > c->env->options->low_water)
        return;
    c->paused = false;
    take_frames(c);
}

/* All is sent: say so, and wait for the peer to close. */
static void linger(struct fm_conn *c)
{
    c->state = FM_LINGERING;
    if (c->close_by_ms == FM_NEVER)
        c->close_by_ms = deadline_in(c, c->env->options->linger_ms);
    if (!c->out_broken)
        fm_io_shutdown(c->watch.fd, SHUT_WR);
}

/* When it is over, whatever else happens. */
static int64_t deadline_of(const struct fm_conn *c)
{
    int64_t deadline = c->close_by_ms;

    if (c->state != FM_LINGERING)
        deadline = fm_earliest(deadline, c->idle_by_ms);
    if (c->state == FM_SERVING)
        deadline = fm_earliest(deadline, c->frame_by_ms);
    return deadline;
}

static unsigned wanted(const struct fm_conn *c)
{
    unsigned want = wants_input(c) ? FM_READABLE : 0;

    if (fm_buf_len(&c->out) > 0)
        want |= FM_WRITABLE;
    return c->rest_until_ms == FM_NEVER ? want : 0;
}

/* After whatever happened: what comes next, and what to wait for. */
static void update(struct fm_conn *c)
{
    if (c->state == FM_FLUSHING && fm_buf_len(&c->out) == 0 && !c->ended)
        linger(c);
    if (c->state != FM_SERVING && fm_buf_len(&c->out) == 0 && c->ended) {
        conn_close(c);
        return;
    }
    c->watch.deadline_ms = fm_earliest(deadline_of(c), c->rest_until_ms);
    c->watch.want = wanted(c);
}

/* Its time is up, or only that of its rest. */
static void expire(struct fm_conn *c)
{
    if (deadline_of(c) > c->env->loop->now_ms) {
        c->rest_until_ms = FM_NEVER;
        update(c);
        return;
    }
    if (c->state != FM_LINGERING)
        c->counts_as = &c->env->stats->timed_out;
    conn_close(c);
}

/* Borrow, and give back what was not needed for longer. */
static void trade_memory(struct fm_conn *c)
{
    fm_decoder_trade(&c->in, &c->env->spare_in);
    fm_buf_trade(&c->out, &c->env->spare_out);
}

static void on_ready(struct fm_conn *c, unsigned events)
{
    if (events & FM_WRITABLE)
        c->out_blocked = false;
    if (events & FM_READABLE)
        on_readable(c);
    if (is_open(c) && !c->out_blocked)
        on_writable(c);
    if (is_open(c))
        resume(c);
    if (is_open(c))
        update(c);
}

static void on_event(struct fm_watch *w, unsigned events)
{
    struct fm_conn *c = (struct fm_conn *)w;

    if (events & FM_DEAD) {
        abandon(c);
        return;
    }
    if (events & FM_EXPIRED) {
        expire(c);
        return;
    }
    trade_memory(c);
    on_ready(c, events);
    trade_memory(c);
}

int fm_conn_open(struct fm_conn_env *env, int fd, struct fm_conn **out)
{
    const struct fm_server_options *o = env->options;
    struct fm_conn *c = malloc(sizeof *c);
    uint64_t frame = fm_format_wire_max(&o->format);
    int err;

    *out = NULL;
    if (!c)
        return FM_E_NOMEM;
    *c = (struct fm_conn){.env = env, .counts_as = &env->stats->failed};
    c->watch = (struct fm_watch){.fd = fd, .on_event = on_event};
    err = fm_loop_add(env->loop, &c->watch);
    if (err < 0) {
        free(c);
        return err;
    }
    fm_decoder_init(&c->in, &o->format);
    fm_buf_init(&c->out,
                o->high_water +
                    (frame > o->high_water ? (size_t)frame : o->high_water));
    c->frame_by_ms = c->close_by_ms = c->rest_until_ms = FM_NEVER;
    touch(c);
    update(c);
    *out = c;
    return 0;
}

void fm_conn_free(struct fm_conn *c)
{
    fm_decoder_fini(&c->in);
    fm_buf_fini(&c->out);
    free(c);
}

void fm_conn_env_init(struct fm_conn_env *env)
{
    fm_buf_init(&env->spare_in, SIZE_MAX);
    if (fm_buf_reserve(&env->spare_in, PIECE))
        fm_buf_shut(&env->spare_in);
}

void fm_conn_env_fini(struct fm_conn_env *env)
{
    fm_buf_fini(&env->spare_in);
    fm_buf_fini(&env->spare_out);
}

void fm_conn_stop(struct fm_conn *c)
{
    c->stopping = true;
    c->close_by_ms = deadline_in(c, c->env->options->linger_ms);
    take_frames(c);
    update(c);
}
