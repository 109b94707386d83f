/* registry.c: who is registered with which epoll; see registry.h. */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "faultinject/inject/registry.h"

/* What an entry says of epfd that nobody has, or somebody is filling in. */
enum { REGISTRATIONS_MAX = 16384, FREE = -1, TAKEN = -2 };

static struct sf_registration table[REGISTRATIONS_MAX];
static int used;     /* entries from here on are unused */
static bool is_full; /* and somebody found no room      */

/* The last that were left: what epfd may still report. */
enum { LEFT_MAX = 64 };
static struct {
    int above; /* epfd + 1; 0: none */
    uint64_t data;
} left[LEFT_MAX];
static unsigned leavings;

static struct sf_registration *find(int epfd, int fd)
{
    for (int i = 0; i < used; i++)
        if (table[i].epfd == epfd && table[i].fd == fd)
            return &table[i];
    return NULL;
}

static bool takes(struct sf_registration *r, int from)
{
    return __atomic_load_n(&r->epfd, __ATOMIC_RELAXED) == from &&
           __atomic_compare_exchange_n(&r->epfd, &from, TAKEN, false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static void drop(struct sf_registration *r, int epfd)
{
    if (epfd < 0 || !takes(r, epfd))
        return;
    r->fd = -1;
    __atomic_store_n(&r->epfd, FREE, __ATOMIC_RELEASE);
}

/* One that was freed, else the next; other threads look for theirs. */
static struct sf_registration *take(void)
{
    int next;

    for (int i = 0; i < used; i++)
        if (takes(&table[i], FREE))
            return &table[i];
    next = __atomic_load_n(&used, __ATOMIC_RELAXED);
    while (next < REGISTRATIONS_MAX)
        if (__atomic_compare_exchange_n(&used, &next, next + 1, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            return &table[next];
    __atomic_store_n(&is_full, true, __ATOMIC_RELAXED);
    return NULL;
}

bool sf_epoll_expect(int epfd, int how, int fd, const struct epoll_event *event)
{
    struct sf_registration *r = find(epfd, fd);

    if (!event || how == EPOLL_CTL_DEL)
        return false;
    if (r && how == EPOLL_CTL_MOD)
        r->event = *event;
    if (!r && how == EPOLL_CTL_ADD)
        sf_epoll_note(epfd, how, fd, event);
    return !r && how == EPOLL_CTL_ADD;
}

void sf_epoll_note(int epfd, int op, int fd, const struct epoll_event *event)
{
    struct sf_registration *r = find(epfd, fd);

    if (op == EPOLL_CTL_DEL) {
        if (r)
            drop(r, epfd);
        return;
    }
    if (r) {
        r->event = event ? *event : r->event;
        return;
    }
    r = take();
    if (!r)
        return;
    r->fd = fd;
    r->event = event ? *event : (struct epoll_event){.events = 0};
    __atomic_store_n(&r->epfd, epfd, __ATOMIC_RELEASE);
}

void sf_epoll_leave(int fd)
{
    const struct sf_registration *r;
    int cursor = 0;

    while ((r = sf_epoll_next(fd, &cursor))) {
        unsigned i =
            __atomic_fetch_add(&leavings, 1, __ATOMIC_RELAXED) % LEFT_MAX;
        __atomic_store_n(&left[i].data, r->event.data.u64, __ATOMIC_RELAXED);
        __atomic_store_n(&left[i].above, r->epfd + 1, __ATOMIC_RELEASE);
    }
}

bool sf_epoll_left(int epfd, uint64_t data)
{
    for (int i = 0; i < LEFT_MAX; i++)
        if (__atomic_load_n(&left[i].above, __ATOMIC_ACQUIRE) == epfd + 1 &&
            __atomic_load_n(&left[i].data, __ATOMIC_RELAXED) == data)
            return true;
    return false;
}

/* An instance that is closed reports no more. */
static void leave_none(int epfd)
{
    if (__atomic_load_n(&leavings, __ATOMIC_RELAXED) == 0)
        return;
    for (int i = 0; i < LEFT_MAX; i++)
        if (__atomic_load_n(&left[i].above, __ATOMIC_RELAXED) == epfd + 1)
            __atomic_store_n(&left[i].above, 0, __ATOMIC_RELAXED);
}

void sf_epoll_forget(int fd)
{
    leave_none(fd);
    for (int i = 0; i < used; i++)
        if (table[i].epfd == fd || table[i].fd == fd)
            drop(&table[i], table[i].epfd);
}

const struct sf_registration *sf_epoll_next(int fd, int *cursor)
{
    while (*cursor < used) {
        const struct sf_registration *r = &table[(*cursor)++];
        if (r->fd == fd)
            return r;
    }
    return NULL;
}

const struct sf_registration *sf_epoll_member(int epfd, int *cursor)
{
    while (*cursor < used) {
        const struct sf_registration *r = &table[(*cursor)++];
        if (r->epfd == epfd && epfd >= 0)
            return r;
    }
    return NULL;
}

bool sf_epoll_edges(int fd)
{
    const struct sf_registration *r;
    int cursor = 0;

    while ((r = sf_epoll_next(fd, &cursor)))
        if (r->event.events & (EPOLLET | EPOLLONESHOT))
            return true;
    return false;
}

bool sf_epoll_unknown(int fd)
{
    int cursor = 0;

    return __atomic_load_n(&is_full, __ATOMIC_RELAXED) &&
           !sf_epoll_next(fd, &cursor);
}

void sf_epoll_forget_all(void)
{
    if (leavings > 0)
        memset(left, 0, sizeof left);
    leavings = 0;
    is_full = false;
    used = 0;
}
