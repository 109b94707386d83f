/*
 * fuzz_session.c: the select server in whole sessions, with faults.
 *
 * The input is a session (faultinject/simnet/session.h): some clients and
 * what they do, a tape of faults, options.  The server under test is
 * fm_select_server with the echo handler, which says of some frames that they
 * are the last when `variant` is past the number of formats (past twice the
 * number: a signal tells it to stop); everything it calls runs in memory. Every
 * format sends a payload back in the very bytes in which it came, so what a
 * client gets has to be a prefix of what it sent, up to the end of the last
 * whole frame.  The oracles, on every session:
 *
 *     wrong-data   a byte that was not sent, or after the last frame; a
 *                  message handled that nobody has ended
 *     lost-wakeup  the server waits, and owes an answer that has room, or
 *                  leaves bytes unread without a reason
 *     harm         it ended a connection to which nothing had happened
 *     lost-data    the script is over, and an answer never came; half-closed
 *                  and never ended; accepted never; a frame never handled
 *     lateness     a connection, or a frame on its way in, outlived its
 *                  time-out; a peer that has ended was left unnoticed; it was
 *                  told to stop and goes on
 *     memory       it reads on while more than it may hold waits to be sent;
 *                  it has more connections than it may
 *
 * and those of run.h: stall, spin, fd-leak, died, complexity.
 */
#include "faultinject/inject/finding.h"
#include "faultinject/simnet/run.h"
#include "fuzzers/fuzz.h"
#include "fuzzers/phases.h"
#include "fuzzers/reference.h"
#include "target/server.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MS INT64_C(1000000)

enum {
    SHORT_TIMER_MS = 1000,
    SLACK_MS = 1000,
    MAX_CONNS = 3,
    LINGER_MS = 2000,
    OVERDUE_TURNS = 3
};

/* What the oracles know about a connection. */
struct check {
    enum ref_verdict verdict; /* of the bytes sent so far                  */
    size_t scanned;           /* … which is this many                      */
    size_t due;               /* the end of their last whole frame         */
    size_t frames;            /* … and how many these are                  */
    int64_t accepted;         /* when the server was first seen to have it */
    size_t moved;             /* bytes either way, as the server sees it   */
    int64_t active;           /* when that last grew                       */
    int64_t gap;              /* the longest time that it did not          */
    bool half;                /* the server has a part of a frame          */
    size_t half_at;           /* … that begins here in the stream          */
    int64_t half_since;       /* … and was first seen to have it then      */
    int64_t half_alone;       /* … with all before it answered             */
    bool over;                /* more waits for it than may be held        */
    size_t taken_then;        /* … when the server had read so much        */
    uint64_t due_turn;        /* since when its time is up; 0: it is not   */
    size_t owed;              /* `due` of what was read when it was told to
                                 stop                                      */
    bool judged;              /* its end was looked at                     */
    bool excused;             /* … and was a time-out, or a refusal        */
};

static struct {
    struct fm_server_options options;
    struct fm_server_stats stats;
    volatile sig_atomic_t stop;
    int result;
    bool lasts;     /* the handler ends connections                       */
    bool obeys;     /* a signal tells it to stop …                        */
    int64_t told;   /* … and did so then; < 0: not yet                    */
    bool cut;       /* a fault has ended a stream where the peer did not  */
    bool lossy;     /* something happened that may lose frames            */
    size_t handled; /* frames, as long as none may be lost                */
    struct check checks[SF_CONNS_MAX];
} fuzz;

/* ------------------------------------------------------------ the program */

