/* run.c: see run.h */
#include "faultinject/simnet/run.h"

#include "faultinject/inject/conn.h"
#include "faultinject/inject/finding.h"
#include "faultinject/inject/inject.h"
#include "faultinject/simnet/guard.h"
#include "faultinject/simnet/show.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#define MS INT64_C(1000000)

enum {
    CONTROL_BUFFER = 64,
    PORT = 7000,
    STOP_PATIENCE = 200,
    SETTLE_WAITS = 24,
    BACKLOG = 16
};

enum phase {
    SCRIPT,  /* acts                                   */
    WIND_UP, /* everybody reads and sends what is left */
    SETTLE,  /* … and short timers run out             */
    PART,    /* peers half-close or close              */
    PARTED,
    STOPPING, /* the program was told                   */
};

static struct {
    const struct sf_session *s;
    const struct sf_program *program;
    struct sf_chooser chooser;
    struct sf_tape tape;
    struct sf_chooser *decides; /* the tape's, or what was asked for        */
    uint8_t tape_bytes[SF_FAULTS_MAX * 3];

    unsigned conns_n;
    struct sf_peer conns[SF_CONNS_MAX];
    unsigned frames[SF_CONNS_MAX];         /* made so far                 */
    struct sf_peer *current[SF_PEERS + 1]; /* the newest of each peer     */
    struct sf_end *listener;               /* SF_DIAL                     */

    enum phase phase;
    unsigned next;        /* act                                          */
    int64_t resume;       /* a WAIT ends then                             */
    uint64_t last_call;   /* of the program when the last act happened    */
    unsigned waits;       /* times let go by in this phase                */
    unsigned open_before; /* descriptors before the first peer came       */
    size_t budget;        /* bytes that may still be queued               */
    bool armed; /* faults may happen: not while a server is being set up  */
    bool stopped;
    bool pending_signal;

    uint64_t seen_changes, look_again; /* for spin                        */
    uint64_t faults, faults_settled;
    int64_t last_fault[SF_CLASS_COUNT];
} run;

static struct sf_chooser *instead;
static uint8_t streams[SF_CONNS_MAX][SF_STREAM_MAX];

/* ---------------------------------------------------------------- queries */

