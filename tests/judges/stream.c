/* stream.c: the loops with a bug for each judge of fuzz_stream. */
#include "tests/judges/judges.h"

#include "fuzzers/trial.h"
#include "target/clock.h"
#include "target/loops.h"
#include "target/serve.h"
#include "target/sockio.h"
#include "target/stream.h"

static bool is_pipe(int fd)
{
    return trial.pipes && (fd == trial.ends[0] || fd == trial.ends[1]);
}

static void spoil(const struct fm_buf *b)
{
    if (fm_buf_len(b) > 0)
        *(uint8_t *)(uintptr_t)fm_buf_peek(b) ^= 1;
}

int __real_fm_recv_exact(int fd, void *buf, size_t len, int64_t deadline_ms);
int __wrap_fm_recv_exact(int fd, void *buf, size_t len, int64_t deadline_ms);

int __wrap_fm_recv_exact(int fd, void *buf, size_t len, int64_t deadline_ms)
{
    enum { LATE_MS = 1500 };
    int r = __real_fm_recv_exact(fd, buf, len, deadline_ms);

    if (is("late") && r == 0)
        fm_io_poll(-1, 0, -1,
                   fm_remaining_ms(fm_now_ms(), deadline_ms) + LATE_MS);
    if (is("pipe-differs") && r == 0 && is_pipe(fd))
        *(char *)buf ^= 1;
    return is("pipe-ends") && r == FM_E_TIMEOUT ? FM_E_CLOSED : r;
}

ssize_t __real_fm_recv_some(int fd, void *buf, size_t len, int64_t deadline_ms);
ssize_t __wrap_fm_recv_some(int fd, void *buf, size_t len, int64_t deadline_ms);

ssize_t __wrap_fm_recv_some(int fd, void *buf, size_t len, int64_t deadline_ms)
{
    ssize_t r = __real_fm_recv_some(fd, buf, len, deadline_ms);

    return is("pipe-loses") && r > 1 && is_pipe(fd) ? 1 : r;
}

int __real_fm_send_all(int fd, const void *buf, size_t len,
                       int64_t deadline_ms);
int __wrap_fm_send_all(int fd, const void *buf, size_t len,
                       int64_t deadline_ms);

int __wrap_fm_send_all(int fd, const void *buf, size_t len, int64_t deadline_ms)
{
    int r;

    if (is("sends-nothing") && !is_pipe(fd))
        return 0;
    r = __real_fm_send_all(fd, buf, len, deadline_ms);
    return is("pipe-fails") && r < 0 && is_pipe(fd) ? FM_E_SYS : r;
}

int __real_fm_recv_frame(int fd, const struct fm_format *f, struct fm_buf *out,
                         int64_t deadline_ms);
int __wrap_fm_recv_frame(int fd, const struct fm_format *f, struct fm_buf *out,
                         int64_t deadline_ms);

int __wrap_fm_recv_frame(int fd, const struct fm_format *f, struct fm_buf *out,
                         int64_t deadline_ms)
{
    int r = __real_fm_recv_frame(fd, f, out, deadline_ms);

    if (is("overfills") && r == 0)
        out->max = out->cap - 1;
    if (r == 0)
        return is("refuses") ? FM_E_BAD : is("no-room") ? FM_E_NOMEM : 0;
    if (r == FM_E_CLOSED && is("truncated"))
        return FM_E_TRUNCATED;
    return r == FM_E_CLOSED && is("no-time") ? FM_E_TIMEOUT : r;
}

int __real_fm_recv_until_closed(int fd, struct fm_buf *out,
                                int64_t deadline_ms);
int __wrap_fm_recv_until_closed(int fd, struct fm_buf *out,
                                int64_t deadline_ms);

int __wrap_fm_recv_until_closed(int fd, struct fm_buf *out, int64_t deadline_ms)
{
    int r = __real_fm_recv_until_closed(fd, out, deadline_ms);

    if (is("message-differs"))
        spoil(out);
    if (is("whole-though-lost"))
        return 0;
    return is("end-is-an-error") && r == 0 ? FM_E_CLOSED : r;
}

int __real_fm_stream_next(struct fm_stream *s, struct fm_frame *out,
                          int64_t deadline_ms);
int __wrap_fm_stream_next(struct fm_stream *s, struct fm_frame *out,
                          int64_t deadline_ms);

int __wrap_fm_stream_next(struct fm_stream *s, struct fm_frame *out,
                          int64_t deadline_ms)
{
    int r;

    if (is("stops-at-once") && trial.told >= 0)
        return FM_E_CLOSED;
    r = __real_fm_stream_next(s, out, deadline_ms);
    return is("tells-nobody") && r == FM_E_RESET ? FM_FRAME : r;
}

bool __real_fm_serve_blocking(int fd, const struct fm_server_options *o,
                              int stop, const atomic_bool *given,
                              struct fm_server_stats *stats);
bool __wrap_fm_serve_blocking(int fd, const struct fm_server_options *given,
                              int stop, const atomic_bool *told,
                              struct fm_server_stats *stats);

bool __wrap_fm_serve_blocking(int fd, const struct fm_server_options *given,
                              int stop, const atomic_bool *told,
                              struct fm_server_stats *stats)
{
    struct fm_server_options o = *given;
    bool mine;

    o.high_water += is("late-at-high-water");
    if (is("half-the-time"))
        o.idle_ms /= 2;
    if (is("half-the-frame"))
        o.frame_ms /= 2;
    if (is("twice-the-time"))
        o.idle_ms *= 2;
    if (is("any-frame"))
        o.frame_ms = -1;
    mine = __real_fm_serve_blocking(fd, &o, stop, told, stats);
    stats->failed += is("two-ends");
    stats->frames += is("one-frame-more");
    if (is("another-end")) {
        uint64_t ended = stats->ended;

        stats->ended = stats->failed;
        stats->failed = ended;
    }
    return mine || is("closes-the-dead");
}

