/*
 * lives.c: what a peer says to whoever connects to it again; see play.h.
 *
 * A server answers each of its clients from the start.  So the acts of a peer
 * are lives, each up to its close or reset, or, where it has half-closed, to
 * where it sends again.  A new connection before a life has ended begins that
 * life anew, and what the script has come past is played again before it goes
 * on; after its end the next life follows, or the last one again.
 */
#include "faultinject/session/play.h"

#include "faultinject/session/show.h"

#include <errno.h>
#include <string.h>

/* So often in a session is a life begun anew that no fault has cut short: who
 * comes back for ever would never end. */
enum { ALIKE = 4 };

/* Sets of acts. */
enum {
    SENDS = 1 << SF_ACT_FRAME | 1 << SF_ACT_PAIR | 1 << SF_ACT_QUEUE |
            1 << SF_ACT_SEND | 1 << SF_ACT_BYTES,
    ENDS = 1 << SF_ACT_CLOSE | 1 << SF_ACT_RESET,
    ANY = (1 << SF_ACT_COUNT) - 1,
};

/* Of a program as it is; a target's servers say their script once, and real
 * ones what they like. */
bool sf_are_lived(void)
{
    return sf_play.joined && sf_play.listener && !sf_play.program->more;
}

void sf_lives_begin(void)
{
    memset(sf_play.lives, 0, sizeof sf_play.lives);
    sf_play.alike = ALIKE;
    sf_play.cut_short = sf_play.refused = false;
}

void sf_lives_end(void)
{
    memset(sf_play.lives, 0, sizeof sf_play.lives);
    sf_play.cut_short = true;
}

/* ------------------------------------------------------ what belongs to it */

static bool is_act_of(unsigned i, unsigned number)
{
    const struct sf_act *act = &sf_play.s->acts[i];

    return sf_act_has_peer(act->kind) && act->peer == number;
}

/* A wait is of whoever acts after it. */
static bool belongs_to(unsigned i, unsigned number)
{
    while (i < sf_play.s->acts_n && sf_play.s->acts[i].kind == SF_ACT_WAIT)
        i++;
    return i < sf_play.s->acts_n && is_act_of(i, number);
}

static unsigned next_of(unsigned number, unsigned i, unsigned end)
{
    while (i < end && !belongs_to(i, number))
        i++;
    return i;
}

/* Does it do any of these between the two? */
static bool does(unsigned number, unsigned kinds, unsigned i, unsigned end)
{
    for (; i < end; i++)
        if (is_act_of(i, number) && kinds & 1U << sf_play.s->acts[i].kind)
            return true;
    return false;
}

/* Behind the last act of the life that begins here. */
static unsigned end_of(unsigned number, unsigned i)
{
    bool finished = false;
    unsigned last = i;

    for (; i < sf_play.s->acts_n; i++) {
        const struct sf_act *act = &sf_play.s->acts[i];

        if (!is_act_of(i, number))
            continue;
        if (finished && SENDS & 1U << act->kind)
            return last;
        if (ENDS & 1U << act->kind)
            return i + 1;
        finished |= act->kind == SF_ACT_FINISH;
        last = i + 1;
    }
    return i;
}

/* Whatever is left of its life sends nothing, whoever closes first. */
static bool has_said_all(unsigned number)
{
    const struct sf_life *life = &sf_play.lives[number];
    const struct sf_peer *peer = sf_play.current[number];
    unsigned at = life->at < life->end ? life->at : sf_play.next;
    unsigned end = end_of(number, life->begin);

    return !does(number, SENDS, at, end) &&
           (!does(number, ENDS, at, end) || peer->sent == peer->queued);
}

/* ------------------------------------------------------ a fault cuts it off */

/* The program may have it still when its peer has let go of it. */
static struct sf_peer *whose(int fd)
{
    struct sf_peer *peer = sf_session_peer_of(fd);

    for (unsigned i = 1; !peer && !sf_end_of(fd) && i <= SF_PEERS; i++)
        if (sf_play.lives[i].kept && sf_play.lives[i].fd == fd)
            peer = sf_play.current[i];
    return peer && peer->answers && sf_play.current[peer->number] == peer
               ? peer
               : NULL;
}

