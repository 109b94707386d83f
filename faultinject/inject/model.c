/*
 * model.c: the fault model, one function a fault.
 *
 * Each says in which profile the fault is possible at this site, at the
 * mildest, or NEVER.  The rules and where they come from are written out in
 * docs/fault-model.md.
 */
#include "faultinject/inject/model.h"

#include <stddef.h>
#include <sys/wait.h>

#include "faultinject/inject/registry.h"

enum { NEVER = SF_PROFILE_COUNT };

static enum sf_kind kind(const struct sf_site *s)
{
    return sf_calls[s->at->call].kind;
}

/* Would the call sleep where nothing can be done at once? */
static bool blocks(const struct sf_site *s)
{
    return !s->facts.nonblock && !(s->flags & MSG_DONTWAIT);
}

static bool reads(const struct sf_site *s)
{
    return kind(s) == K_READ;
}

/* TCP forgets the peer with a reset, which the next call tells before anything
 * else can happen. */
static bool is_broken(const struct sf_site *s)
{
    return s->facts.error && !s->facts.local;
}

/*
 * The direction still works as far as the program was told, and the call
 * asks for bytes of the stream.
 */
static bool open_stream(const struct sf_site *s)
{
    int way = reads(s) ? SF_IN : SF_OUT;

    return s->conn && !is_broken(s) && s->facts.type == SF_FD_STREAM &&
           !s->facts.connecting && !s->conn->over[way] && !s->conn->cut[way] &&
           s->at->len > 0 && !(s->flags & SF_ASIDE);
}

/* Bytes that cannot be taken away again: the program was told of them. */
static bool promised(const struct sf_site *s)
{
    return reads(s) && s->conn && s->conn->promised > 0;
}

static bool known_ready(const struct sf_site *s)
{
    return s->conn && s->conn->ready[reads(s) ? SF_IN : SF_OUT];
}

/* How many bytes the call would move if it were let alone. */
static size_t natural(const struct sf_site *s)
{
    size_t there = reads(s) ? s->facts.queued : s->facts.space;

    if (there == 0 && blocks(s))
        return s->at->len;
    if (there < 2 && s->facts.racy)
        return s->at->len;
    return there < s->at->len ? there : s->at->len;
}

/* A signal or an edge: what is left over is not told again. */
static bool is_told_once(const struct sf_site *s)
{
    return s->facts.signalled || (s->conn && s->conn->orphaned) ||
           sf_epoll_unknown(s->at->fd);
}

bool sf_model_own(const struct sf_conn *conn, const struct sf_facts *facts)
{
    if (conn->role == SF_ROLE_PAIR)
        return sf_conn_has_mate(conn);
    return facts->own && conn->role != SF_ROLE_NONE;
}

/*
 * Both ends are the program's, and only what it does ends or breaks it.  Nobody
 * but the program is in memory, so there every pair is its own.
 */
static bool own_pair(const struct sf_site *s)
{
    if (!s->world->all_threads)
        return s->conn->role == SF_ROLE_PAIR;
    return sf_model_own(s->conn, &s->facts);
}

/*
 * Linux moves between both ends of it at once, so what the program has put
 * there itself, or the room that it has left, is there.  Who finds no room for
 * a byte that shall wake somebody up need not send it, as one is there already.
 */
static bool is_sure(const struct sf_site *s)
{
    return s->world->all_threads && s->conn && own_pair(s) &&
           (reads(s) ? s->facts.queued : s->facts.space) > 0;
}

static int can_NONE(const struct sf_site *s)
{
    (void)s;
    return NEVER;
}

static int can_SHORT(const struct sf_site *s)
{
    const struct sf_facts *f = &s->facts;

    if (!open_stream(s) || promised(s) || natural(s) < 2 || is_told_once(s))
        return NEVER;
    if (reads(s))
        return s->flags & MSG_WAITALL || f->low_water ? NEVER : SF_LINUX;
    if (!blocks(s))
        return SF_LINUX;
    /* A blocking send moves all, unless a signal or SO_SNDTIMEO stops it
     * after it had to sleep. */
    if ((f->handled || f->snd_timeout) && s->at->len > f->space)
        return SF_LINUX;
    return SF_POSIX;
}

/* epoll is Linux's alone. */
static bool is_epoll(const struct sf_site *s)
{
    enum sf_call call = s->at->call;

    return call == SF_CALL_epoll_wait || call == SF_CALL_epoll_pwait ||
           call == SF_CALL_epoll_pwait2;
}

