/* trusting.c: what the ways have in common; see trusting.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/faultinject/trusting.h"

bool make_pair(int pair[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 &&
           fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0;
}

int listen_at(struct sockaddr_in *at)
{
    socklen_t len = sizeof *at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    *at = (struct sockaddr_in){.sin_family = AF_INET};
    at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)at, len) < 0 || listen(fd, 8) < 0 ||
        getsockname(fd, (struct sockaddr *)at, &len) < 0)
        return -1;
    return fd;
}

/* One that was interrupted goes on by itself. */
bool dial(int fd, const struct sockaddr_in *at)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int err = 0;
    socklen_t len = sizeof err;

    if (connect(fd, (const struct sockaddr *)at, sizeof *at) == 0)
        return true;
    if (errno != EINTR)
        return false;
    while (poll(&p, 1, PATIENCE_MS) < 0 && errno == EINTR)
        ;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) == 0 && err == 0;
}

/* Over TCP: [0] was accepted, [1] connected. */
bool make_tcp(int pair[2])
{
    struct sockaddr_in at;
    int listener = listen_at(&at);

    pair[1] = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || !dial(pair[1], &at))
        return false;
    while ((pair[0] = accept(listener, NULL, NULL)) < 0 && errno == EINTR)
        ;
    close(listener);
    return pair[0] >= 0;
}

bool watch(int epfd, int how, int fd, uint32_t events, uint64_t data)
{
    struct epoll_event e = {.events = events, .data.u64 = data};

    return epoll_ctl(epfd, how, fd, &e) == 0;
}

bool says(int fd, const char *bytes)
{
    size_t left = strlen(bytes);

    while (left > 0) {
        ssize_t n = send(fd, bytes, left, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return false;
        bytes += n > 0 ? n : 0;
        left -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

ssize_t take(int fd, void *buf, size_t len)
{
    ssize_t n;

    while ((n = read(fd, buf, len)) < 0 && errno == EINTR)
        ;
    return n;
}

/* All there is, as who waits for edges reads it. */
size_t drain(int fd)
{
    char c[64];
    size_t sum = 0;
    ssize_t n;

    while ((n = take(fd, c, sizeof c)) > 0)
        sum += (size_t)n;
    return sum;
}

void on_signal(int sig)
{
    (void)sig;
}

static const struct {
    const char *name;
    int (*run)(void);
} ways[] = {
#define X(way, name) {name, way},
    WAYS(X)
#undef X
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < sizeof ways / sizeof *ways; i++)
        if (strcmp(argv[1], ways[i].name) == 0)
            return ways[i].run();
    fprintf(stderr, "usage: trusting WAY\n");
    return 99;
}
