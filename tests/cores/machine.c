/* machine.c: each connection is a function that goes on where it waited. */
#include "core.h"

#include <poll.h>
#include <stdlib.h>
#include <time.h>

/* A coroutine in C: the line it waits in is its state. */
#define BEGIN(c)         \
    switch ((c)->line) { \
    case 0:
#define WAIT_FOR(c, what)     \
    do {                      \
        (c)->line = __LINE__; \
        (c)->waits = (what);  \
        return true;          \
    case __LINE__:;           \
    } while (0)
#define END }

struct conn {
    struct conn *next;
    int fd, line;
    short waits;
    bool gone; /* the descriptor is closed already */
    size_t size, done;
    char bytes[CORE_ROOM];
};

/* How much was moved: 0 means wait, -1 the end. */
static ssize_t moved(struct conn *c, ssize_t r)
{
    if (r < 0 && core_again(errno))
        return 0;
    c->gone |= r < 0 && errno == EBADF;
    if (r > 0)
        c->done += (size_t)r;
    return r > 0 ? r : -1;
}

static ssize_t get(struct conn *c)
{
    return moved(c, recv(c->fd, c->bytes + c->done, c->size - c->done, 0));
}

static ssize_t put(struct conn *c)
{
    return moved(
        c, send(c->fd, c->bytes + c->done, c->size - c->done, MSG_NOSIGNAL));
}

/* False when it is over. */
static bool echo(struct conn *c)
{
    BEGIN(c)
    for (;;) {
        c->size = CORE_PREFIX;
        for (c->done = 0; c->done < c->size;) {
            WAIT_FOR(c, POLLIN);
            if (get(c) < 0)
                return false;
        }
        if (core_frame(c->bytes, CORE_PREFIX) < 0)
            return false;
        for (int i = 0; i < CORE_PREFIX; i++)
            c->size += (size_t)(c->bytes[i] - '0') *
                       (const size_t[]){10000, 1000, 100, 10, 1}[i];
        while (c->done < c->size) {
            WAIT_FOR(c, POLLIN);
            if (get(c) < 0)
                return false;
        }
        for (c->done = 0; c->done < c->size;) {
            WAIT_FOR(c, POLLOUT);
            if (put(c) < 0)
                return false;
        }
    }
    END return false;
}

static void add(struct conn **first, int fd)
{
    struct conn *c = calloc(1, sizeof *c);

    if (!c) {
        close(fd);
        return;
    }
    c->fd = fd;
    c->next = *first;
    *first = c;
    echo(c); /* up to where it waits */
}

static void drop(struct conn **link)
{
    struct conn *c = *link;

    *link = c->next;
    if (!c->gone)
        close(c->fd);
    free(c);
}

/* One step of each that may go on. */
static void step(struct conn **link, const struct pollfd *fds)
{
    for (; *link; fds++) {
        struct conn *c = *link;

        c->gone |= (fds->revents & POLLNVAL) != 0;
        if (c->gone || (fds->revents && !echo(c)))
            drop(link);
        else
            link = &c->next;
    }
}

void core_serve(int listener, const volatile sig_atomic_t *stop,
                const sigset_t *open)
{
    struct timespec pause = {.tv_nsec = CORE_PAUSE_MS * 1000000L};
    struct conn *conns = NULL;
    bool listening = true;

    while (!*stop) {
        struct pollfd fds[256] = {{listening ? listener : -1, POLLIN, 0}};
        nfds_t n = 1;
        int ready;

        for (struct conn *c = conns; c && n < 256; c = c->next)
            fds[n++] = (struct pollfd){c->fd, c->waits, 0};
        ready = ppoll(fds, n, listening ? NULL : &pause, open);
        if (ready < 0)
            continue;
        step(&conns, fds + 1);
        listening = true;
        if (fds[0].revents && n < 256) {
            int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);

            if (fd >= 0)
                add(&conns, fd);
            else
                listening = !core_exhausted(errno);
        }
    }
    while (conns)
        drop(&conns);
}