int __real_fm_drain(int fd, int64_t deadline_ms);
int __wrap_fm_drain(int fd, int64_t deadline_ms);

int __wrap_fm_drain(int fd, int64_t deadline_ms)
{
    if (is("has-no-time"))
        deadline_ms = fm_deadline_in(500);
    return is("parts-at-once") ? 0 : __real_fm_drain(fd, deadline_ms);
}

#define TCP "family tcp\nprofile linux\n"
#define X32 "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"\n"
#define MANY                                                            \
    "bytes 1 " X32 "+ bytes 1 " X32 "+ bytes 1 " X32 "+ bytes 1 " X32   \
    "+ bytes 1 " X32 "+ bytes 1 " X32 "+ bytes 1 " X32 "+ bytes 1 " X32 \
    "+ bytes 1 " X32 "+ bytes 1 " X32 "+ bytes 1 " X32

#define UNREAD                                                               \
    "variant 16\nbuffers 500\nextra 11\n" TCP "stop 1\npair 1 206\nframe 1 " \
    "206\n+ bytes 1 \"zz\"\n"

#define SLOW                                                              \
    "variant 16\n" TCP "extra 11\nbytes 1 \"00004\"\nwait 2000\n"         \
    "bytes 1 \"a\"\nwait 2000\nbytes 1 \"b\"\nwait 2000\nbytes 1 \"c\"\n" \
    "wait 2000\nbytes 1 \"d\"\nfinish 1\n"

const struct row rows[] = {
    {"late", "extra 10\nframe 1 3\n", 0, "a loop went on for"},
    {"pipe-differs", "variant 32\nframe 1 5\n", 0,
     "through a pipe: other bytes"},
    {"pipe-ends", "variant 32\nextra 8\nframe 1 5\n", 0,
     "from an empty pipe: FM_E_CLOSED"},
    {"pipe-fails", "variant 32\nextra 8\nframe 1 5\n", 0,
     "into a full pipe: FM_E_SYS"},
    {"pipe-loses", "variant 32\nextra 8\nframe 1 5\n", 0, "from a full pipe: "},
    {"refuses", "frame 1 5\n", 0,
     "FM_E_BAD at byte 0, where a whole frame was sent"},
    {"overfills", "frame 1 5\n", 0, "were received where there is room for"},
    {"no-room", "frame 1 5\n", 0, "no memory for a frame of 5 bytes"},
    {"truncated", "frame 1 5\nfinish 1\n", 0,
     "receiving ended with FM_E_TRUNCATED"},
    {"no-time", "frame 1 5\nfinish 1\n", 0,
     "receiving ended with FM_E_TIMEOUT"},
    {"sends-nothing", "frame 1 5\nfinish 1\n", 0, "the loops had sent 10"},
    {"end-is-an-error", "variant 16\nextra 2\nframe 1 5\nfinish 1\n", 0,
     "the end of the message is an error"},
    {"message-differs", "variant 16\nextra 2\nframe 1 5\nfinish 1\n", 0,
     "was received as 0x31"},
    {"whole-though-lost",
     "variant 16\n" TCP "extra 2\nframe 1 5\nfault 1 2 0\n", 0,
     "counts as the end of the message"},
    {"tells-nobody", TCP "extra 3\npair 1 5\nfault 1 0 0\n", 0,
     "a send has failed for good, and nobody is told"},
    {"parts-at-once", UNREAD "wait 9000\n", 0,
     "has not ended, and 0 ms ago it had no end"},
    {"has-no-time", UNREAD "wait 1750\nread 1 1\nwait 9000\n", 0,
     "has not ended, and 750 ms ago it had no end"},
    {"late-at-high-water", "variant 30\n" TCP "extra 3\n" MANY "finish 1\n", 0,
     "a frame is handled while 300 bytes wait"},
    {"stops-at-once",
     "variant 158\n" TCP "handlers\nextra 3\n" MANY "@2 signal\nfinish 1\n", 0,
     "it stops and has handled up to byte 1, and had"},
    {"half-the-time", "variant 16\n" TCP "extra 11\nframe 1 3\nwait 4500\n", 0,
     "timed out 1500 ms after a byte, it has 3000"},
    {"half-the-frame", SLOW, 0, "timed out 500 ms after a byte, it has 3000"},
    {"twice-the-time", "variant 16\n" TCP "extra 11\nframe 1 3\nwait 4500\n", 0,
     "it waits, and no byte has moved for 4500 ms"},
    {"any-frame", SLOW, 0, "it waits, and a frame began 6000 ms ago"},
    {"another-end", "variant 80\n" TCP "extra 7\nbytes 1 \"00001H\"\n", 0,
     "the handler has said that it was the last frame"},
    {"another-end", "variant 31\nextra 3\nbytes 1 \"abc\"\nfinish 1\n", 0,
     "its stream has ended, and it is counted as another"},
    {"two-ends", "variant 16\nextra 3\nframe 1 3\nfinish 1\n", 0,
     "it is not counted as one end"},
    {"one-frame-more", "variant 16\nextra 3\nframe 1 3\nfinish 1\n", 0,
     "1 frames were handled, and it counts 2"},
    {"closes-the-dead", "variant 16\n" TCP "extra 3\nframe 1 3\nfault 0 3 0\n",
     0, "its descriptor had died, and is to close it"},
};
const unsigned rows_n = sizeof rows / sizeof *rows;
