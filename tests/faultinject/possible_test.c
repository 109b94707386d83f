/*
 * possible_test.c: each legal result that the fault model names can happen.
 *
 * A row says what is done, under which rule, and what comes back; the call
 * is made on a connection on which five bytes wait to be read and fifty are
 * to be sent.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "faultinject/inject/inject.h"
#include "tests/faultinject/planned.h"

/* What it begins with. */
enum {
    NB = 1,       /* the descriptor does not block                 */
    EMPTY = 2,    /* nothing waits to be read                      */
    SENT = 4,     /* something was sent before                     */
    HANDLER = 8,  /* a harmless signal has a handler               */
    TIMEOUT = 16, /* SO_SNDTIMEO is set and the buffer nearly full */
    ON_UNIX = 32,
    BLOCKED = 64,    /* … and is blocked                              */
    NEVER = 128,     /* what the rules say cannot happen              */
    RESTARTS = 256,  /* … with SA_RESTART                           */
    IGNORED = 512,   /* the signal is ignored                       */
    FINISHED = 1024, /* the peer has sent its last byte            */
    LEFT = 2048      /* the peer is gone with something unread     */
};

struct row {
    const char *name;
    const char *rules;
    long (*call)(int fd);
    unsigned begin;
    long result;
    int err;
};

static long do_recv(int fd)
{
    char buf[50];

    return recv(fd, buf, sizeof buf, 0);
}

static long do_recv_twice(int fd)
{
    do_recv(fd);
    return do_recv(fd);
}

static long do_recv_pair(int fd)
{
    char buf[2];

    return recv(fd, buf, sizeof buf, 0);
}

static long do_recv_shut(int fd)
{
    shutdown(fd, SHUT_WR);
    return do_recv(fd);
}

static long do_recv_deaf(int fd)
{
    shutdown(fd, SHUT_RD);
    return do_recv(fd);
}

static long do_send(int fd)
{
    char buf[50] = "";

    return send(fd, buf, sizeof buf, MSG_NOSIGNAL);
}

static long do_send_deaf(int fd)
{
    shutdown(fd, SHUT_RD);
    return do_send(fd);
}

static long do_send_twice(int fd)
{
    do_send(fd);
    return do_send(fd);
}

static char large[1 << 20];

static long do_send_large(int fd)
{
    return send(fd, large, sizeof large, MSG_NOSIGNAL) < (long)sizeof large;
}

static long do_poll(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, 0);
}

static long do_poll_soon(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, 10000);
}

static long do_poll_behind(int fd)
{
    struct pollfd p[2] = {{.fd = fd, .events = POLLIN},
                          {.fd = fd + 1, .events = POLLIN}};

    sf_libc.send(fd, "x", 1, 0);
    return poll(p, 2, 0) == 1 && p[0].revents == POLLIN ? p[1].revents : -2;
}

static long do_select(int fd)
{
    struct timeval now = {0, 0};
    fd_set rd;

    FD_ZERO(&rd);
    FD_SET(fd, &rd);
    return select(fd + 1, &rd, NULL, NULL, &now);
}

static long do_select_to_write(int fd)
{
    struct timeval now = {0, 0};
    fd_set wr;

    FD_ZERO(&wr);
    FD_SET(fd, &wr);
    return select(fd + 1, NULL, &wr, NULL, &now);
}

/* Of a pair of AF_UNIX, the other of which has the next number. */
static long do_select_both(int fd)
{
    struct timeval now = {0, 0};
    fd_set rd;

    FD_ZERO(&rd);
    FD_SET(fd, &rd);
    FD_SET(fd + 1, &rd);
    if (select(fd + 2, &rd, NULL, NULL, &now) != -1 || errno != EBADF)
        return -2;
    if (fcntl(fd, F_GETFD) != -1 || fcntl(fd + 1, F_GETFD) != -1)
        return -3;
    return -1;
}

/* Both are asked for, and nothing comes. */
static long do_select_while(int fd)
{
    struct timeval soon = {0, 20000};
    fd_set rd, ex;

    FD_ZERO(&rd);
    FD_SET(fd, &rd);
    ex = rd;
    if (select(fd + 1, &rd, NULL, &ex, &soon) != 2)
        return -2;
    return FD_ISSET(fd, &rd) && FD_ISSET(fd, &ex) ? do_recv(fd) : -3;
}

