/*
 * world.c: simnet as the injector sees it: its calls, made from those of
 * calls.h, and its ways to make a fault true.
 */
#include "faultinject/simnet/calls.h"
#include "faultinject/simnet/random.h"

#include "faultinject/inject/inject.h"

#include <signal.h>
#include <string.h>

/* ----------------------------------------------- what is not a libc call */

static enum sf_fd_type type_of(const struct sf_end *end)
{
    if (!end)
        return SF_FD_CLOSED;
    if (end->kind == SIM_READER || end->kind == SIM_WRITER)
        return SF_FD_STREAM;
    if (end->kind != SIM_SOCKET || end->records)
        return SF_FD_OTHER;
    if (end->state == SIM_LISTEN)
        return SF_FD_LISTENER;
    return end->was_connected ? SF_FD_STREAM : SF_FD_UNCONN;
}

/* What is blocked in the call, and SIGCHLD: when a child has ended is the
 * machine's affair.  A mask may be as short as Linux's own sets are. */
static sigset_t blocked_in(const sigset_t *mask)
{
    sigset_t set;

    sigemptyset(&set);
    if (!mask)
        mask = sim.mask;
    if (mask)
        memcpy(&set, mask, NSIG / 8);
    else
        sigprocmask(SIG_BLOCK, NULL, &set);
    sigaddset(&set, SIGCHLD);
    return set;
}

static void signal_facts(const sigset_t *mask, struct sf_facts *facts)
{
    struct sf_facts own;
    sigset_t blocked;

    if (!sim.config.handlers)
        return;
    if (!sim.config.signals) {
        facts->handled = !sf_sim_is_blocked(&sim.config, mask);
        facts->interruptible = facts->handled;
        return;
    }
    blocked = blocked_in(mask);
    sim.config.signals->facts(-1, &blocked, &own);
    facts->handled = own.handled;
    facts->interruptible = own.interruptible;
}

static void sim_facts(int fd, const sigset_t *mask, struct sf_facts *facts)
{
    struct sf_end *end = sim_end(fd);

    *facts = (struct sf_facts){.type = type_of(end)};
    signal_facts(mask, facts);
    if (!end)
        return;
    facts->nonblock = end->nonblock;
    facts->local = end->family == AF_UNIX || end->kind != SIM_SOCKET;
    facts->connecting = end->state == SIM_SYN_SENT || end->parked;
    facts->fin = end->in.len == 0 && (end->shut & SHUT_RCV);
    facts->snd_timeout = end->snd_timeout;
    facts->error = end->err;
    facts->queued = end->in.len;
    facts->space = end->peer ? sim_space(end->peer) : SF_SIM_BUFFER;
    facts->backlog = end->waiting;
}

static void harm(struct sf_end *end)
{
    end->harmed = true;
    if (end->peer)
        end->peer->harmed = true;
}

static void sim_reset_fd(int fd, int err)
{
    struct sf_end *end = sim_end(fd), *peer;

    if (!end || end->kind != SIM_SOCKET)
        return;
    harm(end);
    peer = end->peer;
    end->peer = NULL;
    if (peer) {
        peer->peer = NULL;
        sim_reset(peer, 0);
    }
    end->done = false;
    sim_reset(end, err);
}

static void sim_end_fd(int fd)
{
    struct sf_end *end = sim_end(fd);

    if (!end)
        return;
    harm(end);
    sim_finish(end);
}

static void sim_kill_fd(int fd)
{
    struct sf_end *end = sim_end(fd);

    if (!end)
        return;
    harm(end);
    sim_fd_close(fd);
    sim_own.slots[sim_slot_of(fd)].killed = true;
    sim_own.slots[sim_slot_of(fd)].told = false;
}

static void sim_drop_client(int fd)
{
    struct sf_end *end = sim_end(fd);

    if (end && end->state == SIM_LISTEN)
        sim_drop(end);
}

static void sim_rearm(int fd, bool unseen)
{
    struct sf_end *end = sim_end(fd);

    if (end)
        sim_epoll_rearm(end, unseen);
}

/* A handler with SA_RESTART lets the call go on, but never a wait. */
static void run_handler(void *mask)
{
    struct sf_facts facts = {0};
    sigset_t blocked = blocked_in(mask);

    signal_facts(mask, &facts);
    sim.config.signals->interrupt(&blocked);
    sim.restarts = !facts.interruptible;
}

static bool sim_interrupt(const sigset_t *mask)
{
    struct sf_facts facts = {0};

    signal_facts(mask, &facts);
    if (sim.config.signals) {
        if (facts.handled)
            sf_inject_handle(run_handler, (void *)(uintptr_t)mask);
        return facts.handled;
    }
    if (sim.config.handlers && sim.config.signal)
        sf_inject_handle(sim.config.signal, sim.config.arg);
    return sim.config.handlers;
}

