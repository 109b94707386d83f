/*
 * epoll.c: interest lists.
 *
 * Every end counts the edges (`sim_wake`); an edge-triggered registration
 * remembers how many it has reported, and is reported again only when there
 * are more.  A registration belongs to the open file, not to the number, so
 * it outlives a close() while a dup lives, as epoll(7) warns.
 */
#include "faultinject/simnet/sim.h"

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

int sim_epoll_ctl(struct sf_end *ep, int op, int fd, struct sf_end *end,
                  const struct epoll_event *event)
{
    struct sim_watch *w = find(ep, fd, end);

    if (end == ep)
        return -EINVAL;
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

static uint32_t events_of(const struct sim_watch *w)
{
    uint32_t wanted = w->events | EPOLLERR | EPOLLHUP;

    if (w->spent)
        return 0;
    if ((w->events & EPOLLET) && w->seen == w->end->edges)
        return 0;
    return sim_ready(w->end) & wanted;
}

int sim_epoll_collect(struct sf_end *ep, struct epoll_event *out, int max)
{
    int n = 0;

    for (unsigned i = 0; i < sim.watches_used && n < max; i++) {
        struct sim_watch *w = &sim.watches[i];
        uint32_t events = w->epoll == ep ? events_of(w) : 0;

        if (!events)
            continue;
        w->seen = w->end->edges;
        w->spent = w->events & EPOLLONESHOT;
        out[n++] = (struct epoll_event){.events = events, .data = w->data};
    }
    return n;
}

unsigned sim_epoll_ready(struct sf_end *ep)
{
    for (unsigned i = 0; i < sim.watches_used; i++)
        if (sim.watches[i].epoll == ep && events_of(&sim.watches[i]))
            return 1;
    return 0;
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
