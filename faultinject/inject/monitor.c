/* monitor.c: see monitor.h; a function for each monitor. */
#include "faultinject/inject/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/single_threaded.h>
#include <time.h>

#include "faultinject/inject/conn.h"
#include "faultinject/inject/control.h"
#include "faultinject/inject/injector.h"
#include "faultinject/inject/phantom.h"
#include "faultinject/inject/wait.h"

#define PER_THREAD static __thread __attribute__((tls_model("initial-exec")))

unsigned sf_monitors;
unsigned sf_monitors_asked;
bool (*sf_monitor_single)(void);

static bool looks(enum sf_monitor monitor)
{
    return (sf_monitors & 1u << monitor) != 0;
}

static enum sf_kind kind(const struct sf_op *op)
{
    return sf_calls[op->call].kind;
}

static const char *name(const struct sf_op *op)
{
    return sf_calls[op->call].name;
}

static bool has_one_thread(void)
{
    return sf_monitor_single ? sf_monitor_single() : __libc_single_threaded;
}

/* --- spin --- */

/*
 * So many calls in a row that changed nothing, the second half of them faster
 * than anything that waits in between.  It may still be somebody else's turn:
 * so they are given time, on a busy machine, too, and only who goes on like
 * that through all the rests spins.
 */
enum { SPIN_CALLS = 2000, SPIN_NS = 50 * 1000 * 1000 };
enum { RESTS = 10, REST_MS = 20 };

