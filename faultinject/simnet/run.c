/* run.c: see run.h */
#include "faultinject/simnet/play.h"

#include "faultinject/inject/conn.h"
#include "faultinject/inject/finding.h"
#include "faultinject/inject/inject.h"
#include "faultinject/inject/monitor.h"
#include "faultinject/simnet/guard.h"
#include "faultinject/simnet/show.h"

#include <string.h>

enum {
    CONTROL_BUFFER = 64,
    STOP_PATIENCE = 200,
    SETTLE_WAITS = 24,
    BACKLOG = 16,
};

struct sf_play sf_play;

static struct sf_chooser *instead;

void sf_session_choose(struct sf_chooser *chooser)
{
    instead = chooser;
}

/* ----------------------------------------------------------------- phases */

static void tell(void (*what)(void *arg))
{
    if (what)
        what(sf_play.program->arg);
}

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
}

static void check_open(void)
{
    int first;

    if (sf_play.program->side == SF_SERVE &&
        sf_sim_open(&first) > sf_play.open_before)
        sf_finding(SF_MON_FD_LEAK,
                   "%u descriptors are open now that all peers are gone, %u "
                   "were before they came",
                   sf_sim_open(&first), sf_play.open_before);
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

/* Lets short timers of the program run out, but not for ever. */
static bool settles(int64_t until)
{
    return until - sf_sim_now() <= SF_SETTLE_MS * MS &&
           sf_play.waits++ < SETTLE_WAITS;
}

static enum sf_sim_wake stop(void)
{
    sf_play.pending_stop = false;
    sf_play.pends = false;
    tell(sf_play.program->stop);
    return sf_play.pends ? SF_SIM_ACTED : SF_SIM_SIGNAL;
}

void sf_session_pends(void)
{
    sf_play.pends = true;
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
        tell(sf_play.program->settled);
        enter(PART);
        part();
        return SF_SIM_ACTED;
    case SETTLE:
    case PART:
        if (settles(until))
            return SF_SIM_NOTHING;
        tell(sf_play.program->finished);
        part_for_good();
        enter(PARTED);
        return SF_SIM_ACTED;
    case PARTED:
        if (settles(until))
            return SF_SIM_NOTHING;
        check_open();
        enter(STOPPING);
        sf_play.stopped = sf_play.pending_stop = true;
        break;
    case STOPPING:
        break;
    }
    if (sf_play.pending_stop && !sf_sim_blocks())
        return stop();
    if (until == SF_SIM_NEVER || ++sf_play.waits > STOP_PATIENCE)
        sf_finding(SF_MON_STALL,
                   "the program was told to stop and goes on waiting");
    return SF_SIM_NOTHING;
}

/* The handler of a signal that has come runs as soon as it may. */
static bool take_signal(void)
{
    if (!sf_play.pending_signal || sf_sim_blocks())
        return false;
    sf_play.pending_signal = false;
    tell(sf_play.program->signal);
    return true;
}

/* Time passes until the script goes on, but no further than the program
 * wants to wait. */
static bool time_is_up(int64_t until)
{
    if (sf_play.resume > until)
        return false;
    if (sf_play.resume > sf_sim_now())
        sf_sim_set_now(sf_play.resume);
    return true;
}

/* A program that was joined is not bounded as a fuzz target is. */
static uint64_t enough_calls(void)
{
    if (sf_play.joined)
        return SF_CALLS_MAX / 2;
    return sf_play.s->high ? SF_CALLS_ENOUGH / 2 : SF_CALLS_ENOUGH;
}

static enum sf_sim_wake on_idle(void *arg, int64_t until)
{
    bool acted;