void sf_lives_let_go(const struct sf_peer *peer)
{
    struct sf_life *life = &sf_play.lives[peer->number];
    int fd;

    if (!sf_are_lived() || !peer->answers ||
        sf_play.current[peer->number] != peer)
        return;
    life->broken |= peer->harmed && !has_said_all(peer->number);
    fd = sf_end_fd(peer->end);
    if (fd < 0)
        return;
    life->fd = fd;
    life->kept = true;
}

/* The program may still have something to read of it. */
static bool may_be_read(unsigned number)
{
    const struct sf_peer *peer = sf_play.current[number];

    return peer && peer->answers &&
           (sf_play.lives[number].kept || sf_peer_accepted(peer));
}

/* Who is short of memory may read on, or give up. */
static void note_want(const struct sf_point *at)
{
    enum sf_kind kind = sf_calls[at->call].kind;
    const struct sf_peer *peer = kind & K_READ ? whose(at->fd) : NULL;

    for (unsigned i = 1; i <= SF_PEERS; i++)
        if ((peer && peer->number == i) || kind & K_WAIT)
            sf_play.lives[i].unread = may_be_read(i);
}

/* What is under way comes before the end.  So of a life that is all said a
 * reset takes the end alone, and that from who reads up to there. */
static void note_break(const struct sf_point *at, bool resets)
{
    const struct sf_peer *peer = whose(at->fd);
    struct sf_life *life;

    if (!peer)
        return;
    life = &sf_play.lives[peer->number];
    life->broken |= !has_said_all(peer->number);
    life->reset |= resets;
    life->kept = true;
    life->fd = at->fd;
}

void sf_lives_fault(const struct sf_point *at, enum sf_fault fault)
{
    if (!sf_are_lived())
        return;
    if (sf_calls[at->call].kind & K_CONNECT && fault != SF_EINTR)
        sf_play.refused = true;
    if (fault == SF_ENOBUFS || fault == SF_ENOMEM)
        note_want(at);
    if (fault == SF_ECONNRESET || fault == SF_ETIMEDOUT || fault == SF_EPIPE ||
        fault == SF_EOF)
        note_break(at, fault != SF_EOF);
}

static void note_read(struct sf_life *life, int err)
{
    if (!err)
        life->unread = false;
    else if (life->reset && err != EAGAIN && err != EINTR)
        life->broken = true;
}

void sf_lives_call(enum sf_call call, int fd, int err)
{
    enum sf_kind kind = sf_calls[call].kind;
    const struct sf_peer *peer = kind & K_READ ? whose(fd) : NULL;

    if (peer)
        note_read(&sf_play.lives[peer->number], err);
    for (unsigned i = 1; kind & K_CLOSE && i <= SF_PEERS; i++)
        if (sf_play.lives[i].fd == fd)
            sf_play.lives[i].kept = false;
}

static bool is_cut_off(const struct sf_life *life)
{
    return life->broken || life->unread;
}

bool sf_lives_missed(void)
{
    bool missed = false;

    for (unsigned i = 1; sf_are_lived() && i <= SF_PEERS; i++)
        missed |= is_cut_off(&sf_play.lives[i]) && !sf_play_holder(i);
    return missed && sf_play.program->side == SF_DIAL;
}

/* ------------------------------------------------------------- it is begun */

/* False: there is none, and the last one is begun again. */
static bool follows(unsigned number)
{
    struct sf_life *life = &sf_play.lives[number];
    unsigned end = end_of(number, life->begin);

    if (!does(number, ANY, end, sf_play.s->acts_n))
        return false;
    life->begin = end;
    return true;
}

/* With the peers' parting all lives end. */
static bool may_begin(const struct sf_peer *last, bool is_new, bool cut_off)
{
    if (sf_play.phase >= PART || sf_play.cut_short)
        return false;
    return is_new || cut_off || last->harmed ||
           (sf_play.alike && sf_play.alike--);
}

