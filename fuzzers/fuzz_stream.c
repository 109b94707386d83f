/*
 * fuzz_stream.c: the blocking loops in whole sessions, with faults.
 *
 * The input is a session (faultinject/simnet/session.h).  The program under
 * test has one connected descriptor and does with it what `extra` says:
 *
 *     0 echo       fm_recv_frame, fm_send_all of the encoded frame
 *     1 vectors    fm_recv_frame, fm_sendv_all in three pieces and more
 *     2 exact      fm_recv_exact in growing pieces, fm_send_all
 *     3 stream     fm_stream: buffered reading and writing, flush
 *
 * (+4: the descriptor is non-blocking; +8: with deadlines of 3 s), or, when
 * `variant` is past the number of formats, "at large":
 *
 *     1 vectors    each byte a piece: more than IOV_MAX of them
 *     2 exact      fm_recv_until_closed, and all of it back at once
 *     3 stream     fm_serve_blocking: what the thread and the fork server do
 *                  with a connection
 *
 * (past twice the number: by way of a pipe; four times: the descriptor has
 * time-outs of its own; eight times: a signal tells the server to stop.)  The
 * oracles: what it received is what was sent; what
 * it sent back arrives; an error is one that something had caused; at the end
 * of the stream the loop says whether it was inside a frame; no loop goes on
 * when its deadline is long over, or waits without end where the descriptor
 * does not.  A server also sends before it has too much to send, handles what
 * comes from a peer that takes no more, closes in a way that loses no reply,
 * and stops in time with all answered that it had received.
 */
#include "faultinject/inject/finding.h"
#include "faultinject/simnet/run.h"
#include "fuzzers/fuzz.h"
#include "fuzzers/phases.h"
#include "fuzzers/reference.h"
#include "target/encode.h"
#include "target/loops.h"
#include "target/serve.h"
#include "target/stream.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { ECHO, VECTORS, EXACT, STREAM };
enum {
    DEADLINE_MS = 3000,
    LATE_MS = 500, /* a loop may sit out that memory is short */
    OWN_S = 2,
    PIPE_PIECE = 512,
    HIGH_WATER = 300,
    LINGER_MS = 2000
};

static struct {
    struct fm_format format;
    unsigned mode;
    bool at_large;
    bool pipes;
    int ends[2]; /* of the pipe                                        */
    bool deadlines;
    bool own;      /* the descriptor's time-outs                       */
    int64_t until; /* the deadline of the loop that runs, or ran last  */
    size_t taken;  /* bytes of the stream that the loops gave out      */
    size_t given;  /* bytes that the loops say they sent               */
    size_t trying; /* … or may have sent a part of                     */
    bool lost;     /* a fault has broken the connection                */
    bool deaf;     /* … has broken more than its way out               */
    bool idle;     /* the peer may leave unread what was sent          */
    int64_t spent; /* ms in the server                                 */
    bool obeys;    /* a signal tells the server to stop, by            */
    int word[2];   /* … the end of this pipe                           */
    int64_t told;  /* when it did, -1: it has not                      */
    size_t owed;   /* the whole frames that had been received then     */
} fuzz;

static const struct sf_peer *peer(void)
{
    return sf_session_conn(0);
}

/* Between two loops. */
static void check_time(void)
{
    if (fuzz.until && fm_now_ms() > fuzz.until + LATE_MS)
        sf_peer_finding(SF_MON_LATENESS, peer(),
                        "a loop went on for %lld ms after its deadline",
                        (long long)(fm_now_ms() - fuzz.until));
}

static int64_t deadline(void)
{
    if (!fuzz.deadlines)
        return FM_NEVER;
    check_time();
    return fuzz.until = fm_deadline_in(DEADLINE_MS);
}

/* --------------------------------------------------------------- program */

