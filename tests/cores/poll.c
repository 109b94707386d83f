/* poll.c: a table of connections; what poll is asked is made anew each turn. */
#include "core.h"

#include <poll.h>
#include <time.h>

enum { CONNS = 200 };

static struct conn {
    int fd;          /* -1: free                              */
    bool gone;       /* … and it is closed already            */
    size_t in;       /* bytes that have come                  */
    size_t end, out; /* of the frame that goes back, and sent */
    char bytes[CORE_ROOM];
} conns[CONNS];

static void drop(struct conn *c)
{
    if (!c->gone)
        close(c->fd);
    c->fd = -1;
}

/* An error of a call: does it go on? */
static bool survives(struct conn *c)
{
    c->gone = errno == EBADF;
    return core_again(errno);
}

/* Back goes each frame that is here, as far as there is room. */
static bool answer(struct conn *c)
{
    for (;;) {
        int frame = c->end ? (int)c->end : core_frame(c->bytes, c->in);
        ssize_t r;

        if (frame <= 0)
            return frame == 0;
        c->end = (size_t)frame;
        r = send(c->fd, c->bytes + c->out, c->end - c->out, MSG_NOSIGNAL);
        if (r < 0)
            return survives(c);
        c->out += (size_t)r;
        if (c->out < c->end)
            return true;
        c->in -= c->end;
        memmove(c->bytes, c->bytes + c->end, c->in);
        c->end = c->out = 0;
    }
}

static bool receive(struct conn *c)
{
    ssize_t r = recv(c->fd, c->bytes + c->in, sizeof c->bytes - c->in, 0);

    if (r <= 0)
        return r < 0 && survives(c);
    c->in += (size_t)r;
    return answer(c);
}

static struct conn *free_conn(void)
{
    for (int i = 0; i < CONNS; i++)
        if (conns[i].fd < 0)
            return &conns[i];
    return NULL;
}

/* False: not now. */
static bool take(int listener)
{
    struct conn *c = free_conn();
    int fd = c ? accept4(listener, NULL, NULL, SOCK_NONBLOCK) : -1;

    if (fd < 0)
        return c && !core_exhausted(errno);
    *c = (struct conn){.fd = fd};
    return true;
}

static void serve(struct conn *c, short events)
{
    c->gone = (events & POLLNVAL) != 0;
    if (c->gone || (events && !(c->end ? answer(c) : receive(c))))
        drop(c);
}

void core_serve(int listener, const volatile sig_atomic_t *stop,
                const sigset_t *open)
{
    struct timespec pause = {.tv_nsec = CORE_PAUSE_MS * 1000000L};
    bool listening = true;

    for (int i = 0; i < CONNS; i++)
        conns[i].fd = -1;
    while (!*stop) {
        struct pollfd fds[CONNS + 1];

        for (int i = 0; i < CONNS; i++)
            fds[i] = (struct pollfd){conns[i].fd,
                                     conns[i].end ? POLLOUT : POLLIN, 0};
        fds[CONNS] = (struct pollfd){listening ? listener : -1, POLLIN, 0};
        if (ppoll(fds, CONNS + 1, listening ? NULL : &pause, open) < 0)
            continue;
        for (int i = 0; i < CONNS; i++)
            if (conns[i].fd >= 0)
                serve(&conns[i], fds[i].revents);
        listening = !fds[CONNS].revents || take(listener);
    }
    for (int i = 0; i < CONNS; i++)
        if (conns[i].fd >= 0)
            drop(&conns[i]);
}
