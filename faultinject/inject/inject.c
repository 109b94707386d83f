/* inject.c: asks the model and the chooser, and keeps the session. */
#include "faultinject/inject/inject.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "faultinject/inject/address.h"
#include "faultinject/inject/control.h"
#include "faultinject/inject/injector.h"
#include "faultinject/inject/model.h"
#include "faultinject/inject/monitor.h"
#include "faultinject/inject/quick.h"
#include "faultinject/inject/registry.h"
#include "faultinject/inject/wait.h"

int sf_on;
unsigned (*sf_inject_enrol)(void);
bool (*sf_inject_stray)(enum sf_call call, int fd);
bool (*sf_inject_passes)(const struct sf_op *op);
void (*sf_inject_calls)(enum sf_call call);
void (*sf_inject_forks)(enum sf_fork where);
void (*sf_inject_exits)(void);
char *(*sf_inject_terminates)(void);
bool (*sf_inject_refuses)(const void *caller);
const struct sf_heap *sf_inject_heap;

static uint32_t nobody_asks;
struct sf_injector sf_injector = {.writing = &nobody_asks};

__thread struct sf_thread sf_thread;

void sf_inject_arm(struct sf_chooser *chooser, enum sf_profile profile)
{
    sf_injector.chooser = chooser;
    sf_injector.profile = profile;
    sf_injector.points = chooser || (sf_control && sf_control->tracing);
}

void sf_inject_begin(const struct sf_world *world, struct sf_chooser *chooser,
                     enum sf_profile profile)
{
    memset(&sf_injector, 0, sizeof sf_injector);
    sf_injector.writing = &nobody_asks;
    sf_injector.world = world;
    sf_inject_arm(chooser, profile);
    sf_fd_forget_all();
    sf_epoll_forget_all();
    sf_thread.mine = true;
    sf_on = 1;
}

void sf_inject_end(void)
{
    sf_relieve();
    sf_on = 0;
    sf_thread.mine = false;
    sf_injector.chooser = NULL;
}

void sf_inject_abandon(void)
{
    sf_thread.mine = false;
}

void sf_inject_adopt(void)
{
    sf_thread.mine = true;
}

void sf_inject_handle(void (*handler)(void *arg), void *arg)
{
    bool busy = sf_thread.busy;

    sf_thread.busy = false;
    handler(arg);
    sf_thread.busy = busy;
}

void sf_inject_lend(bool lends)
{
    if (lends && sf_thread.lent++ == 0) {
        sf_thread.lender_busy = sf_thread.busy;
        sf_thread.busy = true;
    } else if (!lends && --sf_thread.lent == 0) {
        sf_thread.busy = sf_thread.lender_busy;
    }
}

void sf_inject_disarm(void)
{
    sf_injector.chooser = NULL;
}

void sf_inject_forked(void)
{
    sf_injector.process = 0;
    sf_injector.seen = NULL;
    sf_injector.writing = &nobody_asks;
    sf_injector.inherited = sf_conn_count();
    sf_fd_forked();
    sf_monitor_forked();
    sf_relieve();
}

void sf_inject_counters(sf_counter *each, void *arg)
{
    each(arg, sf_injector.total, sizeof sf_injector.total);
    each(arg, sf_injector.kind_total, sizeof sf_injector.kind_total);
    each(arg, sf_injector.injected, sizeof sf_injector.injected);
    sf_conn_counters(each, arg);
}

unsigned sf_injected(enum sf_fault fault)
{
    return sf_injector.injected[fault];
}

/* --- asking --- */

/* A number that nobody told us of, or that somebody closed: what is it? */
static void classify(int fd)
{
    struct sf_facts facts;
    int saved = errno;

    memset(&facts, 0, sizeof facts);
    sf_injector.world->facts(fd, NULL, &facts);
    errno = saved;
    switch (facts.type) {
    case SF_FD_STREAM:
        sf_fd_connect(fd, SF_ROLE_NONE);
        break;
    case SF_FD_LISTENER:
        sf_fd_set(fd, SF_FD_SOCKET);
        break;
    case SF_FD_UNCONN: /* was it connected, and somebody else was told? */
        sf_fd_set(fd, facts.error ? SF_FD_IGNORED : SF_FD_SOCKET);
        break;
    case SF_FD_OTHER:
        sf_fd_set(fd, SF_FD_IGNORED);
        break;
    case SF_FD_CLOSED:
        break;
    }
}