static long do_poll_while(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    if (poll(&p, 1, 20) != 1 || p.revents != POLLNVAL)
        return -2;
    return do_recv(fd);
}

static long ms_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static long do_recv_late(int fd)
{
    long begin = ms_now(), got = do_recv(fd);

    return ms_now() - begin >= 30 ? got : -2;
}

static long do_select_late(int fd)
{
    long begin = ms_now(), ready = do_select(fd);

    return ms_now() - begin >= 30 ? ready : -2;
}

static int watched;
static volatile sig_atomic_t waiting;

static void look(int sig)
{
    char buf[50];

    (void)sig;
    waiting = (int)sf_libc.recv(watched, buf, sizeof buf, MSG_PEEK);
}

/* What its peer, of the next number, has when a signal ends the wait. */
static long do_send_and_look(int fd)
{
    struct sigaction old, sa = {.sa_handler = look};
    struct itimerval soon = {.it_value = {0, 20000}};
    long sent;

    watched = fd + 1;
    waiting = 0;
    sigaction(SIGALRM, &sa, &old);
    setitimer(ITIMER_REAL, &soon, NULL);
    sent = do_send(fd);
    sigaction(SIGALRM, &old, NULL);
    alarm(60);
    return sent == waiting ? sent : -2;
}

/* How many bits there are when two are asked for and one is withheld. */
static long do_count(int fd)
{
    struct timeval now = {0, 0};
    fd_set rd, wr;
    int n;

    FD_ZERO(&rd);
    FD_SET(fd, &rd);
    wr = rd;
    n = select(fd + 1, &rd, &wr, NULL, &now);
    return n == FD_ISSET(fd, &rd) + FD_ISSET(fd, &wr) ? n : -1;
}

static long do_epoll(int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    int epfd = epoll_create1(0);
    int result, saved;

    epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event);
    result = epoll_wait(epfd, &event, 1, 0);
    saved = errno;
    close(epfd);
    errno = saved;
    return result;
}

/* Both of a pair have something; which one is told of? */
static long do_epoll_pair(int fd)
{
    struct epoll_event event = {.events = EPOLLIN}, got[2];
    int epfd = epoll_create1(0);
    long n;

    sf_libc.send(fd, "x", 1, 0);
    for (event.data.fd = fd; event.data.fd <= fd + 1; event.data.fd++)
        epoll_ctl(epfd, EPOLL_CTL_ADD, event.data.fd, &event);
    n = epoll_wait(epfd, got, 2, 0);
    close(epfd);
    return n == 1 ? got[0].data.fd - fd : -2;
}

/* Of a listener with somebody who waits. */
static long do_accept(int fd)
{
    unsigned short port;
    int listener = make_listener(&port);
    int client = dial(port);
    int result, saved;

    (void)fd;
    set_nonblocking(listener);
    result = accept(listener, NULL, NULL);
    saved = errno;
    if (result >= 0)
        close(result);
    close(client);
    close(listener);
    errno = saved;
    return result < 0 ? -1 : 0;
}

/* Nobody waits. */
static long do_accept_none(int fd)
{
    unsigned short port;
    int listener = make_listener(&port);
    int result, saved;

    (void)fd;
    set_nonblocking(listener);
    result = accept(listener, NULL, NULL);
    saved = errno;
    close(listener);
    errno = saved;
    return result;
}

/* Of a listener that blocks, with somebody who waits. */
static long do_accept_blocking(int fd)
{
    struct pollfd p = {.events = POLLIN};
    unsigned short port;
    int client, result, saved;

    (void)fd;
    p.fd = make_listener(&port);
    client = dial(port);
    sf_libc.poll(&p, 1, 10000);
    result = accept(p.fd, NULL, NULL);
    saved = errno;
    if (result >= 0)
        close(result);
    close(client);
    close(p.fd);
    errno = saved;
    return result < 0 ? -1 : 0;
}

