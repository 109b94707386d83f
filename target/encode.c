/*
 * see encode.h
 *
 * encode() knows how long the frame will be and sees to the room.  There is
 * one small function for each format: it checks what only that format asks for
 * and writes the frame where the output ends.  The most usual one, be32, has a
 * short cut in fm_encode().
 */
#include "target/encode.h"
#include "target/wire.h"

#include <string.h>

/* Add n bytes to the output, to be written here. */
static inline uint8_t *claim(struct fm_buf *out, size_t n)
{
    uint8_t *wire = fm_buf_end(out);

    fm_buf_commit(out, n);
    return wire;
}

/* The last call of each, and not inlined, so that nothing is kept meanwhile. */
__attribute__((noinline)) static int put_bytes(uint8_t *wire, const void *data,
                                               size_t len)
{
    if (len > 0)
        memcpy(wire, data, len);
    return 0;
}

/* Two copies of 32 bytes, which may overlap, are faster than a call. */
static inline int put_payload(uint8_t *wire, const void *data, size_t len)
{
    if (len < 32 || len > 64)
        return put_bytes(wire, data, len);
    memcpy(wire, data, 32);
    memcpy(wire + len - 32, (const uint8_t *)data + len - 32, 32);
    return 0;
}

static int encode_bare(const void *data, size_t len, struct fm_buf *out)
{
    return put_payload(claim(out, len), data, len);
}

static int encode_fixed(const struct fm_format *f, const void *data, size_t len,
                        struct fm_buf *out)
{
    return len == f->fixed ? encode_bare(data, len, out) : FM_E_BAD;
}

static int encode_type(const struct fm_format *f, const void *data, size_t len,
                       struct fm_buf *out)
{
    uint16_t want =
        len > 0 ? f->len_of[*(const uint8_t *)data] : FM_TYPE_UNKNOWN;

    if (want == FM_TYPE_UNKNOWN || len - 1 != want)
        return FM_E_BAD;
    return encode_bare(data, len, out);
}

/* A reader must find the delimiter where it is, and not before. */
static int encode_delim(const struct fm_format *f, const void *data, size_t len,
                        struct fm_buf *out)
{
    uint8_t *wire = fm_buf_end(out);
    size_t size = len + f->delim_len;

    put_payload(wire, data, len);
    memcpy(wire + len, f->delim, f->delim_len);
    if (memmem(wire, size, f->delim, f->delim_len) != wire + len)
        return FM_E_BAD;
    fm_buf_commit(out, size);
    return 0;
}

/* The length in exactly as many digits, if that will do. */
static int encode_ascii(const struct fm_format *f, const void *data, size_t len,
                        struct fm_buf *out)
{
    uint8_t *wire = fm_buf_end(out);
    size_t value = len;

    for (size_t i = f->digits; i-- > 0; value /= 10)
        wire[i] = (uint8_t)('0' + value % 10);
    if (value > 0)
        return FM_E_TOO_LONG;
    fm_buf_commit(out, f->digits + len);
    return put_payload(wire + f->digits, data, len);
}

static inline int put_be(size_t width, uint32_t value, const void *data,
                         size_t len, struct fm_buf *out)
{
    uint8_t *wire = claim(out, width + len);

    fm_put_be(wire, width, value);
    return put_payload(wire + width, data, len);
}

static int encode_be(const struct fm_format *f, const void *data, size_t len,
                     struct fm_buf *out)
{
    uint64_t value = (uint64_t)len + (f->inclusive ? f->width : 0);

    if (value >> (8 * f->width) != 0)
        return FM_E_TOO_LONG;
    return put_be(f->width, (uint32_t)value, data, len, out);
}

static int encode_close(const struct fm_format *f, const void *data, size_t len,
                        struct fm_buf *out)
{
    (void)f;
    return encode_bare(data, len, out);
}

/* Not inlined: the short cut has nothing to keep across a call. */
__attribute__((noinline)) static int encode(const struct fm_format *f,
                                            const void *data, size_t len,
                                            struct fm_buf *out)
{
    static int (*const by_kind[])(const struct fm_format *, const void *,
                                  size_t, struct fm_buf *) = {
        [FM_FIXED] = encode_fixed, [FM_TYPE] = encode_type,
        [FM_DELIM] = encode_delim, [FM_ASCII] = encode_ascii,
        [FM_BE] = encode_be,       [FM_CLOSE] = encode_close,
    };

    if (!fm_buf_reserve(out, fm_format_header(f) + len + f->delim_len))
        return FM_E_NOMEM;
    return by_kind[f->kind](f, data, len, out);
}

int fm_encode(const struct fm_format *f, const void *data, size_t len,
              struct fm_buf *out)
{
    if (len > f->max)
        return FM_E_TOO_LONG;
    if (f->kind == FM_BE && f->width == 4 && !f->inclusive &&
        fm_buf_reserve_here(out, 4 + len))
        return put_be(4, (uint32_t)len, data, len, out);
    return encode(f, data, len, out);
}