/* Where select and poll look for a signal, epoll has returned already. */
static bool only_looks(const struct sf_site *s)
{
    return is_epoll(s) && s->wait->timeout_ms == 0;
}

static int can_EINTR(const struct sf_site *s)
{
    const struct sf_facts *f = &s->facts;

    switch (kind(s)) {
    case K_WAIT:
        return f->handled && !only_looks(s) ? SF_LINUX : SF_POSIX;
    case K_CONNECT:
        if (!blocks(s) || f->connecting || f->type != SF_FD_UNCONN)
            return NEVER;
        return f->interruptible ? SF_LINUX : SF_POSIX;
    case K_ACCEPT:
        return blocks(s) && f->interruptible && f->backlog == 0 ? SF_LINUX
                                                                : SF_POSIX;
    default:
        if (!open_stream(s) || promised(s))
            return NEVER;
        /* Linux looks at signals only before it sleeps. */
        if (blocks(s) && f->interruptible && !known_ready(s) && !is_sure(s) &&
            (reads(s) || f->space == 0))
            return SF_LINUX;
        return SF_POSIX;
    }
}

static int can_EAGAIN(const struct sf_site *s)
{
    if (blocks(s) || is_told_once(s))
        return NEVER;
    if (kind(s) == K_ACCEPT)
        return s->facts.backlog > 0 ? SF_POSIX : NEVER;
    if (!open_stream(s) || promised(s) || natural(s) == 0)
        return NEVER;
    if (is_sure(s) || (reads(s) && s->facts.settled))
        return NEVER;
    /* One reader whom Linux told of bytes gets them. */
    return reads(s) && known_ready(s) ? SF_POSIX : SF_LINUX;
}

/* For which descriptors: can_pretend(). */
static int can_SPURIOUS(const struct sf_site *s)
{
    return s->wait ? SF_POSIX : NEVER;
}

static int can_WITHHOLD(const struct sf_site *s)
{
    return s->wait ? SF_LINUX : NEVER;
}

static int can_ENOBUFS(const struct sf_site *s)
{
    if (kind(s) == K_ACCEPT)
        return SF_POSIX;
    return open_stream(s) && !promised(s) ? SF_POSIX : NEVER;
}

/* Waiting with epoll allocates nothing. */
static int can_ENOMEM(const struct sf_site *s)
{
    if (is_epoll(s))
        return SF_HOSTILE;
    return s->wait ? SF_POSIX : can_ENOBUFS(s);
}

/* Only a connection that is there can be aborted. */
static int can_ECONNABORTED(const struct sf_site *s)
{
    return s->facts.backlog > 0 ? SF_POSIX : NEVER;
}

static int can_EPROTO(const struct sf_site *s)
{
    return can_ECONNABORTED(s);
}

static int can_EMFILE(const struct sf_site *s)
{
    (void)s;
    return SF_LINUX;
}

static int can_ENFILE(const struct sf_site *s)
{
    (void)s;
    return SF_LINUX;
}

static int can_EOF(const struct sf_site *s)
{
    if (!open_stream(s) || promised(s) || own_pair(s))
        return NEVER;
    return s->facts.fin || s->facts.error ? NEVER : SF_LINUX;
}

/*
 * A reset that arrives after the peer's FIN was read is EPIPE to a writer
 * and invisible to a reader.  On AF_UNIX it means that the peer closed with
 * something of ours unread.
 */
static int can_ECONNRESET(const struct sf_site *s)
{
    if (!open_stream(s) || promised(s) || s->conn->over[SF_IN])
        return NEVER;
    if (s->facts.fin || s->facts.error || own_pair(s))
        return NEVER;
    return s->facts.local && s->conn->moved[SF_OUT] == 0 ? NEVER : SF_LINUX;
}

/* TCP gives up on bytes that nobody acknowledged: some must be under way. */
static int can_ETIMEDOUT(const struct sf_site *s)
{
    if (s->facts.local)
        return NEVER;
    if (kind(s) == K_CONNECT)
        return s->facts.type == SF_FD_UNCONN && !s->facts.connecting ? SF_LINUX
                                                                     : NEVER;
    return can_ECONNRESET(s) != NEVER && s->conn->moved[SF_OUT] > 0 ? SF_LINUX
                                                                    : NEVER;
}

/* TCP tells it only after an earlier send was answered with a reset. */
static int can_EPIPE(const struct sf_site *s)
{
    if (!open_stream(s) || own_pair(s))
        return NEVER;
    if (s->conn->promised > 0)
        return NEVER; /* it takes what is unread with it */
    return s->facts.local || s->conn->moved[SF_OUT] > 0 ? SF_LINUX : NEVER;
}