    (void)arg;
    if (sf_play.phase != STOPPING && sf_play_pump())
        return SF_SIM_ACTED;
    if (take_signal())
        return SF_SIM_SIGNAL;
    for (unsigned i = 0; i < sf_play.conns_n; i++)
        sf_play_note_harm(&sf_play.conns[i]);
    if (sf_play.phase < STOPPING && sf_play.program->quiet)
        sf_play.program->quiet(sf_play.program->arg, until);
    if (sf_sim_calls() >= enough_calls()) {
        sf_invariance_off();
        sf_play.resume = 0;
        sf_play.next = sf_play.s->acts_n;
    }
    while (sf_play.phase == SCRIPT && sf_play.next < sf_play.s->acts_n) {
        if (!time_is_up(until))
            return SF_SIM_NOTHING;
        acted = sf_play_next_acts();
        if (take_signal())
            return SF_SIM_SIGNAL;
        if (acted)
            return SF_SIM_ACTED;
    }
    if (sf_play.phase == SCRIPT && !time_is_up(until))
        return SF_SIM_NOTHING;
    return next_phase(until);
}

/* ------------------------------------------------------ calls and faults */

/* Who works through many small frames may ask for the time at each.  The next
 * look is at another call of a loop that makes several. */
static void watch_for_spin(enum sf_call call)
{
    uint64_t changes = sf_sim_changes() + sf_play.faults;
    bool asks = sf_calls[call].kind == K_CLOCK;

    if (sf_sim_calls() < sf_play.look_again)
        return;
    sf_play.asking = asks ? sf_play.asking + 1 : 0;
    if (changes != sf_play.seen_changes)
        sf_play.asking = 0;
    else if (!asks || sf_play.asking == SF_SPIN_CLOCKS)
        sf_finding(SF_MON_SPIN,
                   "%d calls in a row, the last of them %s, "
                   "and nothing changed",
                   SF_SPIN_CALLS * (asks ? SF_SPIN_CLOCKS : 1),
                   sf_calls[call].name);
    sf_play.seen_changes = changes;
    sf_play.look_again = sf_sim_calls() + SF_SPIN_CALLS + asks;
    if (sf_sim_calls() > SF_CALLS_MAX)
        sf_finding(SF_MON_WORK, "more than %d calls in one session",
                   SF_CALLS_MAX);
}

static void on_call(void *arg, enum sf_call call)
{
    (void)arg;
    if (sf_play.acting) /* a handler of ours makes it */
        return;
    sf_play.acting = true;
    watch_for_spin(call);
    sf_play_due_acts();
    take_signal();
    sf_play_set_alarm();
    sf_play.acting = false;
}

bool sf_session_acting(void)
{
    return sf_play.acting;
}

void sf_session_stopped(void)
{
    sf_play.stopped = true;
}

static void on_signal(void *arg)
{
    (void)arg;
    tell(sf_play.program->signal);
}

/* No fault that ends a connection is done to the control connection. */
bool sf_session_allows(const struct sf_point *at,
                       const struct sf_outcome *outcome)
{
    int fd = at->fd;

    if (outcome->fault == SF_DEADFD && sf_play.program->no_dead_fd)
        return false;
    if ((outcome->fault == SF_EMFILE || outcome->fault == SF_ENFILE) &&
        sf_play.program->no_emfile)
        return false;
    if (sf_faults[outcome->fault].cls == SF_BENIGN ||
        sf_play.program->no_control)
        return true;
    if (sf_calls[at->call].kind == K_WAIT)
        fd = sf_conn_fd(outcome->target);
    return !sf_play.conns_n || !sf_play.conns[0].end ||
           sf_end_of(fd) != sf_play.conns[0].end;
}

static bool chooser_wants(struct sf_chooser *self, enum sf_call call)
{
    (void)self;
    return sf_play.armed && sf_play.decides->wants(sf_play.decides, call);
}

static bool chooser_cares(struct sf_chooser *self, const struct sf_point *at)
{
    (void)self;
    return !sf_play.decides->cares ||
           sf_play.decides->cares(sf_play.decides, at);
}