const struct sockaddr *sf_session_addr(socklen_t *len)
{
    static struct sockaddr_in in;
    static struct sockaddr_un un;

    if (run.s->local) {
        un =
            (struct sockaddr_un){.sun_family = AF_UNIX, .sun_path = "/session"};
        *len = sizeof un;
        return (const struct sockaddr *)&un;
    }
    in = (struct sockaddr_in){.sin_family = AF_INET,
                              .sin_port = htons(PORT),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    *len = sizeof in;
    return (const struct sockaddr *)&in;
}

const struct sf_session *sf_session_now(void)
{
    return run.s;
}

unsigned sf_session_conns(void)
{
    return run.conns_n;
}

struct sf_peer *sf_session_conn(unsigned i)
{
    return &run.conns[i];
}

struct sf_peer *sf_session_peer_of(int fd)
{
    struct sf_end *end = sf_end_of(fd);

    for (unsigned i = 0; end && i < run.conns_n; i++)
        if (run.conns[i].end == end)
            return &run.conns[i];
    return NULL;
}

size_t sf_peer_taken(const struct sf_peer *peer)
{
    return peer->sent - (peer->end ? sf_end_unread(peer->end) : 0);
}

size_t sf_peer_given(const struct sf_peer *peer)
{
    return peer->received + (peer->end ? sf_end_queued(peer->end) : 0);
}

bool sf_peer_writable(const struct sf_peer *peer)
{
    return peer->end && sf_end_writable(peer->end);
}

bool sf_peer_accepted(const struct sf_peer *peer)
{
    return peer->end && sf_end_accepted(peer->end);
}

int64_t sf_session_last_fault(enum sf_class cls)
{
    return run.last_fault[cls];
}

void sf_session_choose(struct sf_chooser *chooser)
{
    instead = chooser;
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

/* ------------------------------------------------------------ connections */

static struct sf_peer *new_conn(unsigned number, struct sf_end *end)
{
    struct sf_peer *peer = &run.conns[run.conns_n];

    *peer = (struct sf_peer){.number = number,
                             .ordinal = run.conns_n + 1,
                             .end = end,
                             .stream = streams[run.conns_n],
                             .last = sf_sim_now()};
    run.frames[run.conns_n++] = 0;
    run.current[number] = peer;
    return peer;
}

static struct sf_peer *connect_peer(unsigned number)
{
    socklen_t len;
    const struct sockaddr *addr = sf_session_addr(&len);
    struct sf_end *end;

    if (run.program->side != SF_SERVE || run.conns_n == SF_CONNS_MAX)
        return NULL;
    end = sf_end_connect(addr, len);
    return end ? new_conn(number, end) : NULL;
}

static bool is_usable(const struct sf_peer *peer)
{
    return peer && peer->end && !peer->finished;
}

/* Who has to send and cannot gets a connection. */
static struct sf_peer *sender(unsigned number)
{
    struct sf_peer *peer = run.current[number];

    return is_usable(peer) ? peer : connect_peer(number);
}

static struct sf_peer *holder(unsigned number)
{
    struct sf_peer *peer = run.current[number];

    return peer && peer->end ? peer : NULL;
}

/* The program dialled: the next peer without a connection answers. */
static bool answer(void)
{
    struct sf_end *end = NULL;
    unsigned number = 1;

    if (!run.listener || run.conns_n == SF_CONNS_MAX)
        return false;
    end = sf_end_accept(run.listener);
    if (!end)
        return false;
    while (number < SF_PEERS && holder(number))
        number++;
    new_conn(number, end);
    return true;
}

static void note_harm(struct sf_peer *peer)
{
    if (peer->end && sf_end_harmed(peer->end))
        peer->harmed = true;
}

static void let_go(struct sf_peer *peer, bool reset)
{
    note_harm(peer);
    if (reset)
        sf_end_abort(peer->end);
    else
        sf_end_close(peer->end);
    peer->end = NULL;
    peer->closed = true;
}

/* ------------------------------------------------------- moving of bytes */

/* A session moves no more bytes than keep it short: small buffers, and the
 * long tables of high descriptors, make each byte dear. */
static size_t byte_budget(const struct sf_session *s)
{
    size_t moves = s->high ? 16 : 24;

    return s->buffers * moves < 16384 ? s->buffers * moves : 16384;
}

static bool spend(const struct sf_peer *peer, size_t len)
{
    if (peer->number == 0)
        return true;
    if (len > run.budget)
        return false;
    run.budget -= len;
    return true;
}

/* Without a format a frame is so many letters. */
static size_t letters(unsigned nth, unsigned size, uint8_t *out, size_t max)
{
    size_t len = size < max ? size : max;

    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)('a' + (nth + i) % 26);
    return len;
}

static void add_frame(struct sf_peer *peer, unsigned size)
{
    unsigned i = peer->ordinal - 1, nth = run.frames[i]++;
    uint8_t *out = streams[i] + peer->queued;
    size_t max = SF_STREAM_MAX - peer->queued;
    size_t len = run.program->frame ? run.program->frame(run.program->arg, peer,
                                                         nth, size, out, max)
                                    : letters(nth, size, out, max);

    if (spend(peer, len))
        peer->queued += len;
}

static void add_bytes(struct sf_peer *peer, const uint8_t *bytes, size_t len)
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
static bool send_some(struct sf_peer *peer, size_t n)
{
    size_t left = peer->queued - peer->sent;
    ssize_t r;

    if (n > left)
        n = left;
    if (!n || !peer->end || peer->finished)
        return false;
    r = sf_end_send(peer->end, peer->stream + peer->sent, n);
    if (r <= 0)
        return false;
    peer->sent += (size_t)r;
    touch(peer);
    return true;
}

/* Returns whether anything came. */
static bool receive_some(struct sf_peer *peer, size_t n)
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
    if (r <= 0) {
        peer->eof = r == 0;
        peer->err = (int)-r;
        note_harm(peer);
        return true;
    }
    if (run.program->received)
        run.program->received(run.program->arg, peer, bytes, (size_t)r);
    peer->received += (size_t)r;
    touch(peer);
    return true;
}

