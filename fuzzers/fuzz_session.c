/*
 * fuzz_session.c: the select server in whole sessions, with faults.
 *
 * The input is a session (faultinject/session/session.h): some clients and
 * what they do, a tape of faults, options.  The server under test is
 * fm_select_server with the echo handler, which says of some frames that they
 * are the last when `variant` is past the number of formats (past twice the
 * number: a signal tells it to stop, and wakes it by way of a pipe); everything
 * it calls runs in memory.  Every format sends a payload back in the very bytes
 * in which it came, so what a client gets has to be a prefix of what it sent,
 * up to the end of the last whole frame.  The oracles, on every session:
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
 *     spin         memory was short, and it asks for it again at once; it wakes
 *                  and wakes, and has nothing to do
 *
 * and those of run.h: stall, spin, fd-leak, died, complexity.
 */
#include "faultinject/inject/finding.h"
#include "fuzzers/fuzz.h"
#include "fuzzers/phases.h"
#include "fuzzers/session_peers.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SHORT_TIMER_MS = 1000,
    MAX_CONNS = 3,
    KEEPALIVE_S = 60,
    OVERDUE_TURNS = 3,
    IDLE_TURNS = 3,
    WAIT_TRIES = 16
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
static void set_options(const struct sf_session *s)
{
    static const int idle_ms[] = {60000, 2000, -1, 20000};
    static const int frame_ms[] = {60000, 30000, -1, 3000};
    unsigned times = s->extra & 3;

    session.options = (struct fm_server_options){
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

/* ---------------------------------------------------------------- oracles */

static void on_received(void *arg, struct sf_peer *peer, const uint8_t *bytes,
                        size_t len)
{
    size_t end = session_allowed(peer), at = peer->received, i = 0;

    (void)arg;
    if (at + len <= end && memcmp(bytes, peer->stream + at, len) == 0)
        return;
    while (at + i < end && bytes[i] == peer->stream[at + i])
        i++;
    sf_peer_finding(SF_MON_WRONG, peer,
                    "byte %zu came back as 0x%02x, sent was 0x%02x (whole "
                    "frames: %zu bytes)",
                    at + i, bytes[i],
                    at + i < peer->sent ? peer->stream[at + i] : 0, end);
}

/* What is no frame ends it, after the answers to those before. */
static void judge_answers(const struct sf_peer *peer)
{
    const struct check *c = session_check(peer);
    int idle_ms = session.options.idle_ms;

    if (c->given < c->whole && session_broke_at(peer, c->taken) &&
        !peer->finished && !c->excused && !peer->harmed && !session.failing &&
        session.told < 0 && session.options.format.kind != FM_CLOSE &&
        !sf_peer_accepted(peer) &&
        (idle_ms < 0 || session_since(c->useful) + SLACK_MS < idle_ms))
        sf_peer_finding(SF_MON_LOST, peer,
                        "closed with answers up to byte %zu sent, and frames "
                        "up to byte %zu handled",
                        c->given, c->whole);
}

/* Has ended: was there a reason? */
static void judge_end(struct sf_peer *peer)
{
    struct check *c = session_check(peer);

    if (c->judged || !peer->end || !session_has_ended(peer))
        return;
    c->judged = true;
    c->excused = session_timed_out(peer) || sf_session_now()->high;
    if (session_only_timed_out(peer))
        c->kind = TIMED_OUT;
    if (!session_may_end(peer))
        sf_peer_finding(SF_MON_HARM, peer,
                        "ended (%s), and nothing had happened to it",
                        peer->err ? strerrorname_np(peer->err) : "EOF");
    judge_answers(peer);
}

/* Frames that the server has read and not answered, and could; or bytes that it
 * has not read, although what waits to be sent is not above low water.  Its own
 * high water no session reaches. */
static void judge_debt(const struct sf_peer *peer)
{
    const struct check *c = session_check(peer);
    size_t high = session.options.high_water;
    size_t low = high ? high / 2 : SIZE_MAX;

    if (c->scan.verdict != REF_MORE || session.told >= 0)
        return;
    if (c->whole > c->given && sf_peer_writable(peer))
        sf_peer_finding(SF_MON_LOST_WAKEUP, peer,
                        "the server waits, but has read frames up to byte "
                        "%zu and answered up to byte %zu",
                        c->whole, c->given);
    if (c->whole - c->given <= low && c->taken < peer->sent)
        sf_peer_finding(SF_MON_LOST_WAKEUP, peer,
                        "the server waits, but leaves %zu bytes unread, with "
                        "%zu to send",
                        peer->sent - c->taken, c->whole - c->given);
}

/* Its time is up, and the server goes round and round with others. */
static void judge_overdue(const struct sf_peer *peer)
{
    struct check *c = session_check(peer);

    if (!session_lives(peer) || peer->harmed || !sf_peer_accepted(peer))
        return;
    session_note_activity(peer);
    if (session.options.idle_ms < 0 ||
        session_since(c->active) < session.options.idle_ms || peer->finished ||
        session_broke_format(peer))
        c->due_turn = 0;
    else if (c->due_turn == 0)
        c->due_turn = session.stats.turns;
    else if (session.stats.turns > c->due_turn + OVERDUE_TURNS)
        sf_peer_finding(SF_MON_LATENESS, peer,
                        "idle for %lld ms, the limit is %d, and %d times round "
                        "the loop nothing came of it",
                        (long long)session_since(c->active),
                        session.options.idle_ms, OVERDUE_TURNS);
}

static void on_busy(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < sf_session_conns(); i++)
        judge_overdue(sf_session_conn(i));
}

/* All is answered, the peer has ended: what is there to wait for? */
static void judge_unnoticed(const struct sf_peer *peer)
{
    const struct check *c = session_check(peer);
    bool at_end = session.options.format.kind == FM_CLOSE;

    if (peer->finished && c->given >= (at_end ? c->taken : c->whole))
        sf_peer_finding(SF_MON_LATENESS, peer, "%s",
                        "the peer has ended and has all answers, and the "
                        "server waits");
}

static unsigned accepted_now(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < sf_session_conns(); i++)
        n += sf_session_conn(i)->end && sf_peer_accepted(sf_session_conn(i));
    return n;
}

