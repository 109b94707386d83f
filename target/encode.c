/* see encode.h */
#include "target/encode.h"
#include "target/wire.h"

#include <string.h>

/* Is there a frame of this format with a payload of this length? */
static int check_len(const struct fm_format *f, const uint8_t *data, size_t len)
{
    switch (f->kind) {
    case FM_FIXED:
        return len == f->fixed ? 0 : FM_E_BAD;
    case FM_TYPE:
        if (len == 0 || f->len_of[data[0]] == FM_TYPE_UNKNOWN)
            return FM_E_BAD;
        return len - 1 == f->len_of[data[0]] ? 0 : FM_E_BAD;
    default:
        return 0;
    }
}

/* Write the decimal number in exactly as many digits; is there room? */
static bool put_ascii(uint8_t *p, size_t digits, size_t value)
{
    for (size_t i = digits; i-- > 0; value /= 10)
        p[i] = (uint8_t)('0' + value % 10);
    return value == 0;
}

static bool put_be(uint8_t *p, const struct fm_format *f, size_t len)
{
    uint64_t value = (uint64_t)len + (f->inclusive ? f->width : 0);

    if (value >> (8 * f->width) != 0)
        return false;
    fm_put_be(p, f->width, (uint32_t)value);
    return true;
}

static bool put_header(uint8_t *p, const struct fm_format *f, size_t len)
{
    switch (f->kind) {
    case FM_ASCII:
        return put_ascii(p, f->digits, len);
    case FM_BE:
        return put_be(p, f, len);
    default:
        return true;
    }
}

/* Write the delimiter; will a reader find it there, and not before? */
static bool put_delim(uint8_t *wire, const struct fm_format *f, size_t len)
{
    memcpy(wire + len, f->delim, f->delim_len);
    return memmem(wire, len + f->delim_len, f->delim, f->delim_len) ==
           wire + len;
}

int fm_encode(const struct fm_format *f, const void *data, size_t len,
              struct fm_buf *out)
{
    size_t header = fm_format_header(f);
    size_t trailer = f->kind == FM_DELIM ? f->delim_len : 0;
    uint8_t *wire;
    int err;

    if (len > f->max)
        return FM_E_TOO_LONG;
    err = check_len(f, data, len);
    if (err < 0)
        return err;
    wire = fm_buf_reserve(out, header + len + trailer);
    if (!wire)
        return FM_E_NOMEM;
    if (!put_header(wire, f, len))
        return FM_E_TOO_LONG;
    if (len > 0)
        memcpy(wire + header, data, len);
    if (f->kind == FM_DELIM && !put_delim(wire, f, len))
        return FM_E_BAD;
    fm_buf_commit(out, header + len + trailer);
    return 0;
}
