/*
 * fuzz_stream.c: the blocking loops in whole sessions, with faults.
 *
 * The input is a session (faultinject/session/session.h).  The program under
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
 * time-outs of its own, deadlines are weeks ahead, and the server's handler
 * ends the connection after some frames; eight times: a signal tells the server
 * to stop; both: it ends what would have told it, and says nothing; by way of a
 * pipe: it closes the server's end as well.)  The oracles: what it received is
 * what was sent; what it sent back arrives; an error is one that something had
 * caused, and a time-out does not come early; at the end of the stream the loop
 * says whether it was inside a frame, and that a send has failed for good; no
 * loop goes on when its deadline is long over, or waits without end where it
 * has one or the descriptor does not; a stream has sent all before it waits;
 * none looks at the clock on the wall.  A server also sends before it has too
 * much to send, handles what comes from a peer that takes no more, counts what
 * it has handled, closes in a way that loses no reply, and stops in time with
 * all answered that it had received.
 */
#include "faultinject/inject/finding.h"
#include "faultinject/inject/model.h"
#include "faultinject/session/run.h"
#include "fuzzers/fuzz.h"
#include "fuzzers/phases.h"
#include "fuzzers/reference.h"
#include "fuzzers/trial.h"
#include "target/loops.h"
#include "target/sock.h"
#include "target/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    OWN_S = 2,
    PIPE_PIECE = 512,
    PIECE = 512, /* FM_PIECE of what is tested */
    ROOM = 2500  /* bytes of a frame, or of a message, that there is room for */
};

/* More than an int holds. */
static const int64_t FAR_MS = INT64_C(3) << 30;

static void check_time(void)
{
    if (trial.until && trial_now_ms() > trial.until + TRIAL_LATE_MS)
        sf_peer_finding(SF_MON_LATENESS, trial_peer(),
                        "a loop went on for %lld ms after its deadline",
                        (long long)(trial_now_ms() - trial.until));
}

static int64_t deadline(void)
{
    if (!trial.deadlines)
        return FM_NEVER;
    check_time();
    return trial.until =
               trial_now_ms() + (trial.far ? FAR_MS : TRIAL_DEADLINE_MS);
}

/* --------------------------------------------------------------- program */

static void judge_send(int err)
{
    if (!trial_excuses(err))
        sf_peer_finding(SF_MON_WRONG, trial_peer(), "sending ended with %s",
                        fm_err_name(err));
}

/* Whoever sends, or has sent what was gathered, says that this failed, and not
 * what came in after it. */
static int judge_told(int r)
{
    bool other =
        r >= 0 || r == FM_E_CLOSED || r == FM_E_TRUNCATED || r == FM_E_TIMEOUT;

    if (other && trial.untold)
        sf_peer_finding(SF_MON_LOST, trial_peer(), "%s",
                        "a send has failed for good, and nobody is told");
    trial.untold = false;
    return r;
}

/* In three pieces with empty ones among them, or each byte one. */
static int send_pieces(int fd, const uint8_t *wire, size_t len)
{
    static struct iovec iov[SF_STREAM_MAX + 5];
    size_t size = trial.at_large ? 1 : len / 3 + 1;
    int n = 0;

    iov[n++] = (struct iovec){NULL, 0};
    for (size_t at = 0; at < len; at += size) {
        iov[n].iov_base = (void *)(uintptr_t)(wire + at);
        iov[n++].iov_len = len - at < size ? len - at : size;
    }
    iov[n++] = (struct iovec){NULL, 0};
    return fm_sendv_all(fd, iov, n, deadline());
}

static int fill_pipe(const uint8_t *bytes, size_t len)
{
    struct iovec iov[2] = {
        {(void *)(uintptr_t)bytes, len / 2},
        {(void *)(uintptr_t)(bytes + len / 2), len - len / 2}};

    return trial.mode == VECTORS
               ? fm_sendv_all(trial.ends[1], iov, 2, deadline())
               : fm_send_all(trial.ends[1], bytes, len, deadline());
}

