/*
 * waits.c: how the server waits: for as long as there is nothing to do,
 * with nothing done by halves, and not in a hurry where memory is short.
 */
#include "faultinject/inject/finding.h"
#include "fuzzers/phases.h"
#include "fuzzers/session/peers.h"

enum {
    SHORT_TIMER_MS = 1000,
    OVERDUE_TURNS = 3,
    IDLE_TURNS = 3,
    WAIT_TRIES = 16,
    REARM_MS = 100
};

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

void session_busy(void *arg)
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

/* It waits for others, and could have this one. */
static void judge_backlog(const struct sf_peer *peer)
{
    if (session_lives(peer) && sf_end_waits(peer->end) && !peer->harmed &&
        !session.scarce && !session.stop)
        sf_peer_finding(SF_MON_LOST_WAKEUP, peer, "%s",
                        "the server waits, and has room, but does not accept");
}

/* Who has no descriptor for it tries again soon, though nobody goes. */
static void judge_rest(const struct sf_peer *peer, int64_t until)
{
    const struct fm_server_stats *s = &session.stats;
    unsigned room = session.options.max_conns;

    if (session_lives(peer) && sf_end_waits(peer->end) && !peer->harmed &&
        s->exhausted && !session.stop && !sf_session_now()->high &&
        session.failed.turns != s->turns &&
        (!room || session_accepted() < room) &&
        until - sf_sim_now() > REARM_MS * MS)
        sf_peer_finding(SF_MON_LATENESS, peer,
                        "it could not be accepted, and that is tried again "
                        "after %lld ms, not %d",
                        (long long)((until - sf_sim_now()) / MS), REARM_MS);
}

/* What has been done so far: bytes it moved, what it counts, and what the
 * script did, for which it may wake. */
static uint64_t all_done(void)
{
    const struct fm_server_stats *s = &session.stats;
    uint64_t n = s->accepted + s->refused + s->ended + s->failed +
                 s->timed_out + s->dead + s->exhausted + sf_session_acts();

    for (unsigned i = 0; i < sf_session_conns(); i++)
        n += sf_peer_taken(sf_session_conn(i)) +
             sf_peer_given(sf_session_conn(i));
    return n;
}

/* What the server had with a peer that has let go is not known any more. */
static bool all_known(void)
{
    for (unsigned i = 0; i < sf_session_conns(); i++)
        if (!sf_session_conn(i)->end)
            return false;
    return true;
}

/* It may go round once for each thing that it does, or that was done to it, and
 * once more for what comes of that. */
static void judge_rounds(const struct waking *w, uint64_t done)
{
    uint64_t turns = session.stats.turns - w->turns;
    uint64_t reasons = done - w->done + w->faults;

    if (turns > 2 * reasons + IDLE_TURNS && all_known())
        sf_finding(SF_MON_SPIN,
                   "it went round %llu times between two waits, with %llu "
                   "things to do",
                   (unsigned long long)turns, (unsigned long long)reasons);
}

/* A wait lasts until there is something to do; the end of a rest may turn out
 * to be nothing. */
static void judge_waking(void)
{
    struct waking *w = &session.waking;
    uint64_t done = all_done();

    judge_rounds(w, done);
    if (done != w->done)
        w->n = 0;
    else
        w->n += session.stats.turns > w->turns;
    w->done = done;
    w->turns = session.stats.turns;
    w->faults = 0;
    if (w->n > IDLE_TURNS)
        sf_finding(SF_MON_SPIN, "%s",
                   "it wakes again and again, and there is nothing to do");
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

void session_wait_failed(enum sf_fault fault)
{
    note_failure();
    if (fault == SF_ENOMEM)
        note_refusal();
    else
        session.hurried |= session.refused > 0;
}

/* Memory that is short is left alone for a moment, whatever signals come. */
void session_judge_haste(const struct sf_peer *peer, const struct sf_point *at,
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

/* Who has had no memory so often has nothing more to wait for. */
static void judge_failing(void)
{
    if (session.failing)
        sf_finding(SF_MON_SPIN,
                   "there was no memory to wait, %d times in a row, and it "
                   "waits again",
                   WAIT_TRIES + 1);
}

void session_quiet(void *arg, int64_t until)
{
    bool short_timer = (until - sf_sim_now()) / MS <= SHORT_TIMER_MS;

    (void)arg;
    if (until <= sf_sim_now()) /* it only looks */
        return;
    judge_waking();
    judge_failing();
    session_judge_stop();
    for (unsigned i = 0; i < sf_session_conns(); i++) {
        struct sf_peer *peer = sf_session_conn(i);

        if (sf_peer_accepted(peer))
            session_note_activity(peer);
        session_judge_end(peer);
        session_judge_one(peer, until, short_timer);
        judge_rest(peer, until);
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
