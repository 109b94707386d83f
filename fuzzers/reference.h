/*
 * reference.h: what the formats mean, said a second time.
 *
 * A decoder for the whole stream in one piece of memory: no state, no
 * pieces, no speed.  Written from the table in target/format.h and sharing
 * nothing with target/decode.c, so that the two can be compared.  For every
 * format a payload has exactly one wire form, so the wire bytes of what is
 * accepted are also what an echo has to send back.
 */
#ifndef SF_REFERENCE_H
#define SF_REFERENCE_H

#include "target/format.h"

enum ref_verdict {
    REF_FRAME,   /* a whole frame                                     */
    REF_MORE,    /* the stream ends inside a frame, or before one     */
    REF_BAD,     /* no frame of this format                           */
    REF_TOO_LONG /* a frame longer than the maximum                   */
};

struct ref_frame {
    size_t payload, len; /* FRAME: where the payload is               */
    size_t end;          /* FRAME: the first byte after it            */
    size_t wrong;        /* BAD, TOO_LONG: the offset to be reported  */
};

/* The frame that begins at bytes[at] of the stream of len bytes. */
enum ref_verdict ref_next(const struct fm_format *f, const uint8_t *bytes,
                          size_t len, size_t at, struct ref_frame *out);

/* Where the last whole frame ends, from a frame's start `at` on; *last is
 * why there is no other.  FM_CLOSE has no whole frame before the end. */
size_t ref_end(const struct fm_format *f, const uint8_t *bytes, size_t len,
               size_t at, enum ref_verdict *last);

/* Formats for fuzz targets: small maxima, so that limits are met. */
extern const unsigned ref_format_count;
const struct fm_format *ref_format(unsigned index); /* modulo the count */
const char *ref_format_text(unsigned index);        /* the same, as written */

/* A payload of about `size` bytes that the format can carry, from a seed;
 * returns its length, at most max bytes of out. */
size_t ref_payload(const struct fm_format *f, size_t size, unsigned seed,
                   uint8_t *out, size_t max);

#endif
