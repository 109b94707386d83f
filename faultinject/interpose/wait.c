/* wait.c: select, poll and epoll, each with its own shape of members. */
#include "faultinject/inject/wait.h"
#include "faultinject/inject/conn.h"
#include "faultinject/inject/registry.h"
#include "faultinject/interpose/interpose.h"

#include <string.h>

/* Rounded up, as waits are: 0 is only who does not wait. */
static int to_ms(time_t seconds, long ns)
{
    if (seconds < 0 || seconds > 1000000)
        return seconds < 0 ? 0 : 1000000000;
    return (int)(seconds * 1000 + (ns + 999999) / 1000000);
}

static int timespec_ms(const struct timespec *t)
{
    return t ? to_ms(t->tv_sec, t->tv_nsec % 1000000000) : -1;
}

static int timeval_ms(const struct timeval *t)
{
    return t ? to_ms(t->tv_sec, t->tv_usec % 1000000 * 1000) : -1;
}

/* A mask is as short as Linux's. */
static bool mask_there(struct sf_wait *w,
                       bool (*readable)(const void *at, size_t len))
{
    if (!w->mask || readable(w->mask, _NSIG / 8))
        return true;
    w->mask = NULL;
    return false;
}

/* --- select --- */

struct select_wait {
    struct sf_wait wait;
    int nfds;
    fd_set *rd;
    fd_set *wr;
    fd_set *ex;
};

/* A set is as large as nfds says: larger than libc's where that is more. */
static unsigned long word_of(const fd_set *set, int word)
{
    return set ? ((const unsigned long *)set)[word] : 0;
}

static unsigned long bit_of(int fd)
{
    return 1UL << fd % NFDBITS;
}

static bool in_set(const fd_set *set, int fd)
{
    return (word_of(set, fd / NFDBITS) & bit_of(fd)) != 0;
}

/* What the kernel looks at: no more than there are numbers. */
static int select_end(const struct select_wait *s)
{
    int end = sf_fd_end();

    end = end < FD_SETSIZE ? FD_SETSIZE : end;
    return s->nfds < end ? s->nfds : end;
}

/* Sixty-four numbers at a time: most of them are not in any set. */
static bool select_next(const struct sf_wait *w, int *cursor,
                        struct sf_member *m)
{
    const struct select_wait *s = (const struct select_wait *)w;
    int end = select_end(s);

    while (*cursor < end) {
        int word = *cursor / NFDBITS, bit;
        unsigned long rd = word_of(s->rd, word), wr = word_of(s->wr, word);
        unsigned long ex = word_of(s->ex, word);
        unsigned long left = (rd | wr | ex) >> *cursor % NFDBITS;

        if (left == 0) {
            *cursor = (word + 1) * NFDBITS;
            continue;
        }
        m->fd = *cursor + __builtin_ctzl(left);
        *cursor = m->fd + 1;
        if (m->fd >= end)
            break;
        bit = m->fd % NFDBITS;
        m->events = (short)((rd >> bit & 1 ? POLLIN : 0) |
                            (wr >> bit & 1 ? POLLOUT : 0) |
                            (ex >> bit & 1 ? POLLPRI : 0));
        return true;
    }
    return false;
}

static void select_add(struct select_wait *s, fd_set *set, int fd)
{
    if (!set || in_set(set, fd))
        return;
    ((unsigned long *)set)[fd / NFDBITS] |= bit_of(fd);
    s->wait.result++;
}

/* The kernel counts it as ready for all that was asked. */
static void select_perish(struct sf_wait *w, int fd)
{
    struct select_wait *s = (struct select_wait *)w;

    if (w->dying & POLLIN)
        select_add(s, s->rd, fd);
    if (w->dying & POLLOUT)
        select_add(s, s->wr, fd);
    if (w->dying & POLLPRI)
        select_add(s, s->ex, fd);
}

static void select_empty(const struct select_wait *s, fd_set *set)
{
    size_t words = (size_t)(select_end(s) + NFDBITS - 1) / NFDBITS;

    if (set)
        memset(set, 0, words * sizeof(fd_mask));
}

static bool select_pretend(struct sf_wait *w, int fd)
{
    struct select_wait *s = (struct select_wait *)w;

    if (fd >= select_end(s) || !in_set(s->rd, fd))
        return false;
    select_empty(s, s->rd);
    select_empty(s, s->wr);
    select_empty(s, s->ex);
    select_add(s, s->rd, fd);
    return true;
}