/* What of it was played up to here is to be played again.  Only waits: so long
 * it has waited for its first client already. */
static bool finds_acts(unsigned number, bool is_new)
{
    struct sf_life *life = &sf_play.lives[number];
    unsigned end = end_of(number, life->begin);

    if (end > sf_play.next)
        end = sf_play.next;
    life->at = next_of(number, life->begin, end);
    life->end = end;
    return is_new ? does(number, ANY, life->begin, end) : life->at < end;
}

static void say_again(unsigned number)
{
    sf_play.phase = SCRIPT;
    sf_play.waits = sf_play.early = 0;
    sf_play.last_call = sf_sim_calls();
    sf_show_anew(number);
}

void sf_lives_answer(unsigned number)
{
    struct sf_life *life = &sf_play.lives[number];
    const struct sf_peer *last = sf_play.current[number];
    bool is_new = !last || !last->answers, cut_off = is_cut_off(life);

    if (!sf_are_lived() || !sf_play.acting) /* … as when it has ended */
        return;
    if (!is_new && !cut_off && has_said_all(number))
        is_new = follows(number);
    *life = (struct sf_life){.begin = life->begin};
    sf_play.refused = false;
    if (finds_acts(number, is_new) && may_begin(last, is_new, cut_off))
        say_again(number);
    else
        life->at = life->end = 0;
    sf_play_set_alarm();
}

/* ------------------------------------------------------------ what is next */

/* Whose act is to be played again; 0: nobody's. */
static unsigned again(void)
{
    unsigned first = 0;

    for (unsigned i = 1; sf_are_lived() && i <= SF_PEERS; i++)
        if (sf_play.lives[i].at < sf_play.lives[i].end &&
            (!first || sf_play.lives[i].at < sf_play.lives[first].at))
            first = i;
    return first;
}

/* Of a life that has ended: the program was first to close. */
static bool is_past(const struct sf_act *act, unsigned i)
{
    return sf_act_has_peer(act->kind) && i < sf_play.lives[act->peer].begin;
}

const struct sf_act *sf_lives_next(void)
{
    const struct sf_session *s = sf_play.s;
    unsigned number = again();

    if (number)
        return &s->acts[sf_play.lives[number].at];
    while (sf_play.next < s->acts_n &&
           is_past(&s->acts[sf_play.next], sf_play.next))
        sf_play.next++;
    return sf_play.next < s->acts_n ? &s->acts[sf_play.next] : NULL;
}

int64_t *sf_lives_resume(void)
{
    const struct sf_act *act = sf_lives_next();
    struct sf_life *life =
        act && sf_act_has_peer(act->kind) ? &sf_play.lives[act->peer] : NULL;
    unsigned number = again();

    if (number)
        return &sf_play.lives[number].resume;
    return life && life->resume > sf_play.resume ? &life->resume
                                                 : &sf_play.resume;
}

void sf_lives_take(void)
{
    unsigned number = again();
    struct sf_life *life = &sf_play.lives[number];

    if (number)
        life->at = next_of(number, life->at + 1, life->end);
    else
        sf_play.next++;
}

/* Nobody is there for it, and whoever comes is told it from the start.  So a
 * peer that was cut off does not become a client of the program. */
bool sf_lives_leave_out(const struct sf_act *act)
{
    const struct sf_life *life;

    if (!sf_act_has_peer(act->kind) || sf_play_holder(act->peer))
        return false;
    life = &sf_play.lives[act->peer];
    return again() || (is_cut_off(life) &&
                       act < sf_play.s->acts + end_of(act->peer, life->begin));
}

/* What it has said as a client is nothing that it answers. */
void sf_lives_played(const struct sf_act *act)
{
    const struct sf_peer *peer;

    if (!sf_are_lived() || !sf_act_has_peer(act->kind))
        return;
    peer = sf_play.current[act->peer];
    if (peer && !peer->answers)
        sf_play.lives[act->peer].begin = (unsigned)(act - sf_play.s->acts) + 1;
}
