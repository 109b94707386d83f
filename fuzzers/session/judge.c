/*
 * judge.c: what the server under test owes to each connection besides
 * its answers: an end in time, a place, its memory back, a true count.
 */
#include "faultinject/inject/finding.h"
#include "faultinject/simnet/simnet.h"
#include "fuzzers/fuzz.h"
#include "fuzzers/session/peers.h"

enum {
    SPARE = 2048, /* bytes lent to whoever is served, FM_PIECE being 512 */
    PER_CONN = 1280,
    PAUSE_MS = 10 /* … of the server, after a wait that failed */
};

static uint64_t over(void)
{
    const struct fm_server_stats *s = &session.stats;

    return s->ended + s->failed + s->timed_out + s->dead;
}

/* It has told the peer its end, and waits for the peer's: not for long.  The
 * word to stop begins that time anew. */
static void judge_linger(const struct sf_peer *peer, int64_t until)
{
    struct check *c = session_check(peer);
    int64_t from;

    if (!peer->eof || peer->err || !sf_peer_accepted(peer))
        return;
    if (c->ended < 0)
        c->ended = sf_sim_now();
    from = session.told > c->ended ? session.told : c->ended;
    if (!peer->harmed && until - from > (LINGER_MS + SLACK_MS) * MS)
        sf_peer_finding(SF_MON_LATENESS, peer,
                        "it has had the end for %lld ms, and the server waits "
                        "for its own",
                        (long long)session_since(c->ended));
}

/* Told to stop: who reads has all there is, and then its end. */
static void judge_goodbye(const struct sf_peer *peer)
{
    if (session.told >= 0 && session_check(peer)->was_open && !peer->stopped &&
        session_lives(peer) && sf_peer_accepted(peer) && !peer->harmed &&
        !session.failing)
        sf_peer_finding(SF_MON_LOST_WAKEUP, peer, "%s",
                        "told to stop, the server waits, and it has no end");
}

/* What it had read has to be answered before it ends a connection, as long as
 * there is time. */
static void judge_last_words(const struct sf_peer *peer)
{
    size_t given = sf_peer_given(peer), owed = session_check(peer)->owed;

    if (peer->eof && given < owed && !session_is_excused(peer) &&
        !session_broke_format(peer) && session_since(session.told) < LINGER_MS)
        sf_peer_finding(SF_MON_LOST, peer,
                        "it stops and has answered up to byte %zu, and had "
                        "read frames up to %zu",
                        given, owed);
}

/* The peer is waited for after the last answer, as long as there is time:
 * closing before it does may reset it, and it loses what is under way. */
static void judge_farewell(const struct sf_peer *peer)
{
    if (session_check(peer)->was_open && peer->end && !peer->finished &&
        !session_is_excused(peer) && !sf_peer_accepted(peer) &&
        !session_broke_format(peer) && !sf_end_harmed(peer->end) &&
        session_since(session.told) < LINGER_MS - SLACK_MS)
        sf_peer_finding(SF_MON_HARM, peer,
                        "closed %lld ms after the word to stop, and the peer "
                        "had not ended",
                        (long long)session_since(session.told));
}

void session_judge_stop(void)
{
    if (session.told < 0)
        return;
    for (unsigned i = 0; i < sf_session_conns(); i++) {
        judge_last_words(sf_session_conn(i));
        judge_farewell(sf_session_conn(i));
    }
    if (session_since(session.told) > LINGER_MS + SLACK_MS)
        sf_finding(SF_MON_LATENESS, "told to stop %lld ms ago, and it waits",
                   (long long)session_since(session.told));
}

/* Nobody but the server lets time pass: as long as it serves a connection, its
 * wait ends when the time is over that something has had since `from`, or the
 * pause does after a wait that failed, as the next may again. */
static bool is_late(const struct sf_peer *peer, int64_t from, int limit_ms,
                    int64_t until)
{
    bool serving =
        !peer->finished && session.told < 0 && !session_broke_format(peer);

    if (limit_ms < 0)
        return false;
    return (serving && until - from > (limit_ms + PAUSE_MS) * MS &&
            until - sf_sim_now() > PAUSE_MS * MS) ||
           session_since(from) > limit_ms + LINGER_MS + SLACK_MS;
}

/* The rest of a frame has to come. */
static bool is_inside(const struct sf_peer *peer)
{
    return session_check(peer)->half && !session_broke_format(peer) &&
           !(peer->finished && session.options.format.kind == FM_CLOSE);
}

