/*
 * invariance.c: what peers receive does not depend on transient faults; see
 * `invariant` in run.h.
 */
#include "faultinject/session/play.h"

#include "faultinject/inject/finding.h"

#include <string.h>

enum stage { OFF, KEEPING, COMPARING };

static struct {
    enum stage stage;
    unsigned conns;
    size_t len[SF_CONNS_MAX];
    uint8_t bytes[SF_CONNS_MAX][SF_STREAM_MAX];
} kept;

void sf_invariance_off(void)
{
    kept.stage = OFF;
}

/* What comes after so many calls, or after a while, meets a program that was
 * held up elsewhere; who goes without having read loses what was on its way. */
static bool is_timed(const struct sf_act *act)
{
    switch (act->kind) {
    case SF_ACT_CLOSE:
    case SF_ACT_RESET:
    case SF_ACT_WAIT:
    case SF_ACT_SIGNAL:
    case SF_ACT_LIMIT:
    case SF_ACT_KILL:
        return true;
    default:
        return act->when == SF_WHEN_AFTER;
    }
}

/* It is off here: each comparison ends with its session. */
void sf_invariance_keep(const struct sf_session *s)
{
    if (s->high)
        return;
    for (unsigned i = 0; i < s->acts_n; i++)
        if (is_timed(&s->acts[i]))
            return;
    kept.stage = KEEPING;
}

static void keep(unsigned i, size_t at, const uint8_t *bytes, size_t len)
{
    if (at + len > SF_STREAM_MAX)
        kept.stage = OFF;
    else
        memcpy(kept.bytes[i] + at, bytes, len);
}

/* What is more than was kept is judged at the end, when it is known how much
 * more. */
static void compare(const struct sf_peer *peer, unsigned i,
                    const uint8_t *bytes, size_t len)
{
    size_t at = peer->received, n = 0;

    while (n < len && at + n < kept.len[i] && bytes[n] == kept.bytes[i][at + n])
        n++;
    if (n < len && at + n < kept.len[i])
        sf_peer_finding(SF_MON_WRONG, peer,
                        "byte %zu that came back is 0x%02x, and 0x%02x "
                        "without the transient faults",
                        at + n, kept.bytes[i][at + n], bytes[n]);
}

void sf_invariance_received(const struct sf_peer *peer, const uint8_t *bytes,
                            size_t len)
{
    unsigned i = (unsigned)(peer - sf_play.conns);

    if (kept.stage == KEEPING)
        keep(i, peer->received, bytes, len);
    else if (kept.stage == COMPARING && i < kept.conns)
        compare(peer, i, bytes, len);
}

static void remember(void)
{
    kept.conns = sf_play.conns_n;
    for (unsigned i = 0; i < kept.conns; i++)
        kept.len[i] = sf_play.conns[i].received;
    kept.stage = sf_play.faults ? COMPARING : OFF;
}

static void judge(void)
{
    kept.stage = OFF;
    for (unsigned i = 0; i < kept.conns && i < sf_play.conns_n; i++) {
        const struct sf_peer *peer = &sf_play.conns[i];

        if (peer->received != kept.len[i])
            sf_peer_finding(
                kept.len[i] < peer->received ? SF_MON_LOST : SF_MON_WRONG, peer,
                "%zu bytes came back, and %zu without the transient faults",
                kept.len[i], peer->received);
    }
}

void sf_invariance_end(void)
{
    if (kept.stage == KEEPING)
        remember();
    else if (kept.stage == COMPARING)
        judge();
}

bool sf_invariance_kept(void)
{
    return kept.stage == COMPARING;
}
