/*
 * stream.c: what a stream socket and a pipe answer, condition by condition.
 *
 * The order of the checks is Linux's: tcp_recvmsg, tcp_sendmsg and tcp_poll
 * for TCP, unix_stream_read_generic, unix_stream_sendmsg and unix_poll for
 * AF_UNIX.  A reset and a FIN arrive at once: there is no wire.
 */
#include "faultinject/simnet/sim.h"

static bool is_unix(const struct sf_end *end)
{
    return end->family == AF_UNIX;
}

void sim_link(struct sf_end *a, struct sf_end *b)
{
    a->peer = b;
    b->peer = a;
    a->state = b->state = SIM_ESTAB;
    a->was_connected = b->was_connected = true;
    sim_wake(a);
    sim_wake(b);
}

/* sock_error(): the pending error, once. */
int sim_take_error(struct sf_end *end)
{
    int err = end->err;

    end->err = 0;
    if (err)
        sim.changes++;
    return err;
}

/* tcp_set_state(): the port is nobody's now, unless bind() had named it. */
static void forget(struct sf_end *end)
{
    end->state = SIM_CLOSE;
    if (!end->chose_port)
        end->has_port = end->bound = false;
}

/* Both directions have ended: TCP forgets the connection. */
static void settle(struct sf_end *end)
{
    if (!is_unix(end) && end->done && (end->shut & SHUT_SND)) {
        forget(end);
        end->shut = SHUT_BOTH;
    }
}

/* tcp_reset(), and the nearest thing for AF_UNIX, where EPIPE says only that
 * nobody is there: no error of the socket, which a read would get. */
void sim_reset(struct sf_end *end, int err)
{
    if (end->state == SIM_CLOSE && !is_unix(end))
        return;
    end->err = err == EPIPE && is_unix(end) ? 0
               : err                        ? err
               : end->state == SIM_SYN_SENT ? ECONNREFUSED
               : end->done && !is_unix(end) ? EPIPE
                                            : ECONNRESET;
    end->shut = SHUT_BOTH;
    if (!is_unix(end))
        forget(end);
    sim_wake(end);
}

void sim_finish(struct sf_end *end)
{
    end->shut |= SHUT_RCV;
    end->done = true;
    settle(end);
    sim_wake(end);
}

/* ---------------------------------------------------------------- reading */

static SF_APART void tell_room(struct sf_end *writer)
{
    if (sim_ready(writer) & POLLOUT) {
        writer->nospace = false;
        sim_wake(writer);
    }
}

static void made_room(struct sf_end *end)
{
    sim.changes++;
    if (end->peer && end->peer->nospace)
        tell_room(end->peer);
}

static SF_APART ssize_t nothing_to_read(struct sf_end *end)
{
    if (end->kind == SIM_READER)
        return end->peer ? -EAGAIN : 0;
    if (!is_unix(end) && end->done)
        return 0;
    if (end->err)
        return -sim_take_error(end);
    if (end->shut & SHUT_RCV)
        return 0;
    if (!is_unix(end) && end->state == SIM_CLOSE)
        return -ENOTCONN;
    return -EAGAIN;
}

/* unix_dgram_recvmsg(): an error comes before what is there. */
static SF_APART ssize_t read_record(struct sf_end *end, const struct iovec *iov,
                                    int n, bool peek)
{
    ssize_t got;

    sim.cut = 0;
    if (end->err)
        return -sim_take_error(end);
    got = sim_get_record(end, iov, n, peek);
    if (got >= 0 && !peek)
        made_room(end);
    return got == -EAGAIN ? nothing_to_read(end) : got;
}

ssize_t sim_read(struct sf_end *end, const struct iovec *iov, int n, bool peek)
{
    size_t got;

    if (end->records)
        return read_record(end, iov, n, peek);
    if (end->kind == SIM_EVENT)
        return sim_event_read(end, iov, n);
    if (end->kind == SIM_TIMER)
        return sim_timer_read(end, iov, n);
    if (end->state == SIM_LISTEN)
        return is_unix(end) ? -EINVAL : -ENOTCONN;
    if (is_unix(end) && end->state != SIM_ESTAB)
        return -EINVAL;
    if (end->kind == SIM_READER && !sim_iov_len(iov, n))
        return 0;
    if (!end->in.len)
        return nothing_to_read(end);
    got = sim_get(end, iov, n, peek);
    if (got && !peek)
        made_room(end);
    return (ssize_t)got;
}

/* ---------------------------------------------------------------- writing */

