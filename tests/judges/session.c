/* session.c: the select server with a bug for each judge of fuzz_session. */
#include "tests/judges/judges.h"

#include "target/acceptor.h"
#include "target/decode.h"
#include "target/server.h"
#include "target/sock.h"
#include "target/sockio.h"

/* The control connection is the first that it accepts. */
enum { FIRST = 2, SECOND = 3, WORDS = 8 };

static struct {
    int listener;
    int fd[WORDS]; /* of the connections, in order */
    int n;
    int wakes; /* waits that were cut short      */
    bool mute; /* the handler answers nothing    */
} now;

int __real_fm_select_server(int listener, const struct fm_server_options *o,
                            const volatile sig_atomic_t *stop);
int __wrap_fm_select_server(int listener, const struct fm_server_options *given,
                            const volatile sig_atomic_t *stop);

static void miscount(struct fm_server_stats *stats)
{
    stats->ended += is("ends-twice");
    stats->exhausted += is("wants");
    stats->frames += is("counts-frames");
    if (is("forgets-the-dead") && stats->dead) {
        stats->dead--;
        stats->ended++;
    }
}

int __wrap_fm_select_server(int listener, const struct fm_server_options *given,
                            const volatile sig_atomic_t *stop)
{
    struct fm_server_options o = *given;
    int r;

    now.listener = listener;
    if (is("half-the-time"))
        o.idle_ms /= 2;
    if (is("half-the-frame"))
        o.frame_ms /= 2;
    o.max_conns += is("one-too-many");
    o.high_water += is("late-at-high-water");
    if (is("early-at-low-water"))
        o.low_water = o.high_water - 1;
    if (is("rests-long"))
        o.rearm_ms = 2000;
    r = __real_fm_select_server(listener, &o, stop);
    miscount(given->stats);
    return is("fails") ? FM_E_SYS : r;
}

int __real_fm_io_accept(int listener);
int __wrap_fm_io_accept(int listener);

int __wrap_fm_io_accept(int listener)
{
    int fd = __real_fm_io_accept(listener);

    if (fd >= 0 && now.n < WORDS - 1)
        now.fd[++now.n] = fd;
    if (fd == FM_E_BUSY && is("asks-twice"))
        fd = __real_fm_io_accept(listener);
    return fd;
}

ssize_t __real_fm_io_recv(int fd, void *buf, size_t len);
ssize_t __wrap_fm_io_recv(int fd, void *buf, size_t len);
ssize_t __real_fm_io_send(int fd, const void *buf, size_t len);
ssize_t __wrap_fm_io_send(int fd, const void *buf, size_t len);

/* What is no whole frame yet comes back as well. */
static ssize_t echo(int fd, const void *buf, ssize_t r)
{
    if (r > 0)
        r = __real_fm_io_send(fd, buf, (size_t)r);
    return r > 0 ? FM_E_AGAIN : r;
}

ssize_t __wrap_fm_io_recv(int fd, void *buf, size_t len)
{
    ssize_t r;

    if (is("resets") && fd == now.fd[FIRST])
        return FM_E_RESET;
    r = __real_fm_io_recv(fd, buf, len);
    return is("echoes-bytes") ? echo(fd, buf, r) : r;
}

ssize_t __wrap_fm_io_send(int fd, const void *buf, size_t len)
{
    static char other[] = "another";

    if (is("swallows") && fd == now.fd[FIRST])
        return (ssize_t)len;
    if (is("swallows-one") && fd == now.fd[FIRST]) {
        __real_fm_io_send(fd, buf, len - 1);
        return (ssize_t)len;
    }
    if (is("mixes-up") && fd == now.fd[SECOND])
        return __real_fm_io_send(fd, other, 1);
    return __real_fm_io_send(fd, buf, len);
}

int __real_fm_io_select(int nfds, fd_set *rd, fd_set *wr, fd_set *ex,
                        int timeout_ms);
int __wrap_fm_io_select(int nfds, fd_set *rd, fd_set *wr, fd_set *ex,
                        int timeout_ms);

int __wrap_fm_io_select(int nfds, fd_set *rd, fd_set *wr, fd_set *ex,
                        int timeout_ms)
{
    enum { OVER_MS = 1000, RESTLESS_MS = 100, SOME = 8 };

    if (is("oversleeps") && timeout_ms > 0)
        timeout_ms += OVER_MS;
    if (is("looks") && timeout_ms > 0 && now.n > 1 && now.wakes++ < SOME)
        timeout_ms = 0;
    if (is("restless") && now.n > 1 && now.wakes++ < SOME)
        timeout_ms = RESTLESS_MS;
    if (is("deaf") && rd && now.n > 0)
        FD_CLR(now.listener, rd);
    return __real_fm_io_select(nfds, rd, wr, ex, timeout_ms);
}

int __real_fm_keepalive(int fd, int idle_s, int every_s);
int __wrap_fm_keepalive(int fd, int idle_s, int every_s);

int __wrap_fm_keepalive(int fd, int idle_s, int every_s)
{
    return is("keeps-nobody") ? 0 : __real_fm_keepalive(fd, idle_s, every_s);
}

int __real_fm_echo(void *context, const struct fm_format *f,
                   const struct fm_frame *request, struct fm_buf *out);
