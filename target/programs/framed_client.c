/*
 * framed-client: sends frames to an echo server and compares what returns.
 *
 * Exit status: 0 every payload came back right and in order, 1 something
 * else happened, 2 could not start.
 *
 * One select loop watches the connection.  Up to --depth frames are under
 * way at a time; what was sent is remembered, as frames of another decoder,
 * until it has come back.
 */
#include "target/loop.h"
#include "target/programs/options.h"
#include "target/sock.h"
#include "target/sockio.h"
#include "target/stream.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
#define OPTIONS(X)                                                            \
    X(connect, "HOST",  "localhost", "host, or unix:PATH")                    \
    X(port,    "N",     "0",         "port")                                  \
    X(format,  "F",     "be32",      "ascii:5, delim:\\r\\n, fixed:16, ...")  \
    X(count,   "N",     NULL,        "make N frames instead of reading lines")\
    X(size,    "BYTES", "64",        "of each frame that is made")            \
    X(depth,   "N",     "64",        "frames under way; 1: request-response") \
    X(timeout, "MS",    "10000",     "for connecting, and between bytes")     \
    X(open,    NULL,    NULL,        "no half-close: close after the last")   \
    X(quiet,   NULL,    NULL,        "do not print what came back")
/* clang-format on */

OPTIONS_STRUCT(OPTIONS)
OPTIONS_PARSER(OPTIONS, "framed-client",
               "Sends each line of standard input, or frames it makes, to an "
               "echo server and\nprints what comes back, one payload a line.")

struct client {
    struct fm_watch watch; /* first                                         */
    struct fm_format format;
    long count; /* frames to make; -1: read lines                           */
    long size;
    uint64_t depth;
    int timeout_ms;
    bool half_close;
    bool quiet;

    struct fm_loop loop;
    struct fm_decoder in;
    struct fm_buf out;
    struct fm_decoder sent; /* frames that have to come back                */
    uint64_t n_sent, n_back;
    bool all_sent;
    bool moved; /* bytes, since the time-out began */
    bool ended;
    const char *problem;
    int why; /* errno, or 0 */
};

static void give_up(struct client *c, const char *problem)
{
    if (!c->problem)
        c->problem = problem;
}

/* Of standard input or output: errno says why. */
static void give_up_on(struct client *c, const char *file)
{
    if (!c->problem)
        c->why = errno;
    give_up(c, file);
}

/* Queue one payload, and remember it. */
static void queue(struct client *c, const void *data, size_t len)
{
    size_t before = fm_buf_len(&c->out);
    int err = fm_encode(&c->format, data, len, &c->out);

    if (err == 0)
        err = fm_decoder_feed(&c->sent, fm_buf_peek(&c->out) + before,
                              fm_buf_len(&c->out) - before);
    if (err < 0)
        give_up(c, fm_err_text(err));
    else
        c->n_sent++;
}

/* A letter that cannot be part of a delimiter. */
static char letter(const struct fm_format *f, uint64_t n)
{
    for (;; n++) {
        char c = (char)('a' + n % 26);

        if (!memchr(f->delim, c, f->delim_len))
            return c;
    }
}

/* The first type that is known; a format without any cannot be written. */
static int some_type(const struct fm_format *f)
{
    int type = 0;

    while (f->len_of[type] == FM_TYPE_UNKNOWN)
        type++;
    return type;
}

static void make_frame(struct client *c)
{
    const struct fm_format *f = &c->format;
    size_t len = f->kind == FM_FIXED ? f->fixed : (size_t)c->size;
    int type = f->kind == FM_TYPE ? some_type(f) : -1;
    char *data;

    if (type >= 0)
        len = 1 + (size_t)f->len_of[type];
    data = malloc(len + 1);
    if (!data) {
        give_up(c, fm_err_text(FM_E_NOMEM));
        return;
    }
    for (size_t i = 0; i < len; i++)
        data[i] = letter(f, c->n_sent + i);
    if (type >= 0)
        data[0] = (char)type;
    queue(c, data, len);
    free(data);
}