static void sim_random(void *to, size_t len)
{
    sf_random(&sim.random, to, len);
}

/* ----------------------------------------------------------------- vtable */

/* An allocator asks for the time while it holds a lock that only it knows, as a
 * sanitizer's does: others wait there in the kernel.  But who does nothing else
 * for long waits for something. */
static bool has_had_share(enum sf_call call)
{
    enum { MANY = 1000 };

    return sim.calls >= sim.share &&
           (sf_calls[call].kind != K_CLOCK || sim.calls - sim.share >= MANY);
}

static SF_APART void look(enum sf_call call)
{
    if (has_had_share(call))
        sim_give_way();
    if (sim.calls >= sim.alarm)
        sim.config.before(sim.config.arg, call);
}

/* A handler may have left the last call by a jump. */
static void before(enum sf_call call)
{
    sim.mask = NULL;
    if (sf_sim_wipe)
        sf_sim_wipe();
    if (++sim.calls >= sim.look)
        look(call);
}

static SF_APART long failed(enum sf_call call, long first, long asked, int err)
{
    if (sim.config.after)
        sim.config.after(sim.config.arg, call, first, asked, -1, err);
    if (err == EBADF && sim.config.stale)
        sim.config.stale(sim.config.arg, call, (int)first);
    errno = err;
    return -1;
}

static long after(enum sf_call call, long first, long asked, long r)
{
    if (r < 0)
        return failed(call, first, asked, (int)-r);
    if (sim.config.after)
        sim.config.after(sim.config.arg, call, first, asked, r, 0);
    return r;
}

/* Not ours; -1 is nobody's. */
static void passed(enum sf_call call, long first)
{
    if (first == -1 && sim.config.stale)
        sim.config.stale(sim.config.arg, call, -1);
}

/* clang-format off */
#define FIRST(...)     FIRST_(__VA_ARGS__, 0)
#define FIRST_(a, ...) ((long)(a))

/* Of a wait, 0 of others; before the call, for select changes it. */
#define LIMIT(kind)        LIMIT_(BEFORE_##kind, 0, )
#define LIMIT_(...)        LIMIT__(__VA_ARGS__)
#define LIMIT__(a, n, ...) n
#define BEFORE_WAIT        , sf_sim_limit(timeout)

#define ASKED_READ     (long)len
#define ASKED_RECV     (long)len
#define ASKED_WRITE    (long)len
#define ASKED_SEND     (long)len
#define ASKED_READV    (long)sim_iov_len(iov, iovcnt)
#define ASKED_WRITEV   (long)sim_iov_len(iov, iovcnt)
#define ASKED_RECVMSG  (long)sim_iov_len(msg->msg_iov, (int)msg->msg_iovlen)
#define ASKED_SENDMSG  (long)sim_iov_len(msg->msg_iov, (int)msg->msg_iovlen)
#define ASKED_RECVMMSG 0
#define ASKED_SENDMMSG 0
#define ASKED_SPLICE   (long)len
#define ASKED_ACCEPT   0
#define ASKED_CONNECT  0
#define ASKED_WAIT     limit
#define ASKED_OPEN     0
#define ASKED_CLOSE    0
#define ASKED_CTL      0
#define ASKED_SPECIAL  0
#define ASKED_CLOCK    0

#define SETS(kind)        LIMIT_(SETTING_##kind, 0, )
#define SETTING_CTL       , 1
#define SETTING_SPECIAL   , 1

#define PROCESS(name, returns, params, args, kind)
#define CALL(name, returns, params, args, kind)                               \
    static returns world_##name params                                        \
    {                                                                         \
        long r, limit = LIMIT(kind);                                          \
                                                                              \
        (void)limit;                                                          \
        before(SF_CALL_##name);                                               \
        r = sim_on_##name args;                                               \
        sim.settings += SETS(kind);                                           \
        if (r == PASS || r == PASS_INT) {                                     \
            passed(SF_CALL_##name, FIRST args);                               \
            return sf_libc.name args;                                         \
        }                                                                     \
        return (returns)after(SF_CALL_##name, FIRST args, ASKED_##kind, r);   \
    }
#include "faultinject/calls.def"
#undef CALL

static const struct sf_world world = {
#define PROCESS(name, returns, params, args, kind)
#define CALL(name, returns, params, args, kind) .name = world_##name,
#include "faultinject/calls.def"
#undef CALL
    .first = SF_SIM_FD,
    .count = SF_SIM_FD_COUNT,
    .owns = sim_owns_low,
    .random = sim_random,
    .facts = sim_facts,
    .reset = sim_reset_fd,
    .end = sim_end_fd,
    .kill = sim_kill_fd,
    .drop = sim_drop_client,
    .rearm = sim_rearm,
    .interrupt = sim_interrupt,
};
/* clang-format on */

const struct sf_world *sf_simnet(void)
{
    return &world;
}
