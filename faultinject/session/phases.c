/* phases.c: how a session goes on when the program has nothing to do; see
 * run.h and play.h. */
#include "faultinject/session/play.h"

#include "faultinject/inject/finding.h"
#include "faultinject/session/show.h"

enum { STOP_PATIENCE = 200, SETTLE_WAITS = 24 };

static void wind_up(void)
{
    sf_sim_set_fd_limit(0);
    for (unsigned i = 0; i < sf_play.conns_n; i++)
        sf_play.conns[i].stopped = false;
    if (!sf_play.program->no_control && sf_play.conns_n &&
        sf_play.conns[0].end) {
        sf_play_add_frame(&sf_play.conns[0], 11);
        sf_play_add_frame(&sf_play.conns[0], 2);
    }
}

static void part(void)
{
    for (unsigned i = 0; i < sf_play.conns_n; i++) {
        struct sf_peer *peer = &sf_play.conns[i];

        if (!peer->end || peer->finished)
            continue;
        if (peer->number % 2 == 0 && sf_end_connected(peer->end)) {
            peer->finished = true;
            sf_end_shutdown(peer->end, SHUT_WR);
        } else {
            sf_play_let_go(peer, false);
        }
    }
}

static void part_for_good(void)
{
    for (unsigned i = 0; i < sf_play.conns_n; i++)
        if (sf_play.conns[i].end)
            sf_play_let_go(&sf_play.conns[i], false);
    if (sf_play.joined && sf_play.listener) {
        sf_end_close(sf_play.listener);
        sf_play.listener = NULL;
    }
}

unsigned (*sf_session_elsewhere)(int *fd, unsigned *process);

/* Of other processes only connections: one that is there for the next client
 * may have come since, and has what its parent has besides. */
static void add_elsewhere(struct sf_play_open *open)
{
    int fd = -1;
    unsigned process = 0;
    unsigned n = sf_session_elsewhere ? sf_session_elsewhere(&fd, &process) : 0;

    open->all += n;
    open->connections += n;
    if (n > 0) {
        open->last = fd;
        open->process = process;
    }
}

struct sf_play_open sf_play_open(void)
{
    int fd;
    struct sf_play_open open = {.all = sf_sim_open(&fd), .last = -1};

    for (unsigned left = open.all; left > 0; fd++) {
        left -= sf_sim_is_open(fd);
        if (sf_sim_was_connected(fd)) {
            open.connections++;
            open.last = fd;
        }
    }
    add_elsewhere(&open);
    return open;
}

const char *sf_play_kind_text(const struct sf_play_open *open)
{
    static char text[60];
    int n = snprintf(text, sizeof text, "; %d ", open->last);

    if (open->process > 0)
        n += snprintf(text + n, sizeof text - (size_t)n, "of process %u ",
                      open->process);
    snprintf(text + n, sizeof text - (size_t)n, "was a connection");
    return open->last >= 0 ? text : "";
}

static void tell_open(const char *what, unsigned now, unsigned before,
                      const struct sf_play_open *open)
{
    if (now > before)
        sf_finding(SF_MON_FD_LEAK,
                   "%u %s are open now that all peers are gone, %u were "
                   "before they came%s",
                   now, what, before, sf_play_kind_text(open));
}

/* Connections apart: a program that has closed its listener meanwhile, or had
 * it closed, has not closed one of them for it. */
static void check_open(void)
{
    struct sf_play_open now = sf_play_open(), before = sf_play.open_before;

    if (sf_play.program->side != SF_SERVE)
        return;
    tell_open("descriptors", now.all, before.all, &now);
    if (now.all <= before.all)
        tell_open("connections", now.connections, before.connections, &now);
}

static void enter(enum sf_play_phase phase)
{
    sf_play.phase = phase;
    sf_play.waits = 0;
    sf_show_phase(phase == WIND_UP    ? "the script is over: all read and send"
                  : phase == PART     ? "the peers part"
                  : phase == PARTED   ? "the peers are gone"
                  : phase == STOPPING ? "the program is told to stop"
                                      : NULL);
}

/* Lets short timers of the program run out, but not for ever; and longer ones
 * of a client that may try again. */
static bool settles(int64_t until)
{
    bool soon = until - sf_sim_now() <= SF_SETTLE_MS * MS;

    return (soon || (until != SF_SIM_NEVER && sf_lives_missed())) &&
           sf_play.waits++ < SETTLE_WAITS;
}

static enum sf_sim_wake stop(void)
{
    sf_play.pending_stop = false;
    sf_play.pends = sf_play.resumes = false;
    sf_play_tell(sf_play.program->stop);
    if (sf_play.pends)
        return SF_SIM_ACTED;
    return sf_play.resumes ? SF_SIM_RESUMES : SF_SIM_SIGNAL;
}

/*
 * After a handler with SA_RESTART accept() waits on, as on Linux, and who only
 * sets a flag looks at it after the next client: here is one.
 */
static bool next_client_comes(void)
{
    socklen_t len;
    const struct sockaddr *addr = sf_session_addr(&len);
    struct sf_end *end = NULL;

    if (sf_play.resumes && sf_play.program->side == SF_SERVE && addr)
        end = sf_end_connect(addr, len);
    sf_play.resumes = false;
    if (!end)
        return false;
    sf_show_phase("told to stop, it waits on: another client comes and goes");
    sf_end_close(end);
    return true;
}

