/*
 * table.c: open files, the descriptor table, and the reset between sessions.
 *
 * Nothing is allocated.  A reset touches only what the last session used, so
 * that a session of twenty calls costs no more than that.
 */
#include "faultinject/simnet/sim.h"

#include <string.h>

struct sim sim;
struct sim_own sim_own;

void sf_sim_configure(const struct sf_sim_config *config)
{
    static const struct sf_sim_config defaults;

    sim.config = config ? *config : defaults;
    sim.buffer = SF_SIM_BUFFER;
    if (sim.config.buffer && sim.config.buffer < SF_SIM_BUFFER)
        sim.buffer = sim.config.buffer;
    sim.window = sim.config.window ? sim.config.window : sim.buffer;
}

void sf_sim_begin(const struct sf_sim_config *config)
{
    sim_epoll_close_all();
    memset(sim_own.slots, 0, sim_own.slots_used * sizeof sim_own.slots[0]);
    memset(&sim_own.slots[SF_SIM_FD_COUNT], 0,
           SIM_LOW * sizeof sim_own.slots[0]);
    memset(sim.watches, 0, sim.watches_used * sizeof sim.watches[0]);
    memset(sim_own.taken, 0,
           (sim_own.slots_used + 63) / 64 * sizeof sim_own.taken[0]);
    sf_sim_configure(config);
    sim.now = SF_SIM_EPOCH_NS;
    sim.timer_due = sim_own.bell = SF_SIM_NEVER;
    sim.mask = NULL;
    sim.changes = sim.ticks = sim.settings = sim.calls = 0;
    sim.creep = (struct sf_creep){0, 0};
    sim.random = 0;
    sim.alarm = sim.share = sim.look = UINT64_MAX;
    sim.ends_used = sim_own.slots_used = sim.watches_used = 0;
    sim.free_ends = NULL;
    sim_own.open = 0;
    sim_own.fd_capacity = 64;
    sim.next_port = 40000;
}

void sf_sim_end(void)
{
    sim.config = (struct sf_sim_config){0};
}

int64_t sf_sim_now(void)
{
    return sim.now;
}

void sf_sim_set_now(int64_t now)
{
    if (now > sim.now) {
        sim.now = now;
        sim.changes++;
        if (now >= sim.timer_due)
            sim_timers_ring();
        else
            sim.ticks++;
    }
}

uint64_t sf_sim_changes(void)
{
    return sim.changes;
}

uint64_t sf_sim_events(void)
{
    return sim.changes - sim.ticks + sim.settings;
}

uint64_t sf_sim_calls(void)
{
    return sim.calls;
}

void sf_sim_alarm(uint64_t call)
{
    sim.alarm = call;
    sim.look = sim.share < call ? sim.share : call;
}

static int lowest_low(void)
{
    for (int fd = 0; fd < SIM_LOW; fd++)
        if (sim_end(fd))
            return fd;
    return -1;
}

unsigned sf_sim_open(int *first)
{
    if (first) {
        *first = lowest_low();
        for (unsigned i = 0; *first < 0 && i < sim_own.slots_used; i++)
            if (sim_own.slots[i].end)
                *first = SF_SIM_FD + (int)i;
    }
    return sim_own.open;
}

bool sf_sim_is_open(int fd)
{
    return sim_end(fd) != NULL;
}

bool sf_sim_was_killed(int fd)
{
    return sim_is_fd(fd) && sim_own.slots[fd - SF_SIM_FD].killed;
}

bool sf_sim_gave_back(int fd)
{
    return !sim_own.child || !sim_is_fd(fd) ||
           sim_own.slots[fd - SF_SIM_FD].back;
}

bool sf_sim_was_told(int fd)
{
    return sf_sim_was_killed(fd) && sim_own.slots[fd - SF_SIM_FD].told;
}

void sf_sim_tell(int fd)
{
    if (sim_is_fd(fd))
        sim_own.slots[fd - SF_SIM_FD].told = true;
    for (unsigned i = 0; fd < 0 && i < sim_own.slots_used; i++)
        sim_own.slots[i].told = sim_own.slots[i].killed;
}

void sf_sim_set_buffer(size_t bytes)
{
    sim.buffer = bytes;
}

void sf_sim_set_fd_limit(int limit)
{
    sim.config.fd_limit = limit;
}

void sf_sim_bar(sa_family_t family, int err)
{
    sim.config.barred = family;
    sim.config.barred_err = err;
}

/* ------------------------------------------------------------ open files */

struct sf_end *sim_end_new(enum sim_kind kind)
{
    struct sf_end *end = sim.free_ends;

    if (end)
        sim.free_ends = end->next;
    else if (sim.ends_used < SIM_ENDS)
        end = &sim.ends[sim.ends_used++];
    else
        return NULL;
    *end = (struct sf_end){.kind = (uint8_t)kind, .refs = 1};
    end->in.cap = (uint32_t)sim.buffer;
    return end;
}