static int can_ECONNREFUSED(const struct sf_site *s)
{
    return s->facts.type == SF_FD_UNCONN && !s->facts.connecting ? SF_LINUX
                                                                 : NEVER;
}

static int can_ENETUNREACH(const struct sf_site *s)
{
    return s->facts.local ? NEVER : can_ECONNREFUSED(s);
}

static int can_DEADFD(const struct sf_site *s)
{
    return s->world->kill && (s->wait || s->conn) ? SF_LINUX : NEVER;
}

static int can_DEADFD_REUSED(const struct sf_site *s)
{
    return can_DEADFD(s);
}

static int can_DEADFD_NOTSOCK(const struct sf_site *s)
{
    return can_DEADFD(s);
}

/* Whether it waits long enough is seen afterwards.  An epoll instance forgets
 * what is closed, and reports nothing. */
static int can_DEADFD_LATE(const struct sf_site *s)
{
    return s->world->kill && s->wait->shape->perish && s->wait->timeout_ms != 0
               ? SF_LINUX
               : NEVER;
}

static int can_DELAY(const struct sf_site *s)
{
    (void)s;
    return SF_LINUX;
}

static int can_LATE(const struct sf_site *s)
{
    (void)s;
    return SF_LINUX;
}

/* It takes a world that can close a number of the program's. */
static int can_EINTR_CLOSED(const struct sf_site *s)
{
    return s->world->kill && s->conn ? SF_POSIX : NEVER;
}

static int can_NO_PROCESS(const struct sf_site *s)
{
    (void)s;
    return SF_LINUX;
}

static int can_NO_MEMORY(const struct sf_site *s)
{
    (void)s;
    return SF_LINUX;
}

/* At no call: sf_inject_turn(). */
static int can_YIELD(const struct sf_site *s)
{
    (void)s;
    return NEVER;
}

static int can_EINTR_REAP(const struct sf_site *s)
{
    if (s->flags & WNOHANG)
        return NEVER;
    return s->facts.interruptible ? SF_LINUX : SF_POSIX;
}

static int can_EADDRNOTAVAIL(const struct sf_site *s)
{
    return can_ENETUNREACH(s);
}

static int can_EAFNOSUPPORT(const struct sf_site *s)
{
    return s->family == AF_INET6 ? SF_LINUX : NEVER;
}

/* Of what a wait has: add_listeners(). */
static int can_LISTENER_SHUT(const struct sf_site *s)
{
    return s->wait || s->facts.type == SF_FD_LISTENER ? SF_LINUX : NEVER;
}

static int can_LISTENER_DEAD(const struct sf_site *s)
{
    return s->world->kill ? can_LISTENER_SHUT(s) : NEVER;
}

static int can_ZERO(const struct sf_site *s)
{
    return open_stream(s) ? SF_HOSTILE : NEVER;
}

/* Which it is only the rule says: perform.c. */
static int can_OTHER_DEAD(const struct sf_site *s)
{
    return s->world->kill ? SF_LINUX : NEVER;
}

static int can_LISTENER_NOTSOCK(const struct sf_site *s)
{
    return can_LISTENER_DEAD(s);
}

/* As any other way for a connection to be gone before it was accepted. */
#define can_ACCEPT_EPERM        can_ECONNABORTED
#define can_ACCEPT_ENETDOWN     can_ECONNABORTED
#define can_ACCEPT_ENOPROTOOPT  can_ECONNABORTED
#define can_ACCEPT_EHOSTDOWN    can_ECONNABORTED
#define can_ACCEPT_ENONET       can_ECONNABORTED
#define can_ACCEPT_EHOSTUNREACH can_ECONNABORTED
#define can_ACCEPT_EOPNOTSUPP   can_ECONNABORTED
#define can_ACCEPT_ECONNRESET   can_ECONNABORTED
#define can_ACCEPT_ETIMEDOUT    can_ECONNABORTED
#define can_ACCEPT_ENETUNREACH  can_ECONNABORTED

static int (*const can[SF_FAULT_COUNT])(const struct sf_site *) = {
#define FAULT(id, word, err, kinds, cls, profile, how) [SF_##id] = can_##id,
#include "faultinject/inject/faults.def"
#undef FAULT
};

static bool needs_target(enum sf_fault fault, const struct sf_site *s)
{
    return s->wait && (fault == SF_SPURIOUS || fault == SF_WITHHOLD ||
                       sf_fault_kills(fault) || sf_fault_of_listener(fault));
}