int __wrap_fm_echo(void *context, const struct fm_format *f,
                   const struct fm_frame *request, struct fm_buf *out);

int __wrap_fm_echo(void *context, const struct fm_format *f,
                   const struct fm_frame *request, struct fm_buf *out)
{
    return now.mute ? 0 : __real_fm_echo(context, f, request, out);
}

int __real_fm_decoder_run(struct fm_decoder *d, fm_frame_taker *each,
                          void *context);
int __wrap_fm_decoder_run(struct fm_decoder *d, fm_frame_taker *each,
                          void *context);

static fm_frame_taker *taker;

static int take_twice(void *context, const struct fm_frame *frame)
{
    int r = taker(context, frame);

    now.mute = true;
    if (r == 0)
        r = taker(context, frame);
    now.mute = false;
    return r;
}

int __wrap_fm_decoder_run(struct fm_decoder *d, fm_frame_taker *each,
                          void *context)
{
    int r;

    taker = each;
    r = __real_fm_decoder_run(d, is("handles-twice") ? take_twice : each,
                              context);
    return is("refuses-nothing") && r < 0 ? FM_MORE : r;
}

#define TCP "family tcp\nprofile linux\n"
#define X32 "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"\n"

const struct row rows[] = {
    {"echoes-bytes", "variant 1\nbytes 1 \"ab\"\n", 0, "came back as 0x61"},
    {"mixes-up", "connect 1\nframe 2 3\n", 0,
     "connection 3 (peer 2): byte 0 came back as"},
    {"resets", TCP "frame 1 3\n", 0,
     "ended (ECONNRESET), and nothing had happened"},
    {"half-the-time", "extra 1\nconnect 1\nwait 1500\n", 0,
     "ended (EOF), and nothing had happened"},
    {"half-the-frame", "extra 3\nbytes 1 \"00\"\nwait 2250\n", 0,
     "ended (EOF), and nothing had happened"},
    {"swallows-one", "frame 1 3\n+ finish 1\n", 0,
     "7 bytes came back of 8 that were due"},
    {"swallows-one", "frame 1 3\n+ bytes 1 \"xxxxx\"\n+ finish 1\n", 0,
     "7 bytes came back of 8 that were due"},
    {"swallows", "frame 1 3\n", 0, "answered up to byte 0"},
    {"refuses-nothing", "bytes 1 \"xxxxx\"\n", 0,
     "broke the format and is still served"},
    {"handles-twice", "frame 1 3\n", 0, "frames were handled of"},
    {"oversleeps", "extra 1\nconnect 1\nwait 4500\n", 0,
     "the limit is 2000, and the server waits"},
    {"keeps-nobody", TCP "extra 2\nconnect 1\n", 0, "and is not on"},
    {"asks-twice",
     "family tcp\nprofile posix\nframe 1 5\nconnect 2\nfault 6 2 0\n", 0,
     "it could not accept, and asks again at once"},
    {"asks-twice",
     "family tcp\nprofile posix\nframe 1 5\nconnect 2\n"
     "fault 6 2 0\nfault 0 2 0\n",
     0, "it could not accept, and asks again at once"},
    {"one-too-many",
     "extra 8\nconnect 1\nconnect 2\nconnect 3\nconnect 4\nconnect 5\n", 0,
     "connections at once, the limit is"},
    {"forgets-the-dead", TCP "handlers\npair 1 0\nfault 16 0 0\n", 0,
     "1 connections had their descriptor closed, and it counts 0"},
    {"ends-twice", "frame 1 3\n", 0, "are counted as over"},
    {"wants", "frame 1 3\n", 0, "no more descriptors, and there were"},
    {"counts-frames", "frame 1 3\n", 0, "frames were handled, and it counts"},
    {"deaf", "connect 1\n", 0, "has room, but does not accept"},
    {"restless", "connect 1\n", 0, "it wakes again and again"},
    {"looks", "connect 1\n", 0, "things to do"},
    {"late-at-high-water",
     "variant 14\nbuffers 64\n" TCP "extra 4\nframe 1 1\nstop 1\n"
     "bytes 1 " X32 "bytes 1 " X32 "bytes 1 " X32 "bytes 1 " X32 "bytes 1 " X32
     "bytes 1 \"xxxx\"\nbytes 1 " X32 "go 1\n",
     0, "a frame is handled while 100 bytes wait"},
    {"early-at-low-water",
     "variant 14\nbuffers 64\n" TCP "extra 4\nframe 1 1\nstop 1\n"
     "bytes 1 " X32 "bytes 1 " X32 "bytes 1 " X32 "bytes 1 " X32 "bytes 1 " X32
     "bytes 1 " X32 "bytes 1 " X32 "read 1 45\n",
     0, "it had stopped at 100 bytes to be sent, and goes on with"},
    {"rests-long", TCP "connect 1\nlimit 1\nframe 2 2\nframe 3 2\n", 0,
     "is tried again after 2000 ms, not 100"},
    {"fails", "frame 1 3\n", 0, "fm_select_server ended with FM_E_SYS"},
    {"fails", "variant 240\n", 0,
     "a server that was told to stop says FM_E_SYS"},
};
const unsigned rows_n = sizeof rows / sizeof *rows;
