/*
 * format.h: how frames lie in a byte stream.
 *
 * A frame is a payload and what the format puts around it.  The payload is
 * any bytes, embedded NULs included.  README.md draws each format byte by
 * byte; as text they are written
 *
 *     fixed:16                 every payload has 16 bytes
 *     type:a=3,0x80=0          the first byte tells how many more follow
 *     delim:\r\n               1 to 8 bytes end each payload
 *     ascii:5                  the length as 5 decimal digits, then payload
 *     be8 be16 be32            the length as a big-endian number
 *     be16:inclusive           the same; the number counts itself too
 *     close                    the payload ends when the connection does
 *
 * and every one may be followed by ",max=N", the longest payload in bytes
 * (FM_MAX_DEFAULT when it is not said; fixed and type need none).
 *
 * Pure: no errno, no clock, no descriptor.
 */
#ifndef FM_FORMAT_H
#define FM_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FM_DELIM_MAX = 8,         /* bytes of a delimiter                      */
    FM_DIGITS_MAX = 9,        /* digits of an ASCII length: < 2^32         */
    FM_TYPE_UNKNOWN = 0xFFFF, /* in len_of: no such type                   */
    FM_MAX_DEFAULT = 1 << 20  /* bytes of payload                          */
};

enum fm_kind { FM_FIXED, FM_TYPE, FM_DELIM, FM_ASCII, FM_BE, FM_CLOSE };

/* A plain value: copy it, compare fields, build it by hand.  What belongs to
 * another kind is 0. */
struct fm_format {
    enum fm_kind kind;
    uint32_t max;                /* bytes of payload, in every kind       */
    uint32_t fixed;              /* FM_FIXED: bytes of every payload, > 0 */
    uint8_t digits;              /* FM_ASCII: 1 to FM_DIGITS_MAX          */
    uint8_t width;               /* FM_BE: 1, 2 or 4 bytes                */
    bool inclusive;              /* FM_BE: the number counts its own bytes*/
    uint8_t delim_len;           /* FM_DELIM: 1 to FM_DELIM_MAX           */
    uint8_t delim[FM_DELIM_MAX]; /* FM_DELIM                              */
    uint16_t len_of[256];        /* FM_TYPE: bytes after the type byte,
                                  * or FM_TYPE_UNKNOWN                    */
};

/*
 * Read a format from text.  In a delimiter \r \n \t \0 \\ \, and \xHH stand
 * for one byte each.  A type is one character that is no digit, or a number
 * 0 to 255, decimal or 0x; its length at most 65534.
 *
 * Returns 0, or FM_E_USAGE with one line in why that says what was wrong and
 * where; *f is then all zero.  why may be NULL when why_size is 0.
 */
int fm_format_parse(struct fm_format *f, const char *text, char *why,
                    size_t why_size);

/* Bytes in front of a payload: 0, the digits, or the width. */
static inline size_t fm_format_header(const struct fm_format *f)
{
    return (size_t)f->digits + f->width;
}

/* The longest frame on the wire, payload and all, in bytes. */
uint64_t fm_format_wire_max(const struct fm_format *f);

#endif
