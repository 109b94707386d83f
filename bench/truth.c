/*
 * truth.c: is a fault that a tool makes one that a kernel could make?
 *
 *     bench_truth EXPERIMENT
 *
 * Makes the calls of one experiment, of which the tool that it runs under is to
 * disturb one, and prints what came of it, as one who knows the kernel sees it:
 *
 *     true            it happened, and all that is seen after fits
 *     not met         nothing happened
 *     lie: WHAT       it happened, and WHAT no kernel does
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LEN = 10 };
static const char sent[LEN + 1] = "0123456789";

static int a, b; /* a: whose calls are disturbed; b: its peer */

static void die(const char *what)
{
    perror(what);
    exit(2);
}

/* Over loopback, since only there a peer can be reset. */
static void connect_both(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    b = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&addr, len) < 0 ||
        listen(listener, 1) < 0 ||
        getsockname(listener, (struct sockaddr *)&addr, &len) < 0 ||
        connect(b, (struct sockaddr *)&addr, len) < 0)
        die("connect");
    a = accept(listener, NULL, NULL);
    close(listener);
    if (a < 0)
        die("accept");
}

/* What the peer says lies there before a asks for it. */
static void peer_says(void)
{
    struct pollfd p = {.fd = a, .events = POLLIN};

    if (write(b, sent, LEN) != LEN || poll(&p, 1, 1000) != 1)
        die("write");
}

static bool is_readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, 200) == 1;
}

/* --- the experiments: NULL: it is true; "": it was not met */

static const char *recv_short(void)
{
    char got[LEN] = {0};
    ssize_t n;

    peer_says();
    n = recv(a, got, LEN, 0);
    if (n == LEN)
        return "";
    if (n <= 0 || memcmp(got, sent, (size_t)n) != 0)
        return "bytes were counted that did not come";
    if (read(a, got + n, (size_t)(LEN - n)) != LEN - n ||
        memcmp(got, sent, LEN) != 0)
        return "the rest of the bytes is not what was sent";
    return NULL;
}

static const char *send_short(void)
{
    char got[LEN] = {0};
    ssize_t n = send(a, sent, LEN, 0), arrived;

    if (n == LEN)
        return "";
    if (n <= 0)
        return "it failed";
    arrived = is_readable(b) ? read(b, got, LEN) : 0;
    return arrived == n ? NULL : "bytes were counted that were not sent";
}

/* A reset is for ever, and the peer learns of it. */
static const char *reset(void)
{
    char got[LEN];

    if (recv(a, got, LEN, MSG_DONTWAIT) >= 0 || errno != ECONNRESET)
        return "";
    if (send(b, sent, LEN, MSG_NOSIGNAL) == LEN && is_readable(a) &&
        recv(a, got, LEN, MSG_DONTWAIT) > 0)
        return "bytes come after the reset";
    if (send(a, sent, LEN, MSG_NOSIGNAL) >= 0)
        return "it can send after the reset";
    return is_readable(b) ? NULL : "the peer never learns of it";
}

static const char *end(void)
{
    char got[LEN];

    peer_says();
    if (recv(a, got, LEN, 0) != 0)
        return "";
    if (recv(a, got, LEN, MSG_DONTWAIT) != 0)
        return "bytes come after the end";
    return NULL;
}

/* Who was told of bytes and found none is told again; this is what a correct
 * reader on edge-triggered epoll relies on. */
static const char *again(void)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLET};
    int ep = epoll_create1(0);
    char got[LEN];

    epoll_ctl(ep, EPOLL_CTL_ADD, a, &e);
    peer_says();
    if (epoll_wait(ep, &e, 1, 1000) != 1)
        die("epoll");
    if (recv(a, got, LEN, MSG_DONTWAIT) >= 0 || errno != EAGAIN)
        return "";
    return epoll_wait(ep, &e, 1, 200) == 1
               ? NULL
               : "nobody is told of the bytes any more";
}

/* Only a handler interrupts a call, and here is none. */
static const char *interrupted(void)
{
    char got[LEN];

    peer_says();
    return recv(a, got, LEN, 0) < 0 && errno == EINTR
               ? "interrupted, without a handler"
               : NULL;
}

/* Linux may say of a socket that it is ready, and nothing is there (select(2),
 * BUGS); then it says of which. */
static const char *ready(void)
{
    struct pollfd p = {.fd = a, .events = POLLIN};
    int n;

    fcntl(a, F_SETFL, O_NONBLOCK);
    n = poll(&p, 1, 100);
    if (n == 0)
        return "";
    return n == 1 && p.revents ? NULL : "somebody is ready, and nobody is";
}

/* As programs built with _FORTIFY_SOURCE call it. */
ssize_t __recv_chk(int fd, void *buf, size_t len, size_t room, int flags);

static const char *fortified(void)
{
    char got[LEN];

    return __recv_chk(a, got, LEN, LEN, MSG_DONTWAIT) < 0 && errno == ECONNRESET
               ? NULL
               : "";
}

static const char *nothing(void)
{
    char got[LEN];

    peer_says();
    for (int i = 0; i < 10; i++)
        if (read(a, got, 0) != 0)
            return "nothing was asked for, and it failed";
    return NULL;
}

static const struct {
    const char *name;
    const char *(*run)(void);
} experiments[] = {
    {"recv-short", recv_short}, {"send-short", send_short},
    {"reset", reset},           {"end", end},
    {"again", again},           {"interrupted", interrupted},
    {"ready", ready},           {"fortified", fortified},
    {"nothing", nothing},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof experiments / sizeof *experiments; i++) {
        const char *what;

        if (argc != 2 || strcmp(argv[1], experiments[i].name) != 0)
            continue;
        connect_both();
        what = experiments[i].run();
        if (!what)
            puts("true");
        else
            printf(*what ? "lie: %s\n" : "not met\n", what);
        return 0;
    }
    fputs("usage: bench_truth EXPERIMENT\n", stderr);
    return 2;
}
