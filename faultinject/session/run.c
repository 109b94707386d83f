/* run.c: see run.h */
#include "faultinject/session/play.h"

#include "faultinject/inject/conn.h"
#include "faultinject/inject/finding.h"
#include "faultinject/inject/inject.h"
#include "faultinject/inject/monitor.h"
#include "faultinject/session/guard.h"
#include "faultinject/session/show.h"

#include <string.h>

enum { CONTROL_BUFFER = 64, BACKLOG = 16 };

static struct sf_chooser *instead;

void sf_session_choose(struct sf_chooser *chooser)
{
    instead = chooser;
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
    sf_play_take_signal();
    sf_play_set_alarm();
    sf_play.acting = false;
}

static void after_call(void *arg, enum sf_call call, long first, long asked,
                       long result, int err)
{
    if (sf_inside()) /* the injector asks, too */
        sf_lives_call(call, (int)first, err);
    if (sf_show_calls())
        sf_show_call(arg, call, first, asked, result, err);
}

static void on_signal(void *arg)
{
    (void)arg;
    sf_play_tell(sf_play.program->signal);
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
    sf_lives_fault(at, outcomes[pick].fault);
    if (outcomes[pick].fault == SF_ENOBUFS || outcomes[pick].fault == SF_ENOMEM)
        sf_play_note_dry(at->fd);
    if (sf_play.program->fault)
        sf_play.program->fault(sf_play.program->arg, at, &outcomes[pick]);
    sf_show_fault(at, &outcomes[pick], *amount);
    return pick;
}

/* Closing what was never opened is no mistake: it is simpler than to ask. */
static void judge_none(enum sf_call call)
{
    bool asks = call == SF_CALL_getsockopt || call == SF_CALL_getsockname ||
                call == SF_CALL_getpeername;

    if (!asks &&
        sf_calls[call].kind & (K_READ | K_WRITE | K_ACCEPT | K_CONNECT | K_CTL))
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
    if (kind == K_CLOSE && !killed && sf_sim_gave_back(fd))
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

    sf_play.open_before = sf_play_open();
    sf_play.armed = true;
    if (control) {
        sf_play_add_frame(control, 3);
        sf_play_send_some(control, SIZE_MAX);
    }
}

static enum sf_sim_wake first_idle(int64_t until)
{
    if (sf_play.armed)
        return sf_play_idle(until);
    begin_peers();
    return sf_play.conns_n ? SF_SIM_ACTED : sf_play_idle(until);
}

static enum sf_sim_wake act(void *arg, int64_t until)
{
    enum sf_sim_wake wake;

    (void)arg;
    sf_play.acting = true;
    wake = first_idle(until);
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
        .hastens = sf_play.joined,
        .signo = sf_play.program->signo,
        .signals = sf_play.program->signals,
        .idle = act,
        .before = on_call,
        .stale = judge_stale,
        .after = sf_are_lived() || sf_show_calls() ? after_call : NULL,
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
    while (sf_play.joined && sf_play_answer())
        ;
    for (unsigned i = 0; i < sf_play.conns_n; i++) {
        sf_play_note_harm(&sf_play.conns[i]); /* since the last wait */
        if (sf_play.conns[i].end)
            while (sf_play_receive_some(&sf_play.conns[i], SIZE_MAX))
                ;
    }
    sf_play_tell(sf_play.program->finished);
}

static void check_end(void)
{
    struct sf_play_open open = sf_play_open();
    int first;

    sf_sim_open(&first);
    if (sf_play.program->side == SF_SERVE && !sf_play.stopped)
        sf_finding(SF_MON_DIED, "%s returned, and nobody had told it to stop",
                   sf_play.program->name);
    if (open.all && !sf_play.program->keeps_open)
        sf_finding(SF_MON_FD_LEAK,
                   "%s returned and left %u descriptors open, %d first%s",
                   sf_play.program->name, open.all, first,
                   sf_play_kind_text(&open));
}

static void prepare(const struct sf_session *s, const struct sf_program *p,
                    FILE *show)
{
    sf_play.s = s;
    sf_play.program = p;
    sf_play.conns_n = sf_play.next = sf_play.waits = sf_play.early = 0;
    sf_play.open_before = (struct sf_play_open){.last = -1};
    memset(sf_play.current, 0, sizeof sf_play.current);
    sf_play.listener = p->listener;
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

void sf_session_join(const struct sf_session *s, const struct sf_program *p,
                     FILE *show)
{
    struct sf_sim_config config;

    prepare(s, p, show);
    sf_play.joined = true;
    sf_lives_begin();
    sf_play.budget = SIZE_MAX;
    sf_play.last_call = sf_sim_calls();
    sf_play.look_again = sf_sim_calls() + SF_SPIN_CALLS;
    config = config_of(s);
    sf_sim_configure(&config);
    sf_play_set_alarm();
    sf_inject_arm(&sf_play.chooser, s->profile);
}

void sf_session_adopt(FILE *show)
{
    sf_show_adopt(show);
    sf_inject_arm(&sf_play.chooser, sf_play.s->profile);
}

void (*sf_session_stray)(enum sf_call call, int fd);

/* The world is one thread's: what others do to it would be lost, or go to the
 * kernel with a number that means nothing there. */
static bool astray(enum sf_call call, int fd)
{
    bool allowed = sf_play.program->allow & 1u << SF_MON_MISUSE;

    if (allowed || !sf_sim_is_open(fd))
        return false;
    if (sf_session_stray)
        sf_session_stray(call, fd);
    sf_finding(SF_MON_MISUSE,
               "another thread calls %s on descriptor %d of the session, "
               "which only the thread that runs %s can use",
               sf_calls[call].name, fd, sf_play.program->name);
    return false;
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
    sf_inject_stray = astray;
    sf_inject_begin(sf_simnet(), &sf_play.chooser, s->profile);
    sf_monitor_begin(SF_MONITORS_OF_CALLS & ~p->allow);
    p->run(p->arg, fd);
    sf_session_leave();
}

/* By nobody's choice: there are no faults. */
static void play_calm(const struct sf_session *s, const struct sf_program *p)
{
    static struct sf_session calm;
    struct sf_chooser *chooser = instead;

    calm = *s;
    calm.faults_n = 0;
    instead = NULL;
    play(&calm, p, NULL);
    instead = chooser;
}

void sf_session_run(const struct sf_session *s, const struct sf_program *p,
                    FILE *show)
{
    if (p->invariant && (s->faults_n || instead))
        sf_invariance_keep(s);
    play(s, p, show);
    if (sf_invariance_kept())
        play_calm(s, p);
}