static bool in_session(void)
{
    return !sf_thread.busy &&
           (sf_thread.mine || sf_injector.world->all_threads);
}

bool sf_inject_names(void)
{
    return sf_injector.chooser && sf_injector.chooser->names;
}

const struct sf_world *sf_inside(void)
{
    return in_session() ? sf_injector.world : NULL;
}

/* An epoll instance of this world may watch descriptors of another. */
static bool ours(const struct sf_op *op)
{
    const struct sf_world *w = sf_injector.world;
    int fd = op->call == SF_CALL_epoll_ctl ? op->other : op->fd;

    return in_session() && (fd < 0 || sf_world_owns(w, fd));
}

static bool is_closed(enum sf_fd_state state)
{
    return state >= SF_FD_GONE;
}

static SF_APART void begin_process(void)
{
    sf_injector.process = sf_inject_enrol ? sf_inject_enrol() : 1;
    sf_injector.seen = sf_control_seen(sf_injector.process);
    sf_injector.writing = sf_control_writing(sf_injector.process);
    if (!sf_injector.writing)
        sf_injector.writing = &nobody_asks;
}

/* Processes are numbered as they come to use sockets. */
static void enrol(void)
{
    if (sf_injector.process == 0)
        begin_process();
}

unsigned sf_inject_process(void)
{
    enrol();
    return sf_injector.process;
}

static bool opens_sockets(enum sf_call call)
{
    return call == SF_CALL_socket || call == SF_CALL_socketpair;
}

bool sf_look(const struct sf_op *op, bool taken, void *to, const void *from,
             size_t len)
{
    if (!taken && op->world->peek)
        return op->world->peek(to, from, len);
    memcpy(to, from, len);
    return true;
}

bool sf_measure(struct sf_op *op, bool taken)
{
    if (op->measure && !op->measure(op, taken))
        return false;
    op->measure = NULL;
    return true;
}

/* Whom connect() is about; where that cannot be read nothing is done to it. */
static void find_peer(struct sf_op *op)
{
    struct sockaddr_storage addr;

    if (!op->addr || op->addrlen < sizeof addr.ss_family ||
        op->addrlen > sizeof addr ||
        !sf_look(op, false, &addr, op->addr, op->addrlen))
        op->addr = NULL;
    sf_address_of(&op->conn->peer,
                  op->addr ? (const struct sockaddr *)&addr : NULL,
                  op->addrlen);
    sf_quick_stop(op->conn);
}

static bool uses_bytes(enum sf_call call)
{
    return sf_calls[call].kind & (K_READ | K_WRITE);
}

/* It has used no socket yet: what it has closed was none. */
static bool idle(void)
{
    return sf_injector.world->all_threads && sf_injector.process == 0;
}

/* It was none, or becomes one, or may be one of which nobody was told. */
static SF_APART bool find_other(struct sf_op *op)
{
    enum sf_fd_state state = sf_fd_state(op->fd);

    if (state != SF_FD_CONN && state != SF_FD_SOCKET &&
        state != SF_FD_IGNORED) {
        classify(op->fd);
        state = sf_fd_state(op->fd);
    }
    if (op->call == SF_CALL_connect && state == SF_FD_SOCKET)
        sf_fd_connect(op->fd, SF_ROLE_CLIENT);
    op->conn = sf_fd_conn(op->fd);
    if (op->conn && op->call == SF_CALL_connect)
        find_peer(op);
    op->counts = op->conn || state == SF_FD_SOCKET ||
                 (is_closed(state) && (uses_bytes(op->call) || !idle()));
    return op->counts || sf_calls[op->call].kind & (K_CLOSE | K_OPEN);
}

/* A connection is what it is: the call is about its bytes. */
static bool find_conn(struct sf_op *op)
{
    op->before = sf_fd_state(op->fd);
    op->conn = op->before == SF_FD_CONN ? sf_fd_conn(op->fd) : NULL;
    if (!op->conn || op->call == SF_CALL_connect)
        return find_other(op);
    op->counts = true;
    return true;
}

/* False: a file, a pipe, a datagram socket, nothing of ours. */
static bool find_subject(struct sf_op *op)
{
    bool concerns = true;

    if (op->fd >= 0) {
        concerns = find_conn(op);
    } else {
        op->conn = NULL;
        op->before = SF_FD_UNSEEN;
        op->counts = opens_sockets(op->call) || sf_injector.process > 0;
    }
    if (op->counts)
        enrol();
    return concerns;
}