static void run_server(void *arg, int fd)
{
    const struct sf_session *s = sf_session_now();
    socklen_t len;
    const struct sockaddr *addr = sf_session_addr(&len);

    (void)arg;
    fd = socket(s->local ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (bind(fd, addr, len) < 0 || listen(fd, 8) < 0)
        close(fd);
    else
        fuzz.result = fm_select_server(fd, &fuzz.options, &fuzz.stop);
}

static void stop_server(void *arg)
{
    (void)arg;
    fuzz.stop = 1;
}

/* After such a frame the handler takes no more, when it says so at all: because
 * it has enough, or because the request makes no sense to it. */
static bool is_last(const uint8_t *payload, size_t len)
{
    return fuzz.lasts && len > 0 && payload[0] % 9 == 0;
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
    if (!fuzz.cut)
        sf_finding(SF_MON_WRONG,
                   "a message of %zu bytes was handled, and nobody has ended "
                   "such a one",
                   message->len);
}

static int handle(void *context, const struct fm_format *f,
                  const struct fm_frame *frame, struct fm_buf *out)
{
    int r = fm_echo(context, f, frame, out);

    fuzz.handled += !fuzz.lossy;
    if (f->kind == FM_CLOSE)
        check_message(frame);
    if (r == 0 && is_last(frame->data, frame->len))
        return frame->data[0] % 2 ? FM_E_BAD : FM_HANDLER_LAST;
    return r;
}

/* `extra` turns the server's limits from rarely met to often met. */
static void set_options(const struct sf_session *s)
{
    static const int idle_ms[] = {60000, 2000, -1, 20000};
    static const int frame_ms[] = {60000, 30000, -1, 3000};
    unsigned times = s->extra & 3;

    fuzz.options = (struct fm_server_options){
        .format = *ref_format(s->variant),
        .handler = handle,
        .idle_ms = idle_ms[times],
        .frame_ms = frame_ms[times],
        .linger_ms = LINGER_MS,
        .high_water = s->extra & 4 ? 100 : 0,
        .max_conns = s->extra & 8 ? MAX_CONNS : 0,
        .stats = &fuzz.stats,
    };
}

static size_t make_frame(void *arg, const struct sf_peer *peer, unsigned nth,
                         unsigned size, uint8_t *out, size_t max)
{
    const struct fm_format *f = &fuzz.options.format;
    static uint8_t payload[SF_STREAM_MAX];
    struct fm_buf wire;
    unsigned seed = peer->ordinal * 5 + nth;
    size_t len;

    (void)arg;
    do /* the control connection is there to the end */
        len = ref_payload(f, size, seed++, payload, sizeof payload);
    while (peer->number == 0 && is_last(payload, len));
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

static struct check *check_of(const struct sf_peer *peer)
{
    return &fuzz.checks[peer->ordinal - 1];
}

/* Where the last whole frame that is handled ends, from a frame's start `at`
 * on; *verdict is why no other is, FRAME: because the handler said so. */
static size_t handled_end(const uint8_t *bytes, size_t len, size_t at,
                          enum ref_verdict *verdict, size_t *count)
{
    struct ref_frame frame;

    while (*verdict != REF_FRAME &&
           (*verdict = ref_next(&fuzz.options.format, bytes, len, at,
                                &frame)) == REF_FRAME) {
        at = frame.end;
        ++*count;
        if (!is_last(bytes + frame.payload, frame.len))
            *verdict = REF_MORE;
    }
    return at;
}

/* Where the last whole frame ends in the first n bytes of a stream. */
static size_t last_frame(const struct sf_peer *peer, size_t n)
{
    struct check *c = check_of(peer);
    enum ref_verdict verdict = REF_MORE;
    size_t count = 0;

    if (fuzz.options.format.kind == FM_CLOSE)
        return 0;
    if (n >= c->scanned) {
        c->due = handled_end(peer->stream, n, c->due, &c->verdict, &c->frames);
        c->scanned = n;
        return c->due;
    }
    return handled_end(peer->stream, n, 0, &verdict, &count);
}

/* All that may ever come back for what was sent. */
static size_t allowed(const struct sf_peer *peer)
{
    if (fuzz.options.format.kind != FM_CLOSE)
        return last_frame(peer, peer->sent);
    return peer->finished || sf_end_harmed(peer->end) ? peer->sent : 0;
}

static bool broke_format(const struct sf_peer *peer)
{
    const struct fm_format *f = &fuzz.options.format;

    if (f->kind == FM_CLOSE)
        return peer->sent > f->max;
    last_frame(peer, peer->sent);
    return check_of(peer)->verdict != REF_MORE;
}

static void on_received(void *arg, struct sf_peer *peer, const uint8_t *bytes,
                        size_t len)
{
    size_t end = allowed(peer), at = peer->received, i = 0;

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

static int64_t since(int64_t then)
{
    return (sf_sim_now() - then) / MS;
}

/* Since when the server waits for the rest of a frame. */
static void note_half(const struct sf_peer *peer, size_t taken)
{
    struct check *c = check_of(peer);
    size_t start = last_frame(peer, taken);
    bool half = start < taken;

    if (half && (!c->half || c->half_at != start))
        c->half_since = c->half_alone = sf_sim_now();
    if (start > sf_peer_given(peer)) /* it may have stopped reading */
        c->half_alone = sf_sim_now();
    c->half = half;
    c->half_at = start;
}

/* Bytes count when the server moves them, not when the peer reads them. */
static void note_activity(const struct sf_peer *peer)
{
    struct check *c = check_of(peer);
    size_t taken = sf_peer_taken(peer), moved = taken + sf_peer_given(peer);

    note_half(peer, taken);
    if (c->accepted < 0)
        c->accepted = c->active = sf_sim_now();
    if (sf_sim_now() - c->active > c->gap)
        c->gap = sf_sim_now() - c->active;
    if (moved != c->moved)
        c->active = sf_sim_now();
    c->moved = moved;
}

/* The server had this long no reason to keep it. */
static bool timed_out(const struct sf_peer *peer)
{
    const struct fm_server_options *o = &fuzz.options;
    const struct check *c = check_of(peer);
    bool idle = o->idle_ms >= 0 && c->accepted >= 0 &&
                (since(c->active) >= o->idle_ms || c->gap / MS >= o->idle_ms);
    bool slow =
        o->frame_ms >= 0 && c->half && since(c->half_since) >= o->frame_ms;

    return idle || slow;
}

/* May the server have ended it? */
static bool may_end(const struct sf_peer *peer)
{
    return peer->harmed || peer->finished || broke_format(peer) ||
           timed_out(peer) || sf_session_now()->high || fuzz.stop;
}

static bool lives(const struct sf_peer *peer)
{
    return peer->end && !peer->eof && !peer->err;
}

/* The server has let go of it, whether or not the peer has seen that. */
static bool has_ended(const struct sf_peer *peer)
{
    return !lives(peer) ||
           (check_of(peer)->accepted >= 0 && !sf_peer_accepted(peer));
}

/* Has ended: was there a reason? */
static void judge_end(struct sf_peer *peer)
{
    struct check *c = check_of(peer);

    if (c->judged || !peer->end || !has_ended(peer))
        return;
    c->judged = true;
    c->excused = timed_out(peer) || sf_session_now()->high;
    if (!may_end(peer))
        sf_peer_finding(SF_MON_HARM, peer,
                        "ended (%s), and nothing had happened to it",
                        peer->err ? strerrorname_np(peer->err) : "EOF");
}

/* Nothing more is owed to it. */
static bool is_excused(const struct sf_peer *peer)
{
    return peer->harmed || !peer->end || check_of(peer)->excused ||
           timed_out(peer);
}

/* Frames that the server has read and not answered, and could. */
static void judge_debt(const struct sf_peer *peer)
{
    size_t taken = sf_peer_taken(peer), given = sf_peer_given(peer);
    size_t due = last_frame(peer, taken);

    if (check_of(peer)->verdict != REF_MORE || fuzz.told >= 0)
        return;
    if (due > given && sf_peer_writable(peer))
        sf_peer_finding(SF_MON_LOST_WAKEUP, peer,
                        "the server waits, but has read frames up to byte "
                        "%zu and answered up to byte %zu",
                        due, given);
    if (due == given && taken < peer->sent)
        sf_peer_finding(SF_MON_LOST_WAKEUP, peer,
                        "the server waits, but leaves %zu bytes unread",
                        peer->sent - taken);
}

/* Its time is up, and the server goes round and round with others. */
static void judge_overdue(const struct sf_peer *peer)
{
    struct check *c = check_of(peer);

    if (!lives(peer) || peer->harmed || !sf_peer_accepted(peer))
        return;
    note_activity(peer);
    if (fuzz.options.idle_ms < 0 || since(c->active) < fuzz.options.idle_ms ||
        peer->finished || broke_format(peer))
        c->due_turn = 0;
    else if (c->due_turn == 0)
        c->due_turn = fuzz.stats.turns;
    else if (fuzz.stats.turns > c->due_turn + OVERDUE_TURNS)
        sf_peer_finding(SF_MON_LATENESS, peer,
                        "idle for %lld ms, the limit is %d, and %d times round "
                        "the loop nothing came of it",
                        (long long)since(c->active), fuzz.options.idle_ms,
                        OVERDUE_TURNS);
}

static void on_busy(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < sf_session_conns(); i++)
        judge_overdue(sf_session_conn(i));
}

static void judge_lateness(const struct sf_peer *peer)
{
    const struct check *c = check_of(peer);
    int64_t from = c->active;

    if (fuzz.options.frame_ms >= 0 && c->half && !broke_format(peer) &&
        since(c->half_alone) > fuzz.options.frame_ms + LINGER_MS + SLACK_MS)
        sf_peer_finding(SF_MON_LATENESS, peer,
                        "inside a frame for %lld ms, the limit is %d",
                        (long long)since(c->half_alone), fuzz.options.frame_ms);
    if (fuzz.options.idle_ms >= 0 &&
        since(from) > fuzz.options.idle_ms + LINGER_MS + SLACK_MS)
        sf_peer_finding(SF_MON_LATENESS, peer,
                        "idle for %lld ms, the limit is %d",
                        (long long)since(from), fuzz.options.idle_ms);
}

/* All is answered, the peer has ended: what is there to wait for? */
static void judge_unnoticed(const struct sf_peer *peer)
{
    size_t taken = sf_peer_taken(peer), due = last_frame(peer, taken);

    if (fuzz.options.format.kind == FM_CLOSE)
        due = taken;
    if (peer->finished && sf_peer_given(peer) >= due)
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

static void judge_crowd(void)
{
    unsigned n = accepted_now();

    if (fuzz.options.max_conns && n > fuzz.options.max_conns)
        sf_finding(SF_MON_MEMORY, "%u connections at once, the limit is %u", n,
                   fuzz.options.max_conns);
}

/* A reader that stopped must stop the server's reading. */
static void judge_memory(const struct sf_peer *peer)
{
    const struct fm_server_options *o = &fuzz.options;
    struct check *c = check_of(peer);
    size_t taken = sf_peer_taken(peer);
    size_t debt = last_frame(peer, taken) - sf_peer_given(peer);

    if (c->over && taken > c->taken_then && !sf_peer_writable(peer))
        sf_peer_finding(SF_MON_MEMORY, peer,
                        "the server reads on, with %zu bytes of output that "
                        "nobody takes",
                        debt);
    c->over = o->high_water && !sf_peer_writable(peer) &&
              debt > o->high_water + (size_t)fm_format_wire_max(&o->format);
    c->taken_then = taken;
}

static void on_signal(void *arg)
{
    if (!fuzz.obeys || fuzz.stop)
        return;
    stop_server(arg);
    sf_session_stopped();
    fuzz.told = sf_sim_now();
    fuzz.lossy = true; /* what it has not read it need not answer */
    for (unsigned i = 0; i < sf_session_conns(); i++) {
        const struct sf_peer *peer = sf_session_conn(i);

        fuzz.checks[i].owed =
            sf_peer_accepted(peer) ? last_frame(peer, sf_peer_taken(peer)) : 0;
    }
}

/* What it had read has to be answered before it ends a connection, as long as
 * there is time. */
static void judge_last_words(const struct sf_peer *peer)
{
    size_t given = sf_peer_given(peer), owed = check_of(peer)->owed;

    if (peer->eof && given < owed && !is_excused(peer) && !broke_format(peer) &&
        since(fuzz.told) < LINGER_MS)
        sf_peer_finding(SF_MON_LOST, peer,
                        "it stops and has answered up to byte %zu, and had "
                        "read frames up to %zu",
                        given, owed);
}

static void judge_stop(void)
{
    if (fuzz.told < 0)
        return;
    for (unsigned i = 0; i < sf_session_conns(); i++)
        judge_last_words(sf_session_conn(i));
    if (since(fuzz.told) > LINGER_MS + SLACK_MS)
        sf_finding(SF_MON_LATENESS, "told to stop %lld ms ago, and it waits",
                   (long long)since(fuzz.told));
}

static void on_quiet(void *arg, int64_t until)
{
    bool short_timer = (until - sf_sim_now()) / MS <= SHORT_TIMER_MS;

    (void)arg;
    judge_crowd();
    judge_stop();
    for (unsigned i = 0; i < sf_session_conns(); i++) {
        struct sf_peer *peer = sf_session_conn(i);

        if (sf_peer_accepted(peer))
            note_activity(peer);
        judge_end(peer);
        if (!peer->end || peer->harmed || !sf_peer_accepted(peer))
            continue;
        if (!short_timer)
            judge_unnoticed(peer);
        if (!lives(peer))
            continue;
        judge_lateness(peer);
        if (peer->finished || short_timer || broke_format(peer))
            continue;
        judge_debt(peer);
        judge_memory(peer);
    }
}

static void must_have_all(const struct sf_peer *peer)
{
    if (peer->received < allowed(peer))
        sf_peer_finding(SF_MON_LOST, peer,
                        "%zu bytes came back of %zu that were due",
                        peer->received, allowed(peer));
}

static void on_settled(void *arg)
{
    (void)arg;
    if (fuzz.told >= 0)
        return;
    for (unsigned i = 0; i < sf_session_conns(); i++) {
        struct sf_peer *peer = sf_session_conn(i);

        judge_end(peer);
        if (is_excused(peer))
            continue;
        if (broke_format(peer) && !fuzz.lossy &&
            fuzz.options.format.kind != FM_CLOSE)
            must_have_all(peer); /* of the frames before it */
        if (!sf_end_connected(peer->end) || !sf_peer_accepted(peer)) {
            if (lives(peer) && accepted_now() < MAX_CONNS)
                sf_peer_finding(SF_MON_LOST, peer, "%s",
                                "never accepted, though there is room");
        } else if (broke_format(peer)) {
            if (lives(peer))
                sf_peer_finding(SF_MON_LOST, peer, "%s",
                                "broke the format and is still served");
        } else if (lives(peer) || peer->finished) {
            must_have_all(peer);
        }
    }
}

/* Everybody has half-closed, or is gone. */
static void on_finished(void *arg)
{
    (void)arg;
    if (fuzz.told >= 0) {
        judge_stop();
        return;
    }
    for (unsigned i = 0; i < sf_session_conns(); i++) {
        struct sf_peer *peer = sf_session_conn(i);

        judge_end(peer);
        if (is_excused(peer) || broke_format(peer) ||
            !sf_end_connected(peer->end))
            continue;
        if (lives(peer) && sf_peer_accepted(peer))
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

static bool kills(const struct sf_session *s)
{
    for (unsigned i = 0; i < s->acts_n; i++)
        if (s->acts[i].kind == SF_ACT_KILL)
            return true;
    return false;
}

/* Whoever sent frames has seen them handled. */
static void check_handled(void)
{
    size_t sent = 0;

    if (fuzz.options.format.kind == FM_CLOSE || fuzz.lossy)
        return;
    for (unsigned i = 0; i < sf_session_conns(); i++) {
        last_frame(sf_session_conn(i), sf_session_conn(i)->sent);
        sent += fuzz.checks[i].frames;
    }
    if (fuzz.handled != sent)
        sf_finding(SF_MON_LOST, "%zu frames were handled of %zu that were sent",
                   fuzz.handled, sent);
}

static void check_counts(void)
{
    const struct fm_server_stats *s = &fuzz.stats;
    uint64_t over = s->ended + s->failed + s->timed_out + s->dead;

    if (over != s->accepted)
        sf_finding(SF_MON_WRONG,
                   "%llu connections were accepted, and %llu are counted as "
                   "over",
                   (unsigned long long)s->accepted, (unsigned long long)over);
}

/* ------------------------------------------------------------- the target */

static void counters(void *arg, sf_counter *each, void *to)
{
    (void)arg;
    each(to, &fuzz.stats, sizeof fuzz.stats);
    sf_phase_counters(each, to);
}

static void on_fault(void *arg, const struct sf_point *at,
                     const struct sf_outcome *outcome)
{
    const struct sf_peer *peer = sf_session_peer_of(at->fd);
    unsigned place = 0, pending = 0;

    (void)arg;
    fuzz.cut |= outcome->fault == SF_EOF;
    if (sf_faults[outcome->fault].cls == SF_FATAL) {
        fuzz.lossy = true;
        fuzz.handled = 0;
    }
    if (peer) {
        size_t taken = sf_peer_taken(peer), start = last_frame(peer, taken);

        place = sf_place(taken, start, allowed(peer));
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
        .lives_on = true,
    };
    static struct sf_session s;

    sf_session_decode(&s, data, size);
    set_options(&s);
    fuzz.stop = 0;
    fuzz.result = 0;
    fuzz.stats = (struct fm_server_stats){0};
    fuzz.lasts = s.variant / ref_format_count % 2;
    fuzz.obeys = s.variant / ref_format_count / 2 % 2;
    fuzz.told = -1;
    fuzz.cut = false;
    fuzz.lossy = may_lose(&s);
    fuzz.handled = 0;
    for (unsigned i = 0; i < s.acts_n + 8 && i < SF_CONNS_MAX; i++)
        fuzz.checks[i] = (struct check){.accepted = -1, .verdict = REF_MORE};
    if (fuzz_verbose())
        printf("  format %s\n", ref_format_text(s.variant));
    sf_session_run(&s, &server, fuzz_verbose() ? stdout : NULL);
    if (fuzz.result != 0 && !(fuzz.result == FM_E_BADFD && kills(&s)))
        sf_finding(SF_MON_DIED, "fm_select_server ended with %s",
                   fm_err_name(fuzz.result));
    check_handled();
    check_counts();
    return 0;
}
