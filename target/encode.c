/*
 * see encode.h
 *
 * There is one small function for each format: it checks what only that
 * format asks for and writes the frame with put().
 */
#include "target/encode.h"
#include "target/wire.h"

#include <string.h>

/* Room for a frame with the payload in its place; NULL when there is none. */
static inline uint8_t *put(struct fm_buf *out, size_t header, const void *data,
                           size_t len, size_t trailer)
{
    uint8_t *wire = fm_buf_reserve(out, header + len + trailer);

    if (wire && len > 0)
        memcpy(wire + header, data, len);
    return wire;
}

static int put_bare(const void *data, size_t len, struct fm_buf *out)
{
    if (!put(out, 0, data, len, 0))
        return FM_E_NOMEM;
    fm_buf_commit(out, len);
    return 0;
}

static int encode_fixed(const struct fm_format *f, const void *data, size_t len,
                        struct fm_buf *out)
{
    return len == f->fixed ? put_bare(data, len, out) : FM_E_BAD;
}

static int encode_type(const struct fm_format *f, const void *data, size_t len,
                       struct fm_buf *out)
{
    uint16_t want =
        len > 0 ? f->len_of[*(const uint8_t *)data] : FM_TYPE_UNKNOWN;

    if (want == FM_TYPE_UNKNOWN || len - 1 != want)
        return FM_E_BAD;
    return put_bare(data, len, out);
}

/* A reader must find the delimiter where it is, and not before. */
static int encode_delim(const struct fm_format *f, const void *data, size_t len,
                        struct fm_buf *out)
{
    uint8_t *wire = put(out, 0, data, len, f->delim_len);

    if (!wire)
        return FM_E_NOMEM;
    memcpy(wire + len, f->delim, f->delim_len);
    if (memmem(wire, len + f->delim_len, f->delim, f->delim_len) != wire + len)
        return FM_E_BAD;
    fm_buf_commit(out, len + f->delim_len);
    return 0;
}

/* Write the decimal number in exactly as many digits; is there room? */
static bool put_digits(uint8_t *p, size_t digits, size_t value)
{
    for (size_t i = digits; i-- > 0; value /= 10)
        p[i] = (uint8_t)('0' + value % 10);
    return value == 0;
}

static int encode_ascii(const struct fm_format *f, const void *data, size_t len,
                        struct fm_buf *out)
{
    uint8_t *wire = put(out, f->digits, data, len, 0);

    if (!wire)
        return FM_E_NOMEM;
    if (!put_digits(wire, f->digits, len))
        return FM_E_TOO_LONG;
    fm_buf_commit(out, f->digits + len);
    return 0;
}

static int encode_be(const struct fm_format *f, const void *data, size_t len,
                     struct fm_buf *out)
{
    uint64_t value = (uint64_t)len + (f->inclusive ? f->width : 0);
    uint8_t *wire;

    if (value >> (8 * f->width) != 0)
        return FM_E_TOO_LONG;
    wire = put(out, f->width, data, len, 0);
    if (!wire)
        return FM_E_NOMEM;
    fm_put_be(wire, f->width, (uint32_t)value);
    fm_buf_commit(out, f->width + len);
    return 0;
}

static int encode_close(const struct fm_format *f, const void *data, size_t len,
                        struct fm_buf *out)
{
    (void)f;
    return put_bare(data, len, out);
}

int fm_encode(const struct fm_format *f, const void *data, size_t len,
              struct fm_buf *out)
{
    static int (*const encode[])(const struct fm_format *, const void *, size_t,
                                 struct fm_buf *) = {
        [FM_FIXED] = encode_fixed, [FM_TYPE] = encode_type,
        [FM_DELIM] = encode_delim, [FM_ASCII] = encode_ascii,
        [FM_BE] = encode_be,       [FM_CLOSE] = encode_close,
    };

    return len > f->max ? FM_E_TOO_LONG : encode[f->kind](f, data, len, out);
}
