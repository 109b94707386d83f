/*
 * fuzz_session.c: the select server in whole sessions, with faults.
 *
 * The input is a session (faultinject/session/session.h): some clients and
 * what they do, a tape of faults, options.  The server under test is
 * fm_select_server with the echo handler, which says of some frames that they
 * are the last when `variant` is past the number of formats (past twice the
 * number: a signal tells it to stop, and wakes it by way of a pipe); everything
 * it calls runs in memory.  Past fifteen times the number it is one of the
 * three servers, by `extra`, from the call that makes its listener on; it is
 * told to stop before anyone comes, and gives back what it has, whatever fails.
 * Every format sends a payload back in the very bytes in which it came, so what
 * a client gets has to be a prefix of what it sent, up to the end of the last
 * whole frame.  The oracles, on every session:
 *
 *     wrong-data   a byte that was not sent, or after the last frame; a
 *                  message handled that nobody has ended
 *     lost-wakeup  the server waits, and owes an answer that has room, or
 *                  leaves bytes unread without a reason
 *     harm         it ended a connection to which nothing had happened, or,
 *                  told to stop, before its peer had
 *     lost-data    the script is over, and an answer never came; half-closed
 *                  and never ended; accepted never; a frame never handled
 *     lateness     a connection, or a frame on its way in, outlived its
 *                  time-out; a peer that has ended was left unnoticed; one that
 *                  has the end was waited for too long; it was told to stop and
 *                  goes on; no keepalive where it was asked for
 *     memory       it reads on while more than it may hold waits to be sent;
 *                  it has more connections than it may; idle ones hold bytes
 *     complexity   bytes of output are moved again and again
 *     spin         memory was short, and it asks for it again at once; it could
 *                  not accept, and tries again at once; it wakes and wakes, or
 *                  goes round without a wait, and has nothing to do
 *
 * and those of run.h: stall, spin, fd-leak, died, complexity.
 */
#include "faultinject/inject/finding.h"
#include "fuzzers/fuzz.h"
#include "fuzzers/phases.h"
#include "fuzzers/session/peers.h"
#include "target/sock.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    KEEPALIVE_S = 60,
    STARTS = 15 /* in `variant`, times the number of formats */
};

/* ------------------------------------------------------------ the program */

/* All is well only when it was told to stop. */
static int serve(int listener)
{
    int r = fm_select_server(listener, &session.options, &session.stop);

    if (r == 0 && !session.stop)
        sf_finding(SF_MON_DIED, "%s",
                   "fm_select_server ended well, and nobody had told it to");
    return r;
}