/* These are the bytes of the stream from `at` on, of which `end` exist. */
static void check_bytes(const char *what, const uint8_t *bytes, size_t len,
                        size_t at, size_t end)
{
    const uint8_t *stream = peer()->stream;
    size_t i = 0;

    if (at + len <= end && memcmp(bytes, stream + at, len) == 0)
        return;
    while (at + i < end && bytes[i] == stream[at + i])
        i++;
    sf_peer_finding(SF_MON_WRONG, peer(),
                    "byte %zu %s as 0x%02x, sent was 0x%02x (%zu bytes)",
                    at + i, what, bytes[i], at + i < end ? stream[at + i] : 0,
                    end);
}

static void check_taken(const uint8_t *bytes, size_t len, size_t at)
{
    check_bytes("was received", bytes, len, at, peer()->sent);
}

static bool is_harmed(void)
{
    return peer()->harmed || (peer()->end && sf_end_harmed(peer()->end));
}

/* A deadline may have passed, or the peer may have gone away. */
static bool has_excuse(int err)
{
    bool gone = peer()->closed || is_harmed();

    if ((fuzz.deadlines || fuzz.own || fuzz.told >= 0) && err == FM_E_TIMEOUT)
        return true;
    return gone &&
           (err == FM_E_RESET || err == FM_E_PIPE || err == FM_E_UNREACH ||
            err == FM_E_BADFD || err == FM_E_TRUNCATED || err == FM_E_CLOSED ||
            err == FM_E_SYS);
}

/* A receiving loop ended at offset `at` of a stream of peer()->sent bytes:
 * was that right?  `need` more bytes would have been a success. */
static void judge_receive(int err, size_t at, size_t need)
{
    size_t left = peer()->sent - at;
    bool over = peer()->finished || peer()->closed || is_harmed();

    if (err == FM_E_CLOSED && over && (left == 0 || is_harmed()))
        return;
    if (err == FM_E_TRUNCATED && over && ((left && left < need) || is_harmed()))
        return;
    if (has_excuse(err) && err != FM_E_TRUNCATED && err != FM_E_CLOSED)
        return;
    sf_peer_finding(SF_MON_WRONG, peer(),
                    "receiving ended with %s at byte %zu of %zu",
                    fm_err_name(err), at, peer()->sent);
}

static void judge_send(int err)
{
    if (!has_excuse(err))
        sf_peer_finding(SF_MON_WRONG, peer(), "sending ended with %s",
                        fm_err_name(err));
}

/* In three pieces with empty ones among them, or each byte one. */
static int send_pieces(int fd, const uint8_t *wire, size_t len)
{
    static struct iovec iov[SF_STREAM_MAX + 5];
    size_t size = fuzz.at_large ? 1 : len / 3 + 1;
    int n = 0;

    iov[n++] = (struct iovec){NULL, 0};
    for (size_t at = 0; at < len; at += size) {
        iov[n].iov_base = (void *)(uintptr_t)(wire + at);
        iov[n++].iov_len = len - at < size ? len - at : size;
    }
    iov[n++] = (struct iovec){NULL, 0};
    return fm_sendv_all(fd, iov, n, deadline());
}

/* What goes into a pipe comes out of it. */
static void pass_pipe(const uint8_t *bytes, size_t len)
{
    uint8_t out[PIPE_PIECE];
    int r = fm_send_all(fuzz.ends[1], bytes, len, deadline());

    if (r == 0)
        r = fm_recv_exact(fuzz.ends[0], out, len, deadline());
    if (r == 0 ? memcmp(bytes, out, len) != 0 : !has_excuse(r))
        sf_peer_finding(SF_MON_WRONG, peer(), "through a pipe: %s",
                        r ? fm_err_name(r) : "other bytes");
}

/* The loops work on any descriptor, not only on sockets.  No more than the pipe
 * holds, since nobody reads meanwhile. */
static void use_pipe(const uint8_t *wire, size_t len)
{
    size_t holds = sf_session_now()->buffers;
    size_t piece = holds < PIPE_PIECE ? holds : PIPE_PIECE;

    for (size_t at = 0; fuzz.pipes && at < len; at += piece)
        pass_pipe(wire + at, len - at < piece ? len - at : piece);
}

