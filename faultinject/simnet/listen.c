/*
 * listen.c: names, and how two sockets become a connection.
 *
 * A listener keeps its backlog as a list of embryos: the program's ends of
 * connections that are already made.  As in Linux it holds one more than
 * listen() was told.  Who finds it full is parked (TCP: the SYN is dropped
 * and sent again; AF_UNIX: a blocking connect sleeps) and is let in when the
 * program accepts.
 */
#include "faultinject/simnet/sim.h"

#include <limits.h>
#include <netinet/in.h>
#include <string.h>

/* ------------------------------------------------------------------ names */

static in_port_t *port_of(struct sim_name *name)
{
    if (name->any.sa_family == AF_INET6)
        return &((struct sockaddr_in6 *)(void *)name->bytes)->sin6_port;
    return &((struct sockaddr_in *)(void *)name->bytes)->sin_port;
}

static socklen_t name_size(sa_family_t family)
{
    return family == AF_INET    ? sizeof(struct sockaddr_in)
           : family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                : sizeof(sa_family_t);
}

static int set_name(struct sim_name *name, sa_family_t family,
                    const struct sockaddr *addr, socklen_t len)
{
    if (!addr)
        return -EFAULT;
    if (len < name_size(family) || len > sizeof name->bytes)
        return -EINVAL;
    if (addr->sa_family != family)
        return family == AF_UNIX ? -EINVAL : -EAFNOSUPPORT;
    memset(name, 0, sizeof *name);
    memcpy(name->bytes, addr, len);
    name->len = family == AF_UNIX ? len : name_size(family);
    return 0;
}

/* Linux's names without a file: the path begins with a NUL. */
static bool is_abstract(const struct sim_name *name)
{
    return !name->un.sun_path[0];
}

/* One without any bytes is not told from others by its name. */
static bool same_path(const struct sim_name *a, const struct sim_name *b)
{
    if (is_abstract(a))
        return a->len == b->len && a->len > sizeof(sa_family_t) &&
               !memcmp(a->bytes, b->bytes, a->len);
    return !strncmp(a->un.sun_path, b->un.sun_path, sizeof a->un.sun_path);
}

/* Addresses of this world differ in port or path only. */
static bool same_name(struct sim_name *a, struct sim_name *b)
{
    if (a->any.sa_family == AF_UNIX || b->any.sa_family == AF_UNIX)
        return a->any.sa_family == b->any.sa_family && same_path(a, b);
    return *port_of(a) == *port_of(b);
}

/* To be bound twice a name must be of one family, too: servers listen at a
 * port of both, and who has one of each hears at each what is meant for it. */
static bool is_bound(struct sf_end *end, sa_family_t family,
                     struct sim_name *name)
{
    return end->kind == SIM_SOCKET && end->bound && end->family == family &&
           same_name(&end->name, name);
}

/* As inet_bind_conflict(): either that is asked for by both. */
static bool may_share(const struct sf_end *end, const struct sf_end *other)
{
    if (end->family == AF_UNIX)
        return false;
    return (end->options.reuse && other->options.reuse &&
            other->state != SIM_LISTEN) ||
           (end->options.reuse_port && other->options.reuse_port);
}

static bool is_taken(const struct sf_end *end, struct sim_name *name)
{
    for (unsigned i = 0; i < sim.ends_used; i++) {
        struct sf_end *other = &sim.ends[i];

        if (other != end && is_bound(other, end->family, name) &&
            !may_share(end, other))
            return true;
    }
    return false;
}

static bool is_made(struct sim_name *name)
{
    for (unsigned i = 0; i < sim.ends_used; i++)
        if (is_bound(&sim.ends[i], name->any.sa_family, name))
            return true;
    return false;
}

