/*
 * see loops.h
 *
 * Every loop is a few lines around one attempt, fm_recv_some() or send_some():
 * it moves at least one byte or fails for good.  Without a deadline the
 * attempt is a plain call that may sleep in the kernel; with one it is a
 * call that does not sleep, and the sleeping is left to poll().
 */
#include "target/loops.h"
#include "target/decode.h"
#include "target/piece.h"
#include "target/sockio.h"

#include <limits.h>
#include <poll.h>

enum {
    PIECE = FM_PIECE, /* bytes of memory taken ahead of the bytes         */
    BUSY_TRIES = 16   /* times in a row that the system may be busy       */
};

/* The system is short of memory: leave it alone for a moment, but not for
 * ever, nor for longer than there is time; and never ask again at once, though
 * that makes it a little late.  Returns 0 to try again. */
static int sit_out(unsigned *busy, int64_t deadline_ms)
{
    int ms = fm_remaining_ms(fm_now_ms(), deadline_ms);

    if (++*busy > BUSY_TRIES)
        return FM_E_BUSY;
    if (ms < 0 || ms > FM_BUSY_PAUSE_MS)
        ms = FM_BUSY_PAUSE_MS;
    fm_io_poll(-1, 0, -1, ms ? ms : 1);
    return 0;
}

int fm_wait_or(int fd, short events, int wake, int64_t deadline_ms)
{
    unsigned busy = 0;

    for (;;) {
        int ms = fm_remaining_ms(fm_now_ms(), deadline_ms);
        int r = fm_io_poll(fd, events, wake, ms);

        if (r > 0)
            return r == 1 ? 0 : FM_E_INTR;
        if (r == 0 && ms == 0)
            return FM_E_TIMEOUT;
        if (r == FM_E_BUSY)
            r = sit_out(&busy, deadline_ms);
        if (r < 0 && r != FM_E_INTR)
            return r;
    }
}

int fm_wait(int fd, short events, int64_t deadline_ms)
{
    return fm_wait_or(fd, events, -1, deadline_ms);
}

/* A blocking descriptor says EAGAIN when its own time-out has passed. */
static int wait_after_again(int fd, short events, int64_t deadline_ms)
{
    if (deadline_ms == FM_NEVER && fm_io_get_nonblock(fd) == 0)
        return FM_E_TIMEOUT;
    return fm_wait(fd, events, deadline_ms);
}

/* May the attempt that failed with err be made again?  Then wait until it
 * makes sense and return 0. */
static int prepare_retry(int fd, ssize_t err, short events, int64_t deadline_ms,
                         unsigned *busy)
{
    switch (err) {
    case FM_E_INTR:
        return 0;
    case FM_E_AGAIN:
        return wait_after_again(fd, events, deadline_ms);
    case FM_E_BUSY:
        return sit_out(busy, deadline_ms);
    default:
        return (int)err;
    }
}

/* What a descriptor may be. */
enum which { SOCKET, ANY };

static ssize_t receive(enum which which, int fd, void *buf, size_t len,
                       int64_t deadline_ms)
{
    bool patient = deadline_ms == FM_NEVER;
    ssize_t r =
        patient ? fm_io_recv(fd, buf, len) : fm_io_recv_now(fd, buf, len);

    if (r != FM_E_NOT_SOCK || which == SOCKET)
        return r;
    if (!patient)
        r = fm_wait(fd, POLLIN, deadline_ms);
    return patient || r == 0 ? fm_io_read(fd, buf, len) : r;
}

/* A pipe that is ready takes PIPE_BUF bytes without sleeping. */
static ssize_t transmit(enum which which, int fd, const void *buf, size_t len,
                        int64_t deadline_ms)
{
    bool patient = deadline_ms == FM_NEVER;
    ssize_t r =
        patient ? fm_io_send(fd, buf, len) : fm_io_send_now(fd, buf, len);

    if (r != FM_E_NOT_SOCK || which == SOCKET)
        return r;
    if (patient)
        return fm_io_write(fd, buf, len);
    r = fm_wait(fd, POLLOUT, deadline_ms);
    return r == 0 ? fm_io_write(fd, buf, len < PIPE_BUF ? len : PIPE_BUF) : r;
}

static ssize_t recv_some(enum which which, int fd, void *buf, size_t len,
                         int64_t deadline_ms)
{
    unsigned busy = 0;

    for (;;) {
        ssize_t r = receive(which, fd, buf, len, deadline_ms);

        if (r > 0)
            return r;
        r = prepare_retry(fd, r, POLLIN, deadline_ms, &busy);
        if (r < 0)
            return r;
    }
}

ssize_t fm_recv_some(int fd, void *buf, size_t len, int64_t deadline_ms)
{
    return recv_some(ANY, fd, buf, len, deadline_ms);
}

ssize_t fm_sock_recv_some(int fd, void *buf, size_t len, int64_t deadline_ms)
{
    return recv_some(SOCKET, fd, buf, len, deadline_ms);
}

static ssize_t send_some(enum which which, int fd, const void *buf, size_t len,
                         int64_t deadline_ms)
{
    unsigned busy = 0;

    for (;;) {
        ssize_t r = transmit(which, fd, buf, len, deadline_ms);

        if (r > 0)
            return r;
        r = prepare_retry(fd, r, POLLOUT, deadline_ms, &busy);
        if (r < 0)
            return r;
    }
}