/* What was printed may only fail here; what failed once is not tried again. */
static void flush(struct client *c)
{
    if (ferror(stdout) == 0 && fflush(stdout) != 0)
        give_up_on(c, "standard output");
}

/* Who writes the lines may wait for the answers to those before.  What an error
 * ended is no line; for want of memory neither flag is set. */
static bool read_line(struct client *c)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t n;

    if (c->n_back == c->n_sent)
        flush(c);
    if (c->problem)
        return false;
    n = c->format.kind == FM_CLOSE ? getdelim(&line, &size, EOF, stdin)
                                   : getline(&line, &size, stdin);
    if (ferror(stdin) || (n < 0 && !feof(stdin))) {
        give_up_on(c, "standard input");
        n = -1;
    }
    if (n > 0 && c->format.kind != FM_CLOSE && line[n - 1] == '\n')
        n--;
    if (n >= 0)
        queue(c, line, (size_t)n);
    free(line);
    return n >= 0;
}

/* Keep the queue filled, as far as the depth allows. */
static void refill(struct client *c)
{
    enum { ENOUGH = 65536 };

    while (!c->all_sent && !c->problem && c->n_sent - c->n_back < c->depth &&
           fm_buf_len(&c->out) < ENOUGH) {
        if (c->count >= 0 && c->n_sent < (uint64_t)c->count)
            make_frame(c);
        else if (c->count >= 0 || !read_line(c))
            c->all_sent = true;
    }
    /* What the end of a stream ends is its only frame. */
    if (c->n_sent == (c->format.kind == FM_CLOSE ? 1 : (uint64_t)c->count))
        c->all_sent = true;
}

static void print(struct client *c, const struct fm_frame *frame)
{
    if (fwrite(frame->data, 1, frame->len, stdout) < frame->len ||
        putchar('\n') == EOF)
        give_up_on(c, "standard output");
}

static void compare(struct client *c, const struct fm_frame *frame)
{
    struct fm_frame want;
    int r;

    if (!c->quiet)
        print(c, frame);
    r = c->format.kind == FM_CLOSE ? fm_decoder_end(&c->sent, &want)
                                   : fm_decoder_next(&c->sent, &want);
    if (r != FM_FRAME)
        give_up(c, "more came back than was sent");
    else if (want.len != frame->len ||
             memcmp(want.data, frame->data, want.len) != 0)
        give_up(c, "something else came back than was sent");
    c->n_back++;
}

static void take_frames(struct client *c)
{
    struct fm_frame frame;
    int r;

    do {
        r = c->ended ? fm_decoder_end(&c->in, &frame)
                     : fm_decoder_next(&c->in, &frame);
        if (r == FM_FRAME)
            compare(c, &frame);
    } while (r == FM_FRAME);
    if (r < 0 && r != FM_E_CLOSED)
        give_up(c, fm_err_text(r));
}

/* A number that is somebody else's by now is let go without closing it. */
static void lose(struct client *c, int err)
{
    if (fm_io_is_foreign(err))
        fm_loop_remove(&c->loop, &c->watch);
    give_up(c, fm_err_text(err));
}

/* What passes by itself; memory that is short is left alone for a moment. */
static bool passes(ssize_t err)
{
    if (err == FM_E_BUSY)
        fm_io_poll(-1, 0, -1, FM_BUSY_PAUSE_MS);
    return err == FM_E_AGAIN || err == FM_E_INTR || err == FM_E_BUSY;
}

static void receive(struct client *c)
{
    uint8_t piece[65536];
    ssize_t r = fm_io_recv(c->watch.fd, piece, sizeof piece);

    if (passes(r))
        return;
    c->moved = true;
    if (r > 0)
        fm_decoder_feed(&c->in, piece, (size_t)r);
    else if (r == FM_E_CLOSED)
        c->ended = true;
    else
        lose(c, (int)r);
    take_frames(c);
}