static void judge_lateness(const struct sf_peer *peer, int64_t until)
{
    const struct check *c = session_check(peer);
    bool stopped = c->whole > c->given; /* it may have, and no time runs then */
    int64_t active = session_broke_at(peer, c->taken) ? c->useful : c->active;

    if (!session_lives(peer) || peer->harmed || !sf_peer_accepted(peer))
        return;
    if (is_inside(peer) &&
        is_late(peer, c->half_alone, session.options.frame_ms,
                stopped ? sf_sim_now() : until))
        sf_peer_finding(SF_MON_LATENESS, peer,
                        "inside a frame for %lld ms, the limit is %d, and the "
                        "server waits",
                        (long long)session_since(c->half_alone),
                        session.options.frame_ms);
    if (is_late(peer, active, session.options.idle_ms, until))
        sf_peer_finding(
            SF_MON_LATENESS, peer,
            "idle for %lld ms, the limit is %d, and the server waits",
            (long long)session_since(active), session.options.idle_ms);
}

/* Who is never timed out has to be asked whether he is there: three times, and
 * as often as it was said.  AF_UNIX knows without asking. */
static void judge_keepalive(const struct sf_peer *peer)
{
    int asked = session.options.keepalive_s, kept;

    if (!asked || peer->harmed || !sf_peer_accepted(peer))
        return;
    kept = sf_end_kept_alive(peer->end);
    if (!kept)
        sf_peer_finding(SF_MON_LATENESS, peer, "%s",
                        "keepalive was asked for, and is not on");
    else if (!sf_session_now()->local && kept != 4 * asked)
        sf_peer_finding(SF_MON_LATENESS, peer,
                        "who vanishes is noticed after %d s, with keepalive "
                        "of %d",
                        kept, asked);
}

/* The handler has said so of one of its frames: which? */
static enum end_kind kind_of_last(const struct sf_peer *peer)
{
    struct ref_frame frame = {0};

    do
        if (ref_next(&session.options.format, peer->stream, peer->sent,
                     frame.end, &frame) != REF_FRAME)
            return UNSURE;
    while (!session_is_last(peer->stream + frame.payload, frame.len));
    return peer->stream[frame.payload] % 2 ? FAILED : ENDED;
}

/* That it is closed may have another reason, unless all was done. */
static bool is_surely_over(const struct sf_peer *peer)
{
    const struct check *c = session_check(peer);
    int idle_ms = session.options.idle_ms;

    return sf_peer_accepted(peer) ||
           (peer->received >= peer->sent && c->scan.due >= peer->sent &&
            peer->finished &&
            (idle_ms < 0 || session_since(c->active) + SLACK_MS <= idle_ms));
}

static void note_kind(const struct sf_peer *peer)
{
    struct check *c = session_check(peer);

    if (c->kind != UNSURE || !peer->eof || peer->err || peer->harmed ||
        session.cut || session.told >= 0 || session_is_excused(peer) ||
        session.options.format.kind == FM_CLOSE)
        return;
    session_frames_end(peer, peer->sent);
    if (!is_surely_over(peer))
        return;
    if (c->scan.verdict == REF_BAD || c->scan.verdict == REF_TOO_LONG)
        c->kind = FAILED;
    else if (c->scan.verdict == REF_MORE && peer->finished)
        c->kind = c->scan.due == peer->sent ? ENDED : FAILED;
    else if (c->scan.verdict == REF_FRAME)
        c->kind = kind_of_last(peer);
}

void session_judge_one(struct sf_peer *peer, int64_t until, bool short_timer)
{
    judge_keepalive(peer);
    judge_linger(peer, until);
    judge_lateness(peer, until);
    note_kind(peer);
    if (!short_timer)
        judge_goodbye(peer);
}

/* Descriptors had run out, and since then a connection is over. */
static void judge_rearm(void)
{
    const struct fm_server_stats *s = &session.stats;
    bool fresh = session.exhausted != s->exhausted;

    session.exhausted = s->exhausted;
    if (fresh)
        session.over = over();
    if (!s->exhausted || session.over == over() || session.stop ||
        session.failed.turns == s->turns || sf_session_now()->high ||
        (session.options.max_conns &&
         s->accepted - over() >= session.options.max_conns))
        return;
    for (unsigned i = 0; i < sf_session_conns(); i++) {
        const struct sf_peer *peer = sf_session_conn(i);

        if (session_lives(peer) && sf_end_waits(peer->end) && !peer->harmed)
            sf_peer_finding(SF_MON_LOST_WAKEUP, peer, "%s",
                            "a descriptor is free again, and the server waits "
                            "and does not accept");
    }
}

