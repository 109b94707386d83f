/* victims_connections.c: before one is there, and after; see victims.h. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/faultinject/victims.h"

void unguarded_sigpipe(void)
{
    int pair[2];

    make_pair(pair);
    close(pair[1]);
    if (send(pair[0], "x", 1, correct ? MSG_NOSIGNAL : 0) == 1)
        exit(3);
}

/* As `client | head`: what nobody reads any more is what it prints. */
void unread_output(void)
{
    int pair[2], out[2];

    make_pair(pair);
    if (send(pair[0], "x", 1, 0) != 1 || pipe(out) < 0)
        exit(3);
    close(out[0]);
    if (write(out[1], "x", 1) == 1)
        exit(3);
}

/* It is under way, and then reported writable. */
static int connect_late(const struct sockaddr_in *addr)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    if (connect(fd, (const struct sockaddr *)addr, sizeof *addr) == 0 ||
        errno != EINPROGRESS || poll(&p, 1, 1000) != 1)
        exit(3);
    return fd;
}

static bool has_failed(int fd)
{
    int error = 0;
    socklen_t len = sizeof error;

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error;
}

/* Who is not connected cannot. */
static void send_in_vain(int fd)
{
    if (send(fd, "x", 1, MSG_NOSIGNAL) == 1)
        exit(3);
}

/* Nobody listens there; the bug takes writable for connected. */
void unchecked_connect(void)
{
    struct sockaddr_in addr;
    int fd;

    bind_loopback(&addr, -1);
    fd = connect_late(&addr);
    if (!correct || !has_failed(fd))
        send_in_vain(fd);
}

/* Asks for something, but not whether it is connected.  TCP_KEEPIDLE is the
 * number that SO_ERROR is at its own level. */
void asks_connect(void)
{
    struct sockaddr_in addr;
    int fd, value = 0;
    socklen_t len = sizeof value;

    bind_loopback(&addr, -1);
    fd = connect_late(&addr);
    if (getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &value, &len) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len) < 0)
        exit(3);
    if (!correct || !has_failed(fd))
        send_in_vain(fd);
}

/* There is no room for it, and then nobody; meanwhile it has tried to send. */
void early_connect(void)
{
    struct sockaddr_in addr;
    int listener = bind_loopback(&addr, 0);
    int first = socket(AF_INET, SOCK_STREAM, 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    if (connect(first, (struct sockaddr *)&addr, sizeof addr) < 0)
        exit(3);
    if (connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0 ||
        errno != EINPROGRESS || send(fd, "x", 1, MSG_NOSIGNAL) == 1 ||
        errno != EAGAIN)
        exit(3);
    close(listener);
    if (poll(&p, 1, 4000) != 1)
        exit(3);
    if (!correct || !has_failed(fd))
        send_in_vain(fd);
}

/* Accept one, and let it go with a reset. */
static void leave(int listener)
{
    struct linger at_once = {.l_onoff = 1};
    int fd = accept(listener, NULL, NULL);

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

/* Never asks whether it is connected.  Who was, and is left, did no harm. */
void left_connect(void)
{
    struct sockaddr_in addr;
    int listener = bind_loopback(&addr, correct ? 1 : -1);
    int fd = connect_late(&addr);

    if (correct)
        leave(listener);
    send_in_vain(fd);
}

/* The buffer is full: the bug asks for the no bytes that are left in it. */
void misuse(void)
{
    char buf[4];
    int pair[2];

    make_pair(pair);
    if (send(pair[1], "12345", 5, 0) != 5 || recv(pair[0], buf, 4, 0) != 4)
        exit(3);
    if (recv(pair[0], buf, correct ? 1 : 0, 0) > 1)
        exit(3);
}

/* What is left of nothing, as a length. */
void misuse_length(void)
{
    char buf[4];
    size_t used = correct ? 3 : sizeof buf + 1;
    int pair[2];

    make_pair(pair);
    send(pair[1], buf, sizeof buf - used, MSG_NOSIGNAL);
}

void misuse_shutdown(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (!correct && (shutdown(fd, SHUT_RDWR) == 0 || errno != ENOTCONN))
        exit(3);
    close(fd);
}