/* The one that has so many before it; or NULL, and how many there are. */
static struct sf_end *listener_after(unsigned before, sa_family_t family,
                                     struct sim_name *name, unsigned *n)
{
    *n = 0;
    for (unsigned i = 0; i < sim.ends_used; i++) {
        struct sf_end *end = &sim.ends[i];

        if (end->state == SIM_LISTEN && is_bound(end, family, name) &&
            (*n)++ == before)
            return end;
    }
    return NULL;
}

/* But where somebody is who does not listen. */
static struct sf_end *listener_anywhere(void)
{
    for (unsigned i = 0; i < sim.ends_used; i++)
        if (sim.ends[i].state == SIM_LISTEN && sim.ends[i].anywhere)
            return &sim.ends[i];
    return NULL;
}

/* Of several the sender's port says which: one after the other, as these are
 * given so.  Linux asks a hash of it. */
static struct sf_end *find_listener(struct sim_name *name, unsigned port)
{
    sa_family_t family = name->any.sa_family;
    unsigned n;

    listener_after(UINT_MAX, family, name, &n);
    if (n == 0 && family != AF_UNIX) {
        family = family == AF_INET ? AF_INET6 : AF_INET;
        listener_after(UINT_MAX, family, name, &n);
    }
    if (n > 0)
        return listener_after(port % n, family, name, &n);
    return family == AF_UNIX || is_made(name) ? NULL : listener_anywhere();
}

static bool has_name(const struct sf_end *end)
{
    return end->family == AF_UNIX ? end->name.len > 0 : end->has_port;
}

static void name_anonymously(struct sf_end *end)
{
    end->has_port = true;
    end->name = (struct sim_name){.len = name_size(end->family)};
    end->name.any.sa_family = end->family;
    if (end->family == AF_INET)
        ((struct sockaddr_in *)(void *)end->name.bytes)->sin_addr.s_addr =
            htonl(INADDR_LOOPBACK);
    if (end->family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)end->name.bytes)->sin6_addr =
            in6addr_loopback;
    if (end->family != AF_UNIX)
        *port_of(&end->name) = htons(sim.next_port++);
}

static unsigned own_port(struct sf_end *end)
{
    return ntohs(*port_of(&end->name));
}

void sim_name_out(const struct sim_name *name, sa_family_t family,
                  struct sockaddr *addr, socklen_t *len)
{
    struct sim_name none = {.len = sizeof family};

    if (!len || (!addr && *len))
        return;
    none.any.sa_family = family;
    if (!name->len)
        name = &none;
    if (*len)
        memcpy(addr, name->bytes, *len < name->len ? *len : name->len);
    *len = name->len;
}

int sim_bind(struct sf_end *end, const struct sockaddr *addr, socklen_t len)
{
    struct sim_name name;
    int r = set_name(&name, end->family, addr, len);

    if (r < 0)
        return r;
    if (has_name(end))
        return -EINVAL;
    end->chose_port = end->family == AF_UNIX || *port_of(&name);
    if (!end->chose_port)
        *port_of(&name) = htons(sim.next_port++);
    else if (is_taken(end, &name))
        return -EADDRINUSE;
    end->name = name;
    end->bound = end->has_port = true;
    return 0;
}

int sim_listen(struct sf_end *end, int backlog)
{
    if (end->state != SIM_CLOSE && end->state != SIM_LISTEN)
        return -EINVAL;
    /* SS_UNCONNECTED is not said of one that was connected, nor of a connect()
     * that failed until another one has told it. */
    if (end->family != AF_UNIX &&
        (end->pending || end->was_connected || end->spoilt))
        return -EINVAL;
    if (!has_name(end) && end->family == AF_UNIX)
        return -EINVAL;
    if (!has_name(end))
        name_anonymously(end);
    if (end->state == SIM_CLOSE && is_taken(end, &end->name))
        return -EADDRINUSE;
    end->bound = true;
    end->state = SIM_LISTEN;
    end->backlog =
        backlog < 0 || backlog > SIM_BACKLOG ? SIM_BACKLOG : (unsigned)backlog;
    return 0;
}

