/* upper.c: see upper.h; poll, non-blocking, one buffer for each client. */
#include "upper.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Everyone's first bugs: 1 a short count is taken for the whole, 2 a client
 * that is gone keeps its descriptor, 3 and one that has finished stays, 4 what
 * is noted of an error is never given back, 5 memory is always there.  And 6,
 * which is none, but nothing can be proved with it: every second run reads byte
 * by byte. */
#ifndef UPPER_PLANTED
#define UPPER_PLANTED 0
#endif

enum { CLIENTS = 16, ROOM = 256 };

struct client {
    char bytes[ROOM]; /* [from, to) are to be sent */
    size_t from, to;
};

volatile int upper_stop;

static struct pollfd fds[1 + CLIENTS]; /* fds[0] listens */
static struct client *clients[1 + CLIENTS];
static nfds_t n;
static unsigned runs;

static void add(int fd)
{
    struct client *c;

    if (fd < 0)
        return;
    if (n > CLIENTS || fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
        close(fd);
        return;
    }
    c = malloc(sizeof *c);
    if (!c && UPPER_PLANTED != 5) {
        close(fd);
        return;
    }
    c->from = c->to = 0;
    fds[n] = (struct pollfd){.fd = fd, .events = POLLIN};
    clients[n++] = c;
}

static void drop(nfds_t i)
{
    if (UPPER_PLANTED != 2)
        close(fds[i].fd);
    free(clients[i]);
    fds[i] = fds[--n];
    clients[i] = clients[n];
}

static int go_on(void)
{
    return errno == EINTR || errno == EAGAIN || errno == ENOBUFS ||
           errno == ENOMEM;
}

/* A log that is switched off. */
static void note(const char *what)
{
    (void)what;
}

/* Each returns whether the client stays. */
static int receive(int fd, struct client *c)
{
    size_t room = UPPER_PLANTED == 6 && runs % 2 == 0 ? 1 : ROOM;
    ssize_t r = recv(fd, c->bytes, room, 0);

    for (ssize_t i = 0; i < r; i++)
        c->bytes[i] = (char)toupper((unsigned char)c->bytes[i]);
    c->from = 0;
    c->to = r > 0 ? (size_t)r : 0;
    return r > 0 || (r < 0 && go_on()) || (r == 0 && UPPER_PLANTED == 3);
}

static int reply(int fd, struct client *c)
{
    ssize_t r = send(fd, c->bytes + c->from, c->to - c->from, MSG_NOSIGNAL);

    if (UPPER_PLANTED == 1 && r > 0)
        r = (ssize_t)(c->to - c->from);
    if (UPPER_PLANTED == 4 && r < 0)
        note(strdup(strerror(errno)));
    c->from += r > 0 ? (size_t)r : 0;
    return r >= 0 || go_on();
}

static void serve(nfds_t i)
{
    struct client *c = clients[i];
    int stays = c->from < c->to ? reply(fds[i].fd, c) : receive(fds[i].fd, c);

    fds[i].events = c->from < c->to ? POLLOUT : POLLIN;
    if (!stays)
        drop(i);
}

int upper_serve(const struct sockaddr *addr, socklen_t len)
{
    int listener = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

    if (bind(listener, addr, len) < 0 || listen(listener, 8) < 0)
        return -1;
    fds[0] = (struct pollfd){.fd = listener, .events = POLLIN};
    runs++;
    for (n = 1, upper_stop = 0; !upper_stop;) {
        if (poll(fds, n, -1) < 0)
            continue;
        for (nfds_t i = n; --i > 0;)
            if (fds[i].revents)
                serve(i);
        if (fds[0].revents) {
            add(accept(listener, NULL, NULL));
            if (errno == EMFILE || errno == ENFILE)
                poll(NULL, 0, 10); /* somebody may leave meanwhile */
        }
        errno = 0;
    }
    while (n > 1)
        drop(n - 1);
    close(listener);
    return 0;
}