static unsigned chooser_choose(struct sf_chooser *self,
                               const struct sf_point *at,
                               const struct sf_outcome *outcomes, unsigned n,
                               size_t *amount)
{
    unsigned pick =
        sf_play.decides->choose(sf_play.decides, at, outcomes, n, amount);

    (void)self;
    if (outcomes[pick].fault == SF_NONE ||
        !sf_session_allows(at, &outcomes[pick]))
        return 0;
    sf_play.faults++;
    sf_play.unlooked = true;
    if (sf_play.phase != STOPPING)
        sf_play.waits = 0; /* the tape is not over yet */
    sf_play.last_fault[sf_faults[outcomes[pick].fault].cls] = sf_sim_now();
    if (sf_faults[outcomes[pick].fault].cls != SF_BENIGN)
        sf_invariance_off();
    if (sf_play.program->fault)
        sf_play.program->fault(sf_play.program->arg, at, &outcomes[pick]);
    sf_show_fault(at, &outcomes[pick], *amount);
    return pick;
}

/* Closing what was never opened is no mistake: it is simpler than to ask. */
static void judge_none(enum sf_call call)
{
    if (sf_calls[call].kind & (K_READ | K_WRITE | K_ACCEPT | K_CONNECT))
        sf_finding(SF_MON_STALE_FD, "%s on -1", sf_calls[call].name);
}

/* Nobody but the program opens and closes these numbers, so one that is not
 * open was closed before: by the program, or by a fault. */
static void judge_stale(void *arg, enum sf_call call, int fd)
{
    enum sf_kind kind = sf_calls[call].kind;
    bool killed = sf_sim_was_killed(fd);

    (void)arg;
    if (fd < 0) {
        judge_none(call);
        return;
    }
    if (kind == K_CLOSE && !killed)
        sf_finding(SF_MON_DOUBLE_CLOSE, "close of %d, which is closed already",
                   fd);
    else if (kind == K_CLOSE && sf_sim_was_told(fd))
        sf_finding(SF_MON_DOUBLE_CLOSE,
                   "close of %d, which was closed behind the program's back, "
                   "as a call has told it",
                   fd);
    else if ((kind & (K_READ | K_WRITE | K_ACCEPT | K_CONNECT)) && !killed)
        sf_finding(SF_MON_STALE_FD, "%s on %d, which is closed",
                   sf_calls[call].name, fd);
    if (call != SF_CALL_getpeername) /* which the injector asks, too */
        sf_sim_tell(kind == K_WAIT ? -1 : fd);
}

/* ---------------------------------------------------------------- counters */

#define EACH(field) each(arg, &(field), sizeof(field))

void sf_session_times(sf_counter *each, void *arg)
{
    if (sf_session_has(sf_play.s, SF_ACT_WAIT))
        return;
    EACH(sf_play.last_fault);
    for (unsigned i = 0; i < SF_CONNS_MAX; i++) {
        EACH(sf_play.conns[i].last);
        EACH(sf_play.conns[i].gap);
    }
    sf_sim_times(each, arg);
}

/* An act that comes so many calls after another: then they are no mere count.
 */
static bool counts_calls(void)
{
    for (unsigned i = 0; i < sf_play.s->acts_n; i++)
        if (sf_play.s->acts[i].when == SF_WHEN_AFTER)
            return true;
    return false;
}

void sf_session_counters(sf_counter *each, void *arg)
{
    if (!counts_calls()) {
        EACH(sf_play.last_call);
        EACH(sf_play.unlooked); /* such acts look */
        sf_sim_counters(each, arg);
    }
    EACH(sf_play.seen_changes);
    EACH(sf_play.look_again);
    EACH(sf_play.asking);
    EACH(sf_play.faults);
    sf_inject_counters(each, arg);
    if (sf_play.program->side == SF_SERVE)
        EACH(sf_play.last_fault);
    if (sf_play.program->counters)
        sf_play.program->counters(sf_play.program->arg, each, arg);
}