static int send_back(int fd, const uint8_t *wire, size_t len)
{
    int r;

    use_pipe(wire, len);
    fuzz.trying = fuzz.given + len;
    r = fuzz.mode == VECTORS ? send_pieces(fd, wire, len)
                             : fm_send_all(fd, wire, len, deadline());
    if (r == 0)
        fuzz.given += len;
    else
        judge_send(r);
    return r;
}

/* What the bytes at the loop's place are, as far as they were sent. */
static void judge_frame_error(int err)
{
    struct ref_frame ref;
    enum ref_verdict verdict =
        ref_next(&fuzz.format, peer()->stream, peer()->sent, fuzz.taken, &ref);

    if (verdict == REF_BAD && err == FM_E_BAD)
        return;
    if (verdict == REF_TOO_LONG && err == FM_E_TOO_LONG)
        return;
    if (verdict == REF_FRAME && !is_harmed() && !has_excuse(err))
        sf_peer_finding(SF_MON_WRONG, peer(),
                        "%s at byte %zu, where a whole frame was sent",
                        fm_err_name(err), fuzz.taken);
    judge_receive(err, fuzz.taken, SIZE_MAX);
}

/* The end of the stream is the end of the message, unless it was lost. */
static void check_whole(size_t len)
{
    if (fuzz.lost)
        sf_peer_finding(SF_MON_WRONG, peer(),
                        "the connection was lost at byte %zu, and that counts "
                        "as the end of the message",
                        len);
}

/* A payload came out: is it what was sent?  Its bytes on the wire go to
 * *wire.  Returns 0, or why there are none. */
static int check_payload(const uint8_t *payload, size_t len,
                         struct fm_buf *wire)
{
    int r;

    fm_buf_init(wire, 2 * SF_STREAM_MAX);
    if (fuzz.format.kind == FM_CLOSE)
        check_whole(len);
    r = fm_encode(&fuzz.format, payload, len, wire);
    if (r == 0) {
        check_taken(fm_buf_peek(wire), fm_buf_len(wire), fuzz.taken);
        fuzz.taken += fm_buf_len(wire);
    }
    return r;
}

static bool echo_one_frame(int fd)
{
    struct fm_buf frame, wire = {0};
    int r;

    fm_buf_init(&frame, SF_STREAM_MAX);
    r = fm_recv_frame(fd, &fuzz.format, &frame, deadline());
    if (r < 0)
        judge_frame_error(r);
    else
        r = check_payload(fm_buf_peek(&frame), fm_buf_len(&frame), &wire);
    if (r == 0)
        r = send_back(fd, fm_buf_peek(&wire), fm_buf_len(&wire));
    fm_buf_fini(&frame);
    fm_buf_fini(&wire);
    return r == 0 && fuzz.format.kind != FM_CLOSE;
}

/* One frame through a stream, which sends when it likes. */
static int pass_frame(struct fm_stream *s)
{
    struct fm_frame frame;
    struct fm_buf wire;
    int r = fm_stream_next(s, &frame, deadline());

    if (r < 0) {
        judge_frame_error(r);
        return r;
    }
    r = check_payload(frame.data, frame.len, &wire);
    if (r == 0) {
        fuzz.trying += fm_buf_len(&wire);
        r = fm_stream_put(s, frame.data, frame.len, deadline());
        if (r < 0)
            judge_send(r);
    }
    fm_buf_fini(&wire);
    return r;
}

static void echo_stream(int fd)
{
    struct fm_stream s;
    int r;

    fm_stream_init(&s, fd, &fuzz.format);
    do
        r = pass_frame(&s);
    while (r == 0);
    if (r == FM_E_CLOSED || r == FM_E_TRUNCATED) {
        r = fm_stream_flush(&s, deadline());
        if (r == 0)
            fuzz.given = fuzz.trying;
        else
            judge_send(r);
    }
    fm_stream_fini(&s);
}

static void echo_message(int fd)
{
    struct fm_buf message;
    size_t len;
    int r;

    fm_buf_init(&message, SF_STREAM_MAX);
    r = fm_recv_until_closed(fd, &message, deadline());
    len = fm_buf_len(&message);
    check_taken(fm_buf_peek(&message), len, 0);
    if (r == 0)
        check_whole(len);
    judge_receive(r == 0 ? FM_E_CLOSED : r, len, SIZE_MAX);
    if (r == 0)
        send_back(fd, fm_buf_peek(&message), len);
    fm_buf_fini(&message);
}