static void listen_and_serve(void)
{
    const struct sf_session *s = sf_session_now();
    socklen_t len;
    const struct sockaddr *addr = sf_session_addr(&len);
    int fd =
        socket(s->local ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        sf_session_stopped(); /* the script has left it no number */
    else if (bind(fd, addr, len) < 0 || listen(fd, 8) < 0)
        close(fd);
    else
        session.result = serve(fd);
}

static void run_server(void *arg, int fd)
{
    (void)arg;
    (void)fd;
    session.obeys = session.obeys && pipe(session.ends) == 0;
    if (session.obeys)
        session.options.wake = session.ends[0];
    listen_and_serve();
    session.options.wake = 0;
    for (int i = 0; session.obeys && i < 2; i++)
        close(session.ends[i]);
}

static void stop_server(void *arg)
{
    (void)arg;
    session.stop = 1;
    if (session.options.wake)
        sf_simnet()->write(session.ends[1], "", 1);
}

/* A message up to the end of the stream is one that somebody has ended. */
static void check_message(const struct fm_frame *message)
{
    for (unsigned i = 0; i < sf_session_conns(); i++) {
        const struct sf_peer *peer = sf_session_conn(i);

        if ((peer->finished || (peer->closed && !peer->vanished)) &&
            peer->sent == message->len &&
            memcmp(peer->stream, message->data, message->len) == 0)
            return;
    }
    if (!session.cut)
        sf_finding(SF_MON_WRONG,
                   "a message of %zu bytes was handled, and nobody has ended "
                   "such a one",
                   message->len);
}

/* Where it is noted that this output is above high water, or can be. */
static const struct fm_buf **full_at(const struct fm_buf *out)
{
    const struct fm_buf **free_one = NULL;

    for (unsigned i = 0; i < SF_CONNS_MAX; i++)
        if (session.full[i] == out)
            return &session.full[i];
        else if (!session.full[i])
            free_one = &session.full[i];
    return free_one;
}

/* When so much waits to be sent that it stops, it goes on once that has come
 * down to low water, and no earlier. */
static void judge_low_water(const struct fm_buf *out, size_t waits)
{
    size_t high = session.options.high_water;
    const struct fm_buf **full = full_at(out);

    if (!high || !full)
        return;
    if (*full && waits > high / 2)
        sf_finding(SF_MON_MEMORY,
                   "it had stopped at %zu bytes to be sent, and goes on with "
                   "%zu",
                   high, waits);
    *full = fm_buf_len(out) < high ? NULL : out;
}

static int handle(void *context, const struct fm_format *f,
                  const struct fm_frame *frame, struct fm_buf *out)
{
    size_t waits = fm_buf_len(out), limit = session.options.high_water;
    int r = fm_echo(context, f, frame, out);

    if (limit && waits >= limit)
        sf_finding(SF_MON_MEMORY,
                   "a frame is handled while %zu bytes wait to be sent, the "
                   "limit is %zu",
                   waits, limit);
    judge_low_water(out, waits);
    session.put += fm_buf_len(out) - waits;
    if (out->moved > 4 * session.put + 256)
        sf_finding(
            SF_MON_WORK, "%llu bytes of output were moved, and there were %llu",
            (unsigned long long)out->moved, (unsigned long long)session.put);
    session.frames++;
    session.handled += !session.lossy;
    if (f->kind == FM_CLOSE)
        check_message(frame);
    if (r == 0 && session_is_last(frame->data, frame->len))
        return frame->data[0] % 2 ? FM_E_BAD : FM_HANDLER_LAST;
    return r;
}

/* `extra` turns the server's limits from rarely met to often met. */
static struct fm_server_options options_of(const struct sf_session *s)
{
    static const int idle_ms[] = {60000, 2000, -1, 20000};
    static const int frame_ms[] = {60000, 30000, -1, 3000};
    unsigned times = s->extra & 3;

    return (struct fm_server_options){
        .format = *ref_format(s->variant),
        .handler = handle,
        .idle_ms = idle_ms[times],
        .frame_ms = frame_ms[times],
        .keepalive_s = times == 2 && !s->high ? KEEPALIVE_S : 0,
        .linger_ms = LINGER_MS,
        .high_water = s->extra & 4 ? 100 : 0,
        .max_conns = s->extra & 8 ? MAX_CONNS : 0,
        .stats = &session.stats,
    };
}

static size_t make_frame(void *arg, const struct sf_peer *peer, unsigned nth,
                         unsigned size, uint8_t *out, size_t max)
{
    const struct fm_format *f = &session.options.format;
    static uint8_t payload[SF_STREAM_MAX];
    struct fm_buf wire;
    unsigned seed = peer->ordinal * 5 + nth;
    size_t len;

    (void)arg;
    do /* the control connection is there to the end */
        len = ref_payload(f, size, seed++, payload, sizeof payload);
    while (peer->number == 0 && session_is_last(payload, len));
    fm_buf_init(&wire, max);
    if (fm_encode(f, payload, len, &wire) < 0)
        len = 0;
    else
        len = fm_buf_len(&wire);
    memcpy(out, fm_buf_peek(&wire), len);
    fm_buf_fini(&wire);
    return len;
}

/* ------------------------------------------------------------- the target */

static void on_signal(void *arg)
{
    session.waking.n = 0;
    session.waking.faults++;
    session_wait_failed(SF_EINTR);
    if (!session.obeys || session.stop)
        return;
    stop_server(arg);
    sf_session_stopped();
    session.told = sf_sim_now();
    session.lossy = true; /* what it has not read it need not answer */
    for (unsigned i = 0; i < sf_session_conns(); i++) {
        const struct sf_peer *peer = sf_session_conn(i);

        session_checks[i].was_open = sf_peer_accepted(peer);
        session_checks[i].owed =
            sf_peer_accepted(peer)
                ? session_frames_end(peer, sf_peer_taken(peer))
                : 0;
    }
}

/* Are there acts after which frames may be lost, or not be read? */
static bool may_lose(const struct sf_session *s)
{
    for (unsigned i = 0; i < s->acts_n; i++)
        switch (s->acts[i].kind) {
        case SF_ACT_STOP:
        case SF_ACT_RESET:
        case SF_ACT_KILL:
        case SF_ACT_LIMIT:
        case SF_ACT_WAIT:
            return true;
        case SF_ACT_CLOSE: /* TCP resets who still sends to it */
            if (!s->local || s->acts[i].when == SF_WHEN_AFTER)
                return true;
            break;
        default:
            break;
        }
    return s->high || s->extra & 8;
}

static void counters(void *arg, sf_counter *each, void *to)
{
    (void)arg;
    each(to, &session.stats, sizeof session.stats);
    each(to, &session.failed, sizeof session.failed);
    each(to, &session.turn, sizeof session.turn);
    each(to, &session.refused, sizeof session.refused); /* the loop's, too */
    each(to, &session.frames, sizeof session.frames);
    each(to, &session.died, sizeof session.died);
    each(to, &session.denial, sizeof session.denial);
    each(to, &session.waking, sizeof session.waking);
    each(to, &session.put, sizeof session.put);
    for (unsigned i = 0; i < SF_CONNS_MAX; i++)
        each(to, &session_checks[i].scan, sizeof(struct scan));
}

static void *forgets(void *arg, const struct sf_peer *peer, size_t *len)
{
    struct check *c = session_check(peer);

    (void)arg;
    *len = sizeof *c;
    return c->judged && session.lossy ? c : NULL;
}

static bool is_want(enum sf_fault fault)
{
    return fault == SF_EMFILE || fault == SF_ENFILE || fault == SF_ENOBUFS ||
           fault == SF_ENOMEM;
}

static void on_fault(void *arg, const struct sf_point *at,
                     const struct sf_outcome *outcome)
{
    const struct sf_peer *peer = sf_session_peer_of(at->fd);
    unsigned place = 0, pending = 0;

    (void)arg;
    session.waking.n = 0;
    session.waking.faults++;
    if (sf_calls[at->call].kind == K_WAIT && sf_faults[outcome->fault].err)
        session_wait_failed(outcome->fault);
    session.cut |= outcome->fault == SF_EOF && /* nobody else asks */
                   session.options.format.kind == FM_CLOSE;
    session.scarce |= sf_calls[at->call].kind == K_ACCEPT &&
                      sf_faults[outcome->fault].cls == SF_FATAL &&
                      outcome->fault != SF_ECONNABORTED &&
                      outcome->fault != SF_EPROTO;
    if (sf_calls[at->call].kind == K_ACCEPT && is_want(outcome->fault))
        session_note_denial();
    session.died += sf_faults[outcome->fault].err == EBADF;
    if (sf_faults[outcome->fault].cls == SF_FATAL) {
        session.lossy = true;
        session.handled = 0;
    }
    if (peer) {
        size_t taken = sf_peer_taken(peer),
               start = session_frames_end(peer, taken);

        session_judge_haste(peer, at, outcome->fault);
        place = sf_place(taken, start, session_allowed(peer));
        pending = start > sf_peer_given(peer);
    }
    sf_phase((outcome->fault * SF_CALL_COUNT + at->call) * 16u + place * 2 +
             pending);
}

static void begin(const struct sf_session *s)
{
    unsigned flags = s->variant / ref_format_count;

    session = (struct session){
        .options = options_of(s),
        .lasts = flags % 2,
        .obeys = flags / 2 % 2 && !s->high,
        .told = -1,
        .lossy = may_lose(s),
        .scarce = s->high || s->extra & 8 || sf_session_has(s, SF_ACT_LIMIT),
        .before = fuzz_allocated(),
    };
    for (unsigned i = 0; i < s->acts_n + 8 && i < SF_CONNS_MAX; i++)
        session_checks[i] = (struct check){.accepted = -1,
                                           .ended = -1,
                                           .short_at = {-1, -1},
                                           .scan.verdict = REF_MORE};
}

/* ------------------------------------------------------- the three servers */

typedef int server(int listener, const struct fm_server_options *o,
                   const volatile sig_atomic_t *stop);

/* A fault has left it without a descriptor of its own. */
static void on_fault_at_start(void *arg, const struct sf_point *at,
                              const struct sf_outcome *outcome)
{
    (void)arg;
    session.scarce |=
        sf_calls[at->call].kind & K_OPEN && is_want(outcome->fault);
}

/* Select takes no number that is too high, of its own descriptors either. */
static bool may_say(int r)
{
    return (session.scarce && r == FM_E_NO_FILES) ||
           (fuzz_memory.refused && r < 0) ||
           (sf_session_now()->high && r == FM_E_FD_RANGE);
}

static void judge_start(int r, int expected)
{
    if (r != expected && !may_say(r))
        sf_finding(SF_MON_WRONG, "a server %s says %s",
                   expected ? "whose options make no sense"
                            : "that was told to stop",
                   fm_err_name(r));
}

/* One whose options make no sense does not begin, and closes its listener all
 * the same. */
static void try_start(server *serve_with, bool sense)
{
    struct fm_server_options o = session.options;
    int listener = fm_listen("127.0.0.1", 0, 0);

    if (!sense)
        o.low_water = o.high_water = 1;
    judge_start(listener < 0 ? listener
                             : serve_with(listener, &o, &session.stop),
                sense ? 0 : FM_E_USAGE);
}

/* Those that make threads and processes for their clients can be run here as
 * long as there are none. */
static void run_start(void *arg, int fd)
{
    static server *const servers[] = {fm_select_server, fm_thread_server,
                                      fm_fork_server};

    (void)arg, (void)fd;
    session.stop = 1;
    for (size_t i = 0; i < sizeof servers / sizeof *servers; i++) {
        try_start(servers[i], true);
        try_start(servers[i], false);
    }
}

static void start_only(struct sf_session *s)
{
    static const struct sf_program start = {
        .name = "the start of a server",
        .side = SF_DIAL,
        .run = run_start,
        .fault = on_fault_at_start,
        .no_control = true,
    };

    session.scarce = false;
    s->acts_n = 0;
    sf_session_run(s, &start, fuzz_verbose() ? stdout : NULL);
}

/* What the server ended with has a reason. */
static void check_result(const struct sf_session *s)
{
    bool killed =
        session.result == FM_E_BADFD && sf_session_has(s, SF_ACT_KILL);
    bool refused = session.result == FM_E_BUSY && session.failing;

    if (session.result != 0 && !killed && !refused)
        sf_finding(SF_MON_DIED, "fm_select_server ended with %s",
                   fm_err_name(session.result));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sf_program server = {
        .name = "fm_select_server",
        .side = SF_SERVE,
        .run = run_server,
        .stop = stop_server,
        .signal = on_signal,
        .frame = make_frame,
        .received = session_received,
        .quiet = session_quiet,
        .busy = session_busy,
        .settled = session_settled,
        .finished = session_finished,
        .fault = on_fault,
        .counters = counters,
        .forgets = forgets,
        .lives_on = true,
        .set_wall = true,
    };
    static struct sf_session s;

    if (sf_session_tries_out(data, size))
        return 0;
    sf_session_decode(&s, data, size);
    begin(&s);
    if (fuzz_verbose())
        printf("  format %s\n", ref_format_text(s.variant));
    if (s.variant / ref_format_count == STARTS) {
        start_only(&s);
        return 0;
    }
    sf_session_run(&s, &server, fuzz_verbose() ? stdout : NULL);
    check_result(&s);
    session_judge_handled();
    session_judge_counts();
    return 0;
}
