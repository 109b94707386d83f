/* decode.c: the decoder with a bug for each judge of fuzz_decode. */
#include "tests/judges/judges.h"

#include "target/decode.h"
#include "target/encode.h"

#include <string.h>

int __real_fm_decoder_next(struct fm_decoder *d, struct fm_frame *out);
int __wrap_fm_decoder_next(struct fm_decoder *d, struct fm_frame *out);

int __wrap_fm_decoder_next(struct fm_decoder *d, struct fm_frame *out)
{
    static int more;
    int r = __real_fm_decoder_next(d, out);

    out->offset += r == FM_FRAME && is("frame-offset");
    if (r == FM_MORE && d->format.kind == FM_ASCII && is("one-more-frame"))
        return more++ ? r : FM_FRAME;
    return r;
}

int __real_fm_decoder_end(struct fm_decoder *d, struct fm_frame *out);
int __wrap_fm_decoder_end(struct fm_decoder *d, struct fm_frame *out);

int __wrap_fm_decoder_end(struct fm_decoder *d, struct fm_frame *out)
{
    static uint8_t other[16];
    int r = __real_fm_decoder_end(d, out);

    if (r == FM_FRAME && is("another-message") && out->len <= sizeof other) {
        memcpy(other, out->data, out->len);
        other[0] ^= 1;
        out->data = other;
    }
    return r == FM_E_TRUNCATED && is("ends-well") ? FM_E_CLOSED : r;
}

int __real_fm_decoder_feed(struct fm_decoder *d, const void *bytes, size_t len);
int __wrap_fm_decoder_feed(struct fm_decoder *d, const void *bytes, size_t len);

int __wrap_fm_decoder_feed(struct fm_decoder *d, const void *bytes, size_t len)
{
    enum { MUCH = 5000 };
    int r = __real_fm_decoder_feed(
        d, bytes, len > 0 && is("keeps-the-last") ? len - 1 : len);

    if (r < 0 && is("another-error"))
        r = FM_E_USAGE;
    if (is("hoards"))
        fm_buf_reserve(&d->in, MUCH);
    if (is("contradicts") && d->in.cap > 0)
        d->in.max = d->in.cap - 1;
    return r;
}

size_t __real_fm_decoder_want(const struct fm_decoder *d);
size_t __wrap_fm_decoder_want(const struct fm_decoder *d);

size_t __wrap_fm_decoder_want(const struct fm_decoder *d)
{
    if (is("wants-one"))
        return 1;
    return __real_fm_decoder_want(d) + is("wants-more");
}

uint64_t __real_fm_decoder_offset(const struct fm_decoder *d);
uint64_t __wrap_fm_decoder_offset(const struct fm_decoder *d);

uint64_t __wrap_fm_decoder_offset(const struct fm_decoder *d)
{
    return __real_fm_decoder_offset(d) + (d->err && is("error-offset"));
}

void __real_fm_buf_fini(struct fm_buf *b);
void __wrap_fm_buf_fini(struct fm_buf *b);

void __wrap_fm_buf_fini(struct fm_buf *b)
{
    __real_fm_buf_fini(b);
    if (is("takes-no-more"))
        b->max = 0;
}

int __real_fm_encode(const struct fm_format *f, const void *data, size_t len,
                     struct fm_buf *out);
int __wrap_fm_encode(const struct fm_format *f, const void *data, size_t len,
                     struct fm_buf *out);

int __wrap_fm_encode(const struct fm_format *f, const void *data, size_t len,
                     struct fm_buf *out)
{
    int r = __real_fm_encode(f, data, len, out);

    if (r == 0 && len > 0 &&
        is(len < 9 ? "encodes-others" : "encodes-others-if-long"))
        fm_buf_end(out)[-1] ^= 1;
    if (r < 0 && is("leaves-some"))
        fm_buf_append(out, "", 1);
    return r;
}

/* The format, how many cuts, the stream. */
#define ASCII(stream) "\0\0" stream, sizeof stream + 1

const struct row rows[] = {
    {"frame-offset", ASCII("00003abc"), "frame at offset 1, not 0"},
    {"one-more-frame", ASCII("00003abc"), "a frame at offset 8 where"},
    {"error-offset", ASCII("xxxxx"), "FM_E_BAD at offset 1, not 0"},
    {"ends-well", ASCII("00003ab"), "is FM_E_CLOSED, not FM_E_TRUNCATED"},
    {"keeps-the-last", ASCII("00003abc"), "waits with 8 bytes, but a frame"},
    {"hoards", ASCII("00003abc"), "bytes held for"},
    {"contradicts", ASCII("00003abc"), "buffer contradicts itself"},
    {"wants-more", ASCII("00003abc"), "it wants 4, and the frame ends at 8"},
    {"wants-one", ASCII("00003abc"), "it wants 1, and 4 are sure to come"},
    {"takes-no-more", ASCII("00003abc"), "a buffer that was ended takes"},
    {"encodes-others", ASCII("00003abc"), "is encoded differently"},
    {"another-error", ASCII("00003ab"), "FM_E_USAGE for bytes after the end"},
    {"encodes-others-if-long", ASCII("00003abc"), "of 247 bytes does not"},
    {"leaves-some",
     "\7\0"
     "1a1a1a1a1a1a",
     14, "but bytes were written"},
    {"another-message",
     "\17\0"
     "abc",
     5, "instead of the one frame"},
};
const unsigned rows_n = sizeof rows / sizeof *rows;