static void select_drop(struct select_wait *s, fd_set *set, int fd)
{
    if (!in_set(set, fd))
        return;
    ((unsigned long *)set)[fd / NFDBITS] &= ~bit_of(fd);
    s->wait.result--;
}

static bool select_hide(struct sf_wait *w, int fd, short events)
{
    struct select_wait *s = (struct select_wait *)w;

    if (fd >= select_end(s))
        return false;
    if (events & POLLIN)
        select_drop(s, s->rd, fd);
    if (events & POLLOUT)
        select_drop(s, s->wr, fd);
    return !in_set(s->rd, fd) && !in_set(s->wr, fd) && !in_set(s->ex, fd);
}

/* What every address sanitizer has. */
void *__asan_region_is_poisoned(void *from, size_t size) __attribute__((weak));

static bool is_poisoned(const fd_set *set, size_t bytes)
{
    return set && &__asan_region_is_poisoned &&
           __asan_region_is_poisoned((void *)set, bytes);
}

static bool runs_into(const fd_set *set, const fd_set *next, size_t bytes)
{
    uintptr_t from = (uintptr_t)set, to = (uintptr_t)next;

    return set && to > from && to - from < bytes;
}

/* One set can be as large as it likes, and nobody knows; but two that the
 * kernel takes for one another's memory are too small. */
static bool select_overruns(const struct sf_wait *w, int end)
{
    const struct select_wait *s = (const struct select_wait *)w;
    const fd_set *sets[] = {s->rd, s->wr, s->ex};
    int numbers = s->nfds < end ? s->nfds : end;
    size_t bytes =
        (size_t)((numbers + NFDBITS - 1) / NFDBITS) * sizeof(fd_mask);

    for (int i = 0; i < 3; i++) {
        if (is_poisoned(sets[i], bytes))
            return true;
        for (int j = 0; j < 3; j++)
            if (runs_into(sets[i], sets[j], bytes))
                return true;
    }
    return false;
}

static bool select_there(struct sf_wait *w,
                         bool (*readable)(const void *at, size_t len))
{
    struct select_wait *s = (struct select_wait *)w;
    int end = select_end(s);
    size_t bytes = end > 0 ? (size_t)((end + NFDBITS - 1) / NFDBITS) * 8 : 0;

    if (s->nfds >= 0 && mask_there(w, readable) &&
        (!s->rd || readable(s->rd, bytes)) &&
        (!s->wr || readable(s->wr, bytes)) &&
        (!s->ex || readable(s->ex, bytes)))
        return true;
    s->rd = s->wr = s->ex = NULL;
    return false;
}

static const struct sf_wait_shape select_shape = {
    .there = select_there,
    .asked = select_next,
    .reported = select_next,
    .pretend = select_pretend,
    .hide = select_hide,
    .perish = select_perish,
    .overruns = select_overruns,
};