void session_note_denial(void)
{
    session.denial.asked++;
    session.denial.accepted = session.stats.accepted;
}

/* Who could not accept rests, until a connection is over or some time is: since
 * the last wait it has asked once, and once for each that is over. */
static void judge_denial(void)
{
    const struct fm_server_stats *s = &session.stats;
    struct denial *d = &session.denial;
    uint64_t gone = over() + s->refused, counted = s->exhausted - d->counted;

    if ((counted > d->asked ? counted : d->asked) > 1 + gone - d->over ||
        (d->asked && gone == d->over && s->accepted > d->accepted))
        sf_finding(SF_MON_SPIN, "%s",
                   "it could not accept, and asks again at once");
    d->asked = 0;
    d->over = gone;
    d->counted = s->exhausted;
}

/* How many are idle, if all are; *most: the bytes that one has sent. */
static size_t count_idle(size_t *most)
{
    size_t n = 0;

    for (unsigned i = 0; i < sf_session_conns(); i++) {
        const struct sf_peer *peer = sf_session_conn(i);
        const struct check *c = session_check(peer);

        if (peer->sent > *most)
            *most = peer->sent;
        if (!sf_peer_accepted(peer))
            continue;
        n++;
        if (c->taken != c->whole || c->given != c->whole || peer->harmed)
            return 0;
    }
    return n;
}

/* Who has nothing to do needs no memory for bytes.  After a wait that failed
 * some that are over are not freed. */
static void judge_idle_memory(void)
{
    size_t most = 0, n = count_idle(&most), now;

    if (!n || session.failed.turns == session.stats.turns ||
        session.stats.accepted - over() != n)
        return;
    now = fuzz_allocated();
    if (now > session.before + SPARE + 4 * most + n * PER_CONN)
        sf_finding(SF_MON_MEMORY,
                   "%zu bytes are held, for %zu connections that are idle",
                   now - session.before, n);
}

static void judge_crowd(void)
{
    unsigned n = session_accepted();

    if (session.options.max_conns && n > session.options.max_conns)
        sf_finding(SF_MON_MEMORY, "%u connections at once, the limit is %u", n,
                   session.options.max_conns);
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

/* A message up to the end of the stream is handled, be it empty, before its
 * connection counts as one that has ended well. */
static void judge_messages(void)
{
    const struct fm_server_stats *s = &session.stats;

    if (session.options.format.kind == FM_CLOSE && !session.stop &&
        s->ended > s->frames)
        sf_finding(SF_MON_LOST,
                   "%llu streams have ended, and %llu messages were handled",
                   (unsigned long long)s->ended, (unsigned long long)s->frames);
}

void session_judge_all(void)
{
    judge_crowd();
    judge_dead();
    judge_messages();
    judge_rearm();
    judge_denial();
    judge_idle_memory();
}

static void judge_kinds(void)
{
    const struct fm_server_stats *s = &session.stats;
    uint64_t kinds[END_KINDS] = {0};

    for (unsigned i = 0; i < sf_session_conns(); i++)
        kinds[session_checks[i].kind]++;
    if (s->timed_out + s->dead < kinds[TIMED_OUT])
        sf_finding(SF_MON_WRONG, "%llu have timed out, and it counts %llu",
                   (unsigned long long)kinds[TIMED_OUT],
                   (unsigned long long)s->timed_out);
    if (s->ended + s->dead < kinds[ENDED] ||
        s->failed + s->dead < kinds[FAILED])
        sf_finding(SF_MON_WRONG,
                   "%llu have ended clean and %llu failed, and it counts %llu "
                   "and %llu",
                   (unsigned long long)kinds[ENDED],
                   (unsigned long long)kinds[FAILED],
                   (unsigned long long)s->ended, (unsigned long long)s->failed);
}

void session_judge_counts(void)
{
    const struct fm_server_stats *s = &session.stats;

    if (over() != s->accepted)
        sf_finding(SF_MON_WRONG,
                   "%llu connections were accepted, and %llu are counted as "
                   "over",
                   (unsigned long long)s->accepted, (unsigned long long)over());
    if (s->exhausted && !session.scarce)
        sf_finding(
            SF_MON_WRONG,
            "%llu times it has found no more descriptors, and there were",
            (unsigned long long)s->exhausted);
    judge_dead();
    judge_kinds();
    if (s->frames != session.frames)
        sf_finding(SF_MON_WRONG, "%zu frames were handled, and it counts %llu",
                   session.frames, (unsigned long long)s->frames);
}