/* It waits for others, and could have this one. */
static void judge_backlog(const struct sf_peer *peer)
{
    if (session_lives(peer) && sf_end_waits(peer->end) && !peer->harmed &&
        !session.scarce && !session.stop)
        sf_peer_finding(SF_MON_LOST_WAKEUP, peer, "%s",
                        "the server waits, and has room, but does not accept");
}

static void judge_crowd(void)
{
    unsigned n = accepted_now();

    if (session.options.max_conns && n > session.options.max_conns)
        sf_finding(SF_MON_MEMORY, "%u connections at once, the limit is %u", n,
                   session.options.max_conns);
}

/* What it has done so far: bytes it moved, and what it counts. */
static uint64_t all_done(void)
{
    const struct fm_server_stats *s = &session.stats;
    uint64_t n = s->accepted + s->refused + s->ended + s->failed +
                 s->timed_out + s->dead + s->exhausted;

    for (unsigned i = 0; i < sf_session_conns(); i++)
        n += sf_peer_taken(sf_session_conn(i)) +
             sf_peer_given(sf_session_conn(i));
    return n;
}

/* A wait lasts until there is something to do; the end of a rest may turn out
 * to be nothing. */
static void judge_waking(void)
{
    struct waking *w = &session.waking;
    uint64_t done = all_done();

    if (done != w->done)
        w->n = 0;
    else
        w->n += session.stats.turns > w->turns;
    w->done = done;
    w->turns = session.stats.turns;
    if (w->n > IDLE_TURNS)
        sf_finding(SF_MON_SPIN, "%s",
                   "it wakes again and again, and there is nothing to do");
}

/* Who waits knows of all descriptors that have died. */
static void judge_dead(void)
{
    if (session.stats.dead < session.died)
        sf_finding(SF_MON_WRONG,
                   "%llu connections had their descriptor closed, and it "
                   "counts %llu",
                   (unsigned long long)session.died,
                   (unsigned long long)session.stats.dead);
}