/* There is no room in the backlog: it goes on, and is asked for once more. */
static long do_connect_again(int fd)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof addr;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int late = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int client, result, saved;

    (void)fd;
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sf_libc.bind(listener, (struct sockaddr *)&addr, sizeof addr);
    sf_libc.listen(listener, 0);
    sf_libc.getsockname(listener, (struct sockaddr *)&addr, &len);
    client = dial(ntohs(addr.sin_port));
    if (connect(late, (struct sockaddr *)&addr, sizeof addr) == 0 ||
        errno != EINPROGRESS)
        return -2;
    result = connect(late, (struct sockaddr *)&addr, sizeof addr);
    saved = errno;
    close(late);
    close(client);
    close(listener);
    errno = saved;
    return result;
}

static long connect_with(int type)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    unsigned short port;
    int listener = make_listener(&port);
    int fd = socket(AF_INET, type, 0);
    int result, saved;

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    addr.sin_port = htons(port);
    result = connect(fd, (struct sockaddr *)&addr, sizeof addr);
    saved = errno;
    close(fd);
    close(listener);
    errno = saved;
    return result;
}

static long ppoll_with(int fd, bool blocks)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    sigset_t mask;

    sigemptyset(&mask);
    if (blocks)
        sigaddset(&mask, SIGURG);
    return ppoll(&p, 1, NULL, &mask);
}

static long do_ppoll(int fd)
{
    return ppoll_with(fd, false);
}

static long do_ppoll_undisturbed(int fd)
{
    return ppoll_with(fd, true);
}

static long do_listen_late(int fd)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    long begin = ms_now(), result;

    (void)fd;
    result = listen(listener, 1);
    close(listener);
    return ms_now() - begin >= 30 ? result : -2;
}

static long do_connect(int fd)
{
    (void)fd;
    return connect_with(SOCK_STREAM);
}

static long do_connect_later(int fd)
{
    (void)fd;
    return connect_with(SOCK_STREAM | SOCK_NONBLOCK);
}

static long made(int fd)
{
    int saved = errno;

    if (fd >= 0)
        close(fd);
    errno = saved;
    return fd < 0 ? -1 : 0;
}

static long do_dup(int fd)
{
    return made(dup(fd));
}

static long do_socket(int fd)
{
    (void)fd;
    return made(socket(AF_INET, SOCK_STREAM, 0));
}

static long do_socket_6(int fd)
{
    (void)fd;
    return made(socket(AF_INET6, SOCK_STREAM, 0));
}

/* How many of six cannot be had, and nothing is closed meanwhile. */
static long do_dup_more(int fd)
{
    int copies[6];
    long none = 0;

    for (int i = 0; i < 6; i++) {
        copies[i] = dup(fd);
        none += copies[i] < 0;
    }
    for (int i = 0; i < 6; i++)
        if (copies[i] >= 0)
            close(copies[i]);
    return none;
}

/* … and one is closed after the first. */
static long do_dup_after_close(int fd)
{
    int other = dup(fd), copy = dup(fd), result;

    if (other < 0 || copy >= 0 || close(other) < 0)
        return -2;
    copy = dup(fd);
    result = copy >= 0 ? 0 : -1;
    close(copy);
    return result;
}

/* The number is free all the same. */
static long do_close(int fd)
{
    int result = close(fd);
    int saved = errno;

    if (sf_libc.fcntl(fd, F_GETFD, 0) >= 0)
        return 1;
    errno = saved;
    return result;
}

#define POSIX "profile posix\n"
#define FIRST "conn 1 recv 1: "
#define SENDS "conn 1 send 1: "