/* What goes into a pipe comes out of it, and no more. */
__attribute__((noinline)) static void pass_pipe(const uint8_t *bytes,
                                                size_t len)
{
    uint8_t out[PIPE_PIECE];
    int r = fill_pipe(bytes, len);

    if (r == 0)
        r = fm_recv_exact(trial.ends[0], out, len, deadline());
    if (r == 0 ? memcmp(bytes, out, len) != 0 : !trial_excuses(r))
        sf_peer_finding(SF_MON_WRONG, trial_peer(), "through a pipe: %s",
                        r ? fm_err_name(r) : "other bytes");
    if (r == 0 && trial.deadlines) {
        r = fm_recv_exact(trial.ends[0], out, 1, fm_deadline_in(0));
        if (r != FM_E_TIMEOUT)
            sf_peer_finding(SF_MON_WRONG, trial_peer(),
                            "from an empty pipe: %s", fm_err_name(r));
    }
}

/* What finds no room waits until its deadline.  A pipe holds no whole number of
 * the pieces, unless it is small. */
__attribute__((noinline)) static void overfill_pipe(void)
{
    uint8_t piece[3 * PIPE_BUF] = {0};
    size_t holds = sf_session_now()->buffers, got = 0;
    size_t len = holds < PIPE_BUF ? holds : sizeof piece;
    ssize_t r;

    do
        r = fm_send_all(trial.ends[1], piece, len, fm_deadline_in(0));
    while (r == 0);
    if (!trial_excuses((int)r))
        sf_peer_finding(SF_MON_WRONG, trial_peer(), "into a full pipe: %s",
                        fm_err_name((int)r));
    while ((r = fm_recv_some(trial.ends[0], piece, len, fm_deadline_in(0))) > 0)
        got += (size_t)r;
    if (got < holds)
        sf_peer_finding(SF_MON_WRONG, trial_peer(),
                        "from a full pipe: %zu bytes of %zu, then %s", got,
                        holds, fm_err_name((int)r));
}

/* The loops work on any descriptor, not only on sockets.  No more than the pipe
 * holds, since nobody reads meanwhile. */
static void use_pipe(const uint8_t *wire, size_t len)
{
    size_t holds = sf_session_now()->buffers;
    size_t piece = holds < PIPE_PIECE ? holds : PIPE_PIECE;

    for (size_t at = 0; trial.pipes && at < len; at += piece)
        pass_pipe(wire + at, len - at < piece ? len - at : piece);
}

/* What is no socket is nobody's connection, and nothing of it is thrown away.
 */
static void drain_pipe(void)
{
    int r = fm_drain(trial.ends[0], fm_deadline_in(0));

    if (r != FM_E_NOT_SOCK)
        sf_peer_finding(SF_MON_WRONG, trial_peer(), "draining a pipe: %s",
                        fm_err_name(r));
}

static int send_back(int fd, const uint8_t *wire, size_t len)
{
    int r;

    use_pipe(wire, len);
    trial.trying = trial.given + len;
    r = judge_told(trial.mode == VECTORS
                       ? send_pieces(fd, wire, len)
                       : fm_send_all(fd, wire, len, deadline()));
    if (r == 0)
        trial.given += len;
    else
        judge_send(r);
    return r;
}

/* What the bytes at the loop's place are, as far as they were sent. */
static void judge_frame_error(int err)
{
    struct ref_frame ref;
    enum ref_verdict verdict = ref_next(&trial.format, trial_peer()->stream,
                                        trial_peer()->sent, trial.taken, &ref);

    if (verdict == REF_BAD && err == FM_E_BAD)
        return;
    if (verdict == REF_TOO_LONG && err == FM_E_TOO_LONG)
        return;
    if (verdict == REF_FRAME && !trial_harmed() && !trial_excuses(err))
        sf_peer_finding(SF_MON_WRONG, trial_peer(),
                        "%s at byte %zu, where a whole frame was sent",
                        fm_err_name(err), trial.taken);
    trial_judge_receive(err, trial.taken, SIZE_MAX);
}

/* Nobody gets more than there is room for. */
static void judge_room(const struct fm_buf *b)
{
    if (!fm_buf_check(b))
        sf_peer_finding(SF_MON_MEMORY, trial_peer(),
                        "%zu bytes were received where there is room for %d",
                        fm_buf_len(b), ROOM);
}

/* A whole frame, and nowhere to put it. */
static void judge_no_room(void)
{
    const struct sf_peer *p = trial_peer();
    struct ref_frame ref;
    size_t len = p->sent;

    if (trial_excuses(FM_E_NOMEM))
        return;
    if (trial.format.kind != FM_CLOSE)
        len = ref_next(&trial.format, p->stream, p->sent, trial.taken, &ref) ==
                      REF_FRAME
                  ? ref.len
                  : 0;
    if (len <= ROOM)
        sf_peer_finding(SF_MON_WRONG, p,
                        "no memory for a frame of %zu bytes, there is room "
                        "for %d",
                        len, ROOM);
}