/* How much waits for a peer that does not read: more is a new thing, so that
 * an engine finds its way to the limit. */
static void note_debt(size_t debt)
{
    uint32_t power = 0;

    while (debt >> power)
        power++;
    sf_phase(UINT32_MAX - power);
}

/* A reader that stopped must stop the server's reading: while as much as it
 * may hold waits to be sent, it takes nothing more. */
static void judge_memory(const struct sf_peer *peer)
{
    struct check *c = session_check(peer);
    size_t limit = session.options.high_water;
    size_t debt = c->whole - c->given;
    bool stuck = !sf_peer_writable(peer);

    if (stuck)
        note_debt(debt);
    if (c->full && c->given == c->given_then && c->taken > c->taken_then)
        sf_peer_finding(SF_MON_MEMORY, peer,
                        "the server reads on, with %zu bytes of output that "
                        "nobody takes, where the limit is %zu",
                        debt, limit);
    c->full = limit && stuck && c->scan.verdict == REF_MORE &&
              session.told < 0 && debt >= limit;
    c->taken_then = c->taken;
    c->given_then = c->given;
}

/* The wait fails.  That goes on from when it last did, if all turns in between
 * have found a descriptor dead, on which it fails as well. */
static void note_failure(void)
{
    const struct fm_server_stats *now = &session.stats, *then = &session.failed;

    if (now->turns - then->turns > 1 + now->dead - then->dead)
        session.refused = 0;
    session.failed = session.stats;
}

/* After a wait that memory was short for there is a pause. */
static void judge_hurry(void)
{
    if (session.turn == session.stats.turns) { /* it was short for the pause */
        session.hurried = true;
        return;
    }
    if (session.refused && session.turn + 1 == session.stats.turns &&
        session.refused_at == sf_sim_now() && !session.hurried)
        sf_finding(SF_MON_SPIN, "%s",
                   "memory is short, and it waits again at once");
    session.refused_at = sf_sim_now();
    session.hurried = false;
}

/* There is no memory for the wait, or for the pause after that. */
static void note_refusal(void)
{
    judge_hurry();
    session.refused += session.turn != session.stats.turns;
    session.turn = session.stats.turns;
    if (session.refused > WAIT_TRIES) {
        session.failing = true;
        sf_session_stopped();
    }
}

static void on_signal(void *arg)
{
    session.waking.n = 0;
    session.hurried |= session.refused > 0;
    note_failure();
    if (!session.obeys || session.stop)
        return;
    stop_server(arg);
    sf_session_stopped();
    session.told = sf_sim_now();
    session.lossy = true; /* what it has not read it need not answer */
    for (unsigned i = 0; i < sf_session_conns(); i++) {
        const struct sf_peer *peer = sf_session_conn(i);

        session.checks[i].was_open = sf_peer_accepted(peer);
        session.checks[i].owed =
            sf_peer_accepted(peer)
                ? session_frames_end(peer, sf_peer_taken(peer))
                : 0;
    }
}

/* Memory that is short is left alone for a moment, whatever signals come. */
static void judge_haste(const struct sf_peer *peer, const struct sf_point *at,
                        enum sf_fault fault)
{
    bool out = sf_calls[at->call].kind & K_WRITE;
    int64_t *then = &session_check(peer)->short_at[out];

    if (fault != SF_ENOBUFS && fault != SF_ENOMEM)
        return;
    if (*then == sf_sim_now())
        sf_peer_finding(SF_MON_SPIN, peer,
                        "memory is short, and %s asks for it again at once",
                        sf_calls[at->call].name);
    *then = sf_sim_now();
}

static void on_quiet(void *arg, int64_t until)
{
    bool short_timer = (until - sf_sim_now()) / MS <= SHORT_TIMER_MS;

    (void)arg;
    if (until <= sf_sim_now()) /* it only looks */
        return;
    judge_crowd();
    judge_dead();
    judge_waking();
    session_judge_stop();
    for (unsigned i = 0; i < sf_session_conns(); i++) {
        struct sf_peer *peer = sf_session_conn(i);

        if (sf_peer_accepted(peer))
            session_note_activity(peer);
        judge_end(peer);
        session_judge_one(peer, until, short_timer);
        if (!short_timer)
            judge_backlog(peer);
        if (!peer->end || peer->harmed || !sf_peer_accepted(peer))
            continue;
        if (!short_timer)
            judge_unnoticed(peer);
        if (!session_lives(peer))
            continue;
        if (peer->finished || short_timer || session_broke_format(peer))
            continue;
        judge_debt(peer);
        judge_memory(peer);
    }
    session_judge_all();
}