/* clang-format off */
static const struct row table[] = {
    /* recv */
    {"R1: dead", FIRST "deadfd", do_recv, 0, -1, EBADF},
    {"R1: dead, and another socket's",
     FIRST "deadfd-reused", do_recv, 0, -1, ENOTCONN},
    {"R1: dead, and no socket any more",
     FIRST "deadfd-notsock", do_recv, 0, -1, ENOTSOCK},
    {"R4: one of five bytes", FIRST "short 1", do_recv, 0, 1, 0},
    {"R4: two of five bytes", FIRST "short 2", do_recv, 0, 2, 0},
    {"R4: four of five bytes", FIRST "short 4", do_recv, 0, 4, 0},
    {"R4: one of two bytes", FIRST "short 1", do_recv_pair, 0, 1, 0},
    {"R4: after only the other way was shut",
     FIRST "short 1", do_recv_shut, 0, 1, 0},
    {"R4: not after this one was",
     FIRST "short 1", do_recv_deaf, NEVER, 5, 0},
    {"R5: a reset", FIRST "ECONNRESET", do_recv, 0, -1, ECONNRESET},
    {"R5: a reset on AF_UNIX",
     FIRST "ECONNRESET", do_recv, SENT | EMPTY | ON_UNIX, -1, ECONNRESET},
    {"R5: not on AF_UNIX where the peer has got nothing",
     FIRST "ECONNRESET", do_recv, ON_UNIX | NEVER, 5, 0},
    {"R5: not behind the end",
     FIRST "ECONNRESET", do_recv, EMPTY | FINISHED | NEVER, 0, 0},
    {"R5: not twice, on AF_UNIX", FIRST "ECONNRESET", do_recv_twice,
     SENT | EMPTY | LEFT | ON_UNIX | NEVER, 0, 0},
    {"R5: no timeout where nothing is under way",
     FIRST "ETIMEDOUT", do_recv, NEVER, 5, 0},
    {"R5: a timeout", FIRST "ETIMEDOUT", do_recv, SENT, -1, ETIMEDOUT},
    {"R6: the end after a reset", FIRST "ECONNRESET", do_recv_twice, 0, 0, 0},
    {"R6: the end", FIRST "EOF", do_recv, 0, 0, 0},
    {"R6: the end on AF_UNIX", FIRST "EOF", do_recv, ON_UNIX, 0, 0},
    {"R6: not before a reset", FIRST "EOF", do_recv,
     SENT | EMPTY | LEFT | ON_UNIX | NEVER, -1, ECONNRESET},
    {"R6: and nothing but the end after a timeout",
     POSIX FIRST "ETIMEDOUT\nconn 1 recv 2: ENOBUFS", do_recv_twice, SENT, 0,
     0},
    {"R7: would block", FIRST "EAGAIN", do_recv, NB, -1, EAGAIN},
    {"R8: interrupted", FIRST "EINTR", do_recv, HANDLER | EMPTY, -1, EINTR},
    {"interrupted, not blocking", POSIX FIRST "EINTR", do_recv, NB, -1, EINTR},
    {"no buffers to read into", POSIX FIRST "ENOBUFS", do_recv, 0, -1, ENOBUFS},
    {"no memory to read into", POSIX FIRST "ENOMEM", do_recv, 0, -1, ENOMEM},
    {"later", FIRST "delay 30", do_recv_late, 0, 5, 0},
    /* send */
    {"sent, and nobody has noted it",
     SENDS "late 10000", do_send_and_look, ON_UNIX, 50, 0},
    {"S1: dead", SENDS "deadfd", do_send, 0, -1, EBADF},
    {"S1: dead, and another socket's",
     SENDS "deadfd-reused", do_send, 0, -1, EPIPE},
    {"S1: dead, and no socket any more",
     SENDS "deadfd-notsock", do_send, 0, -1, ENOTSOCK},
    {"S4: a reset", SENDS "ECONNRESET", do_send, 0, -1, ECONNRESET},
    {"S4: a timeout",
     "conn 1 send 2: ETIMEDOUT", do_send_twice, 0, -1, ETIMEDOUT},
    {"S5: a broken pipe", SENDS "EPIPE", do_send, ON_UNIX, -1, EPIPE},
    {"S5: a broken pipe on TCP",
     "conn 1 send 2: EPIPE", do_send_twice, 0, -1, EPIPE},
    {"S5: for ever", SENDS "EPIPE", do_send_twice, ON_UNIX, -1, EPIPE},
    {"S7: one of fifty bytes", SENDS "short 1", do_send, NB, 1, 0},
    {"S7: after only the other way was shut",
     SENDS "short 1", do_send_deaf, NB, 1, 0},
    {"S7: forty-nine of fifty", SENDS "short 49", do_send, NB, 49, 0},
    {"S8: short, blocking, with a timeout",
     SENDS "short 9", do_send_large, TIMEOUT, 1, 0},
    {"S8: short, blocking", POSIX SENDS "short 9", do_send, 0, 9, 0},
    {"S9: would block", SENDS "EAGAIN", do_send, NB, -1, EAGAIN},
    {"S10: interrupted", POSIX SENDS "EINTR", do_send, 0, -1, EINTR},
    {"S11: no buffers", POSIX SENDS "ENOBUFS", do_send, 0, -1, ENOBUFS},
    {"S11: no memory", POSIX SENDS "ENOMEM", do_send, 0, -1, ENOMEM},
    /* accept, and whatever makes a descriptor */
    {"listening, and nobody has noted it",
     "listen 1: late 30", do_listen_late, ON_UNIX, 0, 0},
    {"A1: no descriptors", "accept 1: EMFILE", do_accept, ON_UNIX, -1, EMFILE},
    {"A1: no descriptors for dup", "dup 1: EMFILE", do_dup, 0, -1, EMFILE},
    {"A1: nor for a socket",
     "socket 1: EMFILE", do_socket, ON_UNIX, -1, EMFILE},
    {"a machine without IPv6",
     "socket 1: EAFNOSUPPORT", do_socket_6, ON_UNIX, -1, EAFNOSUPPORT},
    {"A1: not for ever", "dup 1: EMFILE", do_dup_more, 0, 4, 0},
    {"A1: until one is closed", "dup 2: EMFILE", do_dup_after_close, 0, 0, 0},
    {"A1: no files", "accept 1: ENFILE", do_accept, ON_UNIX, -1, ENFILE},
    {"A2: would block",
     POSIX "accept 1: EAGAIN", do_accept, ON_UNIX, -1, EAGAIN},
    {"A2: Linux has it",
     "accept 1: EAGAIN", do_accept, ON_UNIX | NEVER, 0, 0},
    {"A2: interrupted only while it sleeps",
     "accept 1: EINTR", do_accept_blocking, HANDLER | ON_UNIX | NEVER, 0, 0},
    {"A2: interrupted", POSIX "accept 1: EINTR", do_accept, ON_UNIX, -1, EINTR},
    {"A3: aborted",
     POSIX "accept 1: ECONNABORTED", do_accept, ON_UNIX, -1, ECONNABORTED},
    {"A3: who is not there is not aborted", POSIX "accept 1: ECONNABORTED",
     do_accept_none, ON_UNIX | NEVER, -1, EAGAIN},
    {"A3: a protocol error",
     POSIX "accept 1: EPROTO", do_accept, ON_UNIX, -1, EPROTO},
    {"A3: forbidden",
     POSIX "accept 1: EPERM", do_accept, ON_UNIX, -1, EPERM},
    {"A3: no network",
     POSIX "accept 1: ENETDOWN", do_accept, ON_UNIX, -1, ENETDOWN},
    {"A3: no buffers",
     POSIX "accept 1: ENOBUFS", do_accept, ON_UNIX, -1, ENOBUFS},
    {"A3: no memory", POSIX "accept 1: ENOMEM", do_accept, ON_UNIX, -1, ENOMEM},
    /* connect */
    {"C1: refused",
     "connect 1: ECONNREFUSED", do_connect, ON_UNIX, -1, ECONNREFUSED},
    {"C1: later",
     "connect 1: ECONNREFUSED", do_connect_later, ON_UNIX, -1, EINPROGRESS},
    {"C1: not what has begun", "connect 3: ECONNREFUSED", do_connect_again,
     ON_UNIX | NEVER, -1, EALREADY},
    {"C1: no way there",
     "connect 1: ENETUNREACH", do_connect, ON_UNIX, -1, ENETUNREACH},
    {"C1: no address here",
     "connect 1: EADDRNOTAVAIL", do_connect, ON_UNIX, -1, EADDRNOTAVAIL},
    {"C3: nobody answers",
     "connect 1: ETIMEDOUT", do_connect, ON_UNIX, -1, ETIMEDOUT},
    {"C6: interrupted",
     POSIX "connect 1: EINTR", do_connect, ON_UNIX, -1, EINTR},
    {"C6: by a handler", "connect 1: EINTR", do_connect, HANDLER | ON_UNIX, -1,
     EINTR},
    {"C6: not where it goes on by itself", "connect 1: EINTR", do_connect,
     HANDLER | RESTARTS | ON_UNIX | NEVER, 0, 0},
    {"C6: not where it does not sleep", POSIX "connect 1: EINTR",
     do_connect_later, ON_UNIX | NEVER, -1, EINPROGRESS},
    /* waiting */
    {"Q1: dead", "select 1: deadfd conn 1", do_select, 0, -1, EBADF},
    {"Q1: dead, poll", "poll 1: deadfd conn 1", do_poll, 0, 1, 0},
    {"Q1: dead, epoll", "epoll_wait 1: deadfd conn 1", do_epoll, 0, 0, 0},
    {"Q1: dead, and only to be written",
     "select 1: deadfd conn 1", do_select_to_write, 0, -1, EBADF},
    {"Q1: two at once",
     "select 1: deadfd conn 1\nselect 1: deadfd conn 2", do_select_both,
     ON_UNIX, -1, EBADF},
    {"Q1: another socket's is ready",
     "select 1: deadfd-reused conn 1", do_select, EMPTY, 1, 0},
    {"Q1: a pipe's that has ended, too",
     "poll 1: deadfd-notsock conn 1", do_poll, EMPTY, 1, 0},
    {"Q3: dies meanwhile, select",
     "select 1: deadfd-late conn 1", do_select_while, EMPTY, -1, EBADF},
    {"Q3: dies meanwhile, poll",
     "poll 1: deadfd-late conn 1", do_poll_while, EMPTY, -1, EBADF},
    {"Q3: not while it does not wait",
     "poll 1: deadfd-late conn 1", do_poll, NEVER, 1, 0},
    {"Q4: interrupted", "select 1: EINTR", do_select, HANDLER, -1, EINTR},
    {"Q4: whatever the handler says", "select 1: EINTR", do_select,
     HANDLER | RESTARTS, -1, EINTR},
    {"Q4: not by what is ignored",
     "select 1: EINTR", do_select, IGNORED | NEVER, 1, 0},
    {"Q4: not epoll that only looks",
     "epoll_wait 1: EINTR", do_epoll, HANDLER | NEVER, 1, 0},
    {"Q4: interrupted, as the wait lets it be",
     "ppoll 1: EINTR", do_ppoll, HANDLER | BLOCKED, -1, EINTR},
    {"Q4: not by what is blocked",
     "poll 1: EINTR", do_poll, HANDLER | BLOCKED | NEVER, 1, 0},
    {"Q4: nor by what the wait blocks",
     "ppoll 1: EINTR", do_ppoll_undisturbed, HANDLER | NEVER, 1, 0},
    {"Q4: interrupted, no handler",
     POSIX "epoll_wait 1: EINTR", do_epoll, 0, -1, EINTR},
    {"Q5: no memory", POSIX "poll 1: ENOMEM", do_poll, 0, -1, ENOMEM},
    {"Q5: epoll needs none",
     POSIX "epoll_wait 1: ENOMEM", do_epoll, NEVER, 1, 0},
    {"Q6: ready, and it is not",
     POSIX "select 1: spurious conn 1", do_select, NB | EMPTY, 1, 0},
    {"Q6: not what would hang",
     POSIX "select 1: spurious conn 1", do_select, EMPTY | NEVER, 0, 0},
    {"Q6: blocking, hostile",
     "profile hostile\npoll 1: spurious conn 1", do_poll, EMPTY, 1, 0},
    {"Q7: ready, and not told", "poll 1: withhold conn 1", do_poll, 0, 0, 0},
    {"Q7: not where it sleeps until then",
     "poll 1: withhold conn 1", do_poll_soon, NEVER, 1, 0},
    {"Q7: nor for as long as it takes",
     "ppoll 1: withhold conn 1", do_ppoll, NEVER, 1, 0},
    {"Q7: the second of two",
     "poll 1: withhold conn 2", do_poll_behind, ON_UNIX, 0, 0},
    {"Q7: of a client", "poll 1: withhold client 1", do_poll, 0, 0, 0},
    {"Q7: it is no server",
     "poll 1: withhold server 1", do_poll, NEVER, 1, 0},
    {"Q7: epoll", "epoll_wait 1: withhold conn 1", do_epoll, 0, 0, 0},
    {"Q7: epoll, the first of two",
     "epoll_wait 1: withhold conn 1", do_epoll_pair, ON_UNIX, 1, 0},
    {"Q7: epoll, the second of two",
     "epoll_wait 1: withhold conn 2", do_epoll_pair, ON_UNIX, 0, 0},
    {"Q6: no more than that",
     POSIX "select 1: spurious conn 1", do_count, NB | EMPTY, 1, 0},
    {"a late look", "select 1: delay 30", do_select_late, 0, 1, 0},
    {"Q8: as many as there are bits",
     "select 1: withhold conn 1", do_count, 0, 0, 0},
    /* close */
    {"X1: interrupted, and closed",
     POSIX "conn 1 close 1: EINTR-closed", do_close, 0, -1, EINTR},
    {"X1: by a handler",
     POSIX "conn 1 close 1: EINTR-closed", do_close, HANDLER, -1, EINTR},
};
/* clang-format on */
enum { ROWS = sizeof table / sizeof *table };