/* ---------------------------------------------------------------- backlog */

static bool is_full(const struct sf_end *listener)
{
    return listener->held || listener->waiting > listener->backlog;
}

static void enqueue(struct sf_end *listener, struct sf_end *embryo)
{
    embryo->listener = listener;
    if (listener->last)
        listener->last->next = embryo;
    else
        listener->first = embryo;
    listener->last = embryo;
    listener->waiting++;
    sim_wake(listener);
}

static struct sf_end *dequeue(struct sf_end *listener)
{
    struct sf_end *embryo = listener->first;

    if (!embryo)
        return NULL;
    listener->first = embryo->next;
    if (!listener->first)
        listener->last = NULL;
    listener->waiting--;
    embryo->next = NULL;
    embryo->listener = NULL;
    sim.changes++;
    return embryo;
}

static int establish(struct sf_end *end, struct sf_end *listener)
{
    struct sf_end *embryo = sim_end_new(SIM_SOCKET);

    if (!embryo)
        return -ENOBUFS;
    if (!listener->anywhere)
        end->peer_name = listener->name;
    embryo->family = listener->anywhere ? end->family : listener->family;
    embryo->name = end->peer_name;
    embryo->has_port = true;
    embryo->peer_name = end->name;
    end->parked = false;
    sim_link(end, embryo);
    if (end->family != AF_UNIX) { /* cloned from the listener */
        embryo->options = listener->options;
        embryo->quick = listener->quick;
        sim_shutdown_as(embryo, listener->shut);
    }
    enqueue(listener, embryo);
    return 0;
}

static void unpark(struct sf_end *listener)
{
    for (unsigned i = 0; i < sim.ends_used && !is_full(listener); i++) {
        struct sf_end *end = &sim.ends[i];

        if (end->kind == SIM_SOCKET && end->parked && end->listener == listener)
            establish(end, listener);
    }
}

struct sf_end *sim_accept(struct sf_end *listener)
{
    struct sf_end *embryo = dequeue(listener);

    if (embryo)
        unpark(listener);
    return embryo;
}

void sim_drop(struct sf_end *listener)
{
    struct sf_end *embryo = dequeue(listener);

    if (!embryo)
        return;
    if (embryo->peer)
        embryo->peer->harmed = true;
    sim_close_stream(embryo, true);
    sim_end_unref(embryo);
    unpark(listener);
}

static int park_or_establish(struct sf_end *end, struct sf_end *listener)
{
    if (!is_full(listener))
        return establish(end, listener);
    end->parked = true;
    end->listener = listener;
    return 0;
}

/* Who found no room there asks again, and another may listen at that port. */
static void send_away(struct sf_end *end)
{
    struct sf_end *to = NULL;

    if (end->family != AF_UNIX)
        to = find_listener(&end->peer_name, own_port(end));
    if (to && park_or_establish(end, to) == 0)
        return;
    end->parked = false;
    end->state = SIM_SYN_SENT;
    sim_reset(end, ECONNREFUSED);
}

void sim_close_listener(struct sf_end *listener)
{
    struct sf_end *embryo;

    listener->state = SIM_CLOSE;
    while ((embryo = dequeue(listener))) {
        sim_close_stream(embryo, true);
        sim_end_unref(embryo);
    }
    for (unsigned i = 0; i < sim.ends_used; i++) {
        struct sf_end *end = &sim.ends[i];

        if (end->kind == SIM_SOCKET && end->parked && end->listener == listener)
            send_away(end);
    }
}

/* ---------------------------------------------------------------- connect */

/* A connect() on a socket whose connect() has not yet told its end. */
static int report_connect(struct sf_end *end)
{
    int err;

    if (end->state == SIM_SYN_SENT)
        return -EALREADY;
    end->pending = false;
    if (end->state == SIM_ESTAB)
        return 0;
    err = sim_take_error(end);
    end->shut = 0; /* disconnected: it may try again, and has nothing left */
    end->was_connected = false;
    sim_empty(end);
    return err ? -err : -ECONNABORTED;
}