static void forget(unsigned i, void *noted, size_t len, sf_counter *each,
                   void *arg)
{
    struct sf_peer *peer = &sf_play.conns[i];

    each(arg, noted, len);
    sf_end_forgotten(peer->end, each, arg);
    EACH(peer->sent);
    EACH(peer->received);
    EACH(peer->last);
    EACH(peer->gap);
    EACH(peer->eof);
    EACH(peer->err);
    EACH(peer->reset);
    EACH(sf_play.looks[i]);
}

/* Acts that come AFTER calls look at all. */
void sf_session_forgotten(sf_counter *each, void *arg)
{
    const struct sf_program *program = sf_play.program;

    if (!program->forgets || counts_calls())
        return;
    for (unsigned i = 0; i < sf_play.conns_n; i++) {
        const struct sf_peer *peer = &sf_play.conns[i];
        size_t len;
        void *noted = sf_play_is_over(peer)
                          ? program->forgets(program->arg, peer, &len)
                          : NULL;

        if (noted)
            forget(i, noted, len, each, arg);
    }
}

/* -------------------------------------------------------------------- run */

static void load_tape(const struct sf_session *s)
{
    for (unsigned i = 0; i < s->faults_n; i++) {
        sf_play.tape_bytes[3 * i] = s->faults[i].skip;
        sf_play.tape_bytes[3 * i + 1] = s->faults[i].which;
        sf_play.tape_bytes[3 * i + 2] = s->faults[i].amount;
    }
    sf_tape_init(&sf_play.tape, sf_play.tape_bytes, 3 * s->faults_n);
    sf_play.decides = instead ? instead : &sf_play.tape.chooser;
    sf_play.chooser = (struct sf_chooser){.wants = chooser_wants,
                                          .cares = chooser_cares,
                                          .choose = chooser_choose};
}

/* It holds its frames, however little others hold: byte by byte it would make
 * most of the calls of a session that is about something else. */
static struct sf_peer *connect_control(void)
{
    struct sf_peer *control;

    if (sf_play.s->buffers < CONTROL_BUFFER)
        sf_sim_set_buffer(CONTROL_BUFFER);
    control = sf_play_connect_peer(0);
    sf_sim_set_buffer(sf_play.s->buffers);
    return control;
}

/* The first connection of a server is the control connection: it sends a
 * frame at the beginning and two at the end, and nothing happens to it. */
static void begin_peers(void)
{
    struct sf_peer *control =
        sf_play.program->no_control ? NULL : connect_control();

    sf_play.open_before = sf_sim_open(NULL);
    sf_play.armed = true;
    if (control) {
        sf_play_add_frame(control, 3);
        sf_play_send_some(control, SIZE_MAX);
    }
}

static enum sf_sim_wake on_first_idle(void *arg, int64_t until)
{
    if (sf_play.armed)
        return on_idle(arg, until);
    begin_peers();
    return sf_play.conns_n ? SF_SIM_ACTED : on_idle(arg, until);
}

static enum sf_sim_wake act(void *arg, int64_t until)
{
    enum sf_sim_wake wake;

    sf_play.acting = true;
    wake = on_first_idle(arg, until);
    sf_play.acting = false;
    return wake;
}

static int given_descriptor(void)
{
    struct sf_end *end;
    int fd;

    end = sf_end_pair(sf_play.s->local ? AF_UNIX : AF_INET, &fd);
    if (end)
        sf_play_new_conn(1, end);
    return fd;
}

static struct sf_sim_config config_of(const struct sf_session *s)
{
    return (struct sf_sim_config){
        .buffer = s->buffers,
        .window = (s->buffers + 1) / 2,
        .fd_first = s->high ? FD_SETSIZE - (int)s->high : 0,
        .handlers = s->handlers,
        .set_wall = sf_play.program->set_wall,
        .signo = sf_play.program->signo,
        .idle = act,
        .before = on_call,
        .stale = judge_stale,
        .after = sf_show_calls() ? sf_show_call : NULL,
        .signal = on_signal,
    };
}

/* A program that ends by itself, before its peers do: what it sent last is
 * still under way to them. */