static volatile sig_atomic_t handled;

static void on_signal(int sig)
{
    (void)sig;
    handled++;
}

static void set_blocked(int how)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGURG);
    sigprocmask(how, &set, NULL);
}

/* Nobody reads: it would sleep, and give up. */
static void little_room(int fd)
{
    struct timeval soon = {0, 20000};
    int little = 4096;

    sf_libc.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &little, sizeof little);
    sf_libc.setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);
}

/* The peer has sent all, or goes with something unread: it has arrived. */
static void end_peer(const struct row *row, int pair[2])
{
    struct pollfd p = {.fd = pair[0], .events = POLLRDHUP};

    if (row->begin & FINISHED)
        sf_libc.shutdown(pair[1], SHUT_WR);
    else if (row->begin & LEFT)
        sf_libc.close(pair[1]);
    else
        return;
    sf_libc.poll(&p, 1, 10000);
}

static void begin(const struct row *row, int pair[2])
{
    struct sigaction sa = {.sa_handler =
                               row->begin & IGNORED ? SIG_IGN : on_signal,
                           .sa_flags = row->begin & RESTARTS ? SA_RESTART : 0};

    handled = 0;
    if (row->begin & (HANDLER | IGNORED))
        sigaction(SIGURG, &sa, NULL);
    if (row->begin & BLOCKED)
        set_blocked(SIG_BLOCK);
    planned_begin(row->rules);
    make_pair(row->begin & ON_UNIX ? UNIX : TCP, pair);
    if (row->begin & NB)
        set_nonblocking(pair[0]);
    if (row->begin & TIMEOUT)
        little_room(pair[0]);
    if (row->begin & SENT)
        write(pair[0], "before", 6);
    if (!(row->begin & EMPTY))
        sf_libc.send(pair[1], "hello", 5, 0);
    end_peer(row, pair);
}

