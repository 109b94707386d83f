/* acts.c: what the script of a session says; see play.h. */
#include "faultinject/session/play.h"

#include "faultinject/inject/conn.h"
#include "faultinject/inject/finding.h"
#include "faultinject/session/show.h"

/* Two turns of as many as any program takes in one. */
enum { RUSHED = 40 };

static bool do_send(const struct sf_act *act)
{
    struct sf_peer *peer = sf_play_sender(act->peer);

    if (!peer)
        return false;
    if (act->kind == SF_ACT_BYTES)
        sf_play_add_bytes(peer, act->bytes, act->amount);
    else if (act->kind != SF_ACT_SEND)
        sf_play_add_frame(peer, act->amount);
    if (act->kind == SF_ACT_PAIR)
        sf_play_add_frame(peer, act->amount / 2);
    if (act->kind == SF_ACT_QUEUE)
        return false;
    return sf_play_send_some(
        peer, act->kind == SF_ACT_SEND && act->amount ? act->amount : SIZE_MAX);
}

/* The injector has to know that it was not the program. */
static bool kill_descriptor(int fd)
{
    if (fd < 0 || sf_play.program->no_dead_fd)
        return false;
    sf_simnet()->kill(fd);
    sf_fd_set(fd, SF_FD_KILLED);
    return true;
}

/* Who was to be accepted will not be, and the server may end when those that
 * were are gone. */
static void orphan(void)
{
    for (unsigned i = 0; i < sf_play.conns_n; i++)
        if (sf_play.conns[i].end && !sf_peer_accepted(&sf_play.conns[i]))
            sf_play.conns[i].harmed = true;
    sf_play.stopped = true;
}

static bool kill_listener(void)
{
    const struct sf_world *world = sf_simnet();
    struct sf_facts facts = {0};
    int fd = world->first, end = world->first + world->count;

    if (!sf_play.program->lives_on)
        return false;
    for (; fd < end && facts.type != SF_FD_LISTENER; fd++)
        world->facts(fd, NULL, &facts);
    if (fd == end)
        return false;
    orphan();
    return kill_descriptor(fd - 1);
}

static bool do_hold(const struct sf_act *act)
{
    struct sf_peer *peer = sf_play_holder(act->peer);

    if (!peer)
        return act->kind == SF_ACT_KILL && kill_listener();
    switch (act->kind) {
    case SF_ACT_STOP:
        peer->stopped = true;
        return false;
    case SF_ACT_READ:
        return sf_play_receive_some(peer, act->amount ? act->amount : SIZE_MAX);
    case SF_ACT_GO:
        peer->stopped = false;
        return sf_play_receive_some(peer, SIZE_MAX);
    case SF_ACT_FINISH:
        if (peer->finished || sf_play_is_over(peer) ||
            !sf_end_connected(peer->end))
            return false;
        peer->finished = true;
        return sf_end_shutdown(peer->end, SHUT_WR) == 0;
    case SF_ACT_KILL:
        return kill_descriptor(sf_end_fd(peer->end));
    default:
        sf_play_let_go(peer, act->kind == SF_ACT_RESET);
        return true;
    }
}

static bool do_act(const struct sf_act *act, int64_t *resume)
{
    switch (act->kind) {
    case SF_ACT_CONNECT:
        return sf_play_connect_peer(act->peer);
    case SF_ACT_FRAME:
    case SF_ACT_QUEUE:
    case SF_ACT_SEND:
    case SF_ACT_BYTES:
    case SF_ACT_PAIR:
        return do_send(act);
    case SF_ACT_WAIT:
        *resume = sf_sim_now() + act->amount * MS;
        return false;
    case SF_ACT_SIGNAL:
        sf_play.pending_signal = sf_play.s->handlers;
        return false;
    case SF_ACT_LIMIT: /* a server that cannot start may end as it likes */
        if (sf_play.armed && !sf_play.program->no_emfile)
            sf_sim_set_fd_limit(act->amount ? sf_sim_lowest() + (int)act->amount
                                            : 0);
        return true;
    default:
        return do_hold(act);
    }
}

/* The next call at which there is something to do. */
void sf_play_set_alarm(void)
{
    uint64_t next = sf_play.look_again;
    const struct sf_act *act = sf_play.phase == SCRIPT ? sf_lives_next() : NULL;

    if (act && act->when == SF_WHEN_AFTER) {
        uint64_t due = sf_play.last_call + act->calls;

        next = due < next ? due : next;
    }
    sf_sim_alarm(next);
}