/* While the program waits: readers read, and what was held up goes on. */
static bool pump(void)
{
    bool moved = false;

    while (answer())
        moved = true;
    for (unsigned i = 0; i < run.conns_n; i++) {
        struct sf_peer *peer = &run.conns[i];

        if (!peer->end)
            continue;
        while (!peer->stopped && receive_some(peer, SIZE_MAX))
            moved = true;
        if (run.phase > SCRIPT && send_some(peer, SIZE_MAX))
            moved = true;
    }
    return moved;
}

/* ------------------------------------------------------------------- acts */

static bool do_send(const struct sf_act *act)
{
    struct sf_peer *peer = sender(act->peer);

    if (!peer)
        return false;
    if (act->kind == SF_ACT_BYTES)
        add_bytes(peer, act->bytes, act->amount);
    else if (act->kind != SF_ACT_SEND)
        add_frame(peer, act->amount);
    if (act->kind == SF_ACT_PAIR)
        add_frame(peer, act->amount / 2);
    if (act->kind == SF_ACT_QUEUE)
        return false;
    return send_some(peer, act->kind == SF_ACT_SEND && act->amount ? act->amount
                                                                   : SIZE_MAX);
}

/* The injector has to know that it was not the program. */
static bool kill_descriptor(int fd)
{
    if (fd < 0 || run.program->no_dead_fd)
        return false;
    sf_simnet()->kill(fd);
    sf_fd_set(fd, SF_FD_KILLED);
    return true;
}

static bool do_hold(const struct sf_act *act)
{
    struct sf_peer *peer = holder(act->peer);

    if (!peer)
        return false;
    switch (act->kind) {
    case SF_ACT_STOP:
        peer->stopped = true;
        return false;
    case SF_ACT_READ:
        return receive_some(peer, act->amount ? act->amount : SIZE_MAX);
    case SF_ACT_GO:
        peer->stopped = false;
        return receive_some(peer, SIZE_MAX);
    case SF_ACT_FINISH:
        if (peer->finished || !sf_end_connected(peer->end))
            return false;
        peer->finished = true;
        return sf_end_shutdown(peer->end, SHUT_WR) == 0;
    case SF_ACT_KILL:
        return kill_descriptor(sf_end_fd(peer->end));
    default:
        let_go(peer, act->kind == SF_ACT_RESET);
        return true;
    }
}

static bool do_act(const struct sf_act *act)
{
    switch (act->kind) {
    case SF_ACT_CONNECT:
        return connect_peer(act->peer);
    case SF_ACT_FRAME:
    case SF_ACT_QUEUE:
    case SF_ACT_SEND:
    case SF_ACT_BYTES:
    case SF_ACT_PAIR:
        return do_send(act);
    case SF_ACT_WAIT:
        run.resume = sf_sim_now() + act->amount * MS;
        return false;
    case SF_ACT_SIGNAL:
        run.pending_signal = run.s->handlers;
        return false;
    case SF_ACT_LIMIT:
        if (!run.program->no_emfile)
            sf_sim_set_fd_limit(act->amount ? sf_sim_lowest() + (int)act->amount
                                            : 0);
        return true;
    default:
        return do_hold(act);
    }
}

/* The next call at which there is something to do. */
static void set_alarm(void)
{
    uint64_t next = run.look_again;

    if (run.phase == SCRIPT && run.next < run.s->acts_n &&
        run.s->acts[run.next].when == SF_WHEN_AFTER) {
        uint64_t due = run.last_call + run.s->acts[run.next].calls;

        next = due < next ? due : next;
    }
    sf_sim_alarm(next);
}

/* Plays the next act and those that come WITH it. */
static bool next_acts(void)
{
    bool happened = false;

    do {
        const struct sf_act *act = &run.s->acts[run.next++];

        sf_show_act(act);
        happened |= do_act(act);
    } while (run.next < run.s->acts_n && run.resume <= sf_sim_now() &&
             run.s->acts[run.next].when == SF_WHEN_WITH);
    run.last_call = sf_sim_calls();
    set_alarm();
    return happened;
}

/* ----------------------------------------------------------------- phases */

static void tell(void (*what)(void *arg))
{
    if (what)
        what(run.program->arg);
}

static void wind_up(void)
{
    sf_sim_set_fd_limit(0);
    for (unsigned i = 0; i < run.conns_n; i++)
        run.conns[i].stopped = false;
    if (!run.program->no_control && run.conns_n && run.conns[0].end) {
        add_frame(&run.conns[0], 11);
        add_frame(&run.conns[0], 2);
    }
}

