/*
 * perform.c: a chosen fault happens.
 *
 * Where the world can make it true, it does, and the call is made and meets
 * it by itself.  Only what changes nothing is answered here.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>

#include "faultinject/inject/injector.h"
#include "faultinject/inject/registry.h"
#include "faultinject/inject/wait.h"

/* EMFILE lasts for so many calls if nothing is closed before. */
enum { REFUSALS = 4 };

void sf_unregister(int fd)
{
    struct sf_conn *conn = sf_fd_conn(fd);

    if (conn && conn->refs > 1 && sf_epoll_edges(fd))
        conn->orphaned = true;
    sf_epoll_forget(fd);
}

void sf_gone(int fd, enum sf_fd_state state)
{
    const struct sf_conn *conn = sf_fd_conn(fd);

    if (conn && state == SF_FD_GONE && conn->ordinal > sf_injector.last_closed)
        sf_injector.last_closed = conn->ordinal;
    sf_injector.killed |= state == SF_FD_KILLED;
    if (state == SF_FD_GONE && sf_injector.world->all_threads)
        sf_epoll_leave(fd); /* in memory the session knows what spins */
    sf_unregister(fd);
    sf_fd_set(fd, state);
}

SF_APART void sf_rearm(const struct sf_op *op, int fd, bool unseen)
{
    const struct sf_conn *conn = sf_fd_conn(fd);

    op->world->rearm(fd, unseen);
    for (int i = 0; conn && conn->refs > 1 && i < sf_fd_end(); i++)
        if (i != fd && sf_fd_conn(i) == conn)
            op->world->rearm(i, false);
}

/* A number that was never met may not have been open. */
static void forget(int fd)
{
    enum sf_fd_state state = sf_fd_state(fd);

    if (sf_injector.world->forget)
        sf_injector.world->forget(fd);
    if (state != SF_FD_UNSEEN && state < SF_FD_GONE)
        sf_gone(fd, SF_FD_GONE);
    else
        sf_epoll_forget(fd);
}

/* Before it is closed: afterwards another thread may have been given it. */
void sf_give_back(struct sf_op *op)
{
    if (sf_fd_state(op->fd) < SF_FD_GONE)
        sf_gone(op->fd, SF_FD_GONE);
    op->conn = NULL;
}

void sf_forget(unsigned first, unsigned last)
{
    unsigned end = (unsigned)sf_fd_end();

    if (!sf_injector.world->all_threads)
        return; /* a world in memory: they were not its numbers */
    for (unsigned fd = first; fd < end && fd <= last; fd++)
        forget((int)fd);
    sf_relieve();
}

void sf_relieve(void)
{
    if (sf_injector.refusals == 0)
        return;
    sf_injector.refusals = 0;
    sf_injector.world->exhaust(false);
}

/* --- answers: nothing has happened --- */

static enum sf_verdict answer(struct sf_op *op)
{
    op->result = -1;
    errno = sf_faults[op->fault].err;
    return SF_ANSWER;
}

/* A waiter for the edge would wait for ever: nothing else comes. */
static enum sf_verdict would_block(struct sf_op *op)
{
    if (op->fd >= 0)
        sf_rearm(op, op->fd, false);
    return answer(op);
}

static enum sf_verdict take_nothing(struct sf_op *op)
{
    sf_rearm(op, op->fd, false);
    op->result = 0;
    return SF_ANSWER;
}

static enum sf_verdict drop(struct sf_op *op)
{
    op->world->drop(op->fd);
    return answer(op);
}

/* An interrupted connect() goes on by itself: it is begun and not awaited.  One
 * that would wait for room in the backlog is not begun at all. */
static enum sf_verdict interrupt_connect(struct sf_op *op)
{
    const struct sf_world *w = op->world;
    int flags = w->fcntl(op->fd, F_GETFL, 0);
    int err;

    w->fcntl(op->fd, F_SETFL, flags | O_NONBLOCK);
    op->result = w->connect(op->fd, op->addr, op->addrlen);
    err = errno;
    w->fcntl(op->fd, F_SETFL, flags);
    if (op->result < 0 && err == EAGAIN)
        return answer(op);
    if (op->result < 0 && err == EINPROGRESS)
        err = EINTR;
    else
        op->fault = SF_NONE; /* it was faster */
    errno = err;
    return SF_ANSWER;
}

static enum sf_verdict interrupt(struct sf_op *op)
{
    op->world->interrupt(sf_mask(op));
    if (op->call == SF_CALL_connect)
        return interrupt_connect(op);
    return answer(op);
}

/* Linux has freed the number by the time it looks for signals. */
static enum sf_verdict interrupt_close(struct sf_op *op)
{
    op->world->interrupt(sf_mask(op));
    sf_give_back(op);
    op->world->close(op->fd);
    return answer(op);
}

