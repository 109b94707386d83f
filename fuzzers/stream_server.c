/* stream_server.c: fm_serve_blocking as a trial of fuzz_stream; see trial.h. */
#include "faultinject/inject/finding.h"
#include "fuzzers/reference.h"
#include "fuzzers/trial.h"
#include "target/clock.h"
#include "target/serve.h"

enum { HIGH_WATER = 300, LINGER_MS = 2000 };

/* After some frames it has enough, after others it says an error, of all that
 * there are: that is its own, whatever it would mean of the connection. */
static int judge_frame(const struct fm_frame *frame)
{
    unsigned first = frame->len ? frame->data[0] : 1;

    if (trial.verdict)
        sf_peer_finding(SF_MON_WRONG, trial_peer(), "%s",
                        "a frame is handled after the last");
    if (trial.lasts && first % 9 == 0)
        trial.verdict =
            first % 2 ? -1 - (int)first / 9 % FM_ERR_COUNT : FM_HANDLER_LAST;
    return trial.verdict;
}

static int handle(void *context, const struct fm_format *f,
                  const struct fm_frame *frame, struct fm_buf *out)
{
    size_t waits = fm_buf_len(out);
    struct fm_buf wire;
    int r;

    (void)context;
    trial.handled = fm_now_ms();
    if (waits >= HIGH_WATER)
        sf_peer_finding(SF_MON_MEMORY, trial_peer(),
                        "a frame is handled while %zu bytes wait to be sent, "
                        "the limit is %d",
                        waits, HIGH_WATER);
    if (trial_check_payload(frame->data, frame->len, &wire) == 0)
        trial.trying += fm_buf_len(&wire);
    fm_buf_fini(&wire);
    r = fm_encode(f, frame->data, frame->len, out);
    trial.over = f->kind == FM_CLOSE && fm_buf_len(out) < HIGH_WATER;
    return r == 0 ? judge_frame(frame) : r;
}

/* It was not the end of the stream, nor a time-out, nor a dead descriptor; that
 * `mine` is over does not say when it died. */
static void judge_failure(bool mine)
{
    bool lost = trial_harmed() && (mine || trial.broken);
    struct ref_frame ref;
    enum ref_verdict verdict = ref_next(&trial.format, trial_peer()->stream,
                                        trial_peer()->sent, trial.taken, &ref);

    if (verdict != REF_BAD && verdict != REF_TOO_LONG &&
        !trial_peer()->finished && !trial_peer()->closed && !lost &&
        trial.refused <= TRIAL_TRIES)
        sf_peer_finding(SF_MON_HARM, trial_peer(), "it was failed, and %s",
                        mine ? "nothing had happened to it"
                             : "its descriptor had died, and no more");
}

/* A peer that takes no more replies may have sent frames that it wants to be
 * handled: all that was read, at least.  Who was told to stop reads on for the
 * peer's end alone. */
static void judge_handled(void)
{
    enum ref_verdict verdict;
    size_t end = ref_end(&trial.format, trial_peer()->stream,
                         sf_peer_taken(trial_peer()), 0, &verdict);

    if (!trial.deaf && !trial.deadlines && !trial.own && trial.told < 0 &&
        trial.taken < end)
        sf_peer_finding(SF_MON_LOST, trial_peer(),
                        "handled up to byte %zu, what was read has whole "
                        "frames up to %zu",
                        trial.taken, end);
}

/* Its end is still there, and the server has not ended its stream. */
static bool is_open(const struct sf_peer *p)
{
    return p->end && !sf_peer_ended(p);
}

/* The signal's handler.  The injector is not asked: it is no call of theirs. */
void trial_signal(void *arg)
{
    enum ref_verdict verdict;

    (void)arg;
    if (!trial.obeys || trial.ended)
        return;
    trial.ended = true;
    if (is_open(trial_peer()))
        trial.woken = fm_now_ms();
    trial.meant = !trial.dumb;
    sf_simnet()->close(trial.word[1]);
    if (trial.dead)
        sf_simnet()->close(trial.word[0]);
    if (trial.dumb)
        return;
    trial.told = fm_now_ms();
    /* Of who is cut off nobody knows what the server still has to read. */
    trial.owed = trial_harmed()
                     ? 0
                     : ref_end(&trial.format, trial_peer()->stream,
                               sf_peer_taken(trial_peer()), 0, &verdict);
}

static int64_t since_told(void)
{
    return fm_now_ms() - trial.told;
}

/* Answers, output and the peer's end have LINGER_MS each; who does not read is
 * waited for as long as at any other time. */