static void must_have_all(const struct sf_peer *peer)
{
    if (peer->received < session_allowed(peer))
        sf_peer_finding(SF_MON_LOST, peer,
                        "%zu bytes came back of %zu that were due",
                        peer->received, session_allowed(peer));
}

static void on_settled(void *arg)
{
    (void)arg;
    if (session.told >= 0)
        return;
    for (unsigned i = 0; i < sf_session_conns(); i++) {
        struct sf_peer *peer = sf_session_conn(i);

        judge_end(peer);
        if (session_is_excused(peer))
            continue;
        if (session_broke_format(peer) && !session.lossy &&
            session.options.format.kind != FM_CLOSE)
            must_have_all(peer); /* of the frames before it */
        if (!sf_end_connected(peer->end) || !sf_peer_accepted(peer)) {
            if (session_lives(peer) && accepted_now() < MAX_CONNS)
                sf_peer_finding(SF_MON_LOST, peer, "%s",
                                "never accepted, though there is room");
        } else if (session_broke_format(peer)) {
            if (session_lives(peer))
                sf_peer_finding(SF_MON_LOST, peer, "%s",
                                "broke the format and is still served");
        } else if (session_lives(peer) || peer->finished) {
            must_have_all(peer);
        }
    }
}

/* Everybody has half-closed, or is gone. */
static void on_finished(void *arg)
{
    (void)arg;
    if (session.told >= 0) {
        session_judge_stop();
        return;
    }
    for (unsigned i = 0; i < sf_session_conns(); i++) {
        struct sf_peer *peer = sf_session_conn(i);

        judge_end(peer);
        if (session_is_excused(peer) || session_broke_format(peer) ||
            !sf_end_connected(peer->end))
            continue;
        if (session_lives(peer) && sf_peer_accepted(peer))
            sf_peer_finding(SF_MON_LOST, peer, "%s",
                            "half-closed, and the server never ended it");
        if (peer->eof)
            must_have_all(peer);
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

/* Whoever sent frames has seen them handled. */
static void check_handled(void)
{
    size_t sent = 0;

    if (session.options.format.kind == FM_CLOSE || session.lossy)
        return;
    for (unsigned i = 0; i < sf_session_conns(); i++) {
        session_frames_end(sf_session_conn(i), sf_session_conn(i)->sent);
        sent += session.checks[i].scan.frames;
    }
    if (session.handled != sent)
        sf_finding(SF_MON_LOST, "%zu frames were handled of %zu that were sent",
                   session.handled, sent);
}

static void check_counts(void)
{
    const struct fm_server_stats *s = &session.stats;
    uint64_t over = s->ended + s->failed + s->timed_out + s->dead;

    if (over != s->accepted)
        sf_finding(SF_MON_WRONG,
                   "%llu connections were accepted, and %llu are counted as "
                   "over",
                   (unsigned long long)s->accepted, (unsigned long long)over);
    if (s->exhausted && !session.scarce)
        sf_finding(
            SF_MON_WRONG,
            "%llu times it has found no more descriptors, and there were",
            (unsigned long long)s->exhausted);
    judge_dead();
    session_judge_kinds();
    if (s->frames != session.frames)
        sf_finding(SF_MON_WRONG, "%zu frames were handled, and it counts %llu",
                   session.frames, (unsigned long long)s->frames);
}

/* ------------------------------------------------------------- the target */

static void counters(void *arg, sf_counter *each, void *to)
{
    (void)arg;
    each(to, &session.stats, sizeof session.stats);
    each(to, &session.failed, sizeof session.failed);
    each(to, &session.turn, sizeof session.turn);
    each(to, &session.refused, sizeof session.refused); /* the loop's, too */
    each(to, &session.frames, sizeof session.frames);
    each(to, &session.died, sizeof session.died);
    each(to, &session.waking, sizeof session.waking);
    each(to, &session.put, sizeof session.put);
    for (unsigned i = 0; i < SF_CONNS_MAX; i++)
        each(to, &session.checks[i].scan, sizeof(struct scan));
}

static void *forgets(void *arg, const struct sf_peer *peer, size_t *len)
{
    struct check *c = session_check(peer);

    (void)arg;
    *len = sizeof *c;
    return c->judged && session.lossy ? c : NULL;
}

static void on_fault(void *arg, const struct sf_point *at,
                     const struct sf_outcome *outcome)
{
    const struct sf_peer *peer = sf_session_peer_of(at->fd);
    unsigned place = 0, pending = 0;

    (void)arg;
    session.waking.n = 0;
    if (sf_calls[at->call].kind == K_WAIT && sf_faults[outcome->fault].err)
        note_failure();
    session.hurried |= session.refused && outcome->fault != SF_ENOMEM &&
                       sf_calls[at->call].kind == K_WAIT;
    if (sf_calls[at->call].kind == K_WAIT && outcome->fault == SF_ENOMEM)
        note_refusal();
    session.cut |= outcome->fault == SF_EOF && /* nobody else asks */
                   session.options.format.kind == FM_CLOSE;
    session.scarce |= sf_calls[at->call].kind == K_ACCEPT &&
                      sf_faults[outcome->fault].cls == SF_FATAL &&
                      outcome->fault != SF_ECONNABORTED &&
                      outcome->fault != SF_EPROTO;
    session.died += sf_faults[outcome->fault].err == EBADF;
    if (sf_faults[outcome->fault].cls == SF_FATAL) {
        session.lossy = true;
        session.handled = 0;
    }
    if (peer) {
        size_t taken = sf_peer_taken(peer),
               start = session_frames_end(peer, taken);

        judge_haste(peer, at, outcome->fault);
        place = sf_place(taken, start, session_allowed(peer));
        pending = start > sf_peer_given(peer);
    }
    sf_phase((outcome->fault * SF_CALL_COUNT + at->call) * 16u + place * 2 +
             pending);
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
        .received = on_received,
        .quiet = on_quiet,
        .busy = on_busy,
        .settled = on_settled,
        .finished = on_finished,
        .fault = on_fault,
        .counters = counters,
        .forgets = forgets,
        .lives_on = true,
        .set_wall = true,
    };
    static struct sf_session s;

    sf_session_decode(&s, data, size);
    set_options(&s);
    session.stop = 0;
    session.result = 0;
    session.stats = (struct fm_server_stats){0};
    session.lasts = s.variant / ref_format_count % 2;
    session.obeys = s.variant / ref_format_count / 2 % 2 && !s.high;
    session.told = -1;
    session.cut = false;
    session.lossy = may_lose(&s);
    session.scarce =
        s.high || session.options.max_conns || sf_session_has(&s, SF_ACT_LIMIT);
    session.before = fuzz_allocated();
    session.put = session.frames = session.handled = 0;
    session.died = 0;
    session.waking = (struct waking){0};
    session.hurried = false;
    session.exhausted = session.over = 0;
    session.failed = session.stats;
    session.turn = session.refused = 0;
    session.failing = false;
    for (unsigned i = 0; i < s.acts_n + 8 && i < SF_CONNS_MAX; i++)
        session.checks[i] = (struct check){.accepted = -1,
                                           .ended = -1,
                                           .short_at = {-1, -1},
                                           .scan.verdict = REF_MORE};
    if (fuzz_verbose())
        printf("  format %s\n", ref_format_text(s.variant));
    sf_session_run(&s, &server, fuzz_verbose() ? stdout : NULL);
    if (session.result != 0 &&
        !(session.result == FM_E_BADFD && sf_session_has(&s, SF_ACT_KILL)) &&
        !(session.result == FM_E_BUSY && session.failing))
        sf_finding(SF_MON_DIED, "fm_select_server ended with %s",
                   fm_err_name(session.result));
    check_handled();
    check_counts();
    return 0;
}