/* Reading what is falsely ready hangs a descriptor that blocks. */
static bool can_pretend(const struct sf_site *s, const struct sf_member *m)
{
    struct sf_facts facts;

    if (!(m->events & POLLIN))
        return false;
    if (s->profile == SF_HOSTILE)
        return true;
    s->world->facts(m->fd, NULL, &facts);
    return facts.nonblock && facts.type == SF_FD_STREAM && !facts.connecting;
}

/* One outcome for each connection that the call waits for. */
static unsigned add_targets(const struct sf_site *s, enum sf_fault fault,
                            struct sf_outcome *out, unsigned n, unsigned most)
{
    struct sf_member member;
    int cursor = 0;

    while (n < most && s->wait->shape->asked(s->wait, &cursor, &member)) {
        const struct sf_conn *conn = sf_fd_conn(member.fd);
        if (!conn || (fault == SF_SPURIOUS && !can_pretend(s, &member)))
            continue;
        out[n++] = (struct sf_outcome){fault, conn->ordinal, 0};
    }
    return n;
}

static bool listens(const struct sf_site *s, int fd)
{
    struct sf_facts facts;

    if (fd < 0 || sf_fd_state(fd) == SF_FD_CONN)
        return false;
    s->world->facts(fd, NULL, &facts);
    return facts.type == SF_FD_LISTENER;
}

/* One for each listener; its target is one more than the descriptor. */
static unsigned add_listeners(const struct sf_site *s, enum sf_fault fault,
                              struct sf_outcome *out, unsigned n, unsigned most)
{
    struct sf_member member;
    int cursor = 0;

    while (n < most && s->wait->shape->asked(s->wait, &cursor, &member))
        if (listens(s, member.fd))
            out[n++] = (struct sf_outcome){fault, (unsigned)member.fd + 1, 0};
    return n;
}

static bool fits(const struct sf_site *s, enum sf_fault fault)
{
    return sf_fault_fits(fault, s->at->call) &&
           (sf_faults[fault].how != SF_NAMED || s->names);
}

static bool possible(const struct sf_site *s, enum sf_fault fault)
{
    if (!fits(s, fault))
        return false;
    if (sf_fault_transient(fault) && s->at->streak >= SF_STREAK_MAX)
        return false;
    return can[fault](s) <= (int)s->profile;
}

/* How much of it there can be. */
static size_t most(const struct sf_site *s, enum sf_fault fault)
{
    if (sf_fault_takes_time(fault))
        return SF_DELAY_MAX_MS;
    if (fault == SF_OTHER_DEAD)
        return SF_VICTIM_MAX;
    return fault == SF_SHORT ? natural(s) - 1 : 0;
}

/* A call that is no wait has every fault once: of accept() there are most. */
enum {
    FAULTS_OF_ACCEPT =
#define FAULT(id, word, err, kinds, cls, profile, how) +(((kinds)&K_ACCEPT) > 0)
#include "faultinject/inject/faults.def"
#undef FAULT
};
_Static_assert(FAULTS_OF_ACCEPT <= SF_OUTCOMES_DRAWN, "room for all of them");

unsigned sf_model_room(const struct sf_site *s)
{
    struct sf_member member;
    int cursor = 0;
    unsigned members = 0, room = 1;

    if (!s->names || !s->wait)
        return SF_OUTCOMES_DRAWN;
    while (members < SF_OUTCOMES_MAX &&
           s->wait->shape->asked(s->wait, &cursor, &member))
        members++;
    for (int i = 1; i < SF_FAULT_COUNT; i++)
        if (fits(s, (enum sf_fault)i))
            room += needs_target((enum sf_fault)i, s) ? members : 1;
    return room < SF_OUTCOMES_MAX ? room : SF_OUTCOMES_MAX;
}

unsigned sf_model_outcomes(const struct sf_site *s, struct sf_outcome *out,
                           unsigned room)
{
    unsigned n = 1;

    out[0] = (struct sf_outcome){SF_NONE, 0, 0};
    for (int i = 1; i < SF_FAULT_COUNT && n < room; i++) {
        enum sf_fault fault = (enum sf_fault)i;
        if (!possible(s, fault))
            continue;
        if (needs_target(fault, s))
            n = (sf_fault_of_listener(fault) ? add_listeners : add_targets)(
                s, fault, out, n, room);
        else
            out[n++] = (struct sf_outcome){
                fault, s->conn ? s->conn->ordinal : 0, most(s, fault)};
    }
    return n;
}
