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

/* Nobody listens there; the bug takes writable for connected. */
void unchecked_connect(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof addr;
    int nobody = socket(AF_INET, SOCK_STREAM, 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int error = 0;

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(nobody, (struct sockaddr *)&addr, sizeof addr) < 0 ||
        getsockname(nobody, (struct sockaddr *)&addr, &len) < 0)
        exit(3);
    if (connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0 ||
        errno != EINPROGRESS || poll(&p, 1, 1000) != 1)
        exit(3);
    len = sizeof error;
    if (correct &&
        (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error))
        return;
    if (send(fd, "x", 1, MSG_NOSIGNAL) == 1)
        exit(3);
}

/* Asks for something, but not whether it is connected.  TCP_KEEPIDLE is the
 * number that SO_ERROR is at its own level. */
void asks_connect(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof addr;
    int nobody = socket(AF_INET, SOCK_STREAM, 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int value = 0;

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(nobody, (struct sockaddr *)&addr, sizeof addr) < 0 ||
        getsockname(nobody, (struct sockaddr *)&addr, &len) < 0 ||
        connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0 ||
        errno != EINPROGRESS || poll(&p, 1, 1000) != 1)
        exit(3);
    len = sizeof value;
    if (getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &value, &len) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len) < 0)
        exit(3);
    if (correct && getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &len) == 0 &&
        value != 0)
        return;
    if (send(fd, "x", 1, MSG_NOSIGNAL) == 1)
        exit(3);
}

/* There is no room for it, and then nobody; meanwhile it has tried to send. */
void early_connect(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof addr;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int first = socket(AF_INET, SOCK_STREAM, 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int error = 0;

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&addr, sizeof addr) < 0 ||
        listen(listener, 0) < 0 ||
        getsockname(listener, (struct sockaddr *)&addr, &len) < 0 ||
        connect(first, (struct sockaddr *)&addr, sizeof addr) < 0)
        exit(3);
    if (connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0 ||
        errno != EINPROGRESS || send(fd, "x", 1, MSG_NOSIGNAL) == 1 ||
        errno != EAGAIN)
        exit(3);
    close(listener);
    if (poll(&p, 1, 4000) != 1)
        exit(3);
    len = sizeof error;
    if (correct &&
        (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error))
        return;
    if (send(fd, "x", 1, MSG_NOSIGNAL) == 1)
        exit(3);
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
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof addr;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&addr, sizeof addr) < 0 ||
        (correct && listen(listener, 1) < 0) ||
        getsockname(listener, (struct sockaddr *)&addr, &len) < 0)
        exit(3);
    if (connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0 ||
        errno != EINPROGRESS || poll(&p, 1, 1000) != 1)
        exit(3);
    if (correct)
        leave(listener);
    if (send(fd, "x", 1, MSG_NOSIGNAL) == 1)
        exit(3);
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