static ssize_t move(struct sf_end *end, const struct iovec *iov, int n)
{
    size_t len = sim_iov_len(iov, n), moved;

    if (!len)
        return 0;
    moved = sim_put(end->peer, iov, n);
    if (moved < len)
        end->nospace = true;
    if (!moved)
        return -EAGAIN;
    sim_wake(end->peer);
    return (ssize_t)moved;
}

/* As a whole, or not at all; also one that is empty. */
static SF_APART ssize_t move_record(struct sf_end *end, const struct iovec *iov,
                                    int n)
{
    ssize_t moved = sim_put_record(end->peer, iov, n);

    if (moved >= 0)
        sim_wake(end->peer);
    else if (moved == -EAGAIN)
        end->nospace = true;
    return moved;
}

/* Nobody will read it, and nobody answers: RFC 1122, 4.2.2.13. */
static SF_APART ssize_t write_in_vain(struct sf_end *end, size_t len)
{
    if (len && end->peer)
        sim_reset(end->peer, ECONNRESET);
    if (len)
        sim_reset(end, 0);
    return (ssize_t)len;
}

static ssize_t write_tcp(struct sf_end *end, const struct iovec *iov, int n)
{
    int err;

    if (end->state == SIM_SYN_SENT)
        return -EAGAIN;
    err = sim_take_error(end);
    if (err)
        return -err;
    if (end->state != SIM_ESTAB || (end->shut & SHUT_SND))
        return -EPIPE;
    if (!end->peer || end->peer->shut == SHUT_BOTH)
        return write_in_vain(end, sim_iov_len(iov, n));
    return move(end, iov, n);
}

static ssize_t write_unix(struct sf_end *end, const struct iovec *iov, int n)
{
    if (end->state != SIM_ESTAB)
        return -ENOTCONN;
    if (end->shut & SHUT_SND)
        return -EPIPE;
    if (end->peer && (end->peer->shut & SHUT_RCV))
        return sim_iov_len(iov, n) || end->records ? -EPIPE : 0;
    if (!end->peer)
        return -EPIPE;
    return end->records ? move_record(end, iov, n) : move(end, iov, n);
}

/* A pipe takes up to PIPE_BUF bytes whole or not at all. */
static SF_APART ssize_t write_pipe(struct sf_end *end, const struct iovec *iov,
                                   int n)
{
    size_t len = sim_iov_len(iov, n);

    if (!len)
        return 0;
    if (!end->peer)
        return -EPIPE;
    if (len <= 4096 && len > sim_space(end->peer) &&
        end->peer->in.cap >= 4096) {
        end->nospace = true;
        return -EAGAIN;
    }
    return move(end, iov, n);
}

ssize_t sim_write(struct sf_end *end, const struct iovec *iov, int n)
{
    if (end->kind == SIM_WRITER)
        return write_pipe(end, iov, n);
    if (end->kind == SIM_EVENT)
        return sim_event_write(end, iov, n);
    return is_unix(end) ? write_unix(end, iov, n) : write_tcp(end, iov, n);
}

/* ----------------------------------------------------- shutdown and close */

/* inet_shutdown(): SS_CONNECTED or, when it failed, SS_DISCONNECTING, out of
 * which there is no way. */
static void end_connecting(struct sf_end *end)
{
    end->spoilt |= end->pending && end->state == SIM_CLOSE;
    end->was_connected |= end->pending && end->state != SIM_CLOSE;
    end->pending = false;
}

/* tcp_disconnect() */
static void disconnect(struct sf_end *end)
{
    if (end->state == SIM_LISTEN)
        sim_close_listener(end);
    else
        end->err = ECONNRESET;
    forget(end);
    end->shut = 0;
    end->parked = end->pending = false;
    sim_wake(end);
}

static int shutdown_tcp(struct sf_end *end, int bits)
{
    if (end->state == SIM_LISTEN && !(bits & SHUT_RCV))
        return 0;
    if (end->state == SIM_LISTEN || end->state == SIM_SYN_SENT) {
        disconnect(end);
        return 0;
    }
    end->shut |= (uint8_t)bits;
    end_connecting(end);
    sim_wake(end);
    if (end->state == SIM_CLOSE)
        return -ENOTCONN;
    if ((bits & SHUT_SND) && end->peer && !end->peer->done)
        sim_finish(end->peer);
    settle(end);
    return 0;
}

static int shutdown_unix(struct sf_end *end, int bits)
{
    struct sf_end *peer = end->peer;

    end->shut |= (uint8_t)bits;
    sim_wake(end);
    if (peer) {
        peer->shut |= (uint8_t)((bits & SHUT_RCV ? SHUT_SND : 0) |
                                (bits & SHUT_SND ? SHUT_RCV : 0));
        sim_wake(peer);
    }
    return 0;
}

