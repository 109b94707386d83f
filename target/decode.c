/*
 * see decode.h
 *
 * The buffer `in` always begins at the first wire byte of a frame that was
 * not dropped yet:
 *
 *     in:  | handed out    | header | payload          | trailer | next …
 *          0               taken                     scanned →
 *
 * There is one small function for each format; it looks at the bytes at the
 * front and says more(), or cuts a frame off with give(), or fails.  What it
 * learned and may not learn twice stays in *d: how far digits were read or a
 * delimiter was searched for (scanned), and what the digits said (length).
 * walk() calls it for one frame or for all that are here, and keeps where the
 * front is in registers meanwhile; the most usual format has a loop of its
 * own.  The frames handed out stay in the buffer until the next call drops
 * them (taken).
 *
 * The maximum is checked in one place, sized_body(), as soon as the length
 * is known, and memory is only taken for bytes that are here.
 */
#include "target/decode.h"
#include "target/wire.h"

#include <string.h>

void fm_decoder_init(struct fm_decoder *d, const struct fm_format *f)
{
    *d = (struct fm_decoder){.format = *f, .why = ""};
    fm_buf_init(&d->in, SIZE_MAX);
}

void fm_decoder_fini(struct fm_decoder *d)
{
    fm_buf_fini(&d->in);
}

static int fail(struct fm_decoder *d, int err, uint64_t offset, const char *why)
{
    d->err = err;
    d->err_offset = offset;
    d->why = why;
    return err;
}

static int fail_at_end(struct fm_decoder *d, int err, const char *why)
{
    return fail(d, err, d->offset + fm_buf_len(&d->in), why);
}

/* The frames handed out last are no longer needed. */
static void drop_taken(struct fm_decoder *d)
{
    fm_buf_consume(&d->in, d->taken);
    d->offset += d->taken;
    d->taken = 0;
}

/* The bytes that no frame was made of yet. */
struct front {
    const uint8_t *at;
    size_t have;
    uint64_t offset; /* of the first of them in the stream */
};

/* Cut off the frame at the front: header, payload, trailer. */
static inline int give(struct fm_decoder *d, struct front *front, size_t header,
                       size_t payload, size_t trailer, struct fm_frame *out)
{
    size_t size = header + payload + trailer;

    out->data = front->at + header;
    out->len = payload;
    out->offset = front->offset;
    front->at += size;
    front->have -= size;
    front->offset += size;
    d->scanned = 0;
    return FM_FRAME;
}

/* This many bytes are surely the frame's, and not here: perhaps more than can
 * be asked for, where a size has 32 bits. */
static inline int more(struct fm_decoder *d, uint64_t want)
{
    /* not covered: more than that only where a size has 32 bits, which the
     * test target.build.narrow builds and runs, and coverage does not */
    d->want = want < SIZE_MAX ? (size_t)want : SIZE_MAX;
    return FM_MORE;
}

static int too_long(struct fm_decoder *d, const struct front *front)
{
    return fail(d, FM_E_TOO_LONG, front->offset,
                "the frame is longer than the maximum");
}

/* The length is known: wait for that many bytes after the header. */
static inline int sized_body(struct fm_decoder *d, struct front *front,
                             size_t header, uint64_t payload,
                             struct fm_frame *out)
{
    if (payload > d->format.max)
        return too_long(d, front);
    if (front->have < header + payload)
        return more(d, header + payload - front->have);
    return give(d, front, header, (size_t)payload, 0, out);
}

static inline int parse_fixed(struct fm_decoder *d, struct front *front,
                              struct fm_frame *out)
{
    return sized_body(d, front, 0, d->format.fixed, out);
}

static inline int parse_type(struct fm_decoder *d, struct front *front,
                             struct fm_frame *out)
{
    uint16_t len;

    if (front->have == 0)
        return more(d, 1);
    len = d->format.len_of[front->at[0]];
    if (len == FM_TYPE_UNKNOWN)
        return fail(d, FM_E_BAD, front->offset, "unknown type");
    return sized_body(d, front, 0, (uint64_t)1 + len, out);
}

/* Nine digits stay below 2^32, so the sum cannot overflow. */
static inline int parse_ascii(struct fm_decoder *d, struct front *front,
                              struct fm_frame *out)
{
    size_t digits = d->format.digits;

    if (d->scanned == 0)
        d->length = 0;
    for (; d->scanned < digits && d->scanned < front->have; d->scanned++) {
        uint8_t c = front->at[d->scanned];

        if (c < '0' || c > '9')
            return fail(d, FM_E_BAD, front->offset + d->scanned,
                        "no digit in the length");
        d->length = d->length * 10 + (c - '0');
    }
    if (d->scanned < digits)
        return more(d, digits - d->scanned);
    return sized_body(d, front, digits, d->length, out);
}

static inline int parse_be(struct fm_decoder *d, size_t width,
                           struct front *front, struct fm_frame *out)
{
    uint64_t payload;

    if (front->have < width)
        return more(d, width - front->have);
    payload = fm_get_be(front->at, width);
    if (d->format.inclusive) {
        if (payload < width)
            return fail(d, FM_E_BAD, front->offset,
                        "the length does not cover itself");
        payload -= width;
    }
    return sized_body(d, front, width, payload, out);
}

