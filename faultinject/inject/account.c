/* account.c: what a call that has ended changes; see injector.h. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "faultinject/inject/address.h"
#include "faultinject/inject/injector.h"
#include "faultinject/inject/quick.h"
#include "faultinject/inject/registry.h"
#include "faultinject/inject/wait.h"

static void accepted(struct sf_op *op)
{
    struct sf_conn *conn = sf_fd_connect((int)op->result, SF_ROLE_SERVER);
    struct sockaddr_storage addr;
    socklen_t len = sizeof addr;

    if (conn && sf_injector.chooser &&
        op->world->getpeername((int)op->result, (struct sockaddr *)&addr,
                               &len) == 0)
        sf_address_of(&conn->peer, (struct sockaddr *)&addr, len);
}

/* Readiness that was reported holds until it is used. */
static void note_ready(const struct sf_wait *w)
{
    const short dead = POLLHUP | POLLERR;
    struct sf_member member;
    int cursor = 0;

    while (w->shape->reported(w, &cursor, &member)) {
        struct sf_conn *conn = sf_fd_conn(member.fd);
        if (!conn)
            continue;
        conn->ready[SF_IN] |= (member.events & (POLLIN | dead)) != 0;
        conn->ready[SF_OUT] |= (member.events & (POLLOUT | dead)) != 0;
    }
}

static void note_hearing(const struct sf_wait *w)
{
    struct sf_member member;
    int cursor = 0;

    while (w->shape->asked(w, &cursor, &member)) {
        struct sf_conn *conn = sf_fd_conn(member.fd);
        if (conn)
            conn->hears_hangup = (member.events & POLLRDHUP) != 0;
    }
}

static bool alters(enum sf_fault fault)
{
    return fault == SF_WITHHOLD || fault == SF_DEADFD_LATE;
}

/*
 * What the wait reports of it that is news.  Not what was reported before and
 * not used since; and nothing of a peer on this machine that has ended: of
 * that waitpid may have told, and every byte of it is there by then.  Nor of
 * what the program has sent to itself, which it knows to be there.
 */
static short news(const struct sf_op *op, int fd)
{
    const struct sf_conn *conn = sf_fd_conn(fd);
    struct sf_member member = {-1, 0};
    struct sf_facts facts;
    int cursor = 0;

    while (member.fd != fd)
        if (!op->wait->shape->reported(op->wait, &cursor, &member))
            return 0;
    op->world->facts(fd, NULL, &facts);
    if (facts.settled ||
        (op->world->all_threads && conn && sf_model_own(conn, &facts)))
        return 0;
    if (conn && conn->ready[SF_IN])
        member.events &= ~POLLIN;
    if (conn && conn->ready[SF_OUT])
        member.events &= ~POLLOUT;
    return member.events;
}

static bool withhold(struct sf_op *op, int fd)
{
    short events = news(op, fd);

    if (events == 0 || (op->result < 2 && op->wait->timeout_ms != 0))
        return false; /* it would have to sleep on */
    sf_rearm(op, fd, op->wait->shape->hide(op->wait, fd, events));
    return true;
}

/* A fault of the result: false when it could not be done after all. */
static bool alter(struct sf_op *op)
{
    int fd = sf_conn_fd(op->target);

    if (op->result < 0 || fd < 0)
        return false;
    if (op->fault == SF_DEADFD_LATE) {
        op->world->kill(fd);
        sf_gone(fd, SF_FD_KILLED);
        op->wait->shape->perish(op->wait, fd);
        return true;
    }
    return withhold(op, fd);
}

/*
 * That the peer is done, while bytes of it are still unread, makes a program
 * take a short count for the end.  The kernel never gives one then, so the
 * news waits for the last byte.
 */
static void hold_hangups(struct sf_op *op)
{
    struct sf_member member;
    int cursor = 0;

    while (op->wait->shape->reported(op->wait, &cursor, &member)) {
        struct sf_conn *conn = sf_fd_conn(member.fd);
        struct sf_facts facts;
        if (!conn || !(member.events & POLLRDHUP) || !(member.events & POLLIN))
            continue;
        op->world->facts(member.fd, NULL, &facts);
        if (facts.queued == 0)
            continue;
        op->wait->shape->hide(op->wait, member.fd, POLLRDHUP);
        conn->held = true;
        sf_quick_stop(conn);
    }
}