static bool echo_exactly(int fd, size_t len)
{
    uint8_t *bytes = malloc(len);
    int r;

    memset(bytes, 0xa5, len);
    r = fm_recv_exact(fd, bytes, len, deadline());
    if (r == 0) {
        check_taken(bytes, len, fuzz.taken);
        fuzz.taken += len;
        r = send_back(fd, bytes, len);
    } else {
        judge_receive(r, fuzz.taken, len);
    }
    free(bytes);
    return r == 0;
}

/* ------------------------------------------------------------- the server */

static bool serves(void)
{
    return fuzz.mode == STREAM && fuzz.at_large;
}

static int handle(void *context, const struct fm_format *f,
                  const struct fm_frame *frame, struct fm_buf *out)
{
    size_t waits = fm_buf_len(out);
    struct fm_buf wire;

    (void)context;
    if (waits >= HIGH_WATER)
        sf_peer_finding(SF_MON_MEMORY, peer(),
                        "a frame is handled while %zu bytes wait to be sent, "
                        "the limit is %d",
                        waits, HIGH_WATER);
    if (check_payload(frame->data, frame->len, &wire) == 0)
        fuzz.trying += fm_buf_len(&wire);
    fm_buf_fini(&wire);
    return fm_encode(f, frame->data, frame->len, out);
}

/* It was not the end of the stream, nor a time-out, nor a dead descriptor. */
static void judge_failure(void)
{
    struct ref_frame ref;
    enum ref_verdict verdict =
        ref_next(&fuzz.format, peer()->stream, peer()->sent, fuzz.taken, &ref);

    if (verdict != REF_BAD && verdict != REF_TOO_LONG && !peer()->finished &&
        !peer()->closed && !is_harmed())
        sf_peer_finding(SF_MON_HARM, peer(), "%s",
                        "it was failed, and nothing had happened to it");
}

/* A peer that takes no more replies may have sent frames that it wants to be
 * handled: all that was read, at least. */
static void judge_handled(void)
{
    enum ref_verdict verdict;
    size_t end = ref_end(&fuzz.format, peer()->stream, sf_peer_taken(peer()), 0,
                         &verdict);

    if (!fuzz.deaf && !fuzz.deadlines && !fuzz.own && fuzz.taken < end)
        sf_peer_finding(SF_MON_LOST, peer(),
                        "handled up to byte %zu, what was read has whole "
                        "frames up to %zu",
                        fuzz.taken, end);
}

/* The signal's handler.  The injector is not asked: it is no call of theirs. */
static void on_signal(void *arg)
{
    enum ref_verdict verdict;

    (void)arg;
    if (!fuzz.obeys || fuzz.told >= 0)
        return;
    fuzz.told = fm_now_ms();
    fuzz.owed = ref_end(&fuzz.format, peer()->stream, sf_peer_taken(peer()), 0,
                        &verdict);
    sf_simnet()->close(fuzz.word[1]);
}

static int64_t since_told(void)
{
    return fm_now_ms() - fuzz.told;
}

/* Answers, output and the peer's end have LINGER_MS each; who does not read is
 * waited for. */
static void judge_late(void)
{
    if (!fuzz.idle && since_told() > 3 * LINGER_MS + LATE_MS)
        sf_peer_finding(SF_MON_LATENESS, peer(),
                        "told to stop %lld ms ago, and it goes on",
                        (long long)since_told());
}

static void judge_stop(void)
{
    if (fuzz.told < 0)
        return;
    judge_late();
    if (since_told() < LINGER_MS && !fuzz.deaf && fuzz.taken < fuzz.owed)
        sf_peer_finding(SF_MON_LOST, peer(),
                        "it stops and has handled up to byte %zu, and had "
                        "received frames up to %zu",
                        fuzz.taken, fuzz.owed);
}