/* A client as it is: it waits for nothing else, and nobody comes. */
static bool has_nobody_left(void)
{
    socklen_t len;

    return sf_play.joined && sf_play.program->side == SF_DIAL &&
           !sf_session_addr(&len);
}

/* The script is over and everything is quiet. */
static enum sf_sim_wake next_phase(int64_t until)
{
    switch (sf_play.phase) {
    case SCRIPT:
        enter(WIND_UP);
        wind_up();
        sf_play_pump();
        return SF_SIM_ACTED;
    case WIND_UP:
        if (settles(until))
            return SF_SIM_NOTHING;
        sf_play_tell(sf_play.program->settled);
        enter(PART);
        part();
        return SF_SIM_ACTED;
    case SETTLE:
    case PART:
        if (settles(until))
            return SF_SIM_NOTHING;
        sf_play_tell(sf_play.program->finished);
        part_for_good();
        enter(PARTED);
        return SF_SIM_ACTED;
    case PARTED:
        if (settles(until))
            return SF_SIM_NOTHING;
        check_open();
        if (until == SF_SIM_NEVER && has_nobody_left())
            sf_finding(SF_MON_STALL, "all peers are gone, and the program goes "
                                     "on waiting");
        enter(STOPPING);
        sf_play.stopped = sf_play.pending_stop = true;
        break;
    case STOPPING:
        break;
    }
    if (sf_play.pending_stop && !sf_sim_blocks())
        return stop();
    if (until == SF_SIM_NEVER && next_client_comes())
        return SF_SIM_ACTED;
    if (until == SF_SIM_NEVER || ++sf_play.waits > STOP_PATIENCE)
        sf_finding(SF_MON_STALL,
                   "the program was told to stop and goes on waiting");
    return SF_SIM_NOTHING;
}

bool sf_play_take_signal(void)
{
    if (!sf_play.pending_signal || sf_sim_blocks())
        return false;
    sf_play.pending_signal = false;
    if (sf_play.program->signals)
        return sf_simnet()->interrupt(NULL);
    sf_play_tell(sf_play.program->signal);
    return true;
}

/* Time passes until the script goes on, but no further than the program
 * wants to wait. */
static bool time_is_up(int64_t until)
{
    int64_t resume = *sf_lives_resume();

    if (resume > until)
        return false;
    if (resume > sf_sim_now())
        sf_sim_set_now(resume);
    return true;
}

/* So often time is let go by for who may connect: a client, or who could not
 * for a fault. */
static unsigned tries(void)
{
    socklen_t len;

    if (!sf_session_addr(&len))
        return 100;
    return sf_play.refused ? SETTLE_WAITS : 0;
}

/* The next act is of a peer that nobody has connected to, and the program may
 * do so when its time is over.  Who has waited so often in vain goes on. */
static bool is_early(const struct sf_act *act, int64_t until)
{
    return sf_are_lived() && sf_act_has_peer(act->kind) &&
           !sf_play_holder(act->peer) && until != SF_SIM_NEVER &&
           sf_play.early++ < tries();
}

/* A program that was joined is not bounded as a fuzz target is. */
static uint64_t enough_calls(void)
{
    if (sf_play.joined)
        return SF_CALLS_MAX / 2;
    return sf_play.s->high ? SF_CALLS_ENOUGH / 2 : SF_CALLS_ENOUGH;
}

/* Where the script is over peers may do more, in its place. */
static const struct sf_act *next_act(int64_t until)
{
    bool (*more)(void *arg) = sf_play.program->more;
    const struct sf_act *act = sf_lives_next();

    if (act || !more || sf_sim_calls() >= enough_calls() ||
        !time_is_up(until) || !more(sf_play.program->arg))
        return act;
    sf_play.next = 0;
    return sf_lives_next();
}

enum sf_sim_wake sf_play_idle(int64_t until)
{
    const struct sf_act *act;
    bool acted;

    if (sf_play.phase != STOPPING && sf_play_pump())
        return SF_SIM_ACTED;
    if (sf_play_take_signal())
        return SF_SIM_SIGNAL;
    for (unsigned i = 0; i < sf_play.conns_n; i++)
        sf_play_note_harm(&sf_play.conns[i]);
    if (sf_play.phase < STOPPING && sf_play.program->quiet)
        sf_play.program->quiet(sf_play.program->arg, until);
    if (sf_sim_calls() >= enough_calls()) {
        sf_invariance_off();
        sf_lives_end();
        sf_play.resume = 0;
        sf_play.next = sf_play.s->acts_n;
    }
    while (sf_play.phase == SCRIPT && (act = next_act(until))) {
        if (!time_is_up(until) || is_early(act, until))
            return SF_SIM_NOTHING;
        acted = sf_play_next_acts();
        if (sf_play_take_signal())
            return SF_SIM_SIGNAL;
        if (acted)
            return SF_SIM_ACTED;
    }
    if (sf_play.phase == SCRIPT && !time_is_up(until))
        return SF_SIM_NOTHING;
    return next_phase(until);
}
