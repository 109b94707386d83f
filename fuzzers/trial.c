/* trial.c: what is common to the loops and the server of fuzz_stream; see
 * trial.h. */
#include "fuzzers/trial.h"

#include "faultinject/inject/finding.h"
#include "fuzzers/fuzz.h"

#include <string.h>

struct trial trial;

const struct sf_peer *trial_peer(void)
{
    return sf_session_conn(0);
}

bool trial_serves(void)
{
    return trial.mode == STREAM && trial.at_large;
}

void trial_check_bytes(const char *what, const uint8_t *bytes, size_t len,
                       size_t at, size_t end)
{
    const uint8_t *stream = trial_peer()->stream;
    size_t i = 0;

    if (at + len <= end && memcmp(bytes, stream + at, len) == 0)
        return;
    while (at + i < end && bytes[i] == stream[at + i])
        i++;
    sf_peer_finding(SF_MON_WRONG, trial_peer(),
                    "byte %zu %s as 0x%02x, sent was 0x%02x (%zu bytes)",
                    at + i, what, bytes[i], at + i < end ? stream[at + i] : 0,
                    end);
}

void trial_check_taken(const uint8_t *bytes, size_t len, size_t at)
{
    trial_check_bytes("was received", bytes, len, at, trial_peer()->sent);
}

bool trial_harmed(void)
{
    return trial_peer()->harmed ||
           (trial_peer()->end && sf_end_harmed(trial_peer()->end));
}

bool trial_excuses(int err)
{
    bool gone = trial_peer()->closed || trial_harmed();

    if (trial.deadlines && !trial_serves() && trial.until &&
        err == FM_E_TIMEOUT)
        return trial_now_ms() >= trial.until;
    if ((trial.deadlines || trial.own || trial.told >= 0) &&
        err == FM_E_TIMEOUT)
        return true;
    if (err == FM_E_BUSY && trial.refused > TRIAL_TRIES)
        return true;
    if (err == FM_E_NOMEM && fuzz_memory.refused)
        return true;
    return gone &&
           (err == FM_E_RESET || err == FM_E_PIPE || err == FM_E_UNREACH ||
            err == FM_E_BADFD || err == FM_E_TRUNCATED || err == FM_E_CLOSED ||
            err == FM_E_SYS);
}

/* Who vanished has lost what was under way; so has who closed, on TCP, when the
 * program sends to it. */
static bool may_have_lost(const struct sf_peer *p)
{
    return trial_harmed() || p->vanished ||
           (p->closed && !sf_session_now()->local && trial.trying > 0);
}

/* What the end of a stream ends is a frame, perhaps an empty one: who is told
 * of the end has had it. */
static void check_last(int err)
{
    bool wrong = err == FM_E_CLOSED ? trial.frames == 0 : err == FM_E_TRUNCATED;

    if (wrong && trial.format.kind == FM_CLOSE && trial.mode != EXACT)
        sf_peer_finding(SF_MON_LOST, trial_peer(),
                        "the stream has ended after %zu bytes, and the frame "
                        "that this ends did not come out",
                        trial_peer()->sent);
}

void trial_judge_receive(int err, size_t at, size_t need)
{
    bool lost = may_have_lost(trial_peer());
    bool over = trial_peer()->finished || trial_peer()->closed || lost;
    /* The end comes after all that it took, whatever else was sent.  Of who is
     * gone it is not known how much that was, nor of a server, which reads on
     * for the peer's end. */
    size_t left = sf_peer_taken(trial_peer()) - at;
    bool unsure = lost && (!trial_peer()->end || trial_serves());

    check_last(err);
    if (err == FM_E_CLOSED && over && (left == 0 || unsure))
        return;
    if (err == FM_E_TRUNCATED && over && ((left && left < need) || unsure))
        return;
    if (trial_excuses(err) && err != FM_E_TRUNCATED && err != FM_E_CLOSED)
        return;
    sf_peer_finding(SF_MON_WRONG, trial_peer(),
                    "receiving ended with %s at byte %zu of %zu",
                    fm_err_name(err), at, trial_peer()->sent);
}

void trial_check_whole(size_t len)
{
    if (trial.lost)
        sf_peer_finding(SF_MON_WRONG, trial_peer(),
                        "the connection was lost at byte %zu, and that counts "
                        "as the end of the message",
                        len);
}

int trial_check_payload(const uint8_t *payload, size_t len, struct fm_buf *wire)
{
    int r;

    trial.frames++;
    fm_buf_init(wire, 2 * SF_STREAM_MAX);
    if (trial.format.kind == FM_CLOSE)
        trial_check_whole(len);
    fuzz_memory.own = true;
    r = fm_encode(&trial.format, payload, len, wire);
    fuzz_memory.own = false;
    if (r == 0) {
        trial_check_taken(fm_buf_peek(wire), fm_buf_len(wire), trial.taken);
        trial.taken += fm_buf_len(wire);
    }
    return r;
}
