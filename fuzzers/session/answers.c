/*
 * answers.c: what comes back for what was sent: nothing else, all that
 * is due, and an end only where there is a reason.
 */
#include "faultinject/inject/finding.h"
#include "fuzzers/session/peers.h"

#include <string.h>

void session_received(void *arg, struct sf_peer *peer, const uint8_t *bytes,
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
    size_t given = sf_peer_given(peer); /* what was cut off counts as well */
    int idle_ms = session.options.idle_ms;

    if (given < c->given)
        given = c->given;
    if (given < c->whole && session_broke_at(peer, c->taken) &&
        !peer->finished && !c->excused && !peer->harmed && !session.failing &&
        session.told < 0 && session.options.format.kind != FM_CLOSE &&
        !sf_peer_accepted(peer) &&
        (idle_ms < 0 || session_since(c->useful) + SLACK_MS < idle_ms))
        sf_peer_finding(SF_MON_LOST, peer,
                        "closed with answers up to byte %zu sent, and frames "
                        "up to byte %zu handled",
                        given, c->whole);
}

/* Has ended: was there a reason? */
void session_judge_end(struct sf_peer *peer)
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

static void must_have_all(const struct sf_peer *peer)
{
    if (peer->received < session_allowed(peer))
        sf_peer_finding(SF_MON_LOST, peer,
                        "%zu bytes came back of %zu that were due",
                        peer->received, session_allowed(peer));
}

unsigned session_accepted(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < sf_session_conns(); i++)
        n += sf_session_conn(i)->end && sf_peer_accepted(sf_session_conn(i));
    return n;
}

void session_settled(void *arg)
{
    (void)arg;
    if (session.told >= 0)
        return;
    for (unsigned i = 0; i < sf_session_conns(); i++) {
        struct sf_peer *peer = sf_session_conn(i);

        session_judge_end(peer);
        if (session_is_excused(peer))
            continue;
        if (session_broke_format(peer) && !session.lossy &&
            session.options.format.kind != FM_CLOSE)
            must_have_all(peer); /* of the frames before it */
        if (!sf_end_connected(peer->end) || !sf_peer_accepted(peer)) {
            if (session_lives(peer) && session_accepted() < MAX_CONNS)
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
void session_finished(void *arg)
{
    (void)arg;
    if (session.told >= 0) {
        session_judge_stop();
        return;
    }
    for (unsigned i = 0; i < sf_session_conns(); i++) {
        struct sf_peer *peer = sf_session_conn(i);

        session_judge_end(peer);
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

/* Whoever sent frames has seen them handled. */
void session_judge_handled(void)
{
    size_t sent = 0;

    if (session.options.format.kind == FM_CLOSE || session.lossy)
        return;
    for (unsigned i = 0; i < sf_session_conns(); i++) {
        session_frames_end(sf_session_conn(i), sf_session_conn(i)->sent);
        sent += session_checks[i].scan.frames;
    }
    if (session.handled != sent)
        sf_finding(SF_MON_LOST, "%zu frames were handled of %zu that were sent",
                   session.handled, sent);
}