static void note_missed(int fd)
{
    if (sf_fd_state(fd) == SF_FD_KILLED)
        sf_fd_set(fd, SF_FD_MISSED);
}

/* poll says it of each; the EBADF of select is about one where it asked for
 * no other. */
static void note_dead(const struct sf_wait *w, int err)
{
    struct sf_member first, next;
    int cursor = 0;

    if (err == EBADF && w->shape->asked(w, &cursor, &first) &&
        !w->shape->asked(w, &cursor, &next))
        note_missed(first.fd);
    cursor = 0;
    while (w->result > 0 && w->shape->reported(w, &cursor, &next))
        if (next.events & POLLNVAL)
            note_missed(next.fd);
}

static void tell_wait(struct sf_op *op, int err)
{
    op->wait->result = (int)op->result;
    if (alters(op->fault) && !alter(op))
        op->fault = SF_NONE;
    op->result = op->wait->result;
    if (sf_injector.killed)
        note_dead(op->wait, err);
    if (op->result <= 0 || !sf_injector.chooser)
        return;
    if (op->wait->shape->hangups) {
        hold_hangups(op);
        note_hearing(op->wait);
    }
    note_ready(op->wait);
}

/* Errors after which a stream never moves a byte again. */
static bool deadly(int err)
{
    return err == ECONNRESET || err == EPIPE || err == ETIMEDOUT ||
           err == ECONNREFUSED || err == EHOSTUNREACH || err == ENETUNREACH;
}

/* The program was told how many bytes there are: they cannot go away. */
static void promise(struct sf_conn *conn, size_t bytes)
{
    if (conn && bytes > conn->promised)
        conn->promised = bytes;
}

/* It has moved none. */
static SF_APART void tell_none(struct sf_op *op, int err, int way)
{
    struct sf_conn *conn = op->conn;

    if (op->result == 0 && op->asked > 0) {
        if (way == SF_OUT)
            return; /* of the file that is sent: it has ended */
        conn->over[SF_IN] = true;
        conn->over_at = sf_conn_count();
        sf_quick_stop(conn);
    } else if (op->result < 0 && deadly(err)) {
        conn->over_at = sf_conn_count();
        conn->over[SF_OUT] = true;
        conn->over[SF_IN] |= err != EPIPE;
    }
}

static void tell_bytes(struct sf_op *op, int way)
{
    struct sf_conn *conn = op->conn;

    if (op->flags & MSG_PEEK) {
        promise(conn, (size_t)op->result);
    } else {
        sf_moved(conn, way, (size_t)op->result);
        if (conn->over_at > 0)
            conn->over_at = sf_conn_count();
    }
    /* No edge comes for what a short count left, or for a held hangup. */
    if (op->fault == SF_SHORT || conn->held) {
        conn->held = false;
        sf_rearm(op, op->fd, false);
    }
}

static void tell_io(struct sf_op *op, int err)
{
    int way = sf_calls[op->call].kind == K_READ ? SF_IN : SF_OUT;

    if (!op->conn || (way == SF_IN && op->flags & SF_ASIDE))
        return;
    if (op->fault == SF_SHORT && op->result < (long)op->len)
        op->fault = SF_NONE; /* there was nothing to cut */
    op->conn->ready[way] = false;
    if (op->result > 0)
        tell_bytes(op, way);
    else
        tell_none(op, err, way);
}

/* Nobody is there: for what else is it there, but to be closed or to try
 * again? */
static void tell_connect(const struct sf_op *op, int err)
{
    struct sf_conn *conn = op->conn;
    bool failed = sf_error_of_connect(err);

    if (!conn || (!failed && op->result < 0))
        return;
    conn->over[SF_IN] = conn->over[SF_OUT] = failed;
    conn->over_at = failed ? sf_conn_count() : 0;
}

