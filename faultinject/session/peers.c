/*
 * peers.c: connections as their peers see them, and the bytes they move; see
 * run.h and play.h.
 */
#include "faultinject/session/play.h"

#include "faultinject/inject/finding.h"

#include <errno.h>
#include <string.h>

static _Alignas(SF_AREA_PAGE) uint8_t streams[SF_CONNS_MAX][SF_STREAM_MAX];

void sf_session_areas(sf_area *each, void *arg)
{
    each(arg, &sf_play, sizeof sf_play, sizeof sf_play);
    each(arg, streams, sizeof streams, sf_play.conns_n * sizeof streams[0]);
}

void sf_peer_echo(void *arg, struct sf_peer *peer, const uint8_t *bytes,
                  size_t len)
{
    size_t at = peer->received;

    (void)arg;
    if (at + len > peer->sent)
        sf_peer_finding(SF_MON_WRONG, peer,
                        "%zu bytes came back, and only %zu were sent", at + len,
                        peer->sent);
    else if (memcmp(bytes, peer->stream + at, len) != 0)
        sf_peer_finding(SF_MON_WRONG, peer,
                        "other bytes than the ones sent came back, in the %zu "
                        "from byte %zu on",
                        len, at);
}

void sf_peer_echoed(void *arg)
{
    const struct sf_peer *control = &sf_play.conns[0];

    (void)arg;
    if (sf_play.conns_n && control->number == 0 && !control->harmed &&
        control->received < control->sent)
        sf_peer_finding(SF_MON_LOST, control,
                        "%zu bytes came back, and %zu were sent",
                        control->received, control->sent);
}

/* ------------------------------------------------------------ connections */

struct sf_peer *sf_play_new_conn(unsigned number, struct sf_end *end)
{
    struct sf_peer *peer = &sf_play.conns[sf_play.conns_n];

    *peer = (struct sf_peer){.number = number,
                             .ordinal = sf_play.conns_n + 1,
                             .end = end,
                             .stream = streams[sf_play.conns_n],
                             .last = sf_sim_now()};
    memset(&sf_play.looks[sf_play.conns_n], 0, sizeof *sf_play.looks);
    sf_play.frames[sf_play.conns_n++] = 0;
    sf_play.current[number] = peer;
    return peer;
}

struct sf_peer *sf_play_connect_peer(unsigned number)
{
    socklen_t len;
    const struct sockaddr *addr = sf_session_addr(&len);
    struct sf_end *end;

    if ((sf_play.program->side != SF_SERVE && !sf_play.joined) ||
        sf_play.conns_n == SF_CONNS_MAX || !addr)
        return NULL;
    end = sf_end_connect(addr, len);
    return end ? sf_play_new_conn(number, end) : NULL;
}

static bool is_usable(const struct sf_peer *peer)
{
    return peer && peer->end && !peer->finished;
}

/* Who has to send and cannot gets a connection. */
struct sf_peer *sf_play_sender(unsigned number)
{
    struct sf_peer *peer = sf_play.current[number];

    return is_usable(peer) ? peer : sf_play_connect_peer(number);
}

struct sf_peer *sf_play_holder(unsigned number)
{
    struct sf_peer *peer = sf_play.current[number];

    return peer && peer->end ? peer : NULL;
}

/* A server closes what its client has closed, and is there for the next. */
static void be_free(struct sf_peer *peer)
{
    if (sf_play.joined && peer->answers && (peer->eof || peer->err) &&
        !sf_peer_accepted(peer))
        sf_play_let_go(peer, false);
}

/* Who closes and connects again at once is let in by the same one. */
static void free_those_let_go(void)
{
    for (unsigned i = 0; sf_play.joined && i < sf_play.conns_n; i++) {
        struct sf_peer *peer = &sf_play.conns[i];

        if (!peer->end || peer->stopped || sf_peer_accepted(peer))
            continue;
        while (sf_play_receive_some(peer, SIZE_MAX))
            ;
        be_free(peer);
    }
}

/* The program dialled: the next peer without a connection answers. */
bool sf_play_answer(void)
{
    struct sf_end *end = NULL;
    unsigned number = 1;

    if (!sf_play.listener || sf_play.conns_n == SF_CONNS_MAX)
        return false;
    end = sf_end_accept(sf_play.listener);
    if (!end)
        return false;
    free_those_let_go();
    while (number < SF_PEERS && sf_play_holder(number))
        number++;
    sf_lives_answer(number);
    sf_play_new_conn(number, end)->answers = true;
    return true;
}

