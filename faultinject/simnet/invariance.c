/*
 * invariance.c: what peers receive does not depend on transient faults; see
 * `invariant` in run.h.
 */
#include "faultinject/simnet/play.h"

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
bool sf_invariance_keep(const struct sf_session *s)
{
    if (s->faults_n == 0 || s->high)
        return false;
    for (unsigned i = 0; i < s->acts_n; i++)
        if (is_timed(&s->acts[i]))
            return false;
    kept.stage = KEEPING;
    return true;
}

static void keep(unsigned i, size_t at, const uint8_t *bytes, size_t len)
{
    if (at + len > SF_STREAM_MAX)
        kept.stage = OFF;
    else
        memcpy(kept.bytes[i] + at, bytes, len);
}

static void compare(const struct sf_peer *peer, unsigned i,
                    const uint8_t *bytes, size_t len)
{
    size_t at = peer->received, n = 0;

    while (n < len && at + n < kept.len[i] && bytes[n] == kept.bytes[i][at + n])
        n++;
    if (n < len)
        sf_peer_finding(
            SF_MON_WRONG, peer,
            "byte %zu that came back is %s it is without the "
            "transient faults",
            at + n, at + n < kept.len[i] ? "another than" : "one more than");
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
    kept.stage = COMPARING;
}

static void judge(void)
{
    kept.stage = OFF;
    for (unsigned i = 0; i < kept.conns && i < sf_play.conns_n; i++)
        if (sf_play.conns[i].received < kept.len[i])
            sf_peer_finding(SF_MON_LOST, &sf_play.conns[i],
                            "%zu bytes came back, %zu without the transient "
                            "faults",
                            sf_play.conns[i].received, kept.len[i]);
}

void sf_invariance_end(void)
{
    if (kept.stage == KEEPING)
        remember();
    else if (kept.stage == COMPARING)
        judge();
}
