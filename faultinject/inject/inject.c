/* inject.c: asks the model, asks the chooser, keeps the accounts. */
#include "faultinject/inject/inject.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "faultinject/inject/conn.h"
#include "faultinject/inject/control.h"
#include "faultinject/inject/model.h"
#include "faultinject/inject/registry.h"
#include "faultinject/inject/wait.h"

int sf_on;
unsigned (*sf_inject_enrol)(void);

static struct {
    const struct sf_world *world;
    struct sf_chooser *chooser;
    enum sf_profile profile;
    unsigned process;
    unsigned total[SF_CALL_COUNT];
    unsigned kind_total[SF_KIND_COUNT];
    unsigned streak; /* transient results of calls on no connection */
    unsigned injected[SF_FAULT_COUNT];
} session;

/*
 * `mine`: this thread began the session.  `busy`: it is in the injector, so
 * what it calls now is the injector's own.
 */
static __thread bool mine __attribute__((tls_model("initial-exec")));
static __thread bool busy __attribute__((tls_model("initial-exec")));

void sf_inject_begin(const struct sf_world *world, struct sf_chooser *chooser,
                     enum sf_profile profile)
{
    memset(&session, 0, sizeof session);
    session.world = world;
    session.chooser = chooser;
    session.profile = profile;
    sf_fd_forget_all();
    sf_epoll_forget_all();
    mine = true;
    sf_on = 1;
}

void sf_inject_end(void)
{
    sf_on = 0;
    mine = false;
    session.chooser = NULL;
}

void sf_inject_disarm(void)
{
    session.chooser = NULL;
}

unsigned sf_inject_process(void)
{
    return session.process;
}

void sf_inject_forked(void)
{
    session.process = 0;
}

unsigned sf_injected(enum sf_fault fault)
{
    return session.injected[fault];
}

/* --- asking ------------------------------------------------------------ */

/* A number that nobody told us of, or that somebody closed: what is it? */
static void classify(int fd)
{
    struct sf_facts facts;

    memset(&facts, 0, sizeof facts);
    session.world->facts(fd, &facts);
    switch (facts.type) {
    case SF_FD_STREAM:
        sf_fd_connect(fd, SF_ROLE_NONE);
        break;
    case SF_FD_LISTENER:
    case SF_FD_UNCONN:
        sf_fd_set(fd, SF_FD_SOCKET);
        break;
    case SF_FD_OTHER:
        sf_fd_set(fd, SF_FD_IGNORED);
        break;
    case SF_FD_CLOSED:
        break;
    }
}

static bool ours(const struct sf_op *op)
{
    if (busy || !(mine || session.world->all_threads))
        return false;
    return op->fd < 0 || session.world->owns(op->fd);
}

/* False: a file, a pipe, a datagram socket, nothing of ours. */
static bool find_conn(struct sf_op *op)
{
    enum sf_fd_state state;

    if (op->fd < 0) {
        op->counts = op->call == SF_CALL_socket ||
                     op->call == SF_CALL_socketpair || session.process > 0;
        return true;
    }
    state = sf_fd_state(op->fd);
    if (state != SF_FD_CONN && state != SF_FD_SOCKET &&
        state != SF_FD_IGNORED) {
        classify(op->fd);
        state = sf_fd_state(op->fd);
    }
    if (op->call == SF_CALL_connect && state == SF_FD_SOCKET)
        sf_fd_connect(op->fd, SF_ROLE_CLIENT);
    op->conn = sf_fd_conn(op->fd);
    op->counts = op->conn || state == SF_FD_SOCKET;
    return op->counts || sf_calls[op->call].kind & (K_CLOSE | K_OPEN);
}

static unsigned *streak(struct sf_op *op)
{
    return op->conn ? &op->conn->streak : &session.streak;
}

/* Processes are numbered as they come to use sockets. */
static unsigned process(void)
{
    if (session.process == 0)
        session.process = sf_inject_enrol ? sf_inject_enrol() : 1;
    return session.process;
}

static void find_point(struct sf_op *op)
{
    struct sf_conn *conn = op->conn;
    struct sf_point *at = &op->at;
    int kind = sf_calls[op->call].kind_index;

    at->call = op->call;
    at->fd = op->fd;
    at->len = op->len;
    at->process = process();
    at->total = at->nth = ++session.total[op->call];
    at->kind_total = at->kind_nth = ++session.kind_total[kind];
    at->streak = *streak(op);
    if (!conn)
        return;
    at->conn = conn->ordinal;
    at->role = conn->role;
    at->port = conn->port;
    at->nth = ++conn->nth[op->call];
    at->kind_nth = ++conn->kind_nth[kind];
    at->offset =
        conn->moved[sf_calls[op->call].kind == K_READ ? SF_IN : SF_OUT];
}

