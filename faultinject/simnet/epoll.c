/*
 * epoll.c: interest lists.
 *
 * Every end counts the edges (`sim_wake`); an edge-triggered registration
 * remembers how many it has reported, and is reported again only when there
 * are more.  A registration belongs to the open file, not to the number, so
 * it outlives a close() while a dup lives, as epoll(7) warns.
 *
 * Descriptors of the real kernel's (signalfd, inotify, datagram sockets, a
 * terminal) are watched by an instance of its own beside ours, which is looked
 * at without waiting.
 */
#include "faultinject/simnet/sim.h"

#include <fcntl.h>
#include <unistd.h>

static struct sim_watch *find(const struct sf_end *ep, int fd,
                              const struct sf_end *end)
{
    for (unsigned i = 0; i < sim.watches_used; i++) {
        struct sim_watch *w = &sim.watches[i];

        if (w->epoll == ep && w->fd == fd && w->end == end)
            return w;
    }
    return NULL;
}

static struct sim_watch *new_watch(void)
{
    for (unsigned i = 0; i < sim.watches_used; i++)
        if (!sim.watches[i].epoll)
            return &sim.watches[i];
    if (sim.watches_used == SIM_WATCHES)
        return NULL;
    return &sim.watches[sim.watches_used++];
}

static void set(struct sim_watch *w, const struct epoll_event *event)
{
    w->events = event->events;
    w->data = event->data;
    w->seen = w->end->edges - 1; /* what is ready now counts as news */
    w->spent = false;
}

enum { MAX_NESTS = 4 }; /* instances in each other: EP_MAX_NESTS */

/* Does it watch `ep`, or too many that watch each other? */
static bool leads_to(const struct sf_end *end, const struct sf_end *ep,
                     int depth)
{
    if (end->kind != SIM_EPOLL)
        return false;
    if (end == ep || depth > MAX_NESTS)
        return true;
    for (unsigned i = 0; i < sim.watches_used; i++)
        if (sim.watches[i].epoll == end &&
            leads_to(sim.watches[i].end, ep, depth + 1))
            return true;
    return false;
}

/* One that is to wake only one of several cannot be changed, nor be epoll's. */
static int refused(const struct sf_end *ep, int op, const struct sf_end *end,
                   const struct sim_watch *w, const struct epoll_event *event)
{
    bool exclusive = op != EPOLL_CTL_DEL && event->events & EPOLLEXCLUSIVE;

    if (end == ep)
        return -EINVAL;
    if (exclusive && (op == EPOLL_CTL_MOD || end->kind == SIM_EPOLL))
        return -EINVAL;
    if (op == EPOLL_CTL_MOD && w && w->events & EPOLLEXCLUSIVE)
        return -EINVAL;
    return op == EPOLL_CTL_ADD && leads_to(end, ep, 0) ? -ELOOP : 0;
}

int sim_epoll_ctl(struct sf_end *ep, int op, int fd, struct sf_end *end,
                  const struct epoll_event *event)
{
    struct sim_watch *w = find(ep, fd, end);
    int no = refused(ep, op, end, w, event);

    if (no)
        return no;
    switch (op) {
    case EPOLL_CTL_ADD:
        if (w)
            return -EEXIST;
        w = new_watch();
        if (!w)
            return -ENOSPC;
        *w = (struct sim_watch){.epoll = ep, .end = end, .fd = fd};
        set(w, event);
        return 0;
    case EPOLL_CTL_MOD:
        if (!w)
            return -ENOENT;
        set(w, event);
        return 0;
    case EPOLL_CTL_DEL:
        if (!w)
            return -ENOENT;
        w->epoll = NULL;
        return 0;
    default:
        return -EINVAL;
    }
}

/* -------------------------------------------- descriptors of the kernel's */

static unsigned reals; /* instances beside ours */

/* Among our numbers, where no call of the program reaches the kernel's. */
static int out_of_the_way(int fd)
{
    int far = sf_libc.fcntl(fd, F_DUPFD_CLOEXEC, SF_SIM_FD + 400);

    if (far < 0)
        return fd;
    sf_libc.close(fd);
    return far;
}

int sim_epoll_ctl_real(struct sf_end *ep, int op, int fd,
                       struct epoll_event *event)
{
    int made = ep->real ? 0 : sf_libc.epoll_create1(EPOLL_CLOEXEC);

    if (made < 0)
        return -errno;
    if (!ep->real) {
        ep->real = out_of_the_way(made);
        reals++;
    }
    return sf_libc.epoll_ctl(ep->real, op, fd, event) < 0 ? -errno : 0;
}

void sim_epoll_close(struct sf_end *ep)
{
    if (!ep->real)
        return;
    sf_libc.close(ep->real);
    ep->real = 0;
    reals--;
}

void sim_epoll_close_all(void)
{
    for (unsigned i = 0; reals && i < sim.ends_used; i++)
        if (sim.ends[i].kind == SIM_EPOLL)
            sim_epoll_close(&sim.ends[i]);
}

static int collect_real(const struct sf_end *ep, struct epoll_event *out,
                        int max)
{
    int n = 0;

    if (ep->real && max > 0)
        n = sf_libc.epoll_wait(ep->real, out, max, 0);
    return n > 0 ? n : 0;
}

static bool real_is_ready(const struct sf_end *ep)
{
    struct pollfd p = {.fd = ep->real, .events = POLLIN};

    return ep->real && sf_libc.poll(&p, 1, 0) > 0;
}

/* --------------------------------------------------------------- readiness */

static uint32_t events_of(const struct sim_watch *w)
{
    uint32_t wanted = w->events | EPOLLERR | EPOLLHUP;

    if (w->spent)
        return 0;
    if ((w->events & EPOLLET) && w->seen == w->end->edges)
        return 0;
    return sim_ready(w->end) & wanted;
}

static bool collect_one(const struct sf_end *ep, struct sim_watch *w,
                        struct epoll_event *out)
{
    uint32_t events = w->epoll == ep ? events_of(w) : 0;

    if (!events)
        return false;
    w->seen = w->end->edges;
    w->spent = w->events & EPOLLONESHOT;
    *out = (struct epoll_event){.events = events, .data = w->data};
    return true;
}

/* Where there is no room for all, the next time begins with the others
 * (epoll_wait(2), "round robin"). */
int sim_epoll_collect(struct sf_end *ep, struct epoll_event *out, int max)
{
    unsigned first = ep->turn < sim.watches_used ? ep->turn : 0;
    int n = 0;

    ep->turn = 0;
    for (unsigned i = 0; i < sim.watches_used && n < max; i++) {
        unsigned at = (first + i) % sim.watches_used;

        n += collect_one(ep, &sim.watches[at], &out[n]);
        if (n == max)
            ep->turn = at + 1;
    }
    return n + collect_real(ep, out + n, max - n);
}

unsigned sim_epoll_ready(struct sf_end *ep)
{
    for (unsigned i = 0; i < sim.watches_used; i++)
        if (sim.watches[i].epoll == ep && events_of(&sim.watches[i]))
            return 1;
    return real_is_ready(ep);
}

void sim_epoll_forget(const struct sf_end *end)
{
    for (unsigned i = 0; i < sim.watches_used; i++)
        if (sim.watches[i].end == end || sim.watches[i].epoll == end)
            sim.watches[i].epoll = NULL;
}

void sim_epoll_rearm(const struct sf_end *end, bool unseen)
{
    for (unsigned i = 0; i < sim.watches_used; i++)
        if (sim.watches[i].epoll && sim.watches[i].end == end) {
            sim.watches[i].seen = end->edges - 1;
            sim.watches[i].spent &= !unseen;
        }
}