static void judge_served(const struct fm_server_stats *stats)
{
    if (stats->ended + stats->timed_out + stats->dead + stats->failed != 1)
        sf_peer_finding(SF_MON_WRONG, peer(), "%s",
                        "it is not counted as one end");
    judge_stop();
    if (stats->ended && fuzz.told < 0)
        judge_receive(FM_E_CLOSED, fuzz.taken, SIZE_MAX);
    else if (stats->ended)
        return;
    else if (stats->timed_out)
        judge_receive(FM_E_TIMEOUT, fuzz.taken, SIZE_MAX);
    else if (stats->dead)
        judge_receive(FM_E_BADFD, fuzz.taken, SIZE_MAX);
    else
        judge_failure();
    judge_handled();
}

/* Returns whether fd is still the connection's. */
static bool serve(int fd)
{
    struct fm_server_options o,
        given = {
            .format = fuzz.format,
            .handler = handle,
            .high_water = HIGH_WATER,
            .idle_ms = fuzz.deadlines ? DEADLINE_MS : -1,
        };
    struct fm_server_stats stats = {0};
    bool mine;

    fm_options_complete(&o, &given);
    fuzz.spent = -fm_now_ms();
    mine = fm_serve_blocking(fd, &o, fuzz.obeys ? fuzz.word[0] : -1, &stats);
    fuzz.spent += fm_now_ms();
    judge_served(&stats);
    if (!fuzz.idle)
        fuzz.given = fuzz.trying;
    return mine;
}

static void close_pipes(void)
{
    for (int i = 0; fuzz.pipes && i < 2; i++)
        close(fuzz.ends[i]);
    for (int i = 0; fuzz.obeys && i < 2; i++)
        if (i == 0 || fuzz.told < 0)
            close(fuzz.word[i]);
}

/* At the beginning, so that the number of a descriptor that dies later is not
 * a pipe's.  False: it died just now, and is. */
static bool make_pipes(int fd)
{
    fuzz.pipes = fuzz.pipes && pipe(fuzz.ends) == 0;
    fuzz.obeys = fuzz.obeys && pipe(fuzz.word) == 0;
    if (!(fuzz.pipes && (fuzz.ends[0] == fd || fuzz.ends[1] == fd)) &&
        !(fuzz.obeys && (fuzz.word[0] == fd || fuzz.word[1] == fd)))
        return true;
    close_pipes();
    return false;
}

static void set_own(int fd)
{
    struct timeval own = {.tv_sec = OWN_S};

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &own, sizeof own);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &own, sizeof own);
}

static void run_loops(void *arg, int fd)
{
    bool mine = true;
    size_t len = 1;

    (void)arg;
    if (fd < 0 || !make_pipes(fd))
        return;
    if (sf_session_now()->extra & 4)
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    if (fuzz.own)
        set_own(fd);
    if (serves())
        mine = serve(fd);
    else if (fuzz.mode == STREAM)
        echo_stream(fd);
    else if (fuzz.mode == EXACT && fuzz.at_large)
        echo_message(fd);
    else if (fuzz.mode == EXACT)
        while (echo_exactly(fd, len))
            len = len % 97 * 2 + 1;
    else
        while (echo_one_frame(fd))
            ;
    check_time();
    if (mine && sf_sim_is_open(fd))
        close(fd);
    close_pipes();
}

/* ---------------------------------------------------------------- oracles */

static void on_received(void *arg, struct sf_peer *to, const uint8_t *bytes,
                        size_t len)
{
    (void)arg;
    check_bytes("came back", bytes, len, to->received, fuzz.trying);
}

static void on_quiet(void *arg, int64_t until)
{
    (void)arg;
    if (fuzz.told >= 0)
        judge_late();
    if (fuzz.own && until == SF_SIM_NEVER)
        sf_peer_finding(SF_MON_LATENESS, peer(), "%s",
                        "a loop waits without end, and the descriptor has "
                        "time-outs of its own");
}

/* Who closes with bytes unread resets the connection, and a reset overtakes
 * replies: here they had arrived, on a network they might not. */