static int connect_tcp(struct sf_end *end, struct sim_name *name)
{
    struct sf_end *listener;

    if (end->spoilt)
        return -EINVAL;
    if (end->pending)
        return report_connect(end);
    if (end->state != SIM_CLOSE || end->was_connected)
        return -EISCONN;
    if (!has_name(end))
        name_anonymously(end);
    end->state = SIM_SYN_SENT;
    end->pending = true;
    end->peer_name = *name;
    listener = find_listener(name, own_port(end));
    if (!listener)
        sim_reset(end, ECONNREFUSED);
    else if (park_or_establish(end, listener) < 0)
        sim_reset(end, ENOBUFS);
    sim.changes++;
    return -EINPROGRESS;
}

/* In the order of unix_stream_connect(): first the other, then itself. */
static int connect_unix(struct sf_end *end, struct sim_name *name)
{
    struct sf_end *listener = find_listener(name, 0);

    if (!listener)
        return is_abstract(name) || is_made(name) ? -ECONNREFUSED : -ENOENT;
    if (listener->shut & SHUT_RCV)
        return -ECONNREFUSED;
    if (is_full(listener) && end->nonblock)
        return -EAGAIN;
    if (end->state != SIM_CLOSE)
        return end->state == SIM_ESTAB ? -EISCONN : -EINVAL;
    return park_or_establish(end, listener);
}

int sim_connect(struct sf_end *end, const struct sockaddr *addr, socklen_t len)
{
    struct sim_name name;
    int r = set_name(&name, end->family, addr, len);

    if (r < 0)
        return r;
    return end->family == AF_UNIX ? connect_unix(end, &name)
                                  : connect_tcp(end, &name);
}

/* ------------------------------------------------------------------ peers */

static struct sf_end *new_end(sa_family_t family)
{
    struct sf_end *end = sim_end_new(SIM_SOCKET);

    if (end)
        end->family = family;
    return end;
}

struct sf_end *sf_end_connect(const struct sockaddr *addr, socklen_t len)
{
    struct sf_end *end = new_end(addr->sa_family);
    int r = end ? sim_connect(end, addr, len) : -ENFILE;

    if (end && ((r < 0 && r != -EINPROGRESS) || end->err)) {
        sim_end_unref(end);
        return NULL;
    }
    if (end)
        end->pending = false;
    return end;
}

static struct sim_name only; /* that counts; no length: all do */

void sf_sim_listens_only(const struct sockaddr *addr, socklen_t len)
{
    memcpy(only.bytes, addr, len);
    only.len = len;
}

static bool is_programs(struct sf_end *end)
{
    return end->kind == SIM_SOCKET && end->state == SIM_LISTEN &&
           !end->of_peers && (!only.len || same_name(&end->name, &only));
}

const struct sockaddr *sf_sim_listener(socklen_t *len)
{
    for (unsigned i = 0; i < sim.ends_used; i++)
        if (is_programs(&sim.ends[i])) {
            *len = sim.ends[i].name.len;
            return &sim.ends[i].name.any;
        }
    return NULL;
}

struct sf_end *sf_end_listen(const struct sockaddr *addr, socklen_t len,
                             int backlog)
{
    struct sf_end *end = new_end(addr->sa_family);

    if (end && (sim_bind(end, addr, len) < 0 || sim_listen(end, backlog) < 0)) {
        sim_end_unref(end);
        return NULL;
    }
    if (end)
        end->of_peers = true;
    return end;
}

struct sf_end *sf_end_listen_anywhere(int backlog)
{
    struct sf_end *end = new_end(AF_INET);

    if (end && sim_listen(end, backlog) < 0) {
        sim_end_unref(end);
        return NULL;
    }
    if (end)
        end->of_peers = end->anywhere = true;
    return end;
}