/* A delimiter may have begun in the last delim_len - 1 bytes looked at. */
static inline int parse_delim(struct fm_decoder *d, struct front *front,
                              struct fm_frame *out)
{
    size_t m = d->format.delim_len;
    size_t from = d->scanned >= m ? d->scanned - (m - 1) : 0;
    const uint8_t *found =
        memmem(front->at + from, front->have - from, d->format.delim, m);
    size_t payload = found ? (size_t)(found - front->at) : front->have;

    d->work += payload - from;
    d->scanned = front->have;
    if (found && payload <= d->format.max)
        return give(d, front, 0, payload, m, out);
    if (found || front->have >= (uint64_t)d->format.max + m)
        return too_long(d, front);
    return more(d, 1);
}

/* The frame is handed out by fm_decoder_end(). */
static inline int parse_close(struct fm_decoder *d, const struct front *front)
{
    if (front->have > d->format.max)
        return too_long(d, front);
    return more(d, (uint64_t)d->format.max + 1 - front->have);
}

static inline int parse(struct fm_decoder *d, enum fm_kind kind, size_t width,
                        struct front *front, struct fm_frame *out)
{
    switch (kind) {
    case FM_FIXED:
        return parse_fixed(d, front, out);
    case FM_TYPE:
        return parse_type(d, front, out);
    case FM_DELIM:
        return parse_delim(d, front, out);
    case FM_ASCII:
        return parse_ascii(d, front, out);
    case FM_BE:
        return parse_be(d, width, front, out);
    default:
        return parse_close(d, front);
    }
}

/* For walk(): with constants for kind and width there is nothing in the loop
 * but what that format needs. */
__attribute__((always_inline)) static inline int
walk_as(enum fm_kind kind, size_t width, struct fm_decoder *d,
        fm_frame_taker *each, void *context)
{
    struct front front = {fm_buf_peek(&d->in), fm_buf_len(&d->in), d->offset};
    struct fm_frame frame;
    uint64_t work = 0;
    int r;

    do {
        work++;
        r = parse(d, kind, width, &front, &frame);
        if (r != FM_FRAME)
            break;
        r = each(context, &frame);
    } while (r == 0);
    d->work += work;
    d->taken = (size_t)(front.offset - d->offset);
    return r;
}

/* fm_decoder_run(), but the frames stay until the next call. */
static int walk(struct fm_decoder *d, fm_frame_taker *each, void *context)
{
    const struct fm_format *f = &d->format;

    if (d->err)
        return d->err;
    drop_taken(d);
    if (f->kind == FM_BE && f->width == 4)
        return walk_as(FM_BE, 4, d, each, context);
    return walk_as(f->kind, f->width, d, each, context);
}

int fm_decoder_run(struct fm_decoder *d, fm_frame_taker *each, void *context)
{
    int r = walk(d, each, context);

    drop_taken(d);
    return r;
}

static int take_one(void *out, const struct fm_frame *frame)
{
    *(struct fm_frame *)out = *frame;
    return FM_FRAME;
}

int fm_decoder_next(struct fm_decoder *d, struct fm_frame *out)
{
    *out = (struct fm_frame){.data = (const uint8_t *)""};
    return walk(d, take_one, out);
}

int fm_decoder_end(struct fm_decoder *d, struct fm_frame *out)
{
    int r;

    d->ended = true;
    r = fm_decoder_next(d, out);
    if (r != FM_MORE)
        return r;
    if (d->format.kind == FM_CLOSE && !d->whole) {
        d->whole = true;
        d->taken = fm_buf_len(&d->in);
        *out = (struct fm_frame){fm_buf_peek(&d->in), d->taken, d->offset};
        return FM_FRAME;
    }
    if (fm_buf_len(&d->in) > 0)
        return fail_at_end(d, FM_E_TRUNCATED,
                           "the stream ended inside a frame");
    return fail_at_end(d, FM_E_CLOSED, "the stream ended");
}

void *fm_decoder_reserve(struct fm_decoder *d, size_t len)
{
    void *room;

    if (d->err)
        return NULL;
    drop_taken(d);
    if (d->ended) {
        fail_at_end(d, FM_E_USAGE, "bytes after the end of the stream");
        return NULL;
    }
    room = fm_buf_reserve(&d->in, len);
    if (!room)
        fail_at_end(d, FM_E_NOMEM, "no memory for the bytes received");
    return room;
}

void fm_decoder_commit(struct fm_decoder *d, size_t n)
{
    fm_buf_commit(&d->in, n);
}

void fm_decoder_trade(struct fm_decoder *d, struct fm_buf *spare)
{
    fm_buf_trade(&d->in, spare);
}

bool fm_decoder_has_room(const struct fm_decoder *d, size_t len)
{
    return fm_buf_has_room(&d->in, len);
}

int fm_decoder_feed(struct fm_decoder *d, const void *bytes, size_t len)
{
    void *room = fm_decoder_reserve(d, len);

    if (!room)
        return d->err;
    if (len > 0)
        memcpy(room, bytes, len);
    fm_decoder_commit(d, len);
    return 0;
}

size_t fm_decoder_want(const struct fm_decoder *d)
{
    return d->want;
}

bool fm_decoder_inside(const struct fm_decoder *d)
{
    return fm_buf_len(&d->in) > d->taken;
}

uint64_t fm_decoder_offset(const struct fm_decoder *d)
{
    return d->err ? d->err_offset : d->offset + d->taken;
}

const char *fm_decoder_why(const struct fm_decoder *d)
{
    return d->why;
}

uint64_t fm_decoder_work(const struct fm_decoder *d)
{
    return d->work + d->in.moved;
}