/* Faults are done to stream sockets, and to calls that make or await them. */
static bool can_fault(const struct sf_op *op)
{
    switch (sf_calls[op->call].kind) {
    case K_READ:
    case K_WRITE:
        return op->conn && op->len > 0;
    case K_CONNECT:
        return op->conn;
    case K_ACCEPT:
        return sf_fd_state(op->fd) == SF_FD_SOCKET;
    case K_WAIT:
    case K_OPEN:
        return true;
    default:
        return false;
    }
}

static struct sf_outcome choose(struct sf_op *op)
{
    static const struct sf_outcome nothing;
    struct sf_chooser *chooser = session.chooser;
    struct sf_outcome outcomes[SF_OUTCOMES_MAX];
    struct sf_outcome chosen;
    struct sf_site site;
    size_t amount = 1;
    unsigned n;

    if (!chooser || !op->counts || !can_fault(op) ||
        !chooser->cares(chooser, &op->at))
        return nothing;
    site = (struct sf_site){.at = &op->at,
                            .conn = op->conn,
                            .wait = op->wait,
                            .flags = op->flags,
                            .profile = session.profile};
    if (op->fd >= 0 || op->wait) /* a wait: has the program signal handlers? */
        session.world->facts(op->fd, &site.facts);
    n = sf_model_outcomes(&site, outcomes);
    if (n == 1)
        return nothing;
    chosen = outcomes[chooser->choose(chooser, &op->at, outcomes, n, &amount)];
    if (chosen.fault == SF_SHORT)
        op->len = amount;
    return chosen;
}

static void gone(int fd, enum sf_fd_state state)
{
    sf_epoll_forget(fd);
    sf_fd_set(fd, state);
}

/* The event happens; the call that follows meets it by itself. */
static enum sf_verdict make_true(struct sf_op *op)
{
    const struct sf_world *w = op->world;
    int victim = op->wait ? sf_conn_fd(op->target) : op->fd;

    switch (op->fault) {
    case SF_EOF:
        w->end(op->fd);
        break;
    case SF_DEADFD:
        w->kill(victim);
        gone(victim, SF_FD_KILLED);
        op->conn = NULL;
        break;
    case SF_ECONNRESET:
    case SF_ETIMEDOUT:
    case SF_EPIPE:
        if (sf_calls[op->call].kind == K_CONNECT)
            return SF_ANSWER;
        w->reset(op->fd, sf_faults[op->fault].err);
        break;
    default:
        break;
    }
    return SF_PERFORM;
}

/* Nothing really happened; the call says that it did. */
static enum sf_verdict answer(struct sf_op *op)
{
    if (op->fault == SF_EINTR)
        op->world->interrupt();
    if (op->fault == SF_EAGAIN)
        op->world->rearm(op->fd);
    if (op->fault == SF_ECONNABORTED || op->fault == SF_EPROTO)
        op->world->drop(op->fd);
    op->result = -1;
    errno = sf_faults[op->fault].err;
    return SF_ANSWER;
}

static enum sf_verdict carry_out(struct sf_op *op)
{
    switch (op->fault) {
    case SF_NONE:
    case SF_SHORT:
    case SF_SPURIOUS: /* after the call: sf_tell() */
    case SF_WITHHOLD:
        return SF_PERFORM;
    case SF_EOF:
    case SF_ECONNRESET:
    case SF_ETIMEDOUT:
    case SF_EPIPE:
    case SF_DEADFD:
        return make_true(op) == SF_PERFORM ? SF_PERFORM : answer(op);
    default:
        return answer(op);
    }
}

enum sf_verdict sf_ask(struct sf_op *op)
{
    struct sf_outcome chosen;
    enum sf_verdict verdict;

    if (!ours(op))
        return SF_PASS;
    busy = true;
    op->saved_errno = errno;
    op->world = session.world;
    op->asked = op->len;
    if (!find_conn(op)) {
        busy = false;
        return SF_PASS;
    }
    if (op->counts)
        find_point(op);
    chosen = choose(op);
    op->fault = chosen.fault;
    op->target = chosen.target;
    verdict = carry_out(op);
    if (verdict == SF_PERFORM)
        errno = op->saved_errno;
    busy = false;
    return verdict;
}

/* --- telling ----------------------------------------------------------- */

/* Readiness that was reported holds until it is used. */
static void note_ready(const struct sf_wait *w)
{
    struct sf_member member;
    int cursor = 0;

    while (w->reported(w, &cursor, &member)) {
        struct sf_conn *conn = sf_fd_conn(member.fd);
        if (!conn)
            continue;
        conn->ready[SF_IN] |= (member.events & POLLIN) != 0;
        conn->ready[SF_OUT] |= (member.events & POLLOUT) != 0;
    }
}

/* A fault of the result: false when it could not be done after all. */
static bool alter(struct sf_op *op)
{
    int fd = sf_conn_fd(op->target);

    if (op->result < 0 || fd < 0)
        return false;
    if (op->fault == SF_SPURIOUS)
        return op->wait->pretend(op->wait, fd);
    if (op->result < 2 && op->wait->timeout_ms != 0)
        return false; /* it would have to sleep on */
    op->wait->hide(op->wait, fd, POLLIN | POLLOUT);
    op->world->rearm(fd);
    return true;
}