void sf_play_note_harm(struct sf_peer *peer)
{
    if (peer->end && sf_end_harmed(peer->end))
        peer->harmed = true;
}

void sf_play_let_go(struct sf_peer *peer, bool reset)
{
    sf_play_note_harm(peer);
    sf_lives_let_go(peer);
    if (reset)
        sf_end_abort(peer->end);
    else
        sf_end_close(peer->end);
    peer->end = NULL;
    peer->closed = true;
    peer->vanished = reset;
}

/* ------------------------------------------------------- moving of bytes */

/* A session moves no more bytes than keep it short: small buffers, and the
 * long tables of high descriptors, make each byte dear. */
size_t sf_play_byte_budget(const struct sf_session *s)
{
    size_t moves = s->high ? 16 : 24;

    return s->buffers * moves < 16384 ? s->buffers * moves : 16384;
}

static bool spend(const struct sf_peer *peer, size_t len)
{
    if (peer->number == 0)
        return true;
    if (len > sf_play.budget)
        return false;
    sf_play.budget -= len;
    return true;
}

/* Without a format a frame is so many letters. */
static size_t letters(unsigned nth, unsigned size, uint8_t *out, size_t max)
{
    static const char twice[] =
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
    enum { ALL = 26 };
    size_t len = size < max ? size : max;

    for (size_t i = 0; i < len; i += ALL)
        memcpy(out + i, twice + nth % ALL, len - i < ALL ? len - i : ALL);
    return len;
}

void sf_play_add_frame(struct sf_peer *peer, unsigned size)
{
    unsigned i = peer->ordinal - 1, nth = sf_play.frames[i]++;
    uint8_t *out = streams[i] + peer->queued;
    size_t max = SF_STREAM_MAX - peer->queued;
    size_t len = sf_play.program->frame
                     ? sf_play.program->frame(sf_play.program->arg, peer, nth,
                                              size, out, max)
                     : letters(nth, size, out, max);

    if (spend(peer, len))
        peer->queued += len;
}

void sf_play_add_bytes(struct sf_peer *peer, const uint8_t *bytes, size_t len)
{
    if (len > SF_STREAM_MAX - peer->queued || !spend(peer, len))
        return;
    memcpy(streams[peer->ordinal - 1] + peer->queued, bytes, len);
    peer->queued += len;
}

static void touch(struct sf_peer *peer)
{
    int64_t gap = sf_sim_now() - peer->last;

    if (gap > peer->gap)
        peer->gap = gap;
    peer->last = sf_sim_now();
}

/* Sends at most n of the queued bytes; what finds no room stays queued. */
bool sf_play_send_some(struct sf_peer *peer, size_t n)
{
    size_t left = peer->queued - peer->sent;
    ssize_t r;

    if (n > left)
        n = left;
    if (!n || !peer->end || peer->finished || sf_play_is_over(peer))
        return false;
    r = sf_end_send(peer->end, peer->stream + peer->sent, n);
    peer->reset |= r == -ECONNRESET;
    if (r <= 0)
        return false;
    peer->sent += (size_t)r;
    touch(peer);
    return true;
}

/* Returns whether anything came. */
bool sf_play_receive_some(struct sf_peer *peer, size_t n)
{
    uint8_t bytes[4096];
    ssize_t r;

    if (peer->eof || peer->err || !sf_end_connected(peer->end))
        return false;
    if (n > sizeof bytes)
        n = sizeof bytes;
    r = sf_end_recv(peer->end, bytes, n);
    if (r == -EAGAIN)
        return false;
    if (r == 0 && peer->reset)
        r = -ECONNRESET;
    if (r <= 0) {
        peer->eof = r == 0;
        peer->err = (int)-r;
        sf_play_note_harm(peer);
        return true;
    }
    if (sf_play.program->received)
        sf_play.program->received(sf_play.program->arg, peer, bytes, (size_t)r);
    sf_invariance_received(peer, bytes, (size_t)r);
    peer->received += (size_t)r;
    touch(peer);
    return true;
}

/* While the program waits: readers read, and what was held up goes on. */
bool sf_play_pump(void)
{
    bool moved = false;

    while (sf_play_answer())
        moved = true;
    for (unsigned i = 0; i < sf_play.conns_n; i++) {
        struct sf_peer *peer = &sf_play.conns[i];

        if (!peer->end)
            continue;
        while (!peer->stopped && sf_play_receive_some(peer, SIZE_MAX))
            moved = true;
        if (sf_play.phase > SCRIPT && sf_play_send_some(peer, SIZE_MAX))
            moved = true;
        be_free(peer);
    }
    return moved;
}