static int64_t now_ns(void)
{
    struct timespec now;

    sf_libc.clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Something else that is ready may well be what the program works on. */
static bool reports_others(const struct sf_op *op)
{
    struct sf_member member;
    int cursor = 0;

    while (op->wait->shape->reported(op->wait, &cursor, &member))
        if (member.fd != SF_NOBODY && sf_fd_state(member.fd) != SF_FD_CONN &&
            sf_fd_state(member.fd) != SF_FD_SOCKET)
            return true;
    return false;
}

/* Who closes every number there is, open or not, has a next one each time. */
static bool is_another(int fd)
{
    PER_THREAD int last;
    bool another = fd != last;

    last = fd;
    return another;
}

static bool gets_on(const struct sf_op *op)
{
    switch (kind(op)) {
    case K_CLOSE:
        return is_another(op->fd) || op->result >= 0;
    case K_READ:
    case K_WRITE:
        return op->result > 0;
    case K_WAIT:
        return op->result == 0 ? op->wait->timeout_ms != 0
                               : op->result > 0 && reports_others(op);
    case K_CTL:
        return false;
    default:
        return op->result >= 0;
    }
}

/* A handler that runs meanwhile is watched like everything else. */
static void rest(const struct sf_op *op)
{
    struct timespec t = {0, REST_MS * 1000000};
    int saved = errno;

    sf_thread.busy = false;
    op->world->nanosleep(&t, NULL);
    sf_thread.busy = true;
    errno = saved;
}

PER_THREAD unsigned idle; /* calls in a row that changed nothing */

/*
 * To ask or to set something belongs to what else is done.  But a number that
 * is closed says so for ever; and who asks each there is, perhaps more than
 * once, has a next one: what this one counted is then taken back.
 */
static bool asks_again(const struct sf_op *op, int err)
{
    PER_THREAD int last;
    PER_THREAD unsigned counted;

    if (err != EBADF)
        return false;
    if (op->fd == last) {
        counted++;
        return true;
    }
    idle -= counted < idle ? counted : idle;
    counted = 0;
    last = op->fd;
    return false;
}

static bool spins_on(const struct sf_op *op, int err)
{
    PER_THREAD int64_t since;

    if (kind(op) == K_CTL && !asks_again(op, err))
        return false;
    idle = gets_on(op) ? 0 : idle + 1;
    if (idle == SPIN_CALLS / 2)
        since = now_ns();
    if (idle < SPIN_CALLS)
        return false;
    idle = SPIN_CALLS / 2 - 1;
    return now_ns() - since < SPIN_NS;
}

static void look_for_spin(const struct sf_op *op, int err)
{
    PER_THREAD unsigned rests;
    bool on = spins_on(op, err);

    if (idle < SPIN_CALLS / 2 - 1)
        rests = 0;
    if (!on)
        return;
    if (rests++ < RESTS)
        rest(op);
    else
        sf_finding(SF_MON_SPIN,
                   "%d calls and %d ms changed nothing, the last one %s",
                   SPIN_CALLS, RESTS * REST_MS, name(op));
}

/* --- descriptors that are no more --- */

static bool uses(const struct sf_op *op)
{
    return kind(op) & (K_READ | K_WRITE | K_ACCEPT | K_CONNECT) ||
           op->call == SF_CALL_shutdown;
}

static const char *how_it_went(int before)
{
    return before == SF_FD_GONE ? "the program closed it"
                                : "the program was told that it is closed";
}

/*
 * Daemons close every number there is, one after the other, upwards or
 * downwards, and leave some out.  So a close that comes to nothing is told
 * when the row it stands in has ended and was a short one: of the call that
 * made it, not of the one that ended the row.
 */
enum { SWEEP = 8 };
struct suspect {
    int fd;
    int before;
    struct sf_moment when;
};
PER_THREAD struct {
    int last;   /* number that was closed */
    bool down;  /* ... which was lower    */
    int length; /* of the row             */
    int n;      /* suspects in it         */
    struct suspect suspects[SWEEP];
} row;

static void tell_double(const struct suspect *s)
{
    sf_control_then = &s->when;
    sf_finding(SF_MON_DOUBLE_CLOSE, "close of %d: %s", s->fd,
               how_it_went(s->before));
    sf_control_then = NULL;
}

void sf_monitor_flush(void)
{
    for (int i = 0; i < row.n && row.length < SWEEP; i++)
        if (looks(SF_MON_DOUBLE_CLOSE))
            tell_double(&row.suspects[i]);
    row.length = row.n = 0;
}

static bool is_next(int fd)
{
    int step = row.down ? row.last - fd : fd - row.last;

    if (row.length == 1)
        step = abs(step);
    return step > 0 && step <= SWEEP;
}

static void look_for_double(const struct sf_op *op, bool stale, int before)
{
    if (kind(op) != K_CLOSE || !is_next(op->fd))
        sf_monitor_flush();
    if (kind(op) != K_CLOSE)
        return;
    row.down = op->fd < row.last;
    row.last = op->fd;
    row.length += row.length < SWEEP;
    if (stale && row.n < SWEEP)
        row.suspects[row.n++] =
            (struct suspect){op->fd, before, sf_control_now()};
}

/* Does the program know that it is closed?  A wait that said so leaves room
 * for asking why. */
static bool knows(const struct sf_op *op, int before)
{
    return before == SF_FD_GONE || before == SF_FD_DEAD ||
           (before == SF_FD_MISSED && !uses(op));
}

static void look_for_stale(const struct sf_op *op, int err, int before)
{
    bool stale = err == EBADF && knows(op, before);

    if (stale && uses(op) && looks(SF_MON_STALE_FD))
        sf_finding(SF_MON_STALE_FD, "%s on %d: %s", name(op), op->fd,
                   how_it_went(before));
    if (looks(SF_MON_DOUBLE_CLOSE))
        look_for_double(op, stale && op->counts, before);
}

/* --- children --- */

/* Those whose wait was interrupted and not made again; 0: free. */
enum { MISSED = 8 };
static pid_t missed[MISSED];

static void look_for_zombie(const struct sf_op *op, int err)
{
    pid_t from = 0, to = 0;

    if (kind(op) != K_REAP)
        return;
    if (op->result > 0)
        from = (pid_t)op->result;
    else if (err == EINTR && op->other > 0)
        to = op->other;
    for (int i = 0; i < MISSED && from != to; i++)
        if (missed[i] == from) {
            missed[i] = to;
            return;
        }
}

static void tell_zombie(void)
{
    for (int i = 0; i < MISSED; i++)
        if (missed[i])
            sf_finding(SF_MON_ZOMBIE,
                       "the wait for %d was interrupted and not made again",
                       (int)missed[i]);
}

/* --- descriptors that stay --- */

/*
 * Many programs leave closing to their end.  But one that closed a connection
 * made after this one was over and had its last answer, or made several, and
 * has not closed this one, has lost it.  Not so among threads, if it has shut
 * it down since: then it may be left for the thread that waits for it to close
 * when it comes round, as by Java's selectors, and the others go on.
 */
enum { SEVERAL = 3 };

static bool is_lost(const struct sf_conn *conn)
{
    if ((conn->dismissed && !has_one_thread()) || conn->unheard > 0)
        return false;
    return conn->over[SF_IN] && conn->over_at > 0 &&
           (conn->over_at < sf_injector.last_closed ||
            conn->over_at + SEVERAL <= sf_conn_count());
}

static void tell_leak(void)
{
    for (int fd = 0; fd < sf_fd_end(); fd++) {
        const struct sf_conn *conn = sf_fd_conn(fd);
        if (conn && is_lost(conn)) {
            sf_finding(SF_MON_FD_LEAK,
                       "%d is still open, connection %u on it was over", fd,
                       conn->ordinal);
            return;
        }
    }
}

void sf_monitor_end(void)
{
    if (looks(SF_MON_FD_LEAK))
        tell_leak();
    if (looks(SF_MON_ZOMBIE))
        tell_zombie();
}

/* --- select --- */

/*
 * Linux takes sets of any size, and programs make their own larger ones; and it
 * looks at no more than its table has, so that none below FD_SETSIZE is enough
 * for whoever asks for all there can be.  In memory there are no such numbers.
 */
static bool may_be_right(const struct sf_op *op)
{
    int end = sf_fd_end();

    if (sf_monitors_asked & 1u << SF_MON_FD_RANGE || !op->world->all_threads)
        return false;
    return end <= FD_SETSIZE || !op->wait->shape->overruns(op->wait, end);
}

static void look_for_range(const struct sf_op *op)
{
    if ((op->call == SF_CALL_select || op->call == SF_CALL_pselect) &&
        op->other > FD_SETSIZE && !may_be_right(op))
        sf_finding(SF_MON_FD_RANGE, "%s of %d descriptors, a set holds %d",
                   name(op), op->other, FD_SETSIZE);
}

/* --- loops --- */

/*
 * The last wait of this thread was for several connections, two of which are
 * named here.  A call that may block, then, keeps the others waiting; but
 * only a thread that comes back to one of them was in a loop: whoever has
 * left it may block as he likes.
 */
enum { POOL_NS = 100 * 1000 * 1000 };
PER_THREAD struct {
    unsigned members[2]; /* ordinals; the second is 0: not a loop          */
    bool blocks;         /* one was seen that does                         */
    bool pooled;         /* other threads wait for the same                */
    int64_t since;       /* the first had to wait, with other threads there */
    bool watched;        /* ... and what this wait reported is remembered  */
    unsigned waiting;    /* who had to, while ...; 0: nobody               */
    enum sf_call call;   /* ... this call was made                         */
    int fd;
} loop;

/* A thread of a pool that blocks leaves the others to the others. */
static void note_waiter(struct sf_conn *conn)
{
    conn->pooled |= conn->waiter && conn->waiter != &loop;
    conn->waiter = &loop;
    loop.pooled |= conn->pooled;
}

static bool names(const struct sf_wait *w, unsigned ordinal)
{
    struct sf_member member;
    int cursor = 0;

    while (w->shape->asked(w, &cursor, &member)) {
        const struct sf_conn *conn = sf_fd_conn(member.fd);
        if (conn && conn->ordinal == ordinal)
            return true;
    }
    return false;
}

static void find_members(const struct sf_wait *w)
{
    struct sf_member member;
    int cursor = 0;

    loop.members[0] = loop.members[1] = 0;
    while (!loop.members[1] && w->shape->asked(w, &cursor, &member)) {
        struct sf_conn *conn = sf_fd_conn(member.fd);
        if (!conn || conn->ordinal == loop.members[0])
            continue;
        loop.members[loop.members[0] != 0] = conn->ordinal;
        note_waiter(conn);
    }
}

/* Others of its pool may not have begun yet. */
static bool is_alone(void)
{
    if (has_one_thread())
        return true;
    if (loop.since == 0)
        loop.since = now_ns();
    return !loop.pooled && now_ns() - loop.since > POOL_NS;
}

void sf_monitor_wait(const struct sf_op *op)
{
    const struct sf_wait *wait = op->wait;

    if (looks(SF_MON_PHANTOM))
        sf_phantom_wait(op);
    if (!looks(SF_MON_BLOCKING))
        return;
    if (loop.waiting && names(wait, loop.waiting) && is_alone())
        sf_finding(SF_MON_BLOCKING,
                   "%s on %d, which blocks and was not reported, while "
                   "connection %u waits",
                   sf_calls[loop.call].name, loop.fd, loop.waiting);
    loop.waiting = 0;
    find_members(wait);
}

void sf_monitor_forked(void)
{
    row.length = row.n = 0; /* the parent tells */
    loop.members[1] = loop.waiting = 0;
    for (int i = 0; i < MISSED; i++)
        missed[i] = 0;
}

static void note_reported(const struct sf_op *op)
{
    const short dead = POLLHUP | POLLERR;
    const struct sf_wait *w = op->wait;
    struct sf_member member;
    int cursor = 0;

    loop.watched = loop.blocks;
    while (loop.watched && op->result > 0 &&
           w->shape->reported(w, &cursor, &member)) {
        struct sf_conn *conn = sf_fd_conn(member.fd);
        if (!conn)
            continue;
        conn->granted[SF_IN] |= (member.events & (POLLIN | dead)) != 0;
        conn->granted[SF_OUT] |= (member.events & (POLLOUT | dead)) != 0;
    }
}

/* A wait that was not remembered may have reported any, and the program may
 * well have kept that in mind: what it writes to it reads somewhere else. */
static void believe_all_granted(void)
{
    for (int fd = 0; fd < sf_fd_end(); fd++) {
        struct sf_conn *conn = sf_fd_conn(fd);
        if (conn)
            conn->granted[SF_IN] = conn->granted[SF_OUT] = true;
    }
}

/* Asked for once, and again where the program may have changed it. */
static bool can_block(const struct sf_op *op)
{
    struct sf_conn *conn = op->conn;
    struct sf_facts facts;

    if (conn->sleeps == SF_UNASKED) {
        op->world->facts(op->fd, NULL, &facts);
        conn->sleeps = facts.type == SF_FD_STREAM && !facts.nonblock
                           ? SF_BLOCKING
                           : SF_NONBLOCKING;
    }
    return conn->sleeps == SF_BLOCKING && !(op->flags & MSG_DONTWAIT);
}

static void suspect(const struct sf_op *op)
{
    unsigned other = loop.members[loop.members[0] == op->conn->ordinal];
    bool granted = false;

    if (kind(op) != K_CONNECT) {
        int way = kind(op) == K_READ ? SF_IN : SF_OUT;
        granted = op->conn->granted[way];
        op->conn->granted[way] = false;
    }
    if (granted || !loop.watched || loop.waiting)
        return;
    loop.waiting = other;
    loop.call = op->call;
    loop.fd = op->fd;
}

static bool changes_mode(const struct sf_op *op)
{
    return (op->call == SF_CALL_fcntl && op->flags == F_SETFL) ||
           op->call == SF_CALL_ioctl;
}

/*
 * The first that can block makes what is reported from then on be remembered:
 * loops in which none does cost nothing.
 */
static void look_for_blocking(const struct sf_op *op)
{
    if (op->wait)
        note_reported(op);
    if (op->conn && changes_mode(op))
        op->conn->sleeps = SF_UNASKED;
    if (!op->conn || !loop.members[1] || op->result < 0 ||
        !(kind(op) & (K_READ | K_WRITE | K_CONNECT)) || !can_block(op))
        return;
    if (!loop.blocks)
        believe_all_granted();
    loop.blocks = true;
    if (kind(op) == K_CONNECT || (op->result > 0 && !(op->flags & MSG_PEEK)))
        suspect(op);
}

/* --- the rest --- */

/*
 * Sending without asking is fine as long as it works out: the send would say
 * so.  Where it does not, the program took writable for connected.
 */
static void look_for_connect(const struct sf_op *op, int err)
{
    struct sf_conn *conn = op->conn;

    if (!conn)
        return;
    if (op->call == SF_CALL_connect)
        conn->unchecked = err == EINPROGRESS;
    if (op->call == SF_CALL_getpeername ||
        (op->call == SF_CALL_getsockopt && op->flags == SO_ERROR))
        conn->unchecked = false;
    if (!conn->unchecked || kind(op) != K_WRITE)
        return;
    conn->unchecked = err == EAGAIN;
    if (op->result < 0 && sf_error_of_connect(err))
        sf_finding(SF_MON_CONNECT,
                   "%s on %d is the first to learn that connect had failed",
                   name(op), op->fd);
}

static void look_for_misuse(const struct sf_op *op, int err, int before)
{
    if (kind(op) == K_READ && op->conn && op->asked == 0 &&
        !(op->flags & MSG_ERRQUEUE))
        sf_finding(SF_MON_MISUSE, "%s of 0 bytes on %d: 0 then says nothing",
                   name(op), op->fd);
    if (kind(op) & (K_READ | K_WRITE) && op->asked > SSIZE_MAX)
        sf_finding(SF_MON_MISUSE, "%s of %zu bytes on %d: that is %zd",
                   name(op), op->asked, op->fd, (ssize_t)op->asked);
    if (op->call == SF_CALL_shutdown && err == ENOTCONN &&
        before == SF_FD_SOCKET)
        sf_finding(SF_MON_MISUSE, "shutdown of %d, which never connected",
                   op->fd);
}

static void note_alert(void)
{
    sf_thread.alert =
        idle > 0 || row.length > 0 || loop.blocks || sf_phantom_alert();
}

void sf_monitor_begin(unsigned which)
{
    sf_monitors = which;
    memset(&row, 0, sizeof row);
    memset(&loop, 0, sizeof loop);
    sf_phantom_begin();
    idle = 0;
    sf_thread.alert = false;
}

void sf_monitor_call(const struct sf_op *op, int err, int before)
{
    if (looks(SF_MON_SPIN))
        look_for_spin(op, err);
    if (looks(SF_MON_STALE_FD) || looks(SF_MON_DOUBLE_CLOSE))
        look_for_stale(op, err, before);
    if (looks(SF_MON_FD_RANGE))
        look_for_range(op);
    if (looks(SF_MON_BLOCKING))
        look_for_blocking(op);
    if (looks(SF_MON_PHANTOM))
        sf_phantom_look(op, err);
    if (looks(SF_MON_CONNECT))
        look_for_connect(op, err);
    if (looks(SF_MON_MISUSE))
        look_for_misuse(op, err, before);
    if (looks(SF_MON_ZOMBIE))
        look_for_zombie(op, err);
    note_alert();
}

bool sf_monitor_moved(const struct sf_op *op)
{
    if (op->conn->unchecked || op->asked > SSIZE_MAX || row.length > 0 ||
        sf_phantom_alert() ||
        (loop.members[1] && op->conn->sleeps != SF_NONBLOCKING))
        return false;
    if (idle > 0)
        idle = 0;
    note_alert();
    return true;
}