/* Who says that a signal interrupted it has let its handler run. */
static bool was_handled(const struct row *row, int err)
{
    return handled == (row->begin & HANDLER && err == EINTR);
}

static void can_happen(void **state)
{
    const struct row *row = *state;
    int pair[2];
    long result;
    int err;

    begin(row, pair);
    errno = 0;
    result = row->call(pair[0]);
    err = result < 0 ? errno : 0;
    close(pair[0]);
    close(pair[1]);
    signal(SIGURG, SIG_DFL);
    set_blocked(SIG_UNBLOCK);
    if ((planned_end() < 1) != ((row->begin & NEVER) != 0))
        fail_msg("%s: it was%s done", row->rules,
                 row->begin & NEVER ? "" : " not");
    if (!was_handled(row, err))
        fail_msg("%s: the handler ran %d times", row->rules, handled);
    if (result != row->result || err != row->err)
        fail_msg("%s: %ld, %s", row->rules, result,
                 err ? strerrorname_np(err) : "no error");
}

int main(void)
{
    struct CMUnitTest tests[ROWS];

    alarm(60);
    for (int i = 0; i < ROWS; i++)
        tests[i] = (struct CMUnitTest){.name = table[i].name,
                                       .test_func = can_happen,
                                       .initial_state = (void *)&table[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