static void transmit(struct client *c)
{
    size_t len = fm_buf_len(&c->out);
    ssize_t r;

    if (len == 0)
        return;
    r = fm_io_send(c->watch.fd, fm_buf_peek(&c->out), len);
    if (r > 0) {
        c->moved = true;
        fm_buf_consume(&c->out, (size_t)r);
    } else if (r == FM_E_PIPE) {
        /* No more goes out, but what the server sent still comes in. */
        fm_buf_consume(&c->out, len);
        c->all_sent = true;
    } else if (!passes(r)) {
        lose(c, (int)r);
    }
}

static bool is_done(const struct client *c)
{
    if (c->problem || c->ended)
        return true;
    return c->all_sent && !c->half_close && c->n_back == c->n_sent;
}

static void proceed(struct client *c)
{
    bool was_sending = !c->all_sent || fm_buf_len(&c->out) > 0;

    refill(c);
    transmit(c);
    if (was_sending && c->all_sent && fm_buf_len(&c->out) == 0 && c->half_close)
        fm_half_close(c->watch.fd);
    c->watch.want = FM_READABLE;
    if (fm_buf_len(&c->out) > 0)
        c->watch.want |= FM_WRITABLE;
    if (c->moved)
        c->watch.deadline_ms = fm_deadline_in(c->timeout_ms);
    c->moved = false;
}

static void on_event(struct fm_watch *w, unsigned events)
{
    struct client *c = (struct client *)w;

    if (events & FM_DEAD)
        give_up(c, fm_err_text(FM_E_BADFD));
    else if (events & FM_EXPIRED)
        give_up(c, fm_err_text(FM_E_TIMEOUT));
    else if (events & FM_READABLE)
        receive(c);
    if (!is_done(c))
        proceed(c);
}

static void run(struct client *c)
{
    proceed(c);
    while (!is_done(c)) {
        int err = fm_loop_turn(&c->loop);

        if (err < 0)
            give_up(c, fm_err_text(err));
    }
    if (!c->all_sent || c->n_back < c->n_sent)
        give_up(c, "not everything came back");
}

static void set_up(struct client *c, int argc, char **argv)
{
    struct options opt;
    unsigned port;
    int fd;

    parse_options(&opt, argc, argv);
    parse_format(&c->format, opt.format);
    c->count = opt.count ? parse_number("count", opt.count, 0, LONG_MAX) : -1;
    c->size = parse_number("size", opt.size, 0, UINT32_MAX);
    c->depth = (uint64_t)parse_number("depth", opt.depth, 1, LONG_MAX);
    c->timeout_ms = (int)parse_number("timeout", opt.timeout, 1, INT32_MAX);
    if (c->format.kind == FM_CLOSE && c->count > 1)
        c->count = 1; /* what the end of a stream ends is its only frame */
    c->half_close = !opt.open || c->format.kind == FM_CLOSE;
    c->quiet = opt.quiet != NULL;
    port = (unsigned)parse_number("port", opt.port, 0, 65535);
    fd = fm_dial(opt.connect, port, fm_deadline_in(c->timeout_ms));
    if (fd < 0)
        die("cannot connect to %s port %s: %s", opt.connect, opt.port,
            fm_err_text(fd));
    fm_no_delay(fd);
    c->watch.fd = fd;
    c->watch.on_event = on_event;
    c->moved = true;
    fm_loop_init(&c->loop);
    if (fm_loop_add(&c->loop, &c->watch) < 0)
        die("the connection's descriptor is too high for select");
    fm_decoder_init(&c->in, &c->format);
    fm_decoder_init(&c->sent, &c->format);
    fm_buf_init(&c->out, SIZE_MAX);
}

int main(int argc, char **argv)
{
    static struct client c;
    int fd;

    set_up(&c, argc, argv);
    run(&c);
    fd = fm_loop_remove(&c.loop, &c.watch);
    if (fd >= 0)
        fm_close(fd);
    fm_decoder_fini(&c.in);
    fm_decoder_fini(&c.sent);
    fm_buf_fini(&c.out);
    flush(&c);
    if (c.problem)
        fprintf(stderr, "framed-client: after %llu of %llu frames: %s%s%s\n",
                (unsigned long long)c.n_back, (unsigned long long)c.n_sent,
                c.problem, c.why ? ": " : "", c.why ? strerror(c.why) : "");
    return c.problem ? 1 : 0;
}