static void part(void)
{
    for (unsigned i = 0; i < run.conns_n; i++) {
        struct sf_peer *peer = &run.conns[i];

        if (!peer->end || peer->finished)
            continue;
        if (peer->number % 2 == 0 && sf_end_connected(peer->end)) {
            peer->finished = true;
            sf_end_shutdown(peer->end, SHUT_WR);
        } else {
            let_go(peer, false);
        }
    }
}

static void part_for_good(void)
{
    for (unsigned i = 0; i < run.conns_n; i++)
        if (run.conns[i].end)
            let_go(&run.conns[i], false);
}

static void check_open(void)
{
    int first;

    if (run.program->side == SF_SERVE && sf_sim_open(&first) > run.open_before)
        sf_finding(SF_MON_FD_LEAK,
                   "%u descriptors are open now that all peers are gone, %u "
                   "were before they came",
                   sf_sim_open(&first), run.open_before);
}

static void enter(enum phase phase)
{
    run.phase = phase;
    run.waits = 0;
    sf_show_phase(phase == WIND_UP    ? "the script is over: all read and send"
                  : phase == PART     ? "the peers part"
                  : phase == PARTED   ? "the peers are gone"
                  : phase == STOPPING ? "the program is told to stop"
                                      : NULL);
}

/* Lets short timers of the program run out, but not for ever. */
static bool settles(int64_t until)
{
    if (run.faults != run.faults_settled) /* the tape is not over yet */
        run.waits = 0;
    run.faults_settled = run.faults;
    return until - sf_sim_now() <= SF_SETTLE_MS * MS &&
           run.waits++ < SETTLE_WAITS;
}

/* The script is over and everything is quiet. */
static enum sf_sim_wake next_phase(int64_t until)
{
    switch (run.phase) {
    case SCRIPT:
        enter(WIND_UP);
        wind_up();
        pump();
        return SF_SIM_ACTED;
    case WIND_UP:
        if (settles(until))
            return SF_SIM_NOTHING;
        tell(run.program->settled);
        enter(PART);
        part();
        return SF_SIM_ACTED;
    case SETTLE:
    case PART:
        if (settles(until))
            return SF_SIM_NOTHING;
        tell(run.program->finished);
        part_for_good();
        enter(PARTED);
        return SF_SIM_ACTED;
    case PARTED:
        if (settles(until))
            return SF_SIM_NOTHING;
        check_open();
        enter(STOPPING);
        run.stopped = true;
        tell(run.program->stop);
        return SF_SIM_SIGNAL;
    case STOPPING:
        break;
    }
    if (until == SF_SIM_NEVER || ++run.waits > STOP_PATIENCE)
        sf_finding(SF_MON_STALL,
                   "the program was told to stop and goes on waiting");
    return SF_SIM_NOTHING;
}

/* Time passes until the script goes on, but no further than the program
 * wants to wait. */
static bool time_is_up(int64_t until)
{
    if (run.resume > until)
        return false;
    if (run.resume > sf_sim_now())
        sf_sim_set_now(run.resume);
    return true;
}

static uint64_t enough_calls(void)
{
    return run.s->high ? SF_CALLS_ENOUGH / 2 : SF_CALLS_ENOUGH;
}

static enum sf_sim_wake on_idle(void *arg, int64_t until)
{
    (void)arg;
    if (run.phase != STOPPING && pump())
        return SF_SIM_ACTED;
    for (unsigned i = 0; i < run.conns_n; i++)
        note_harm(&run.conns[i]);
    if (run.phase < STOPPING && run.program->quiet)
        run.program->quiet(run.program->arg, until);
    if (sf_sim_calls() >= enough_calls()) {
        run.resume = 0;
        run.next = run.s->acts_n;
    }
    while (run.phase == SCRIPT && run.next < run.s->acts_n) {
        if (!time_is_up(until))
            return SF_SIM_NOTHING;
        if (next_acts())
            return SF_SIM_ACTED;
        if (run.pending_signal) {
            run.pending_signal = false;
            tell(run.program->signal);
            return SF_SIM_SIGNAL;
        }
    }
    if (run.phase == SCRIPT && !time_is_up(until))
        return SF_SIM_NOTHING;
    return next_phase(until);
}