static void see_off(void)
{
    if (sf_play.phase >= PARTED ||
        (sf_play.program->side == SF_SERVE && !sf_play.stopped))
        return;
    for (unsigned i = 0; i < sf_play.conns_n; i++)
        if (sf_play.conns[i].end)
            while (sf_play_receive_some(&sf_play.conns[i], SIZE_MAX))
                ;
    tell(sf_play.program->finished);
}

static void check_end(void)
{
    int first;
    unsigned open = sf_sim_open(&first);

    if (sf_play.program->side == SF_SERVE && !sf_play.stopped)
        sf_finding(SF_MON_DIED, "%s returned, and nobody had told it to stop",
                   sf_play.program->name);
    if (open && !sf_play.program->keeps_open)
        sf_finding(SF_MON_FD_LEAK,
                   "%s returned and left %u descriptors open, %d first",
                   sf_play.program->name, open, first);
}

static void prepare(const struct sf_session *s, const struct sf_program *p,
                    FILE *show)
{
    sf_play.s = s;
    sf_play.program = p;
    sf_play.conns_n = sf_play.next = sf_play.waits = sf_play.open_before = 0;
    memset(sf_play.current, 0, sizeof sf_play.current);
    sf_play.listener = NULL;
    sf_play.taken = NULL;
    sf_play.here = 0;
    sf_play.unlooked = false;
    sf_play.phase = SCRIPT;
    sf_play.resume = 0;
    sf_play.last_call = sf_play.seen_changes = sf_play.faults = 0;
    sf_play.look_again = SF_SPIN_CALLS;
    sf_play.asking = 0;
    sf_play.stopped = sf_play.joined = sf_play.pending_signal = false;
    sf_play.pending_stop = false;
    sf_play.acting = false;
    sf_play.armed = p->side != SF_SERVE;
    sf_play.budget = sf_play_byte_budget(s);
    sf_play.last_fault[SF_BENIGN] = sf_play.last_fault[SF_FATAL] = -1;
    load_tape(s);
    sf_show_begin(show, s);
}

void sf_session_leave(void)
{
    sf_inject_end();
    see_off();
    sf_invariance_end();
    check_end();
    sf_show_end();
    sf_sim_end();
}

enum sf_sim_wake sf_session_join(const struct sf_session *s,
                                 const struct sf_program *p, FILE *show,
                                 int64_t until)
{
    struct sf_sim_config config;

    prepare(s, p, show);
    sf_play.joined = true;
    sf_play.budget = SIZE_MAX;
    sf_play.last_call = sf_sim_calls();
    sf_play.look_again = sf_sim_calls() + SF_SPIN_CALLS;
    config = config_of(s);
    sf_sim_configure(&config);
    sf_play_set_alarm();
    sf_inject_arm(&sf_play.chooser, s->profile);
    return act(NULL, until);
}

static void play(const struct sf_session *s, const struct sf_program *p,
                 FILE *show)
{
    struct sf_sim_config config;
    socklen_t len;
    int fd = -1;

    sim_guard_signals();
    prepare(s, p, show);
    config = config_of(s);
    sf_sim_begin(&config);
    sf_play_set_alarm();
    if (p->side == SF_DIAL) {
        const struct sockaddr *addr = sf_session_addr(&len);

        sf_play.listener = sf_end_listen(addr, len, BACKLOG);
    }
    if (p->side == SF_GIVEN)
        fd = given_descriptor();
    sf_inject_begin(sf_simnet(), &sf_play.chooser, s->profile);
    sf_monitor_begin(SF_MONITORS_OF_CALLS & ~p->allow);
    p->run(p->arg, fd);
    sf_session_leave();
}

void sf_session_run(const struct sf_session *s, const struct sf_program *p,
                    FILE *show)
{
    static struct sf_session calm;

    if (p->invariant && !instead)
        sf_invariance_keep(s);
    play(s, p, show);
    if (sf_invariance_kept()) {
        calm = *s;
        calm.faults_n = 0;
        play(&calm, p, NULL);
    }
}