static void tell_wait(struct sf_op *op)
{
    op->wait->result = (int)op->result;
    if ((op->fault == SF_SPURIOUS || op->fault == SF_WITHHOLD) && !alter(op))
        op->fault = SF_NONE;
    op->result = op->wait->result;
    if (op->result > 0 && session.chooser)
        note_ready(op->wait);
}

static size_t less(size_t a, size_t b)
{
    return a > b ? a - b : 0;
}

/* Errors after which a stream never moves a byte again. */
static bool deadly(int err)
{
    return err == ECONNRESET || err == EPIPE || err == ETIMEDOUT ||
           err == ECONNREFUSED || err == EHOSTUNREACH || err == ENETUNREACH;
}

static void tell_io(struct sf_op *op, int err)
{
    int way = sf_calls[op->call].kind == K_READ ? SF_IN : SF_OUT;
    struct sf_conn *conn = op->conn;

    if (!conn)
        return;
    conn->ready[way] = false;
    if (op->result == 0 && op->asked > 0) {
        conn->over[way] = true;
    } else if (op->result < 0 && deadly(err)) {
        conn->over[SF_OUT] = true;
        conn->over[SF_IN] |= err != EPIPE;
    } else if (op->result > 0 && op->flags & MSG_PEEK) {
        conn->promised = (size_t)op->result;
    } else if (op->result > 0) {
        conn->moved[way] += (uint64_t)op->result;
        if (way == SF_IN)
            conn->promised = less(conn->promised, (size_t)op->result);
    }
    /* A short count is a lie to an edge-triggered waiter, too. */
    if (op->fault == SF_SHORT && op->result > 0)
        op->world->rearm(op->fd);
}

static void new_socket(int fd, int domain, int type)
{
    bool stream = (type & 0xf) == SOCK_STREAM;
    bool known = domain == AF_INET || domain == AF_INET6 || domain == AF_UNIX;

    sf_fd_set(fd, stream && known ? SF_FD_SOCKET : SF_FD_IGNORED);
}

static void tell_open(struct sf_op *op)
{
    int fd = (int)op->result;

    switch (op->call) {
    case SF_CALL_socket:
        new_socket(fd, op->other, op->flags);
        break;
    case SF_CALL_socketpair:
        for (int i = 0; i < 2; i++)
            if ((op->flags & 0xf) == SOCK_STREAM)
                sf_fd_connect(op->pair[i], SF_ROLE_PAIR);
            else
                sf_fd_set(op->pair[i], SF_FD_IGNORED);
        break;
    case SF_CALL_pipe:
    case SF_CALL_pipe2:
        sf_fd_set(op->pair[0], SF_FD_IGNORED);
        sf_fd_set(op->pair[1], SF_FD_IGNORED);
        break;
    case SF_CALL_dup:
    case SF_CALL_dup2:
    case SF_CALL_dup3:
        sf_fd_dup(op->fd, fd);
        break;
    default:
        sf_fd_set(fd, SF_FD_IGNORED);
    }
}

/* The program was told how many bytes there are: they cannot go away. */
static void promise(struct sf_conn *conn, size_t bytes)
{
    if (conn)
        conn->promised = bytes;
}

static void tell_ctl(struct sf_op *op)
{
    switch (op->call) {
    case SF_CALL_fcntl:
        if (op->flags == F_DUPFD || op->flags == F_DUPFD_CLOEXEC)
            sf_fd_dup(op->fd, (int)op->result);
        break;
    case SF_CALL_ioctl:
        promise(op->conn, op->len);
        break;
    case SF_CALL_epoll_ctl:
        sf_epoll_note(op->other, op->flags, op->fd, op->event);
        break;
    default:
        break;
    }
}

static void account(struct sf_op *op, int err)
{
    switch (sf_calls[op->call].kind) {
    case K_READ:
    case K_WRITE:
        tell_io(op, err);
        break;
    case K_WAIT:
        tell_wait(op);
        break;
    case K_ACCEPT:
        if (op->result >= 0)
            sf_fd_connect((int)op->result, SF_ROLE_SERVER);
        break;
    case K_OPEN:
        if (op->result >= 0)
            tell_open(op);
        break;
    case K_CLOSE:
        if (op->result == 0)
            gone(op->fd, SF_FD_GONE);
        break;
    case K_CTL:
        if (op->result >= 0)
            tell_ctl(op);
        break;
    default:
        break;
    }
}

static void count(struct sf_op *op)
{
    if (op->fault != SF_NONE)
        session.injected[op->fault]++;
    if (sf_fault_transient(op->fault))
        ++*streak(op);
    else
        *streak(op) = 0;
}

long sf_tell(struct sf_op *op)
{
    int err = op->result < 0 ? errno : 0;

    busy = true;
    account(op, err);
    count(op);
    if (sf_control && op->counts)
        sf_control_call(op, err);
    busy = false;
    errno = op->result < 0 ? err : op->saved_errno;
    return op->result;
}
