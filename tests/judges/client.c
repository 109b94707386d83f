/* client.c: dialling and a stream with a bug for each judge of fuzz_client. */
#include "tests/judges/judges.h"

#include "target/clock.h"
#include "target/sock.h"
#include "target/sockio.h"
#include "target/stream.h"

#include <string.h>

int __real_fm_dial(const char *host, unsigned port, int64_t deadline_ms);
int __wrap_fm_dial(const char *host, unsigned port, int64_t deadline_ms);

int __wrap_fm_dial(const char *host, unsigned port, int64_t deadline_ms)
{
    enum { LATE_MS = 1000 };
    int fd = __real_fm_dial(host, port, deadline_ms);

    if (is("dials-on") && fd == FM_E_TIMEOUT)
        fm_io_poll(-1, 0, -1, LATE_MS);
    return fd;
}

int __real_fm_stream_put(struct fm_stream *s, const void *data, size_t len,
                         int64_t deadline_ms);
int __wrap_fm_stream_put(struct fm_stream *s, const void *data, size_t len,
                         int64_t deadline_ms);

int __wrap_fm_stream_put(struct fm_stream *s, const void *data, size_t len,
                         int64_t deadline_ms)
{
    static uint8_t other[512];
    int r;

    if (is("puts-others") && len > 0 && len <= sizeof other) {
        memcpy(other, data, len);
        other[0] ^= 1;
        data = other;
    }
    r = __real_fm_stream_put(s, data, len, deadline_ms);
    return is("puts-anything") ? 0 : r;
}

int __real_fm_stream_next(struct fm_stream *s, struct fm_frame *out,
                          int64_t deadline_ms);
int __wrap_fm_stream_next(struct fm_stream *s, struct fm_frame *out,
                          int64_t deadline_ms);

static void change(struct fm_frame *out)
{
    static uint8_t other[512];

    if (out->len == 0 || out->len > sizeof other)
        return;
    memcpy(other, out->data, out->len);
    other[0] ^= is("other-frame");
    out->data = other;
    out->len -= is("short-frame");
}

int __wrap_fm_stream_next(struct fm_stream *s, struct fm_frame *out,
                          int64_t deadline_ms)
{
    int r = __real_fm_stream_next(s, out, deadline_ms);

    if (r != FM_FRAME)
        return r;
    change(out);
    return is("gives-up")     ? FM_E_BUSY
           : is("ends-early") ? FM_E_CLOSED
           : is("fails")      ? FM_E_SYS
           : is("in-vain")    ? FM_E_PIPE
                              : r;
}

const struct row rows[] = {
    {"other-frame", "frame 1 5\n", 0, "the frame at byte 0 is not the one"},
    {"short-frame", "frame 1 5\n", 0, "the frame at byte 0 is not the one"},
    {"gives-up", "frame 1 5\n", 0, "gave up for want of memory"},
    {"ends-early", "frame 1 5\n", 0, "was sent, and the end was given"},
    {"fails", "frame 1 5\n", 0,
     "gave up with FM_E_SYS, and nothing had happened"},
    {"in-vain", "frame 1 5\n", 0, "what the peer does not take keeps"},
    {"puts-anything", "frame 1 5\n", 0, "no frame ended with FM_OK"},
    {"puts-others", "extra 5\nframe 1 5\n", 0, "other bytes than the client"},
    {"dials-on", "variant 128\nfamily tcp\nextra 12\n", 0,
     "where nobody answers dialling takes 4000 ms"},
};
const unsigned rows_n = sizeof rows / sizeof *rows;