/* ------------------------------------------------------ calls and faults */

static bool is_due(const struct sf_act *act)
{
    return act->when == SF_WHEN_AFTER && run.resume <= sf_sim_now() &&
           sf_sim_calls() >= run.last_call + act->calls;
}

static void watch_for_spin(enum sf_call call)
{
    uint64_t changes = sf_sim_changes() + run.faults;

    if (sf_sim_calls() < run.look_again)
        return;
    if (changes == run.seen_changes)
        sf_finding(SF_MON_SPIN,
                   "%d calls in a row, the last of them %s, "
                   "and nothing changed",
                   SF_SPIN_CALLS, sf_calls[call].name);
    run.seen_changes = changes;
    run.look_again = sf_sim_calls() + SF_SPIN_CALLS;
    if (sf_sim_calls() > SF_CALLS_MAX)
        sf_finding(SF_MON_WORK, "more than %d calls in one session",
                   SF_CALLS_MAX);
}

static void on_call(void *arg, enum sf_call call)
{
    (void)arg;
    watch_for_spin(call);
    while (run.phase == SCRIPT && run.next < run.s->acts_n &&
           is_due(&run.s->acts[run.next]))
        next_acts();
    set_alarm();
}

static void on_signal(void *arg)
{
    (void)arg;
    tell(run.program->signal);
}

/* No fault that ends a connection is done to the control connection. */
bool sf_session_allows(const struct sf_point *at,
                       const struct sf_outcome *outcome)
{
    int fd = at->fd;

    if (outcome->fault == SF_DEADFD && run.program->no_dead_fd)
        return false;
    if ((outcome->fault == SF_EMFILE || outcome->fault == SF_ENFILE) &&
        run.program->no_emfile)
        return false;
    if (sf_faults[outcome->fault].cls == SF_BENIGN || run.program->no_control)
        return true;
    if (sf_calls[at->call].kind == K_WAIT)
        fd = sf_conn_fd(outcome->target);
    return !run.conns_n || !run.conns[0].end ||
           sf_end_of(fd) != run.conns[0].end;
}

static bool chooser_wants(struct sf_chooser *self, enum sf_call call)
{
    (void)self;
    return run.armed && run.decides->wants(run.decides, call);
}

static bool chooser_cares(struct sf_chooser *self, const struct sf_point *at)
{
    (void)self;
    return !run.decides->cares || run.decides->cares(run.decides, at);
}

static unsigned chooser_choose(struct sf_chooser *self,
                               const struct sf_point *at,
                               const struct sf_outcome *outcomes, unsigned n,
                               size_t *amount)
{
    unsigned pick = run.decides->choose(run.decides, at, outcomes, n, amount);

    (void)self;
    if (!sf_session_allows(at, &outcomes[pick]))
        return 0;
    run.faults++;
    run.last_fault[sf_faults[outcomes[pick].fault].cls] = sf_sim_now();
    if (run.program->fault)
        run.program->fault(run.program->arg, at, &outcomes[pick]);
    sf_show_fault(at, &outcomes[pick], *amount);
    return pick;
}

/* Nobody but the program opens and closes these numbers, so one that is not
 * open was closed before: by the program, or by a fault. */