const sigset_t *sf_mask(const struct sf_op *op)
{
    return op->wait ? op->wait->mask : NULL;
}

/* Transient results in a row where the call is. */
static unsigned *streak_of(struct sf_op *op)
{
    return op->conn ? &op->conn->streak : &sf_injector.streak;
}

static void find_point(struct sf_op *op)
{
    const struct sf_conn *conn = op->conn;
    struct sf_point *at = &op->at;
    int kind = sf_calls[op->call].kind_index;

    *at = (struct sf_point){
        .call = op->call,
        .fd = op->fd,
        .len = op->len,
        .process = sf_injector.process,
        .total = sf_injector.total[op->call],
        .kind_total = sf_injector.kind_total[kind],
        .nth = sf_injector.total[op->call],
        .kind_nth = sf_injector.kind_total[kind],
        .streak = *streak_of(op),
    };
    if (!conn)
        return;
    at->conn = conn->ordinal;
    at->role = conn->role;
    at->role_ordinal = conn->role_ordinal;
    at->peer = &conn->peer;
    at->nth = conn->nth[op->call];
    at->kind_nth = conn->kind_nth[kind];
    at->offset =
        conn->moved[sf_calls[op->call].kind == K_READ ? SF_IN : SF_OUT];
}

/* A call that moves no bytes. */
static SF_APART bool can_fault_besides(const struct sf_op *op)
{
    switch (sf_calls[op->call].kind) {
    case K_CONNECT:
        return op->conn && op->addr;
    case K_CLOSE: /* these have none that is not named */
    case K_CTL:
        return sf_injector.chooser->names;
    case K_ACCEPT:
        return sf_fd_state(op->fd) == SF_FD_SOCKET;
    case K_WAIT:
    case K_OPEN:
    case K_SPAWN:
    case K_REAP:
        return true;
    default:
        return false;
    }
}

/* Faults are done to stream sockets, and to calls that make or await them. */
static bool can_fault(const struct sf_op *op)
{
    return uses_bytes(op->call) ? op->conn && op->len > 0
                                : can_fault_besides(op);
}

/* A call that may sleep: has the program signal handlers? */
static bool has_facts(const struct sf_op *op)
{
    return op->fd >= 0 || op->wait || sf_calls[op->call].kind == K_REAP;
}

/* The program's stack may be a small one, and all of them may be many. */
static SF_APART struct sf_outcome choose_of(struct sf_op *op,
                                            const struct sf_site *site)
{
    static const struct sf_outcome nothing;
    struct sf_chooser *chooser = sf_injector.chooser;
    unsigned room = sf_model_room(site);
    struct sf_outcome outcomes[room];
    struct sf_outcome chosen;
    size_t amount = 1;
    unsigned n = sf_model_outcomes(site, outcomes, room);

    if (n == 1)
        return nothing;
    sf_thread.counted = NULL;
    sf_thread.again = false;
    chosen = outcomes[chooser->choose(chooser, &op->at, outcomes, n, &amount)];
    op->counted = sf_thread.counted;
    if (chosen.fault == SF_SHORT)
        op->len = amount;
    op->amount = amount;
    return chosen;
}

/* What happens at a point that the chooser cares about. */
static SF_APART struct sf_outcome choose(struct sf_op *op)
{
    struct sf_site site = {.at = &op->at,
                           .conn = op->conn,
                           .wait = op->wait,
                           .world = sf_injector.world,
                           .flags = op->flags,
                           .family = op->other,
                           .names = sf_injector.chooser->names,
                           .profile = sf_injector.profile};

    if (has_facts(op))
        sf_injector.world->facts(op->fd, sf_mask(op), &site.facts);
    return choose_of(op, &site);
}

static enum sf_verdict inflict(struct sf_op *op, struct sf_outcome chosen)
{
    op->fault = chosen.fault;
    op->target = chosen.target;
    if (sf_control)
        sf_control_fault(op);
    return sf_perform(op);
}

/* It is looked at before the call only where somebody does. */
static bool is_lost(const struct sf_op *op)
{
    struct sf_wait *w = op->wait;

    return op->world->there && (sf_monitors || sf_injector.points) &&
           !w->shape->there(w, op->world->there);
}

