/*
 * see decode.h
 *
 * The buffer `in` always begins at the first wire byte of a frame:
 *
 *     in:  | header | payload          | trailer | next frame …
 *          0                           scanned →
 *
 * There is one small function for each format; it looks at the bytes that
 * have come and says FM_MORE, or hands out a frame with give(), or fails.
 * What it learned and may not learn twice stays in *d: how far a delimiter
 * was searched for (scanned), and the length in a complete header (sized,
 * payload).  The frame handed out stays in the buffer until the next call
 * drops it (taken).
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

/* The frame handed out last is no longer needed. */
static void drop_taken(struct fm_decoder *d)
{
    fm_buf_consume(&d->in, d->taken);
    d->offset += d->taken;
    d->taken = 0;
}

/* Hand out the frame at the front: header, payload, trailer. */
static int give(struct fm_decoder *d, size_t header, size_t payload,
                size_t trailer, struct fm_frame *out)
{
    out->data = fm_buf_peek(&d->in) + header;
    out->len = payload;
    out->offset = d->offset;
    d->taken = header + payload + trailer;
    d->scanned = 0;
    d->payload = 0;
    d->sized = false;
    return FM_FRAME;
}

static int too_long(struct fm_decoder *d)
{
    return fail(d, FM_E_TOO_LONG, d->offset,
                "the frame is longer than the maximum");
}

/* The length is known: wait for that many bytes after the header. */
static int sized_body(struct fm_decoder *d, size_t header, uint64_t payload,
                      struct fm_frame *out)
{
    if (payload > d->format.max)
        return too_long(d);
    if (fm_buf_len(&d->in) >= header + payload)
        return give(d, header, (size_t)payload, 0, out);
    d->sized = true;
    d->payload = payload;
    return FM_MORE;
}

static int parse_fixed(struct fm_decoder *d, struct fm_frame *out)
{
    return sized_body(d, 0, d->format.fixed, out);
}

static int parse_type(struct fm_decoder *d, struct fm_frame *out)
{
    uint16_t len;

    if (fm_buf_len(&d->in) == 0)
        return FM_MORE;
    len = d->format.len_of[fm_buf_peek(&d->in)[0]];
    if (len == FM_TYPE_UNKNOWN)
        return fail(d, FM_E_BAD, d->offset, "unknown type");
    return sized_body(d, 0, (uint64_t)1 + len, out);
}

/* Nine digits stay below 2^32, so the sum cannot overflow. */
static int parse_ascii(struct fm_decoder *d, struct fm_frame *out)
{
    const uint8_t *bytes = fm_buf_peek(&d->in);
    size_t have = fm_buf_len(&d->in);
    size_t digits = d->format.digits;

    for (; d->scanned < digits && d->scanned < have; d->scanned++) {
        uint8_t c = bytes[d->scanned];

        if (c < '0' || c > '9')
            return fail(d, FM_E_BAD, d->offset + d->scanned,
                        "no digit in the length");
        d->payload = d->payload * 10 + (c - '0');
    }
    if (d->scanned < digits)
        return FM_MORE;
    return sized_body(d, digits, d->payload, out);
}

static int parse_be(struct fm_decoder *d, struct fm_frame *out)
{
    size_t width = d->format.width;
    uint64_t payload;

    if (fm_buf_len(&d->in) < width)
        return FM_MORE;
    payload = fm_get_be(fm_buf_peek(&d->in), width);
    if (d->format.inclusive) {
        if (payload < width)
            return fail(d, FM_E_BAD, d->offset,
                        "the length does not cover itself");
        payload -= width;
    }
    return sized_body(d, width, payload, out);
}

/* A delimiter may have begun in the last delim_len - 1 bytes looked at. */
static int parse_delim(struct fm_decoder *d, struct fm_frame *out)
{
    const uint8_t *bytes = fm_buf_peek(&d->in);
    const uint8_t *found;
    size_t have = fm_buf_len(&d->in);
    size_t m = d->format.delim_len;
    size_t from = d->scanned >= m ? d->scanned - (m - 1) : 0;
    size_t payload;

    found = memmem(bytes + from, have - from, d->format.delim, m);
    payload = found ? (size_t)(found - bytes) : have;
    d->work += payload - from;
    d->scanned = have;
    if (found && payload <= d->format.max)
        return give(d, 0, payload, m, out);
    if (found || have >= (uint64_t)d->format.max + m)
        return too_long(d);
    return FM_MORE;
}

/* The frame is handed out by fm_decoder_end(). */
static int parse_close(struct fm_decoder *d, struct fm_frame *out)
{
    (void)out;
    if (fm_buf_len(&d->in) > d->format.max)
        return too_long(d);
    return FM_MORE;
}

int fm_decoder_next(struct fm_decoder *d, struct fm_frame *out)
{
    static int (*const parse[])(struct fm_decoder *, struct fm_frame *) = {
        [FM_FIXED] = parse_fixed, [FM_TYPE] = parse_type,
        [FM_DELIM] = parse_delim, [FM_ASCII] = parse_ascii,
        [FM_BE] = parse_be,       [FM_CLOSE] = parse_close,
    };

    *out = (struct fm_frame){.data = (const uint8_t *)""};
    if (d->err)
        return d->err;
    drop_taken(d);
    d->work++;
    return parse[d->format.kind](d, out);
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
        return give(d, 0, fm_buf_len(&d->in), 0, out);
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

/* Bytes that tell how long the frame is. */
static size_t sizing(const struct fm_format *f)
{
    return f->kind == FM_TYPE ? 1 : fm_format_header(f);
}

size_t fm_decoder_want(const struct fm_decoder *d)
{
    size_t have = fm_buf_len(&d->in);

    if (d->format.kind == FM_DELIM)
        return 1;
    if (d->format.kind == FM_CLOSE)
        return (size_t)d->format.max + 1 - have;
    if (!d->sized)
        return sizing(&d->format) - have;
    return fm_format_header(&d->format) + (size_t)d->payload - have;
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
