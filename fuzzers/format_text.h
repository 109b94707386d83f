/* format_text.h: a format as text, read and looked at. */
#ifndef SF_FORMAT_TEXT_H
#define SF_FORMAT_TEXT_H

#include "target/format.h"

/* Reads the first len bytes as the text of a format, with so much room for what
 * is wrong with it.  Returns whether it is one; what contradicts
 * target/format.h is a finding. */
bool format_text(struct fm_format *f, const uint8_t *bytes, size_t len,
                 size_t why_size);

#endif