void trial_judge_late(void)
{
    int64_t room = trial.idle ? TRIAL_DEADLINE_MS : 0;

    if ((!trial.idle || trial.deadlines) &&
        since_told() > room + 3 * LINGER_MS + TRIAL_LATE_MS)
        sf_peer_finding(SF_MON_LATENESS, trial_peer(),
                        "told to stop %lld ms ago, and it goes on",
                        (long long)since_told());
}

/* It ended because it was told to, and not before for another reason. */
static void judge_stop(void)
{
    if (since_told() < LINGER_MS && !trial.deaf && trial.taken < trial.owed)
        sf_peer_finding(SF_MON_LOST, trial_peer(),
                        "it stops and has handled up to byte %zu, and had "
                        "received frames up to %zu",
                        trial.taken, trial.owed);
}

static bool is_idle(int64_t now)
{
    return now - trial.moved >= TRIAL_DEADLINE_MS;
}

static bool is_late(int64_t now)
{
    int64_t since = trial.moved > trial.woken ? trial.moved : trial.woken;

    return now - since >= TRIAL_DEADLINE_MS + TRIAL_LATE_MS;
}

static bool is_slow(int64_t now, int more_ms)
{
    return trial.half && now - trial.half_since >= TRIAL_FRAME_MS + more_ms;
}

/* A peer has all of its time, unless the descriptor has less of its own.  What
 * is waited for the peer's end is not of that time. */
static void judge_timed_out(void)
{
    int64_t end = trial.closing ? trial.closing : fm_now_ms();

    if (trial.told < 0 && !trial.own && !is_idle(end) && !is_slow(end, 0))
        sf_peer_finding(SF_MON_WRONG, trial_peer(),
                        "timed out %lld ms after a byte, it has %d, and a "
                        "frame %d",
                        (long long)(end - trial.moved), TRIAL_DEADLINE_MS,
                        TRIAL_FRAME_MS);
    trial_judge_receive(FM_E_TIMEOUT, trial.taken, SIZE_MAX);
}

/* What the handler has said is why it ends, whatever comes then. */
static void judge_word(const struct fm_server_stats *stats)
{
    bool well = trial.verdict == FM_HANDLER_LAST;

    if (well ? !stats->ended : !stats->failed)
        sf_peer_finding(SF_MON_WRONG, trial_peer(),
                        "the handler has said %s, and it is counted as another "
                        "end",
                        trial.verdict < 0 ? fm_err_name(trial.verdict)
                                          : "that it was the last frame");
}

static void judge_served(const struct fm_server_stats *stats, bool mine)
{
    if (stats->ended + stats->timed_out + stats->dead + stats->failed != 1)
        sf_peer_finding(SF_MON_WRONG, trial_peer(), "%s",
                        "it is not counted as one end");
    if (stats->frames != trial.frames)
        sf_peer_finding(SF_MON_WRONG, trial_peer(),
                        "%u frames were handled, and it counts %llu",
                        trial.frames, (unsigned long long)stats->frames);
    if (trial.over && trial.told < 0 && !trial.verdict && !stats->ended)
        sf_peer_finding(SF_MON_WRONG, trial_peer(), "%s",
                        "its stream has ended, and it is counted as another "
                        "end");
    if (trial.verdict) {
        judge_word(stats);
        return;
    }
    if (trial.told >= 0)
        trial_judge_late();
    if (stats->ended && trial.told >= 0)
        judge_stop();
    else if (stats->ended)
        trial_judge_receive(FM_E_CLOSED, trial.taken, SIZE_MAX);
    else if (stats->timed_out)
        judge_timed_out();
    else if (stats->dead)
        trial_judge_receive(FM_E_BADFD, trial.taken, SIZE_MAX);
    else
        judge_failure(mine);
    judge_handled();
}

/* Who has left his replies unread until they were given up is told the end as
 * well, and has all of linger_ms for his own. */
static void judge_parting(void)
{
    const struct sf_peer *p = trial_peer();
    int64_t waited = sf_peer_ended(p) ? trial_now_ms() - trial.open : 0;

    if (!p->finished && !p->closed && !trial_harmed() &&
        trial.refused <= TRIAL_TRIES && waited < LINGER_MS)
        sf_peer_finding(SF_MON_HARM, p,
                        "it is to be closed, has not ended, and %lld ms ago it "
                        "had no end",
                        (long long)waited);
}