int sim_shutdown(struct sf_end *end, int how)
{
    int bits = how == SHUT_RD   ? SHUT_RCV
               : how == SHUT_WR ? SHUT_SND
                                : SHUT_BOTH;

    if (how < SHUT_RD || how > SHUT_RDWR)
        return -EINVAL;
    return is_unix(end) ? shutdown_unix(end, bits) : shutdown_tcp(end, bits);
}

void sim_shutdown_as(struct sf_end *end, unsigned bits)
{
    if (bits)
        shutdown_tcp(end, (int)bits);
}

/* Bytes that had not reached the peer's side die with a reset, and so does the
 * FIN that was behind them. */
static void lose_unsent(struct sf_end *peer)
{
    if (peer->in.len <= sim.window)
        return;
    peer->in.len = (uint32_t)sim.window;
    peer->done = false;
}

void sim_close_stream(struct sf_end *end, bool reset)
{
    struct sf_end *peer = end->peer;

    end->peer = NULL;
    end->parked = false;
    if (!peer)
        return;
    peer->peer = NULL;
    if (end->kind != SIM_SOCKET) {
        if (end->kind == SIM_READER) /* the pipe is there, and they in it */
            peer->in.len = end->in.len;
        sim_wake(peer);
    } else if (is_unix(end)) {
        peer->shut = SHUT_BOTH;
        if (end->in.len || reset)
            peer->err = ECONNRESET;
        sim_wake(peer);
    } else if (end->in.len || end->quick || reset) {
        lose_unsent(peer);
        sim_reset(peer, 0);
    } else if (!peer->done) {
        sim_finish(peer);
    }
}

/* FIONREAD, which a pipe answers at both of its ends. */
size_t sim_unread(const struct sf_end *end)
{
    if (end->kind == SIM_WRITER && end->peer)
        return end->peer->in.len;
    return end->records ? sim_records_len(end) : end->in.len;
}

/* -------------------------------------------------------------- readiness */

/* Linux calls a socket writable when a good part of it is free. */
static bool has_room(const struct sf_end *end)
{
    size_t cap, used;

    if (!end->peer)
        return true;
    cap = end->peer->in.cap;
    used = end->peer->in.len;
    if (is_unix(end))
        return used * 4 <= cap;
    return end->kind == SIM_WRITER ? used < cap : used * 3 <= cap * 2;
}

static unsigned ready_pipe(struct sf_end *end)
{
    if (end->kind == SIM_READER)
        return (end->in.len ? POLLIN : 0u) | (end->peer ? 0 : POLLHUP);
    return (has_room(end) ? POLLOUT : 0u) | (end->peer ? 0 : POLLERR);
}

static unsigned ready_tcp(const struct sf_end *end)
{
    unsigned mask = end->err ? POLLERR : 0;

    if (end->state == SIM_LISTEN)
        return end->waiting ? POLLIN : 0;
    if (end->shut == SHUT_BOTH || end->state == SIM_CLOSE)
        mask |= POLLHUP;
    if (end->shut & SHUT_RCV)
        mask |= POLLIN | POLLRDHUP;
    if (end->state == SIM_SYN_SENT)
        return mask;
    if (end->in.len)
        mask |= POLLIN;
    if ((end->shut & SHUT_SND) || has_room(end))
        mask |= POLLOUT;
    return mask;
}

static unsigned ready_unix(const struct sf_end *end)
{
    unsigned mask = end->err ? POLLERR : 0;

    if (end->state == SIM_LISTEN)
        return (end->waiting ? POLLIN : 0) |
               (end->shut & SHUT_RCV ? POLLIN | POLLRDHUP : 0) |
               (end->shut == SHUT_BOTH ? POLLHUP : 0);
    if (end->shut == SHUT_BOTH)
        mask |= POLLHUP;
    if (end->shut & SHUT_RCV)
        mask |= POLLIN | POLLRDHUP;
    if (end->in.len)
        mask |= POLLIN;
    if (end->state == SIM_CLOSE)
        mask |= POLLHUP;
    if (has_room(end))
        mask |= POLLOUT;
    return mask;
}

unsigned sim_ready(struct sf_end *end)
{
    unsigned mask;

    if (end->kind == SIM_EPOLL)
        return sim_epoll_ready(end) ? POLLIN : 0;
    if (end->kind == SIM_EVENT)
        return sim_event_ready(end);
    if (end->kind == SIM_TIMER)
        return sim_timer_ready(end);
    mask = end->kind != SIM_SOCKET ? ready_pipe(end)
           : is_unix(end)          ? ready_unix(end)
                                   : ready_tcp(end);
    if (!(mask & POLLOUT))
        end->nospace = true;
    return mask;
}
