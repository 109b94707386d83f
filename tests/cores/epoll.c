/* epoll.c: edge-triggered, so each event is used up before the next wait. */
#include "core.h"

#include <stdlib.h>
#include <sys/epoll.h>

struct conn {
    struct conn *next, **link;
    int fd;
    size_t begin, end; /* of what has come and not gone back */
    size_t due;        /* … of it, so much is whole frames   */
    char bytes[2 * CORE_ROOM];
};

static struct conn *conns;

static void drop(struct conn *c, bool gone)
{
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    if (!gone)
        close(c->fd);
    free(c);
}

/* epoll forgets in silence what somebody else closed; that it was shows when
 * its number comes again. */
static void forget(int fd)
{
    for (struct conn *c = conns, *next; c; c = next) {
        next = c->next;
        if (c->fd == fd)
            drop(c, true);
    }
}

static void add(int epoll, int fd)
{
    struct conn *c = calloc(1, sizeof *c);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET,
                                .data.ptr = c};

    forget(fd);
    if (!c || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
        free(c);
        close(fd);
        return;
    }
    *c = (struct conn){.next = conns, .link = &conns, .fd = fd};
    if (conns)
        conns->link = &c->next;
    conns = c;
}

static bool find_frames(struct conn *c)
{
    int n;

    while ((n = core_frame(c->bytes + c->begin + c->due,
                           c->end - c->begin - c->due)) > 0)
        c->due += (size_t)n;
    return n == 0;
}

/* 1: all is out; 0: there is no room now; -1: it is over. */
static int send_due(struct conn *c)
{
    while (c->due > 0) {
        ssize_t r = send(c->fd, c->bytes + c->begin, c->due, MSG_NOSIGNAL);

        if (r < 0 && errno == EAGAIN)
            return 0;
        if (r < 0 && !core_again(errno))
            return -1;
        if (r > 0) {
            c->begin += (size_t)r;
            c->due -= (size_t)r;
        }
    }
    return 1;
}

/* 1: more has come; 0: nothing now; -1: the end. */
static int receive(struct conn *c)
{
    ssize_t r;

    memmove(c->bytes, c->bytes + c->begin, c->end - c->begin);
    c->end -= c->begin;
    c->begin = 0;
    do
        r = recv(c->fd, c->bytes + c->end, sizeof c->bytes - c->end, 0);
    while (r < 0 && errno != EAGAIN && core_again(errno));
    if (r < 0 && errno == EAGAIN)
        return 0;
    if (r == 0)
        errno = 0;
    if (r <= 0)
        return -1;
    c->end += (size_t)r;
    return 1;
}

static void serve(struct conn *c)
{
    int more = 1;
    bool good = true;

    while (more > 0 && good) {
        more = send_due(c);
        if (more > 0)
            more = receive(c);
        if (more > 0)
            good = find_frames(c);
    }
    if (!good)
        more = send_due(c) == 0 ? 0 : -1;
    if (more < 0)
        drop(c, errno == EBADF);
}

void core_serve(int listener, const volatile sig_atomic_t *stop,
                const sigset_t *open)
{
    struct epoll_event event = {.events = EPOLLIN}, events[16];
    int epoll = epoll_create1(EPOLL_CLOEXEC), n;
    bool pause = false;

    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    while (!*stop) {
        n = epoll_pwait(epoll, events, 16, pause ? CORE_PAUSE_MS : -1, open);
        if (pause) {
            pause = false;
            epoll_ctl(epoll, EPOLL_CTL_MOD, listener, &event);
        }
        for (int i = 0; i < n; i++) {
            int fd;

            if (events[i].data.ptr) {
                serve(events[i].data.ptr);
                continue;
            }
            fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
            if (fd >= 0) {
                add(epoll, fd);
            } else if (core_exhausted(errno)) {
                pause = true;
                epoll_ctl(epoll, EPOLL_CTL_MOD, listener,
                          &(struct epoll_event){.events = 0});
            }
        }
    }
    while (conns)
        drop(conns, false);
    close(epoll);
}