#define SELECT(name, args, ms, mask)                                          \
    struct sf_op op;                                                          \
    struct select_wait w;                                                     \
                                                                              \
    if (SF_LIKELY(!sf_on))                                                    \
        return sf_libc.name args;                                             \
    sf_op_init(&op, SF_CALL_##name, -1, 0, 0);                                \
    op.other = nfds;                                                          \
    w = (struct select_wait){                                                 \
        {&select_shape, ms, 0, nfds == 0, 0, mask, false}, nfds, rd, wr, ex}; \
    op.wait = &w.wait;                                                        \
    SF_BEATS(op, sf_libc.name args, op.result = SF_WORLD(op, name) args)      \
    return (int)sf_tell(&op);

SF_EXPORT int select(int nfds, fd_set *rd, fd_set *wr, fd_set *ex,
                     struct timeval *timeout){
    SELECT(select, (nfds, rd, wr, ex, timeout), timeval_ms(timeout), NULL)}

SF_EXPORT int pselect(int nfds, fd_set *rd, fd_set *wr, fd_set *ex,
                      const struct timespec *timeout, const sigset_t *mask)
{
    SELECT(pselect, (nfds, rd, wr, ex, timeout, mask), timespec_ms(timeout),
           mask)
}

/* --- poll --- */

struct poll_wait {
    struct sf_wait wait;
    struct pollfd *fds;
    unsigned n; /* as many as the kernel takes it for */
};

static bool poll_asked(const struct sf_wait *w, int *cursor,
                       struct sf_member *m)
{
    const struct poll_wait *p = (const struct poll_wait *)w;

    if ((unsigned)*cursor >= p->n)
        return false;
    *m = (struct sf_member){p->fds[*cursor].fd, p->fds[*cursor].events};
    ++*cursor;
    return true;
}

static bool poll_reported(const struct sf_wait *w, int *cursor,
                          struct sf_member *m)
{
    const struct poll_wait *p = (const struct poll_wait *)w;

    for (; (unsigned)*cursor < p->n; ++*cursor) {
        const struct pollfd *f = &p->fds[*cursor];
        if (!f->revents)
            continue;
        *m = (struct sf_member){f->fd, f->revents};
        ++*cursor;
        return true;
    }
    return false;
}

/* A number can stand there more than once. */
static bool poll_pretend(struct sf_wait *w, int fd)
{
    const struct poll_wait *p = (const struct poll_wait *)w;

    w->result = 0;
    for (unsigned i = 0; i < p->n; i++) {
        struct pollfd *f = &p->fds[i];
        f->revents = f->fd == fd && f->events & POLLIN ? POLLIN : 0;
        w->result += f->revents != 0;
    }
    return w->result > 0;
}

static void poll_perish(struct sf_wait *w, int fd)
{
    const struct poll_wait *p = (const struct poll_wait *)w;

    for (unsigned i = 0; i < p->n; i++) {
        if (p->fds[i].fd != fd)
            continue;
        w->result += p->fds[i].revents == 0;
        p->fds[i].revents = POLLNVAL;
    }
}

static bool poll_hide(struct sf_wait *w, int fd, short events)
{
    const struct poll_wait *p = (const struct poll_wait *)w;
    bool hidden = false, reported = false;

    for (unsigned i = 0; i < p->n; i++) {
        struct pollfd *f = &p->fds[i];
        if (f->fd != fd || !f->revents)
            continue;
        f->revents &= (short)~events;
        w->result -= f->revents == 0;
        hidden = true;
        reported |= f->revents != 0;
    }
    return hidden && !reported;
}

static bool poll_there(struct sf_wait *w,
                       bool (*readable)(const void *at, size_t len))
{
    struct poll_wait *p = (struct poll_wait *)w;

    if (mask_there(w, readable) && (p->fds || w->nap) &&
        readable(p->fds, p->n * sizeof *p->fds))
        return true;
    p->n = 0;
    return false;
}

static const struct sf_wait_shape poll_shape = {
    .there = poll_there,
    .asked = poll_asked,
    .reported = poll_reported,
    .pretend = poll_pretend,
    .hide = poll_hide,
    .perish = poll_perish,
    .hangups = true,
};

#define POLL(name, args, ms, mask)                                          \
    struct sf_op op;                                                        \
    struct poll_wait w;                                                     \
                                                                            \
    if (SF_LIKELY(!sf_on))                                                  \
        return sf_libc.name args;                                           \
    sf_op_init(&op, SF_CALL_##name, -1, 0, 0);                              \
    w = (struct poll_wait){{&poll_shape, ms, 0, nfds == 0, 0, mask, false}, \
                           fds,                                             \
                           fds ? (unsigned)nfds : 0};                       \
    op.wait = &w.wait;                                                      \
    SF_BEATS(op, sf_libc.name args, op.result = SF_WORLD(op, name) args)    \
    return (int)sf_tell(&op);

SF_EXPORT int poll(struct pollfd *fds, nfds_t nfds,
                   int timeout){POLL(poll, (fds, nfds, timeout), timeout, NULL)}

SF_EXPORT int ppoll(struct pollfd *fds, nfds_t nfds,
                    const struct timespec *timeout, const sigset_t *mask)
{
    POLL(ppoll, (fds, nfds, timeout, mask), timespec_ms(timeout), mask)
}

/* --- epoll --- */

struct epoll_set {
    struct sf_wait wait;
    int epfd;
    struct epoll_event *events;
    int room;
};

/* epoll's bits are poll's. */
static bool epoll_asked(const struct sf_wait *w, int *cursor,
                        struct sf_member *m)
{
    const struct epoll_set *e = (const struct epoll_set *)w;
    const struct sf_registration *r = sf_epoll_member(e->epfd, cursor);

    if (!r)
        return false;
    *m = (struct sf_member){r->fd, (short)r->event.events};
    return true;
}

/* Whose registration holds what the program stored for this event?  Nobody
 * can tell where several do. */
static int epoll_owner(const struct epoll_set *e, const struct epoll_event *ev)
{
    const struct sf_registration *r;
    int cursor = 0, owner = -1;

    while ((r = sf_epoll_member(e->epfd, &cursor)))
        if (r->event.data.u64 == ev->data.u64) {
            if (owner >= 0)
                return -1;
            owner = r->fd;
        }
    if (owner < 0 && sf_epoll_left(e->epfd, ev->data.u64))
        return SF_NOBODY;
    return owner;
}

static bool epoll_reported(const struct sf_wait *w, int *cursor,
                           struct sf_member *m)
{
    const struct epoll_set *e = (const struct epoll_set *)w;
    const struct epoll_event *ev = &e->events[*cursor];

    if (*cursor >= w->result)
        return false;
    *m = (struct sf_member){epoll_owner(e, ev), (short)ev->events};
    ++*cursor;
    return true;
}

static struct epoll_event *epoll_find(const struct epoll_set *e, int fd)
{
    for (int i = 0; i < e->wait.result; i++)
        if (epoll_owner(e, &e->events[i]) == fd)
            return &e->events[i];
    return NULL;
}

/* One that is told only once may have been, and would then be told no more. */
static bool epoll_pretend(struct sf_wait *w, int fd)
{
    struct epoll_set *e = (struct epoll_set *)w;
    const struct sf_registration *r;
    int cursor = 0;

    while ((r = sf_epoll_member(e->epfd, &cursor)) && r->fd != fd)
        ;
    if (!r || !(r->event.events & EPOLLIN) || r->event.events & EPOLLONESHOT ||
        e->room < 1)
        return false;
    e->events[0] =
        (struct epoll_event){.events = EPOLLIN, .data = r->event.data};
    w->result = 1;
    return true;
}

static bool epoll_hide(struct sf_wait *w, int fd, short events)
{
    struct epoll_set *e = (struct epoll_set *)w;
    struct epoll_event *ev = epoll_find(e, fd);

    if (!ev)
        return false;
    ev->events &= ~(uint32_t)events;
    if (ev->events != 0)
        return false;
    *ev = e->events[--w->result];
    return true;
}

static bool epoll_there(struct sf_wait *w,
                        bool (*readable)(const void *at, size_t len))
{
    return ((struct epoll_set *)w)->room > 0 && mask_there(w, readable);
}

static const struct sf_wait_shape epoll_shape = {
    .there = epoll_there,
    .asked = epoll_asked,
    .reported = epoll_reported,
    .pretend = epoll_pretend,
    .hide = epoll_hide,
    .hangups = true,
};

#define EPOLL(name, args, ms, mask)                                      \
    struct sf_op op;                                                     \
    struct epoll_set w;                                                  \
                                                                         \
    if (SF_LIKELY(!sf_on))                                               \
        return sf_libc.name args;                                        \
    sf_op_init(&op, SF_CALL_##name, -1, 0, 0);                           \
    w = (struct epoll_set){{&epoll_shape, ms, 0, false, 0, mask, false}, \
                           epfd,                                         \
                           events,                                       \
                           maxevents};                                   \
    op.wait = &w.wait;                                                   \
    SF_BEATS(op, sf_libc.name args, op.result = SF_WORLD(op, name) args) \
    return (int)sf_tell(&op);

SF_EXPORT int epoll_wait(int epfd, struct epoll_event *events, int maxevents,
                         int timeout){
    EPOLL(epoll_wait, (epfd, events, maxevents, timeout), timeout, NULL)}

SF_EXPORT int epoll_pwait(int epfd, struct epoll_event *events, int maxevents,
                          int timeout, const sigset_t *mask){
    EPOLL(epoll_pwait, (epfd, events, maxevents, timeout, mask), timeout, mask)}

SF_EXPORT
    int epoll_pwait2(int epfd, struct epoll_event *events, int maxevents,
                     const struct timespec *timeout, const sigset_t *mask){
        EPOLL(epoll_pwait2, (epfd, events, maxevents, timeout, mask),
              timespec_ms(timeout), mask)}

SF_EXPORT int epoll_ctl(int epfd, int how, int fd, struct epoll_event *event)
{
    struct sf_op op;

    if (SF_LIKELY(!sf_on))
        return sf_libc.epoll_ctl(epfd, how, fd, event);
    sf_op_init(&op, SF_CALL_epoll_ctl, fd, 0, how);
    op.other = epfd;
    op.event = event;
    SF_BEATS(op, sf_libc.epoll_ctl(epfd, how, fd, event),
             op.result = op.world->epoll_ctl(epfd, how, fd, event))
    return (int)sf_tell(&op);
}
