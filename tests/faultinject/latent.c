/*
 * latent.c: for each monitor a program whose bug sleeps until a fault wakes
 * it, and a correct twin.
 *
 *     latent MONITOR | latent MONITOR-not
 *
 * Without faults none of them does anything wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/faultinject/foreign.h"

enum { ROUNDS = 20, LENGTH = 31 };

static bool correct;
static char message[LENGTH + 1] = "thirty-one bytes of a message..";

/* --- what they have in common, and right --- */

static bool again(ssize_t n)
{
    return n < 0 && (errno == EINTR || errno == EAGAIN);
}

static bool send_all(int fd)
{
    size_t done = 0;

    while (done < LENGTH) {
        ssize_t n = send(fd, message + done, LENGTH - done, MSG_NOSIGNAL);
        if (n < 0 && !again(n))
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool recv_all(int fd)
{
    char buf[LENGTH];
    size_t done = 0;

    while (done < LENGTH) {
        ssize_t n = recv(fd, buf + done, LENGTH - done, 0);
        if (n == 0 || (n < 0 && !again(n)))
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool make_pair(int pair[2])
{
    return foreign_pair(SOCK_STREAM | SOCK_NONBLOCK, pair) == 0;
}

static bool wait_readable(int fd, struct timeval *timeout)
{
    fd_set rd;

    FD_ZERO(&rd);
    FD_SET(fd, &rd);
    return select(fd + 1, &rd, NULL, NULL, timeout) == 1;
}

/* --- one for each monitor --- */

/* Takes the end for nothing that has come yet. */
static void spin(int fd, int peer)
{
    char buf[LENGTH];

    for (int i = 0; i < ROUNDS; i++) {
        bool sent = false;
        for (size_t got = 0; got < LENGTH;) {
            ssize_t n = recv(fd, buf, LENGTH - got, 0);
            if (again(n) && !sent && !(sent = send_all(peer)))
                return;
            if ((n == 0 && correct) || (n < 0 && !again(n)))
                return;
            got += n > 0 ? (size_t)n : 0;
        }
    }
}

/* Takes a short count for the whole, so that the other end waits in vain. */
static void stall(int fd, int peer)
{
    char buf[LENGTH];

    for (int i = 0; i < ROUNDS; i++) {
        if (correct ? !send_all(peer)
                    : send(peer, message, LENGTH, MSG_NOSIGNAL) < 0)
            return;
        for (size_t got = 0; got < LENGTH;) {
            ssize_t n;
            wait_readable(fd, NULL);
            n = recv(fd, buf, LENGTH - got, 0);
            if (n == 0 || (n < 0 && !again(n)))
                return;
            got += n > 0 ? (size_t)n : 0;
        }
    }
}

/* Closes what has ended and goes on with it. */
static void stale_fd(int fd, int peer)
{
    for (int i = 0; i < ROUNDS && send_all(peer); i++)
        if (!recv_all(fd)) {
            close(fd);
            if (!correct)
                send(fd, message, LENGTH, MSG_NOSIGNAL);
            return;
        }
    close(fd);
}

/* Closes what has ended, and everything in the end. */
static void double_close(int fd, int peer)
{
    for (int i = 0; i < ROUNDS && send_all(peer); i++)
        if (!recv_all(fd)) {
            close(fd);
            if (correct)
                return;
            break;
        }
    close(fd);
}

/* An injected death leaves a number that is not ours any more. */
static void close_ours(int fd)
{
    if (fcntl(fd, F_GETFD) >= 0)
        close(fd);
}

/* One connection after the other; forgets to close what ended early. */
static void fd_leak(int fd, int peer)
{
    int pair[2] = {fd, peer};

    for (int i = 0; i < ROUNDS; i++) {
        bool well = send_all(pair[1]) && recv_all(pair[0]);
        if (well || correct)
            close_ours(pair[0]);
        close_ours(pair[1]);
        if (!make_pair(pair))
            return;
    }
}

/* Looks at every number there may be, once something went wrong. */
static void fd_range(int fd, int peer)
{
    struct timeval now = {0, 0};
    fd_set sets[3]; /* room behind two, so that nothing else breaks */
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    memset(sets, 0, sizeof sets);
    if (dup2(STDERR_FILENO, FD_SETSIZE) < 0)
        return;
    for (int i = 0; i < ROUNDS && send_all(peer); i++)
        if (!recv_all(fd)) {
            select(correct ? FD_SETSIZE : FD_SETSIZE + 1, &sets[0], &sets[1],
                   NULL, &now);
            break;
        }
    close(FD_SETSIZE);
}

/* Reads a whole message where the first byte of it was reported. */
static void blocking_in_loop(int fd, int peer)
{
    struct pollfd p[2] = {{.fd = fd, .events = POLLIN},
                          {.fd = peer, .events = POLLIN}};
    char buf[LENGTH];

    fcntl(fd, F_SETFL, 0);
    for (int i = 0; i < ROUNDS && send_all(peer); i++)
        for (size_t got = 0; got < LENGTH;) {
            if (poll(p, 2, 1000) < 0 && errno != EINTR)
                return;
            if ((p[0].revents | p[1].revents) & POLLNVAL)
                return;
            if (!(p[0].revents & (POLLIN | POLLHUP | POLLERR)))
                continue;
            do {
                ssize_t n = recv(fd, buf, LENGTH - got, 0);
                if (n == 0 || (n < 0 && !again(n)))
                    return;
                got += n > 0 ? (size_t)n : 0;
            } while (!correct && got < LENGTH);
        }
}

static void nothing(int sig)
{
    (void)sig;
}

/* Looks into the sets whatever select says. */
static void phantom_dispatch(int fd, int peer)
{
    struct sigaction sa = {.sa_handler = nothing};
    char buf[LENGTH];

    (void)peer;
    sigaction(SIGURG, &sa, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        struct timeval soon = {0, 1000};
        fd_set rd;
        int n;
        FD_ZERO(&rd);
        FD_SET(fd, &rd);
        n = select(fd + 1, &rd, NULL, NULL, &soon);
        if ((n > 0 || !correct) && FD_ISSET(fd, &rd))
            recv(fd, buf, sizeof buf, 0);
    }
}

static void unguarded_sigpipe(int fd, int peer)
{
    for (int i = 0; i < ROUNDS; i++) {
        ssize_t n = send(peer, "x", 1, correct ? MSG_NOSIGNAL : 0);
        char byte;
        if (n < 0 && !again(n))
            return;
        recv(fd, &byte, 1, 0);
    }
}

/* False: the descriptor is not ours any more. */
static bool reach(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    socklen_t len = sizeof(int);
    int error = 0;

    if (poll(&p, 1, 1000) != 1)
        return true;
    if (p.revents & POLLNVAL)
        return false;
    if (correct)
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    return error || send(fd, "x", 1, MSG_NOSIGNAL) >= 0 || errno != EBADF;
}

/* Takes writable for connected. */
static void call(const struct sockaddr_in *addr)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    bool ours = true;

    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)addr, sizeof *addr) < 0 &&
        errno == EINPROGRESS)
        ours = reach(fd);
    if (ours)
        close(fd);
}