/* --- events: the call meets them --- */

/*
 * Bytes that wait to be read come before the event, unless the program cannot
 * know of them: then they have not arrived, and the event is met at once and
 * where the plan says, however fast they were.  After the event, when no more
 * come.
 */
static void lose_unknown(struct sf_op *op, bool told)
{
    if (op->world->lose && !told && op->conn->promised == 0)
        op->world->lose(op->fd);
}

/* Readable can mean the end, unless that is reported on its own. */
static enum sf_verdict end(struct sf_op *op)
{
    op->world->end(op->fd);
    lose_unknown(op, op->conn->ready[SF_IN] && op->conn->hears_hangup);
    return SF_PERFORM;
}

static enum sf_verdict reset(struct sf_op *op)
{
    if (op->call == SF_CALL_connect)
        return answer(op);
    op->world->reset(op->fd, sf_faults[op->fault].err);
    lose_unknown(op, op->conn->ready[SF_IN]);
    return SF_PERFORM;
}

static int victim_of(const struct sf_op *op)
{
    if (!op->wait)
        return op->fd;
    return sf_fault_of_listener(op->fault) ? (int)op->target - 1
                                           : sf_conn_fd(op->target);
}

static enum sf_verdict die(struct sf_op *op)
{
    int victim = victim_of(op);

    op->world->kill(victim);
    sf_gone(victim, SF_FD_KILLED);
    op->conn = NULL;
    op->before = SF_FD_KILLED;
    return SF_PERFORM;
}

/* Somebody else's, or this call's own.  What is not open cannot die. */
static enum sf_verdict die_elsewhere(struct sf_op *op)
{
    int victim = (int)op->amount;
    struct sf_facts facts;

    op->world->facts(victim, NULL, &facts);
    if (facts.type == SF_FD_CLOSED) {
        op->fault = SF_NONE;
        return SF_PERFORM;
    }
    op->world->kill(victim);
    sf_gone(victim, SF_FD_KILLED);
    if (victim == op->fd)
        op->before = SF_FD_KILLED;
    return SF_PERFORM;
}

/*
 * A new descriptor gets the victim's number, as if its next owner was quick. In
 * one step: another thread could be given the number in between.  What is done
 * to it is not the program's to answer for.
 */
static enum sf_verdict take_over(struct sf_op *op, int fd)
{
    const struct sf_world *w = op->world;
    int victim = victim_of(op);

    if (fd < 0)
        return die(op);
    sf_gone(victim, SF_FD_IGNORED);
    w->dup2(fd, victim);
    w->close(fd);
    op->conn = NULL;
    op->before = SF_FD_IGNORED;
    return SF_PERFORM;
}

static enum sf_verdict be_reused(struct sf_op *op)
{
    return take_over(op, op->world->socket(AF_INET, SOCK_STREAM, 0));
}

static enum sf_verdict be_no_socket(struct sf_op *op)
{
    int ends[2];

    if (op->world->pipe(ends) < 0)
        return die(op);
    op->world->close(ends[1]);
    return take_over(op, ends[0]);
}

/* As by a process that has the listener, too. */
static enum sf_verdict be_shut(struct sf_op *op)
{
    op->world->shutdown(victim_of(op), SHUT_RDWR);
    return SF_PERFORM;
}

/* After the call: account.c. */
static enum sf_verdict die_later(struct sf_op *op)
{
    int victim = victim_of(op);
    struct sf_member member;
    int cursor = 0;

    while (op->wait->shape->asked(op->wait, &cursor, &member))
        if (member.fd == victim)
            op->wait->dying |= member.events;
    return SF_PERFORM;
}

void sf_let_pass(struct sf_op *op)
{
    struct timespec t = {(time_t)(op->amount / 1000),
                         (long)(op->amount % 1000) * 1000000};

    sf_thread.busy = false;
    op->world->nanosleep(&t, NULL);
    sf_thread.busy = true;
}

/* A signal that comes meanwhile finds the call not yet begun. */
static enum sf_verdict delay(struct sf_op *op)
{
    sf_let_pass(op);
    return SF_PERFORM;
}

/* The table of descriptors is full for every call that wants one. */
static enum sf_verdict fill(struct sf_op *op)
{
    if (!op->world->exhaust)
        return answer(op);
    op->world->exhaust(true);
    sf_injector.refusals = REFUSALS;
    return SF_PERFORM;
}