static bool echo_one_frame(int fd)
{
    struct fm_buf frame, wire = {0};
    int r;

    fm_buf_init(&frame, ROOM);
    r = fm_recv_frame(fd, &trial.format, &frame, deadline());
    judge_room(&frame);
    if (r == FM_E_NOMEM)
        judge_no_room();
    else if (r < 0)
        judge_frame_error(r);
    else
        r = trial_check_payload(fm_buf_peek(&frame), fm_buf_len(&frame), &wire);
    if (r == 0)
        r = send_back(fd, fm_buf_peek(&wire), fm_buf_len(&wire));
    fm_buf_fini(&frame);
    fm_buf_fini(&wire);
    return r == 0 && trial.format.kind != FM_CLOSE;
}

/* One frame through a stream, which sends when it likes. */
static int pass_frame(struct fm_stream *s)
{
    struct fm_frame frame;
    struct fm_buf wire;
    int r = judge_told(fm_stream_next(s, &frame, deadline()));

    if (r < 0) {
        judge_frame_error(r);
        return r;
    }
    r = trial_check_payload(frame.data, frame.len, &wire);
    if (r == 0) {
        trial.trying += fm_buf_len(&wire);
        r = judge_told(fm_stream_put(s, frame.data, frame.len, deadline()));
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

    fm_stream_init(&s, fd, &trial.format);
    do
        r = pass_frame(&s);
    while (r == 0);
    if (r == FM_E_CLOSED || r == FM_E_TRUNCATED) {
        r = judge_told(fm_stream_flush(&s, deadline()));
        if (r == 0)
            trial.given = trial.trying;
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

    fm_buf_init(&message, ROOM);
    r = fm_recv_until_closed(fd, &message, deadline());
    judge_room(&message);
    len = fm_buf_len(&message);
    trial_check_taken(fm_buf_peek(&message), len, 0);
    if (r == 0)
        trial_check_whole(len);
    if (r == FM_E_CLOSED)
        sf_peer_finding(SF_MON_WRONG, trial_peer(), "%s",
                        "the end of the message is an error");
    if (r != FM_E_TOO_LONG)
        trial_judge_receive(r == 0 ? FM_E_CLOSED : r, len, SIZE_MAX);
    else if (trial_peer()->sent <= ROOM)
        sf_peer_finding(SF_MON_WRONG, trial_peer(),
                        "%zu bytes are too long a message, there is room for "
                        "%d",
                        trial_peer()->sent, ROOM);
    if (r == 0)
        send_back(fd, fm_buf_peek(&message), len);
    fm_buf_fini(&message);
}

static bool echo_exactly(int fd, size_t len)
{
    uint8_t *bytes;
    int r;

    fuzz_memory.own = true;
    bytes = malloc(len);
    fuzz_memory.own = false;
    memset(bytes, 0xa5, len);
    r = fm_recv_exact(fd, bytes, len, deadline());
    if (r == 0) {
        trial_check_taken(bytes, len, trial.taken);
        trial.taken += len;
        r = send_back(fd, bytes, len);
    } else {
        trial_judge_receive(r, trial.taken, len);
    }
    free(bytes);
    return r == 0;
}

/* --------------------------------------------------------- descriptors */

static void close_pipes(void)
{
    bool obeys = trial.obeys;

    trial.obeys = false; /* a signal may come in between */
    for (int i = 0; trial.pipes && i < 2; i++)
        close(trial.ends[i]);
    for (int i = 0; obeys && i < 2; i++)
        if (!trial.ended || (i == 0 && !trial.dead))
            close(trial.word[i]);
}

/* At the beginning, so that the number of a descriptor that dies later is not
 * a pipe's.  False: it died just now, and is. */
static bool make_pipes(int fd)
{
    bool obeys = trial.obeys;

    trial.obeys = false; /* not before it can */
    trial.pipes = trial.pipes && pipe(trial.ends) == 0;
    trial.obeys = obeys && pipe(trial.word) == 0;
    if (!(trial.pipes && (trial.ends[0] == fd || trial.ends[1] == fd)) &&
        !(trial.obeys && (trial.word[0] == fd || trial.word[1] == fd)))
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

/* False: it has died, and who asked was told. */
static bool make_ready(int fd)
{
    bool nonblock = sf_session_now()->extra & 4;

    if (nonblock)
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    if (trial.own)
        set_own(fd);
    return sf_sim_is_open(fd) || !(nonblock || trial.own);
}

static void run_loops(void *arg, int fd)
{
    bool mine = true;
    size_t len = 1;

    (void)arg;
    trial.before = fuzz_allocated();
    if (fd < 0 || !make_pipes(fd))
        return;
    if (!make_ready(fd)) {
        close_pipes();
        return;
    }
    if (trial.pipes && trial.deadlines && !trial_serves())
        overfill_pipe();
    if (trial_serves())
        mine = trial_serve(fd);
    else if (trial.mode == STREAM)
        echo_stream(fd);
    else if (trial.mode == EXACT && trial.at_large)
        echo_message(fd);
    else if (trial.mode == EXACT)
        while (echo_exactly(fd, len))
            len = len % 97 * 2 + 1;
    else
        while (echo_one_frame(fd))
            ;
    check_time();
    if (trial.pipes)
        drain_pipe();
    if (mine && sf_sim_is_open(fd))
        close(fd);
    close_pipes();
}

/* ---------------------------------------------------------------- oracles */

static void on_received(void *arg, struct sf_peer *to, const uint8_t *bytes,
                        size_t len)
{
    (void)arg;
    trial_check_bytes("came back", bytes, len, to->received, trial.trying);
}

/* Memory is taken for what was received and one receive more, whatever lengths
 * are announced. */
static void judge_memory(void)
{
    size_t taken = sf_peer_taken(trial_peer()), now = fuzz_allocated();

    if (now > trial.before + 4 * taken + 3 * PIECE)
        sf_peer_finding(SF_MON_MEMORY, trial_peer(),
                        "%zu bytes are held, and %zu were received",
                        now - trial.before, taken);
}

/* Deadlines that are far ahead do not come when an int is full: the weeks up to
 * then pass at once. */
static void skip_weeks(int64_t until)
{
    if (trial.far && until != SF_SIM_NEVER && until / 1000000 < trial.until)
        sf_sim_set_now(until);
}

/* What is gathered goes out before it waits for more, even for the rest of a
 * frame: the peer may be waiting for just that.  Who reads all makes room. */
static void judge_unsent(void)
{
    const struct sf_peer *p = trial_peer();
    size_t given = sf_peer_given(p);

    if (trial.mode == STREAM && p->end && !trial.idle && !trial.broken &&
        !trial.deaf && !trial_harmed() && given < trial.trying &&
        sf_peer_writable(p))
        sf_peer_finding(SF_MON_LOST_WAKEUP, p,
                        "it waits, and has sent %zu bytes of %zu", given,
                        trial.trying);
}

static void on_quiet(void *arg, int64_t until)
{
    (void)arg;
    judge_memory();
    judge_unsent();
    skip_weeks(until);
    if (trial_serves())
        trial_note_goodbye(trial_peer());
    if (trial.told >= 0)
        trial_judge_late();
    if ((trial.own || trial.deadlines) && until == SF_SIM_NEVER)
        sf_peer_finding(SF_MON_LATENESS, trial_peer(),
                        "a loop waits without end, and %s",
                        trial.own ? "the descriptor has time-outs of its own"
                                  : "it has a deadline");
}

/* The program has ended it; all it said it had sent must be here. */
static void on_finished(void *arg)
{
    const struct sf_peer *p = trial_peer();

    (void)arg;
    if (trial_serves())
        trial_judge_close(p);
    if (p->end && (p->eof || (trial_serves() && p->err)) && !trial_harmed() &&
        p->received < trial.given)
        sf_peer_finding(SF_MON_LOST, p,
                        "%zu bytes came back, the loops had sent %zu",
                        p->received, trial.given);
}

static size_t make_frame(void *arg, const struct sf_peer *from, unsigned nth,
                         unsigned size, uint8_t *out, size_t max)
{
    static uint8_t payload[SF_STREAM_MAX];
    struct fm_buf wire;
    size_t len = ref_payload(&trial.format, size, nth, payload, sizeof payload);

    (void)arg;
    (void)from;
    fm_buf_init(&wire, max);
    len = fm_encode(&trial.format, payload, len, &wire) < 0 ? 0
                                                            : fm_buf_len(&wire);
    memcpy(out, fm_buf_peek(&wire), len);
    fm_buf_fini(&wire);
    return len;
}

/* Memory that is short is left alone for a moment, after at most two calls: a
 * vector, and then a piece of it.  A signal may cut the moment short. */
static void judge_haste(const struct sf_point *at, enum sf_fault fault)
{
    size_t moved = sf_peer_taken(trial_peer()) + sf_peer_given(trial_peer());
    bool refused = fault == SF_ENOBUFS || fault == SF_ENOMEM;
    bool is_short = refused && sf_calls[at->call].kind & (K_READ | K_WRITE);

    if (moved != trial.short_moved)
        trial.refused = 0;
    trial.refused += refused;
    if (!is_short || sf_sim_now() != trial.short_at ||
        moved != trial.short_moved)
        trial.shorts = 0;
    trial.shorts += is_short;
    trial.short_at = sf_sim_now();
    trial.short_moved = moved;
    if (trial.shorts > 2 && trial_peer()->end && !sf_session_now()->handlers)
        sf_peer_finding(SF_MON_SPIN, trial_peer(),
                        "memory is short, and %s asks for it a third time at "
                        "once",
                        sf_calls[at->call].name);
}

static void on_fault(void *arg, const struct sf_point *at,
                     const struct sf_outcome *outcome)
{
    struct ref_frame ref;
    size_t place = sf_peer_taken(trial_peer());

    (void)arg;
    judge_haste(at, outcome->fault);
    trial.lost |=
        outcome->fault == SF_ECONNRESET || outcome->fault == SF_ETIMEDOUT;
    trial.broken |= sf_faults[outcome->fault].cls == SF_FATAL &&
                    sf_faults[outcome->fault].err != EBADF;
    trial.gone |= sf_faults[outcome->fault].err == EBADF &&
                  sf_calls[at->call].kind & (K_READ | K_WRITE);
    trial.deaf |=
        sf_faults[outcome->fault].cls == SF_FATAL && outcome->fault != SF_EPIPE;
    trial.untold |= sf_faults[outcome->fault].cls == SF_FATAL &&
                    !sf_fault_transient(outcome->fault) &&
                    sf_calls[at->call].kind & K_WRITE;
    ref_next(&trial.format, trial_peer()->stream, trial_peer()->sent,
             trial.taken, &ref);
    sf_phase((outcome->fault * SF_CALL_COUNT + at->call) * 8u +
             sf_place(place, trial.taken, ref.end));
}

static void counters(void *arg, sf_counter *each, void *to)
{
    (void)arg;
    each(to, &trial.refused, sizeof trial.refused); /* the loop's, too */
    if (!trial.deadlines && !trial_serves())
        sf_session_times(each, to);
}

/* What excuses a server that loses something. */
static void look_at_acts(const struct sf_session *s)
{
    for (unsigned i = 0; i < s->acts_n; i++)
        switch (s->acts[i].kind) {
        case SF_ACT_STOP:
        case SF_ACT_READ:
            trial.idle = true;
            break;
        case SF_ACT_KILL:
        case SF_ACT_RESET:
        case SF_ACT_CLOSE:
            trial.deaf = true;
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
        .set_wall = true,
        .run = run_loops,
        .frame = make_frame,
        .received = on_received,
        .signal = trial_signal,
        .quiet = on_quiet,
        .finished = on_finished,
        .fault = on_fault,
        .counters = counters,
        .no_control = true,
    };
    static struct sf_session s;
    bool fourth;

    if (sf_session_tries_out(data, size))
        return 0;
    sf_session_decode(&s, data, size);
    fourth = s.variant / ref_format_count / 4 % 2;
    memset(&trial, 0, sizeof trial);
    trial.format = *ref_format(s.variant);
    trial.mode = s.extra & 3;
    trial.at_large = s.variant / ref_format_count % 2;
    trial.pipes = s.variant / ref_format_count / 2 % 2;
    trial.deadlines = s.extra & 8;
    trial.obeys = trial_serves() && s.variant / ref_format_count / 8 % 2;
    trial.own = fourth && !(s.extra & 12) && !trial.pipes && !trial.obeys;
    trial.dumb = trial.obeys && fourth;
    trial.lasts = trial_serves() && !trial.obeys && s.extra & 12 && fourth;
    trial.dead = trial.obeys && trial.pipes;
    trial.pipes = trial.pipes && !trial.obeys;
    trial.far = trial.deadlines && !trial_serves() && fourth;
    trial.told = -1;
    look_at_acts(&s);
    if (fuzz_verbose())
        printf("  format %s\n", ref_format_text(s.variant));
    sf_session_run(&s, &loops, fuzz_verbose() ? stdout : NULL);
    return 0;
}