/* Returns whether fd is still the connection's. */
bool trial_serve(int fd)
{
    struct fm_server_options o,
        given = {
            .format = trial.format,
            .handler = handle,
            .high_water = HIGH_WATER,
            .idle_ms = trial.deadlines ? TRIAL_DEADLINE_MS : -1,
            .frame_ms = trial.deadlines ? TRIAL_FRAME_MS : -1,
        };
    struct fm_server_stats stats = {0};
    bool mine;

    fm_options_complete(&o, &given);
    trial.handled = trial.moved = trial.woken = fm_now_ms();
    trial.open = trial_now_ms();
    trial.spent = -trial.handled;
    mine = fm_serve_blocking(fd, &o, trial.obeys ? trial.word[0] : -1,
                             &trial.meant, &stats);
    trial.goodbye = trial.goodbye ? trial.goodbye + trial.spent : 0;
    trial.spent += fm_now_ms();
    if (mine && trial.gone)
        sf_peer_finding(SF_MON_WRONG, trial_peer(), "%s",
                        "it was told that its descriptor had died, and is to "
                        "close it");
    judge_served(&stats, mine);
    if (mine)
        judge_parting();
    if (!trial.idle)
        trial.given = trial.trying;
    return mine;
}

/* Told to stop, it has time for its replies, unless theirs was over before. */
static void judge_last_words(const struct sf_peer *p)
{
    if (p->eof && trial.told >= 0 && since_told() < LINGER_MS &&
        trial_now_ms() - trial.handled < LINGER_MS && !trial.own &&
        !trial.broken && !trial.deaf && !trial_harmed())
        sf_peer_finding(SF_MON_LOST, p,
                        "told to stop %lld ms ago, it ends, and has sent %zu "
                        "bytes of %zu",
                        (long long)since_told(), sf_peer_given(p),
                        trial.trying);
}

/* Who waits for the rest of a frame has nothing left to send. */
static void note_pace(const struct sf_peer *p)
{
    size_t taken = sf_peer_taken(p), given = sf_peer_given(p);
    bool half = taken > trial.taken && given == trial.trying;

    if (taken + given != trial.moves)
        trial.moved = trial_now_ms();
    trial.moves = taken + given;
    if (!trial.half || trial.half_at != trial.taken)
        trial.half_since = trial_now_ms();
    trial.half = half;
    trial.half_at = trial.taken;
}

static void judge_pace(const struct sf_peer *p)
{
    int64_t now = trial_now_ms();

    if (!trial.deadlines || trial.told >= 0 || trial_harmed())
        return;
    if (is_late(now))
        sf_peer_finding(SF_MON_LATENESS, p,
                        "it waits, and no byte has moved for %lld ms",
                        (long long)(now - trial.moved));
    if (is_slow(now, TRIAL_LATE_MS))
        sf_peer_finding(SF_MON_LATENESS, p,
                        "it waits, and a frame began %lld ms ago",
                        (long long)(now - trial.half_since));
}

/* Its stream ends after the last reply, and who reads has both at once. */
void trial_note_goodbye(const struct sf_peer *p)
{
    bool unsent = sf_peer_given(p) < trial.trying; /* or given up */

    if (!sf_peer_ended(p))
        trial.open = trial_now_ms();
    else if (!trial.closing)
        trial.closing = trial_now_ms();
    if (is_open(p)) {
        note_pace(p);
        judge_pace(p);
    }
    if (unsent)
        judge_last_words(p);
    if (p->eof && trial.unsent && !unsent)
        trial.goodbye = fm_now_ms();
    trial.unsent = !p->eof && unsent;
}

/* After its end it waits for the peer's, all of linger_ms. */
static void judge_farewell(const struct sf_peer *p)
{
    int64_t waited = trial.spent - trial.goodbye;

    if (trial.goodbye && !p->finished && !p->closed && !trial_harmed() &&
        trial.refused <= TRIAL_TRIES && waited < LINGER_MS)
        sf_peer_finding(SF_MON_HARM, p,
                        "closed %lld ms after the last reply, and the peer "
                        "had not ended",
                        (long long)waited);
}

/* Who closes with bytes unread resets the connection, and a reset overtakes
 * replies: here they had arrived, on a network they might not. */
void trial_judge_close(const struct sf_peer *p)
{
    judge_farewell(p);
    if (p->err && !p->closed && !trial_harmed() && trial.spent < LINGER_MS)
        sf_peer_finding(SF_MON_LOST, p,
                        "closed %lld ms after it came, with bytes unread: a "
                        "reset, before which replies may be lost",
                        (long long)trial.spent);
}