static void new_socket(int fd, int domain, int type)
{
    bool stream = (type & 0xf) == SOCK_STREAM;
    bool known = domain == AF_INET || domain == AF_INET6 || domain == AF_UNIX;

    sf_fd_set(fd, stream && known ? SF_FD_SOCKET : SF_FD_IGNORED);
}

static void ignore_both(const int fds[2])
{
    sf_fd_set(fds[0], SF_FD_IGNORED);
    sf_fd_set(fds[1], SF_FD_IGNORED);
}

static void tell_open(struct sf_op *op)
{
    int fd = (int)op->result;

    switch (op->call) {
    case SF_CALL_socket:
        new_socket(fd, op->other, op->flags);
        break;
    case SF_CALL_socketpair:
        if ((op->flags & 0xf) == SOCK_STREAM)
            sf_fd_pair(op->pair);
        else
            ignore_both(op->pair);
        break;
    case SF_CALL_pipe:
    case SF_CALL_pipe2:
        ignore_both(op->pair);
        break;
    case SF_CALL_dup:
    case SF_CALL_dup2:
    case SF_CALL_dup3:
        if (fd != op->fd)
            sf_unregister(fd);
        sf_fd_dup(op->fd, fd);
        break;
    default:
        sf_fd_set(fd, SF_FD_IGNORED);
    }
}

static void note_cut(struct sf_conn *conn, int how)
{
    if (!conn)
        return;
    conn->cut[SF_IN] |= how != SHUT_WR;
    conn->cut[SF_OUT] |= how != SHUT_RD;
}

static void tell_ctl(struct sf_op *op)
{
    switch (op->call) {
    case SF_CALL_shutdown:
        note_cut(op->conn, op->flags);
        break;
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

/* Whatever comes of it: who shuts down what is over is done with it. */
static void note_dismissed(const struct sf_op *op)
{
    if (op->call == SF_CALL_shutdown && op->conn && op->conn->over[SF_IN])
        op->conn->dismissed = true;
}

/* The table of descriptors does not stay full for ever. */
static void count_refusal(int err)
{
    if (err == EMFILE && sf_injector.refusals > 0 &&
        --sf_injector.refusals == 0)
        sf_injector.world->exhaust(false);
}

/* It may have died before the call, or since that was asked about. */
static void note_told(int fd)
{
    enum sf_fd_state state = sf_fd_state(fd);

    if (state == SF_FD_KILLED || state == SF_FD_MISSED)
        sf_fd_set(fd, SF_FD_DEAD);
}

static SF_APART void tell_refusal(const struct sf_op *op, int err)
{
    count_refusal(err);
    if (err == EBADF)
        note_told(op->fd);
}

/* All but calls that move bytes. */
static SF_APART void tell_other(struct sf_op *op, int err)
{
    switch (sf_calls[op->call].kind) {
    case K_WAIT:
        tell_wait(op, err);
        break;
    case K_ACCEPT:
        if (op->result >= 0)
            accepted(op);
        break;
    case K_CONNECT:
        tell_connect(op, err);
        break;
    case K_OPEN:
        if (op->result >= 0)
            tell_open(op);
        break;
    case K_CLOSE:
        if (err == EBADF && op->before < SF_FD_GONE &&
            sf_fd_state(op->fd) == SF_FD_GONE)
            sf_fd_set(op->fd, SF_FD_UNSEEN); /* nobody closed it */
        sf_relieve();
        break;
    case K_CTL:
        note_dismissed(op);
        if (op->result >= 0)
            tell_ctl(op);
        else if (op->call == SF_CALL_epoll_ctl && op->expected)
            sf_epoll_note(op->other, EPOLL_CTL_DEL, op->fd, NULL);
        break;
    default:
        break;
    }
}

void sf_account(struct sf_op *op, int err)
{
    if (err)
        tell_refusal(op, err);
    if (sf_calls[op->call].kind & (K_READ | K_WRITE))
        tell_io(op, err);
    else
        tell_other(op, err);
}