static void judge_close(const struct sf_peer *p)
{
    if (p->err && !p->closed && !is_harmed() && fuzz.spent < LINGER_MS)
        sf_peer_finding(SF_MON_LOST, p,
                        "closed %lld ms after it came, with bytes unread: a "
                        "reset, before which replies may be lost",
                        (long long)fuzz.spent);
}

/* The program has ended it; all it said it had sent must be here. */
static void on_finished(void *arg)
{
    const struct sf_peer *p = peer();

    (void)arg;
    if (serves())
        judge_close(p);
    if (p->end && (p->eof || (serves() && p->err)) && !is_harmed() &&
        p->received < fuzz.given)
        sf_peer_finding(SF_MON_LOST, p,
                        "%zu bytes came back, the loops had sent %zu",
                        p->received, fuzz.given);
}

static size_t make_frame(void *arg, const struct sf_peer *from, unsigned nth,
                         unsigned size, uint8_t *out, size_t max)
{
    static uint8_t payload[SF_STREAM_MAX];
    struct fm_buf wire;
    size_t len = ref_payload(&fuzz.format, size, nth, payload, sizeof payload);

    (void)arg;
    (void)from;
    fm_buf_init(&wire, max);
    len = fm_encode(&fuzz.format, payload, len, &wire) < 0 ? 0
                                                           : fm_buf_len(&wire);
    memcpy(out, fm_buf_peek(&wire), len);
    fm_buf_fini(&wire);
    return len;
}

static void on_fault(void *arg, const struct sf_point *at,
                     const struct sf_outcome *outcome)
{
    struct ref_frame ref;
    size_t place = sf_peer_taken(peer());

    (void)arg;
    fuzz.lost |=
        outcome->fault == SF_ECONNRESET || outcome->fault == SF_ETIMEDOUT;
    fuzz.deaf |=
        sf_faults[outcome->fault].cls == SF_FATAL && outcome->fault != SF_EPIPE;
    ref_next(&fuzz.format, peer()->stream, peer()->sent, fuzz.taken, &ref);
    sf_phase((outcome->fault * SF_CALL_COUNT + at->call) * 8u +
             sf_place(place, fuzz.taken, ref.end));
}

static void counters(void *arg, sf_counter *each, void *to)
{
    (void)arg;
    sf_phase_counters(each, to);
    if (!fuzz.deadlines && !serves())
        sf_session_times(each, to);
}

/* What excuses a server that loses something. */
static void look_at_acts(const struct sf_session *s)
{
    for (unsigned i = 0; i < s->acts_n; i++)
        switch (s->acts[i].kind) {
        case SF_ACT_STOP:
        case SF_ACT_READ:
            fuzz.idle = true;
            break;
        case SF_ACT_KILL:
        case SF_ACT_RESET:
        case SF_ACT_CLOSE:
            fuzz.deaf = true;
            break;
        default:
            break;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sf_program loops = {
        .name = "the loops",
        .side = SF_GIVEN,
        .run = run_loops,
        .frame = make_frame,
        .received = on_received,
        .signal = on_signal,
        .quiet = on_quiet,
        .finished = on_finished,
        .fault = on_fault,
        .counters = counters,
        .no_control = true,
    };
    static struct sf_session s;

    sf_session_decode(&s, data, size);
    memset(&fuzz, 0, sizeof fuzz);
    fuzz.format = *ref_format(s.variant);
    fuzz.mode = s.extra & 3;
    fuzz.at_large = s.variant / ref_format_count % 2;
    fuzz.pipes = s.variant / ref_format_count / 2 % 2;
    fuzz.deadlines = s.extra & 8;
    fuzz.obeys = serves() && s.variant / ref_format_count / 8 % 2;
    fuzz.own = s.variant / ref_format_count / 4 % 2 && !(s.extra & 12) &&
               !fuzz.pipes && !fuzz.obeys;
    fuzz.told = -1;
    look_at_acts(&s);
    if (fuzz_verbose())
        printf("  format %s\n", ref_format_text(s.variant));
    sf_session_run(&s, &loops, fuzz_verbose() ? stdout : NULL);
    return 0;
}
