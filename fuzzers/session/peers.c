/* peers.c: what is known of each connection; see peers.h */
#include "fuzzers/session/peers.h"

#define PAUSED (INT64_MAX / 2)

struct session session;
struct check session_checks[SF_CONNS_MAX];

bool session_is_last(const uint8_t *payload, size_t len)
{
    return session.lasts && len > 0 && payload[0] % 9 == 0;
}

/* Where the last whole frame that is handled ends, from a frame's start `at`
 * on; *verdict is why no other is, FRAME: because the handler said so. */
static size_t handled_end(const uint8_t *bytes, size_t len, size_t at,
                          enum ref_verdict *verdict, size_t *count)
{
    struct ref_frame frame;

    while (*verdict != REF_FRAME &&
           (*verdict = ref_next(&session.options.format, bytes, len, at,
                                &frame)) == REF_FRAME) {
        at = frame.end;
        ++*count;
        if (!session_is_last(bytes + frame.payload, frame.len))
            *verdict = REF_MORE;
    }
    return at;
}

size_t session_frames_end(const struct sf_peer *peer, size_t n)
{
    struct scan *s = &session_check(peer)->scan;
    enum ref_verdict verdict = REF_MORE;
    size_t count = 0;

    if (session.options.format.kind == FM_CLOSE)
        return 0;
    if (n == s->bytes)
        return s->due;
    if (n > s->bytes) {
        s->due = handled_end(peer->stream, n, s->due, &s->verdict, &s->frames);
        s->bytes = n;
        return s->due;
    }
    return handled_end(peer->stream, n, 0, &verdict, &count);
}

size_t session_allowed(const struct sf_peer *peer)
{
    if (session.options.format.kind != FM_CLOSE)
        return session_frames_end(peer, peer->sent);
    return peer->finished || sf_end_harmed(peer->end) ? peer->sent : 0;
}

bool session_broke_format(const struct sf_peer *peer)
{
    const struct fm_format *f = &session.options.format;

    if (f->kind == FM_CLOSE)
        return peer->sent > f->max;
    session_frames_end(peer, peer->sent);
    return session_check(peer)->scan.verdict != REF_MORE;
}

bool session_broke_at(const struct sf_peer *peer, size_t n)
{
    enum ref_verdict verdict = REF_MORE;
    size_t count = 0;

    if (!session_broke_format(peer))
        return false;
    if (session.options.format.kind == FM_CLOSE)
        return n > session.options.format.max;
    handled_end(peer->stream, n, 0, &verdict, &count);
    return verdict != REF_MORE;
}

int64_t session_since(int64_t then)
{
    return (sf_sim_now() - then) / MS;
}

/* Since when the server waits for the rest of a frame.  While it has surely
 * stopped reading no time runs; its own high water no session reaches. */
static void note_half(struct check *c, size_t start, size_t taken, size_t given,
                      bool broke)
{
    size_t limit = session.options.high_water;
    bool half = start < taken && !broke;

    if (half && (!c->half || c->whole != start))
        c->half_since = c->half_alone = sf_sim_now();
    /* It may have stopped reading, up to now. */
    if (start > given || c->whole > c->given)
        c->half_alone = sf_sim_now();
    if (limit && start >= given + limit)
        c->half_since = PAUSED;
    else if (c->half_since == PAUSED)
        c->half_since = sf_sim_now();
    c->half = half;
    c->whole = start;
}

void session_note_activity(const struct sf_peer *peer)
{
    struct check *c = session_check(peer);
    size_t taken = sf_peer_taken(peer), given = sf_peer_given(peer);
    int64_t now = sf_sim_now();

    if (c->accepted < 0 || given != c->given ||
        (taken != c->taken && !session_broke_at(peer, c->taken)))
        c->useful = now;
    note_half(c, session_frames_end(peer, taken), taken, given,
              session_broke_at(peer, taken));
    if (c->accepted < 0)
        c->accepted = c->active = now;
    if (now - c->active > c->gap)
        c->gap = now - c->active;
    if (taken + given != c->taken + c->given) {
        c->active = now;
        c->due_turn = 0;
    }
    c->taken = taken;
    c->given = given;
}

bool session_timed_out(const struct sf_peer *peer)
{
    const struct fm_server_options *o = &session.options;
    const struct check *c = session_check(peer);
    bool idle =
        o->idle_ms >= 0 && c->accepted >= 0 &&
        (session_since(c->active) >= o->idle_ms || c->gap / MS >= o->idle_ms);
    bool slow = o->frame_ms >= 0 && c->half &&
                session_since(c->half_since) >= o->frame_ms;

    return idle || slow;
}

/* Besides the time. */
static bool has_reason(const struct sf_peer *peer)
{
    return peer->harmed || peer->finished || session_broke_format(peer) ||
           sf_session_now()->high || session.stop || session.failing;
}

bool session_may_end(const struct sf_peer *peer)
{
    return has_reason(peer) || session_timed_out(peer);
}

bool session_only_timed_out(const struct sf_peer *peer)
{
    return session_timed_out(peer) && !has_reason(peer);
}

bool session_lives(const struct sf_peer *peer)
{
    return peer->end && !peer->eof && !peer->err;
}

bool session_has_ended(const struct sf_peer *peer)
{
    return !session_lives(peer) ||
           (session_check(peer)->accepted >= 0 && !sf_peer_accepted(peer));
}

bool session_is_excused(const struct sf_peer *peer)
{
    return peer->harmed || !peer->end || session_check(peer)->excused ||
           session_timed_out(peer) || session.failing;
}