static bool play(const struct sf_act *act, int64_t *resume)
{
    bool happened;

    sf_show_act(act);
    happened = do_act(act, resume);
    sf_lives_played(act);
    return happened;
}

/* Plays the next act and those that come WITH it. */
bool sf_play_next_acts(void)
{
    const struct sf_act *act, *next = sf_lives_next();
    bool happened = false;

    do {
        int64_t *resume = sf_lives_resume();
        bool left_out = sf_lives_leave_out(next);

        act = next;
        sf_lives_take();
        happened |= !left_out && play(act, resume);
        next = sf_lives_next();
    } while (next == act + 1 && *sf_lives_resume() <= sf_sim_now() &&
             next->when == SF_WHEN_WITH);
    sf_play.early = 0;
    sf_play.last_call = sf_sim_calls();
    sf_play_set_alarm();
    return happened;
}

void sf_play_note_dry(int fd)
{
    const struct sf_peer *peer = sf_session_peer_of(fd);

    if (peer)
        sf_play.looks[peer->ordinal - 1].dry = sf_sim_now() + 1;
}

/* The program has it, and nothing keeps it from reading what came. */
static bool waits_to_be_read(const struct sf_peer *peer)
{
    return peer->end &&
           sf_play.looks[peer->ordinal - 1].dry != sf_sim_now() + 1 &&
           sf_peer_accepted(peer) && sf_end_unread(peer->end) &&
           !sf_end_queued(peer->end) && !sf_end_harmed(peer->end);
}

/* Of how many something was read since the last look, and of one of them. */
static unsigned find_taken(const struct sf_peer **one)
{
    unsigned n = 0;

    for (unsigned i = 0; i < sf_play.conns_n; i++) {
        size_t taken = sf_peer_taken(&sf_play.conns[i]);

        if (taken != sf_play.looks[i].taken) {
            *one = &sf_play.conns[i];
            n++;
        }
        sf_play.looks[i].taken = taken;
    }
    return n;
}

/* Nor must those be who come as fast as it accepts them. */
static void watch_for_a_rush(void)
{
    unsigned here = 0;

    for (unsigned i = 0; i < sf_play.conns_n; i++)
        here += sf_peer_accepted(&sf_play.conns[i]);
    for (unsigned i = 0; here > sf_play.here && i < sf_play.conns_n; i++) {
        const struct sf_peer *peer = &sf_play.conns[i];
        bool kept = waits_to_be_read(peer) && !sf_play.unlooked;

        sf_play.looks[i].rushed = kept ? sf_play.looks[i].rushed + 1 : 0;
        if (sf_play.looks[i].rushed == RUSHED)
            sf_peer_finding(SF_MON_STARVATION, peer,
                            "nothing of it was read while others were "
                            "accepted, %d times in a row",
                            RUSHED);
    }
    sf_play.here = here;
}

/* Whoever sends as fast as the program reads must not be all that it reads.
 * Acts that come AFTER calls are such a sender; each looks what was read. */
static void watch_for_starvation(void)
{
    const struct sf_peer *taken = NULL;
    unsigned n = find_taken(&taken);
    bool again = n == 1 && taken == sf_play.taken && !sf_play.unlooked;

    if (n == 0) { /* it sent, accepted, or waited for nothing */
        watch_for_a_rush();
        return;
    }
    for (unsigned i = 0; i < sf_play.conns_n; i++)
        sf_play.looks[i].rushed = 0;
    sf_play.taken = taken;
    sf_play.unlooked = false;
    for (unsigned i = 0; i < sf_play.conns_n; i++) {
        const struct sf_peer *peer = &sf_play.conns[i];
        bool kept = again && peer != taken && waits_to_be_read(peer);

        sf_play.looks[i].kept = kept ? sf_play.looks[i].kept + 1 : 0;
        if (sf_play.looks[i].kept == SF_STARVED)
            sf_peer_finding(SF_MON_STARVATION, peer,
                            "nothing of it was read while connection %u was, "
                            "%d times in a row",
                            taken->ordinal, SF_STARVED);
    }
}

static bool is_due(const struct sf_act *act)
{
    return act->when == SF_WHEN_AFTER && *sf_lives_resume() <= sf_sim_now() &&
           sf_sim_calls() >= sf_play.last_call + act->calls;
}

void sf_play_due_acts(void)
{
    const struct sf_act *act;

    while (sf_play.phase == SCRIPT && (act = sf_lives_next()) && is_due(act)) {
        watch_for_starvation();
        if (sf_play.program->busy)
            sf_play.program->busy(sf_play.program->arg);
        sf_play_next_acts();
    }
}