/* An address of the same family where nobody listens. */
static socklen_t nobody(const struct sf_op *op, int fd,
                        struct sockaddr_storage *addr)
{
    struct sockaddr_un *un = (struct sockaddr_un *)addr;
    struct sockaddr_in *in = (struct sockaddr_in *)addr;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)addr;
    socklen_t len = sizeof *addr;

    memset(addr, 0, sizeof *addr);
    addr->ss_family = op->addr->sa_family;
    if (addr->ss_family == AF_UNIX) {
        static const char name[] = "\0nobody listens here";
        memcpy(un->sun_path, name, sizeof name);
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
                           sizeof name);
    }
    if (addr->ss_family == AF_INET)
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        in6->sin6_addr = in6addr_loopback;
    if (op->world->bind(fd, (struct sockaddr *)addr,
                        addr->ss_family == AF_INET ? sizeof *in : sizeof *in6) <
            0 ||
        op->world->getsockname(fd, (struct sockaddr *)addr, &len) < 0)
        return 0;
    return len;
}

/* The connection is really refused: by somebody who does not listen. */
static enum sf_verdict refuse(struct sf_op *op)
{
    const struct sf_world *w = op->world;
    struct sockaddr_storage addr;
    int fd = w->socket(op->addr->sa_family, SOCK_STREAM, 0);
    socklen_t len = fd < 0 ? 0 : nobody(op, fd, &addr);
    int err;

    if (len == 0)
        return answer(op);
    op->result = w->connect(op->fd, (struct sockaddr *)&addr, len);
    err = errno;
    w->close(fd);
    errno = err;
    return SF_ANSWER;
}

/* There is something to read, or the end. */
static bool is_readable(const struct sf_op *op, int fd)
{
    struct sf_facts facts;

    op->world->facts(fd, NULL, &facts);
    return facts.queued || facts.fin || facts.settled || facts.error;
}

/* The wait ends at once, whatever else is or will be ready: that is so at the
 * next one, too.  Where it would be no lie nothing happens. */
static enum sf_verdict pretend(struct sf_op *op)
{
    int fd = sf_conn_fd(op->target);

    if (fd >= 0 && !is_readable(op, fd) &&
        op->wait->shape->pretend(op->wait, fd)) {
        op->result = op->wait->result;
        return SF_ANSWER;
    }
    op->fault = SF_NONE;
    return SF_PERFORM;
}

static enum sf_verdict let_it(struct sf_op *op)
{
    (void)op;
    return SF_PERFORM;
}

static enum sf_verdict (*const how[SF_FAULT_COUNT])(struct sf_op *) = {
    [SF_NONE] = let_it,
    [SF_SHORT] = let_it,
    [SF_EINTR] = interrupt,
    [SF_EAGAIN] = would_block,
    [SF_SPURIOUS] = pretend,
    [SF_WITHHOLD] = let_it, /* after the call: account.c */
    [SF_ENOBUFS] = would_block,
    [SF_ENOMEM] = would_block,
    [SF_ECONNABORTED] = drop,
    [SF_EPROTO] = drop,
    [SF_EMFILE] = fill,
    [SF_ENFILE] = answer,
    [SF_EOF] = end,
    [SF_ECONNRESET] = reset,
    [SF_ETIMEDOUT] = reset,
    [SF_EPIPE] = reset,
    [SF_ECONNREFUSED] = refuse,
    [SF_ENETUNREACH] = answer,
    [SF_DEADFD] = die,
    [SF_DEADFD_REUSED] = be_reused,
    [SF_DEADFD_NOTSOCK] = be_no_socket,
    [SF_DEADFD_LATE] = die_later,
    [SF_DELAY] = delay,
    [SF_EINTR_CLOSED] = interrupt_close,
    [SF_NO_PROCESS] = answer,
    [SF_NO_MEMORY] = answer,
    [SF_OTHER_DEAD] = die_elsewhere,
    [SF_EAFNOSUPPORT] = answer,
    [SF_EINTR_REAP] = interrupt,
    [SF_ACCEPT_EPERM] = drop,
    [SF_ACCEPT_ENETDOWN] = drop,
    [SF_ACCEPT_ENOPROTOOPT] = drop,
    [SF_ACCEPT_EHOSTDOWN] = drop,
    [SF_ACCEPT_ENONET] = drop,
    [SF_ACCEPT_EHOSTUNREACH] = drop,
    [SF_ACCEPT_EOPNOTSUPP] = drop,
    [SF_EADDRNOTAVAIL] = answer,
    [SF_LISTENER_DEAD] = die,
    [SF_LISTENER_NOTSOCK] = be_no_socket,
    [SF_LISTENER_SHUT] = be_shut,
    [SF_ACCEPT_ECONNRESET] = drop,
    [SF_ACCEPT_ETIMEDOUT] = drop,
    [SF_ACCEPT_ENETUNREACH] = drop,
    [SF_LATE] = let_it, /* after the call: inject.c */
    [SF_YIELD] = let_it,
    [SF_ZERO] = take_nothing,
};

enum sf_verdict sf_perform(struct sf_op *op)
{
    return how[op->fault](op);
}