static void unchecked_connect(int fd, int peer)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof addr;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    (void)fd;
    (void)peer;
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&addr, sizeof addr) < 0 ||
        listen(listener, ROUNDS) < 0 ||
        getsockname(listener, (struct sockaddr *)&addr, &len) < 0)
        return;
    for (int i = 0; i < ROUNDS; i++)
        call(&addr);
}

/* Asks for no bytes where some are left to ask for. */
static void misuse(int fd, int peer)
{
    char buf[LENGTH];

    for (int i = 0; i < ROUNDS && send_all(peer); i++)
        for (size_t got = 0; got < LENGTH;) {
            size_t rest = got == 0 || correct ? LENGTH - got : 0;
            ssize_t n = recv(fd, buf, rest, 0);
            if (n == 0 || (n < 0 && !again(n)))
                return;
            got += n > 0 ? (size_t)n : 0;
        }
}

/* Cannot imagine a short count. */
static void died(int fd, int peer)
{
    char buf[LENGTH];

    for (int i = 0; i < ROUNDS && send_all(peer); i++)
        for (size_t got = 0; got < LENGTH;) {
            ssize_t n = recv(fd, buf, LENGTH - got, 0);
            if (n == 0 || (n < 0 && !again(n)))
                return;
            got += n > 0 ? (size_t)n : 0;
            if (!correct && n > 0 && got < LENGTH)
                abort();
        }
}

static const struct {
    const char *monitor;
    void (*run)(int fd, int peer);
} programs[] = {
    {"spin", spin},
    {"stall", stall},
    {"stale-fd", stale_fd},
    {"double-close", double_close},
    {"fd-leak", fd_leak},
    {"fd-range", fd_range},
    {"blocking-in-loop", blocking_in_loop},
    {"phantom-dispatch", phantom_dispatch},
    {"unguarded-sigpipe", unguarded_sigpipe},
    {"unchecked-connect", unchecked_connect},
    {"misuse", misuse},
    {"died", died},
};

int main(int argc, char **argv)
{
    char *minus = argc == 2 ? strstr(argv[1], "-not") : NULL;
    int pair[2];

    if (argc != 2)
        return 3;
    correct = minus != NULL;
    if (minus)
        *minus = '\0';
    if (!make_pair(pair))
        return 0; /* a table that is full is no bug of ours */
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
        if (strcmp(argv[1], programs[i].monitor) == 0) {
            programs[i].run(pair[0], pair[1]);
            return 0;
        }
    return 3;
}