void sf_end_hold(struct sf_end *listener, bool held)
{
    listener->held = held;
    if (!held)
        unpark(listener);
}

struct sf_end *sf_end_accept(struct sf_end *listener)
{
    return sim_accept(listener);
}

struct sf_end *sf_end_pair(sa_family_t family, int *fd)
{
    struct sf_end *theirs = new_end(family), *ours = new_end(family);

    *fd = theirs && ours ? sim_fd_new(ours, 0, false) : -1;
    if (*fd < 0) {
        *fd = -1;
        if (theirs)
            sim_end_unref(theirs);
        if (ours)
            sim_end_unref(ours);
        return NULL;
    }
    sim_link(theirs, ours);
    return theirs;
}

ssize_t sf_end_send(struct sf_end *end, const void *bytes, size_t len)
{
    struct iovec iov = {(void *)(uintptr_t)bytes, len};

    return sim_write(end, &iov, 1);
}

ssize_t sf_end_recv(struct sf_end *end, void *bytes, size_t len)
{
    struct iovec iov = {bytes, len};

    return sim_read(end, &iov, 1, false);
}

int sf_end_shutdown(struct sf_end *end, int how)
{
    return sim_shutdown(end, how);
}

void sf_end_close(struct sf_end *end)
{
    sim_end_unref(end);
}

void sf_end_abort(struct sf_end *end)
{
    sim_close_stream(end, true);
    sim_end_unref(end);
}

size_t sf_end_queued(const struct sf_end *end)
{
    return end->in.len;
}

size_t sf_end_unread(const struct sf_end *end)
{
    return end->peer ? end->peer->in.len : 0;
}

bool sf_end_ended(const struct sf_end *end)
{
    return end->shut & SHUT_RCV;
}

bool sf_end_writable(const struct sf_end *end)
{
    return end->peer && (sim_ready(end->peer) & POLLOUT);
}

bool sf_end_connected(const struct sf_end *end)
{
    return end->was_connected;
}

bool sf_sim_was_connected(int fd)
{
    const struct sf_end *end = sim_end(fd);

    return end && end->was_connected;
}

bool sf_end_accepted(const struct sf_end *end)
{
    return end->peer && !end->peer->listener;
}

bool sf_end_waits(const struct sf_end *end)
{
    return end->peer && end->peer->listener;
}

void sf_end_forgotten(struct sf_end *end, sf_counter *each, void *arg)
{
    each(arg, &end->state, sizeof end->state);
    each(arg, &end->shut, sizeof end->shut);
    each(arg, &end->done, sizeof end->done);
    each(arg, &end->err, sizeof end->err);
    each(arg, &end->nospace, sizeof end->nospace);
    each(arg, &end->spoilt, sizeof end->spoilt);
    each(arg, &end->has_port, sizeof end->has_port);
}

static int or_usual(int n, int usual)
{
    return n ? n : usual;
}

int sf_end_kept_alive(const struct sf_end *end)
{
    const struct sim_options *of = end->peer ? &end->peer->options : NULL;

    if (!of || !of->keepalive)
        return 0;
    return or_usual(of->keep_idle, SIM_KEEP_IDLE) +
           or_usual(of->keep_every, SIM_KEEP_EVERY) *
               or_usual(of->keep_tries, SIM_KEEP_TRIES);
}

int sf_end_fd(const struct sf_end *end)
{
    for (unsigned i = 0; end->peer && i < sim_own.slots_used; i++)
        if (sim_own.slots[i].end == end->peer)
            return SF_SIM_FD + (int)i;
    return -1;
}

struct sf_end *sf_end_of(int fd)
{
    struct sf_end *end = sim_end(fd);

    return end ? end->peer : NULL;
}

bool sf_end_harmed(const struct sf_end *end)
{
    return end->harmed;
}