static void judge_stale(void *arg, enum sf_call call, int fd)
{
    enum sf_kind kind = sf_calls[call].kind;
    bool killed = sf_sim_was_killed(fd);

    (void)arg;
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

/* Does an act wait for so many calls?  Then their number decides. */
static bool calls_decide(void)
{
    for (unsigned i = run.next; run.phase == SCRIPT && i < run.s->acts_n; i++)
        if (run.s->acts[i].when == SF_WHEN_AFTER)
            return true;
    return false;
}

void sf_session_counters(sf_counter *each, void *arg)
{
    if (calls_decide())
        return;
    EACH(run.last_call);
    EACH(run.seen_changes);
    EACH(run.look_again);
    EACH(run.faults);
    EACH(run.faults_settled);
    sf_sim_counters(each, arg);
    sf_inject_counters(each, arg);
    if (run.program->side == SF_SERVE)
        EACH(run.last_fault);
    if (run.program->counters)
        run.program->counters(run.program->arg, each, arg);
}

/* -------------------------------------------------------------------- run */

static void load_tape(const struct sf_session *s)
{
    for (unsigned i = 0; i < s->faults_n; i++) {
        run.tape_bytes[3 * i] = s->faults[i].skip;
        run.tape_bytes[3 * i + 1] = s->faults[i].which;
        run.tape_bytes[3 * i + 2] = s->faults[i].amount;
    }
    sf_tape_init(&run.tape, run.tape_bytes, 3 * s->faults_n);
    run.decides = instead ? instead : &run.tape.chooser;
    run.chooser =
        (struct sf_chooser){chooser_wants, chooser_cares, chooser_choose};
}

/* It holds its frames, however little others hold: byte by byte it would make
 * most of the calls of a session that is about something else. */
static struct sf_peer *connect_control(void)
{
    struct sf_peer *control;

    if (run.s->buffers < CONTROL_BUFFER)
        sf_sim_set_buffer(CONTROL_BUFFER);
    control = connect_peer(0);
    sf_sim_set_buffer(run.s->buffers);
    return control;
}

/* The first connection of a server is the control connection: it sends a
 * frame at the beginning and two at the end, and nothing happens to it. */
static void begin_peers(void)
{
    struct sf_peer *control =
        run.program->no_control ? NULL : connect_control();

    run.open_before = sf_sim_open(NULL);
    run.armed = true;
    if (control) {
        add_frame(control, 3);
        send_some(control, SIZE_MAX);
    }
}

static enum sf_sim_wake on_first_idle(void *arg, int64_t until)
{
    if (run.armed)
        return on_idle(arg, until);
    begin_peers();
    return run.conns_n ? SF_SIM_ACTED : on_idle(arg, until);
}

static int given_descriptor(void)
{
    struct sf_end *end;
    int fd;

    end = sf_end_pair(run.s->local ? AF_UNIX : AF_INET, &fd);
    if (end)
        new_conn(1, end);
    return fd;
}

static void begin_world(const struct sf_session *s)
{
    struct sf_sim_config config = {
        .buffer = s->buffers,
        .window = (s->buffers + 1) / 2,
        .fd_first = s->high ? FD_SETSIZE - (int)s->high : 0,
        .handlers = s->handlers,
        .idle = on_first_idle,
        .before = on_call,
        .stale = judge_stale,
        .after = sf_show_calls() ? sf_show_call : NULL,
        .signal = on_signal,
    };

    sf_sim_begin(&config);
}

static void check_end(void)
{
    int first;
    unsigned open = sf_sim_open(&first);

    if (run.program->side == SF_SERVE && !run.stopped)
        sf_finding(SF_MON_DIED, "%s returned, and nobody had told it to stop",
                   run.program->name);
    if (open)
        sf_finding(SF_MON_FD_LEAK,
                   "%s returned and left %u descriptors open, %d first",
                   run.program->name, open, first);
}

void sf_session_run(const struct sf_session *s, const struct sf_program *p,
                    FILE *show)
{
    socklen_t len;
    int fd = -1;

    sim_guard_signals();
    run.s = s;
    run.program = p;
    run.conns_n = run.next = run.waits = run.open_before = 0;
    memset(run.current, 0, sizeof run.current);
    run.listener = NULL;
    run.phase = SCRIPT;
    run.resume = 0;
    run.last_call = run.seen_changes = run.faults = 0;
    run.look_again = SF_SPIN_CALLS;
    run.faults_settled = 0;
    run.stopped = run.pending_signal = false;
    run.armed = p->side != SF_SERVE;
    run.budget = byte_budget(s);
    run.last_fault[SF_BENIGN] = run.last_fault[SF_FATAL] = -1;
    load_tape(s);
    sf_show_begin(show, s);
    begin_world(s);
    set_alarm();
    if (p->side == SF_DIAL) {
        const struct sockaddr *addr = sf_session_addr(&len);

        run.listener = sf_end_listen(addr, len, BACKLOG);
    }
    if (p->side == SF_GIVEN)
        fd = given_descriptor();
    sf_inject_begin(sf_simnet(), &run.chooser, s->profile);
    p->run(p->arg, fd);
    sf_inject_end();
    check_end();
    sf_show_end();
    sf_sim_end();
}