/* What it asks for is still what the program has said. */
static SF_APART void look_at_wait(struct sf_op *op)
{
    op->wait->lost = is_lost(op);
    if (sf_monitors)
        sf_monitor_wait(op);
}

/* Nothing is done to a call that asks for nothing, or that is refused. */
static bool is_measured(struct sf_op *op)
{
    if (op->wait && op->wait->lost)
        return false;
    if (!op->measure)
        return true;
    if (!sf_measure(op, false) || op->len == 0)
        return false;
    op->at.len = op->len;
    return true;
}

/* The chooser wants to be asked. */
static SF_APART enum sf_verdict decide_on(struct sf_op *op)
{
    struct sf_chooser *chooser = sf_injector.chooser;
    struct sf_outcome chosen;
    enum sf_verdict verdict;

    if ((chooser->cares && !chooser->cares(chooser, &op->at)) ||
        !is_measured(op))
        return SF_PERFORM;
    chosen = choose(op);
    if (chosen.fault == SF_NONE)
        return SF_PERFORM;
    verdict = inflict(op, chosen);
    while (sf_thread.again && sf_fault_kills(op->fault) &&
           op->fault != SF_DEADFD_LATE) {
        chosen = choose(op);
        if (!sf_fault_kills(chosen.fault) || chosen.fault == SF_DEADFD_LATE)
            break;
        sf_injector.injected[op->fault]++;
        inflict(op, chosen);
    }
    if (verdict == SF_PERFORM)
        *op->err = op->saved_errno;
    return verdict;
}

/* Somebody asks where calls are: the trace of all, a chooser of some. */
static enum sf_verdict decide(struct sf_op *op)
{
    struct sf_chooser *chooser = sf_injector.chooser;
    bool wanted;

    op->err = &errno;
    op->saved_errno = *op->err;
    wanted = chooser && can_fault(op) && chooser->wants(chooser, op->call);
    sf_count_call(op->conn, op->call);
    if (wanted || (sf_control && sf_control->tracing))
        find_point(op);
    return wanted ? decide_on(op) : SF_PERFORM;
}

enum sf_fault sf_inject_turn(bool delay, bool yield)
{
    struct sf_chooser *chooser = sf_injector.chooser;
    struct sf_point at = {.call = SF_CALL_sched_yield, .fd = -1};
    struct sf_outcome outcomes[3] = {{SF_NONE, 0, 0}}, *chosen;
    size_t amount = 1;
    unsigned n = 1;

    if (!chooser || !in_session() || !(delay || yield) ||
        !chooser->wants(chooser, at.call))
        return SF_NONE;
    if (delay)
        outcomes[n++].fault = SF_DELAY;
    if (yield)
        outcomes[n++].fault = SF_YIELD;
    chosen = &outcomes[chooser->choose(chooser, &at, outcomes, n, &amount)];
    sf_injector.injected[chosen->fault] += chosen->fault != SF_NONE;
    return chosen->fault;
}

/* It is not ours, and not made: its time is over. */
static bool times_out(struct sf_op *op)
{
    if (!sf_thread.mine || sf_thread.busy || !sf_inject_passes ||
        sf_inject_passes(op))
        return false;
    op->world = NULL;
    op->result = -1;
    errno = EAGAIN;
    return true;
}

/* A thread or a process of which the session knows nothing; true: let it. */
static bool admits(const struct sf_op *op)
{
    struct sf_member m;
    int cursor = 0;

    if (sf_thread.mine || sf_thread.busy || !sf_inject_stray)
        return false;
    while (op->wait && op->wait->shape->asked(op->wait, &cursor, &m))
        sf_inject_stray(op->call, m.fd);
    return op->fd >= 0 && sf_inject_stray(op->call, op->fd);
}

/* It is not the world's, or the thread not the session's. */
static SF_APART enum sf_verdict meet_stranger(struct sf_op *op)
{
    if (times_out(op))
        return SF_ANSWER;
    return admits(op) ? SF_PERFORM : SF_PASS;
}

static SF_APART bool expect(const struct sf_op *op)
{
    struct epoll_event event;

    return op->event && op->flags != EPOLL_CTL_DEL &&
           sf_look(op, false, &event, op->event, sizeof event) &&
           sf_epoll_expect(op->other, op->flags, op->fd, &event);
}