static void release(struct sf_end *end)
{
    sim_epoll_forget(end);
    if (end->state == SIM_LISTEN)
        sim_close_listener(end);
    else if (end->kind == SIM_TIMER)
        sim_timer_close(end);
    else if (end->kind == SIM_EPOLL)
        sim_epoll_close(end);
    else if (end->kind < SIM_EPOLL)
        sim_close_stream(end, false);
    end->kind = SIM_FREE;
    sim_forget(end);
    end->next = sim.free_ends;
    sim.free_ends = end;
}

void sim_end_unref(struct sf_end *end)
{
    if (--end->refs == 0)
        release(end);
}

/* ----------------------------------------------------------- descriptors */

static int lowest_free(unsigned from)
{
    uint64_t mask = ~UINT64_C(0) << (from % 64);

    for (unsigned word = from / 64; word < SF_SIM_FD_COUNT / 64; word++) {
        uint64_t is_free = ~sim_own.taken[word] & mask;

        if (is_free)
            return (int)(word * 64) + __builtin_ctzll(is_free);
        mask = ~UINT64_C(0);
    }
    return -1;
}

/* How Linux sizes its table: 64, then powers of two from 256 on. */
static void grow_capacity(int fd)
{
    while (sim_own.fd_capacity <= fd)
        sim_own.fd_capacity =
            sim_own.fd_capacity < 256 ? 256 : sim_own.fd_capacity * 2;
}

static void set_slot(unsigned slot, struct sf_end *end, bool cloexec)
{
    sim_own.slots[slot] = (struct sim_slot){.end = end, .cloexec = cloexec};
    sim_own.taken[slot / 64] |= UINT64_C(1) << (slot % 64);
    if (slot >= sim_own.slots_used)
        sim_own.slots_used = slot + 1;
    sim_own.open++;
    sim.changes++;
    grow_capacity(SF_SIM_FD + (int)slot);
}

int sim_fd_new(struct sf_end *end, int from, bool cloexec)
{
    int slot;

    if (from < sim.config.fd_first)
        from = sim.config.fd_first;
    if (from < SF_SIM_FD)
        from = SF_SIM_FD;
    if (!sim_is_fd(from))
        return -EMFILE;
    slot = lowest_free((unsigned)(from - SF_SIM_FD));
    if (slot < 0 ||
        (sim.config.fd_limit && SF_SIM_FD + slot >= sim.config.fd_limit))
        return -EMFILE;
    if (end)
        set_slot((unsigned)slot, end, cloexec);
    return SF_SIM_FD + slot;
}

int sf_sim_lowest(void)
{
    int limit = sim.config.fd_limit, fd;

    sim.config.fd_limit = 0;
    fd = sim_fd_new(NULL, 0, false);
    sim.config.fd_limit = limit;
    return fd;
}

void sim_slot_clear(struct sim_own *own, unsigned slot)
{
    struct sf_end *end = own->slots[slot].end;

    own->slots[slot].end = NULL;
    own->slots[slot].back = true;
    if (slot < SF_SIM_FD_COUNT)
        own->taken[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
    own->open--;
    sim.changes++;
    sim_end_unref(end);
}

int sim_fd_close(int fd)
{
    if (!sim_end(fd))
        return -EBADF;
    sim_slot_clear(&sim_own, sim_slot_of(fd));
    if (!sim_is_fd(fd))
        sf_libc.close(fd);
    return 0;
}

/* What counts from the start says nothing, but how far it is from there does.
 */
static uint64_t share_left(void)
{
    return sim.share == UINT64_MAX ? sim.share : sim.share - sim.calls;
}

void sf_sim_counters(sf_counter *each, void *arg)
{
    sim.left = share_left();
    each(arg, &sim.share, sizeof sim.share);
    each(arg, &sim.calls, sizeof sim.calls);
    each(arg, &sim.changes, sizeof sim.changes);
    each(arg, &sim.ticks, sizeof sim.ticks);
    each(arg, &sim.settings, sizeof sim.settings);
    each(arg, &sim.alarm, sizeof sim.alarm);
    each(arg, &sim.look, sizeof sim.look);
    each(arg, &sim.creep.at, sizeof sim.creep.at);
    if (sim.creep.at != sim.changes) /* then they count from 0 again */
        each(arg, &sim.creep.asks, sizeof sim.creep.asks);
    for (unsigned i = 0; i < SF_COUNTED; i++)
        each(arg, &sim.ends[i].edges, sizeof sim.ends[i].edges);
}

void sf_sim_times(sf_counter *each, void *arg)
{
    each(arg, &sim.now, sizeof sim.now);
}