ssize_t fm_send_some(int fd, const void *buf, size_t len, int64_t deadline_ms)
{
    return send_some(ANY, fd, buf, len, deadline_ms);
}

ssize_t fm_sock_send_some(int fd, const void *buf, size_t len,
                          int64_t deadline_ms)
{
    return send_some(SOCKET, fd, buf, len, deadline_ms);
}

int fm_recv_exact(int fd, void *buf, size_t len, int64_t deadline_ms)
{
    size_t got = 0;

    while (got < len) {
        ssize_t r = fm_recv_some(fd, (char *)buf + got, len - got, deadline_ms);

        if (r == FM_E_CLOSED && got > 0)
            return FM_E_TRUNCATED;
        if (r < 0)
            return (int)r;
        got += (size_t)r;
    }
    return 0;
}

int fm_send_all(int fd, const void *buf, size_t len, int64_t deadline_ms)
{
    size_t out = 0;

    while (out < len) {
        ssize_t r =
            fm_send_some(fd, (const char *)buf + out, len - out, deadline_ms);

        if (r < 0)
            return (int)r;
        out += (size_t)r;
    }
    return 0;
}

/* What is left of a vector: its first `done` bytes are out. */
struct rest {
    const struct iovec *iov;
    int n;
    size_t done;
};

static void skip(struct rest *rest, size_t sent)
{
    rest->done += sent;
    while (rest->n > 0 && rest->done >= rest->iov->iov_len) {
        rest->done -= rest->iov->iov_len;
        rest->iov++;
        rest->n--;
    }
}

/* As much of the rest as one call may take, without empty pieces. */
static int window(const struct rest *rest, struct iovec out[IOV_MAX])
{
    int n = 0;

    for (int i = 0; i < rest->n && n < IOV_MAX; i++) {
        size_t done = i == 0 ? rest->done : 0;

        if (rest->iov[i].iov_len == 0)
            continue;
        out[n].iov_base = (char *)rest->iov[i].iov_base + done;
        out[n].iov_len = rest->iov[i].iov_len - done;
        n++;
    }
    return n;
}

/* What keeps the whole vector from going out for now, its first piece alone
 * meets too, and send_some() knows what to do about it. */
static ssize_t sendv_some(int fd, const struct rest *rest, int64_t deadline_ms)
{
    struct iovec out[IOV_MAX];
    int n = window(rest, out);
    ssize_t r = deadline_ms == FM_NEVER ? fm_io_sendv(fd, out, n)
                                        : fm_io_sendv_now(fd, out, n);

    switch (r) {
    case FM_E_INTR:
    case FM_E_AGAIN:
    case FM_E_BUSY:
    case FM_E_NOT_SOCK:
        return send_some(ANY, fd, out[0].iov_base, out[0].iov_len, deadline_ms);
    default:
        return r;
    }
}

int fm_sendv_all(int fd, const struct iovec *iov, int iovcnt,
                 int64_t deadline_ms)
{
    struct rest rest = {.iov = iov, .n = iovcnt};

    if (iovcnt < 0)
        return FM_E_USAGE;
    for (skip(&rest, 0); rest.n > 0;) {
        ssize_t r = sendv_some(fd, &rest, deadline_ms);

        if (r < 0)
            return (int)r;
        skip(&rest, (size_t)r);
    }
    return 0;
}

/* Receive what surely belongs to the current frame, and feed it. */
static int feed_wanted(int fd, struct fm_decoder *d, int64_t deadline_ms)
{
    size_t want = fm_decoder_want(d);
    void *room;
    ssize_t r;

    if (want > PIECE)
        want = PIECE;
    room = fm_decoder_reserve(d, want);
    if (!room)
        return FM_E_NOMEM;
    if (d->format.kind == FM_CLOSE) {
        r = fm_recv_some(fd, room, want, deadline_ms);
        want = r > 0 ? (size_t)r : 0;
    } else {
        r = fm_recv_exact(fd, room, want, deadline_ms);
    }
    if (r < 0)
        return (int)r;
    fm_decoder_commit(d, want);
    return 0;
}

int fm_recv_frame(int fd, const struct fm_format *f, struct fm_buf *out,
                  int64_t deadline_ms)
{
    struct fm_decoder d;
    struct fm_frame frame;
    int r;

    fm_decoder_init(&d, f);
    while ((r = fm_decoder_next(&d, &frame)) == FM_MORE) {
        r = feed_wanted(fd, &d, deadline_ms);
        if (r == FM_E_CLOSED)
            r = fm_decoder_end(&d, &frame);
        if (r != 0)
            break;
    }
    if (r == FM_FRAME)
        r = fm_buf_append(out, frame.data, frame.len) ? 0 : FM_E_NOMEM;
    fm_decoder_fini(&d);
    return r;
}

int fm_recv_until_closed(int fd, struct fm_buf *out, int64_t deadline_ms)
{
    uint8_t piece[PIECE];

    for (;;) {
        ssize_t r = fm_recv_some(fd, piece, sizeof piece, deadline_ms);

        if (r == FM_E_CLOSED)
            return 0;
        if (r < 0)
            return (int)r;
        if ((size_t)r > out->max - fm_buf_len(out))
            return FM_E_TOO_LONG;
        if (!fm_buf_append(out, piece, (size_t)r))
            return FM_E_NOMEM;
    }
}