/* What is already so while the call is made, as other threads may see. */
static void prepare(struct sf_op *op)
{
    if (op->call == SF_CALL_close)
        sf_give_back(op);
    else if (op->call == SF_CALL_epoll_ctl)
        op->expected = expect(op);
}

static bool writes(const struct sf_op *op)
{
    return op->conn && sf_calls[op->call].kind == K_WRITE;
}

enum sf_verdict sf_ask(struct sf_op *op)
{
    enum sf_verdict verdict = ours(op) ? SF_PERFORM : meet_stranger(op);
    bool concerns;

    if (verdict != SF_PERFORM)
        return verdict;
    if (sf_inject_calls)
        sf_inject_calls(op->call);
    sf_thread.busy = true;
    op->world = sf_injector.world;
    op->asked = op->len;
    if (op->measure && !op->world->peek)
        sf_measure(op, true);
    op->err = NULL;
    op->fault = SF_NONE;
    op->target = 0;
    op->intended = SF_NONE;
    op->record = NULL;
    if (op->wait)
        look_at_wait(op);
    concerns = find_subject(op);
    if (writes(op))
        sf_write_begins();
    /* The kernel is what passing through means; a world in memory has to
     * see every call on its numbers, open or not. */
    if (!concerns && op->world->all_threads)
        verdict = SF_PASS;
    else if (op->counts && sf_injector.points)
        verdict = decide(op);
    if (verdict == SF_PERFORM)
        prepare(op);
    if (sf_inject_calls) /* it is a part of the state while it waits */
        op->at = (struct sf_point){0};
    sf_thread.busy = false;
    return verdict;
}

/* --- telling --- */

/* A nap after a wait that failed is not the wait that works again. */
static void count_fault(struct sf_op *op)
{
    unsigned *streak = streak_of(op);

    if (op->fault != SF_NONE)
        sf_injector.injected[op->fault]++;
    if (op->call == SF_CALL_close)
        return; /* nothing comes after it in a row */
    if (sf_fault_transient(op->fault))
        ++*streak;
    else if (*streak > 0 && !(op->wait && op->wait->nap))
        *streak = 0; /* most of the time it would be a write for nothing */
}

/* By far the most calls: bytes of a connection moved. */
static bool moved_bytes(const struct sf_op *op)
{
    return op->result > 0 && op->conn &&
           sf_calls[op->call].kind & (K_READ | K_WRITE);
}

/*
 * The program hears of it only now.  Until then others go on, and what is over
 * is not lost: whoever was told had no time to close it.
 */
static SF_APART void be_late(struct sf_op *op)
{
    struct sf_conn *conn = op->conn;
    unsigned ordinal = conn ? conn->ordinal : 0;

    if (ordinal)
        __atomic_add_fetch(&conn->unheard, 1, __ATOMIC_RELAXED);
    sf_let_pass(op);
    if (!ordinal || conn->ordinal != ordinal)
        return; /* another thread has closed it */
    if (conn->over_at > 0)
        conn->over_at = sf_conn_count();
    __atomic_sub_fetch(&conn->unheard, 1, __ATOMIC_RELAXED);
}

long sf_tell(struct sf_op *op)
{
    bool moved;
    int err = op->result < 0 ? errno : 0;

    if (!op->world)
        return op->result; /* it was none of ours */
    moved = moved_bytes(op);
    sf_thread.busy = true;
    if (op->measure && op->result >= 0)
        sf_measure(op, op->result > 0);
    /* How many is for the model alone, unless it was thought to be over. */
    if (!moved || sf_injector.points || op->conn->over_at > 0) {
        sf_account(op, err);
        count_fault(op);
    }
    if (sf_monitors && (op->counts || op->call == SF_CALL_close) &&
        !(moved && sf_monitor_moved(op)))
        sf_monitor_call(op, err, op->before);
    if (op->counts)
        enrol(); /* a signal handler forked, and this is the child */
    if (op->conn)
        sf_write_ends();
    if (sf_control && op->counts)
        sf_control_call(op, err);
    if (moved && sf_injector.seen && !op->conn->weighed)
        sf_quick_weigh(op->conn);
    if (op->fault == SF_LATE)
        be_late(op);
    sf_thread.busy = false;
    if (op->result < 0)
        errno = err;
    else if (op->err)
        *op->err = op->saved_errno;
    return op->result;
}
