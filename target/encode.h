/*
 * encode.h: a payload in, its bytes on the wire out.
 *
 * Whatever fm_encode() writes, a decoder of the same format reads back as
 * exactly this payload; what such a decoder would refuse is refused here.
 *
 * Pure: no errno, no clock, no descriptor.
 */
#ifndef FM_ENCODE_H
#define FM_ENCODE_H

#include "target/buf.h"
#include "target/err.h"
#include "target/format.h"

/*
 * Append one frame to *out.  With FM_TYPE the payload begins with the type
 * byte.
 *
 * Returns 0, or, with *out unchanged:
 *   FM_E_TOO_LONG  longer than f->max, or than its prefix can say
 *   FM_E_BAD       not sayable in this format: wrong length for FM_FIXED or
 *                  FM_TYPE, unknown type, the delimiter inside the payload
 *                  or formed by its end and the delimiter itself
 *   FM_E_NOMEM     no memory, or more than out->max
 */
int fm_encode(const struct fm_format *f, const void *data, size_t len,
              struct fm_buf *out);

#endif
