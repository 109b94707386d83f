/*
 * sequences_test.c: what never happens, and what can.
 *
 * First long random walks over a socket under random faults, which no
 * impossible sequence may come out of; then the events that need more than
 * one call to be true.
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
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "faultinject/inject/inject.h"
#include "tests/faultinject/session.h"

/* --- walks --- */

struct walk {
    int fd;
    int peer;
    bool nonblock;
    bool ended;      /* recv said 0                             */
    bool was_reset;  /* an error was told                       */
    bool piped;      /* send said EPIPE                         */
    uint8_t to_send; /* bytes count up, so that an order shows */
    uint8_t to_peer;
    uint8_t from_peer;
    size_t queued; /* sent by the peer, not read here */
    char story[4096];
};

__attribute__((format(printf, 2, 3))) static void note(struct walk *w,
                                                       const char *format, ...)
{
    size_t used = strlen(w->story);
    va_list ap;

    va_start(ap, format);
    vsnprintf(w->story + used, sizeof w->story - used, format, ap);
    va_end(ap);
}

#define NEVER(w, condition, what)                \
    do {                                         \
        if (condition)                           \
            fail_msg("%s:%s", what, (w)->story); \
    } while (0)

/* False: the descriptor died. */
static bool walk_recv(struct walk *w)
{
    uint8_t buf[16];
    ssize_t n;

    if (!w->nonblock && w->queued == 0 && !w->ended)
        return true; /* it would rightly wait for ever */
    n = recv(w->fd, buf, sizeof buf, 0);
    note(w, " recv=%zd/%s", n, n < 0 ? strerrorname_np(errno) : "");
    if (n < 0 && errno == EBADF)
        return false;
    NEVER(w, w->ended && n != 0, "1: something after the end");
    NEVER(w, n < 0 && errno == EINTR, "5: EINTR without a handler");
    NEVER(w, n < 0 && errno == ENOTCONN, "16: ENOTCONN");
    NEVER(w, n < 0 && errno == EAGAIN && !w->nonblock, "3: EAGAIN, blocking");
    NEVER(w, n < 0 && errno != EAGAIN && w->was_reset, "2: a second error");
    for (ssize_t i = 0; i < n; i++)
        NEVER(w, buf[i] != w->from_peer++, "15: other bytes");
    if (n > 0)
        w->queued -= (size_t)n;
    w->ended |= n == 0;
    w->was_reset |= n < 0 && errno != EAGAIN;
    return true;
}

static bool walk_send(struct walk *w)
{
    uint8_t buf[8];
    ssize_t n;

    for (size_t i = 0; i < sizeof buf; i++)
        buf[i] = (uint8_t)(w->to_send + i);
    n = send(w->fd, buf, sizeof buf, MSG_NOSIGNAL);
    note(w, " send=%zd/%s", n, n < 0 ? strerrorname_np(errno) : "");
    if (n < 0 && errno == EBADF)
        return false;
    NEVER(w, w->piped && n >= 0, "7: sent after EPIPE");
    NEVER(w, n == 0, "sent nothing");
    NEVER(w, n > 0 && n < 8 && !w->nonblock, "14: a short blocking send");
    NEVER(w, n < 0 && errno == EAGAIN && !w->nonblock, "EAGAIN, blocking");
    NEVER(w, n < 0 && errno == ECONNRESET && w->was_reset, "a second error");
    w->piped |= n < 0 && errno == EPIPE;
    w->was_reset |= n < 0 && errno == ECONNRESET;
    w->to_send = (uint8_t)(w->to_send + (n > 0 ? n : 0));
    return true;
}

static bool walk_error(struct walk *w)
{
    int error = 0;
    socklen_t len = sizeof error;

    if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        return false;
    note(w, " so_error=%d", error);
    NEVER(w, error && w->was_reset, "9: SO_ERROR after the error was told");
    w->was_reset |= error != 0;
    return true;
}

static bool walk_poll(struct walk *w)
{
    struct pollfd p = {.fd = w->fd, .events = POLLIN | POLLOUT};
    int n = poll(&p, 1, 0);

    note(w, " poll=%d/%#x", n, (unsigned)p.revents);
    if (n == 1 && p.revents & POLLNVAL) {
        NEVER(w, fcntl(w->fd, F_GETFD) >= 0, "18: POLLNVAL, and it is open");
        return false;
    }
    NEVER(w, n == 1 && w->ended && !(p.revents & POLLIN) && p.revents,
          "an end that is not readable");
    return true;
}

static bool walk_peer(struct walk *w)
{
    uint8_t buf[4];
    ssize_t n;

    for (size_t i = 0; i < sizeof buf; i++)
        buf[i] = (uint8_t)(w->to_peer + i);
    n = sf_libc.send(w->peer, buf, sizeof buf, MSG_NOSIGNAL | MSG_DONTWAIT);
    note(w, " peer=%zd", n);
    if (n > 0) {
        w->to_peer = (uint8_t)(w->to_peer + n);
        w->queued += (size_t)n;
    }
    return true;
}

static bool (*const steps[])(struct walk *) = {
    walk_recv, walk_recv, walk_send, walk_error, walk_poll, walk_peer,
};
enum { STEPS = sizeof steps / sizeof *steps };

static unsigned one_walk(enum transport transport, bool nonblock, unsigned seed)
{
    struct walk w = {.nonblock = nonblock};
    char rules[256];
    int pair[2];

    snprintf(rules, sizeof rules,
             "p 0.05 seed %u conn 1 in: fatal\n"
             "p 0.05 seed %u conn 1 out: fatal\n"
             "p 0.3 seed %u conn 1: benign\n"
             "p 0.2 seed %u wait: benign",
             seed, seed + 1, seed + 2, seed + 3);
    session_begin(rules);
    make_pair(transport, pair);
    w.fd = pair[0];
    w.peer = pair[1];
    if (nonblock)
        set_nonblocking(w.fd);
    for (int i = 0; i < 60; i++, seed = seed * 1103515245 + 12345)
        if (!steps[seed / 65536 % STEPS](&w))
            break;
    close(w.fd);
    close(w.peer);
    return session_end();
}

static void nothing_impossible(void **state)
{
    unsigned injected = 0;

    (void)state;
    for (unsigned seed = 1; seed <= 300; seed++)
        for (int i = 0; i < 4; i++)
            injected += one_walk(i & 1 ? UNIX : TCP, i & 2, seed * 7919);
    assert_true(injected > 1200);
}

/* --- events --- */

static int connect_to(int fd, unsigned short port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    addr.sin_port = htons(port);
    return connect(fd, (struct sockaddr *)&addr, sizeof addr);
}

static int so_error(int fd)
{
    int error = -1;
    socklen_t len = sizeof error;

    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    return error;
}

/* All that follows a refusal is real. */
static void refused(void **state)
{
    unsigned short port;
    int listener, fd;

    (void)state;
    session_begin("connect 1..2: ECONNREFUSED");
    listener = make_listener(&port);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect_to(fd, port), -1);
    assert_int_equal(errno, ECONNREFUSED);
    assert_int_equal(recv(fd, &(char){0}, 1, 0), -1);
    assert_int_equal(errno, ENOTCONN);
    close(fd);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(connect_to(fd, port), -1);
    assert_int_equal(errno, EINPROGRESS);
    assert_int_equal(poll(&(struct pollfd){fd, POLLOUT, 0}, 1, 1000), 1);
    assert_int_equal(so_error(fd), ECONNREFUSED);
    assert_int_equal(so_error(fd), 0);
    close(fd);
    close(listener);
    assert_int_equal(session_end(), 2);
}

/* connect() that was interrupted goes on by itself. */
static void interrupted_connect(void **state)
{
    unsigned short port;
    int listener, fd;

    (void)state;
    session_begin("profile posix\nconnect 1: EINTR");
    listener = make_listener(&port);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect_to(fd, port), -1);
    assert_int_equal(errno, EINTR);
    assert_int_equal(poll(&(struct pollfd){fd, POLLOUT, 0}, 1, 1000), 1);
    assert_int_equal(so_error(fd), 0);
    assert_int_equal(send(fd, "x", 1, 0), 1);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    close(fd);
    close(listener);
    session_end();
}

/* 10: no descriptor is to be had by any call, until one is given back. */
static void no_descriptors(void **state)
{
    unsigned short port;
    int listener, client, fd;

    (void)state;
    session_begin("accept 1: EMFILE");
    listener = make_listener(&port);
    client = dial(port);
    fd = open("/dev/null", O_RDONLY);
    assert_int_equal(accept(listener, NULL, NULL), -1);
    assert_int_equal(errno, EMFILE);
    assert_int_equal(dup(0), -1);
    assert_int_equal(errno, EMFILE);
    assert_int_equal(open("/dev/null", O_RDONLY), -1);
    assert_int_equal(errno, EMFILE);
    close(fd);
    assert_int_equal(accept(listener, NULL, NULL), fd);
    close(fd);
    close(client);
    close(listener);
    assert_int_equal(session_end(), 1);
}

/* 11: select says EBADF because one of them is closed, and the number is the
 * next one to be given out. */
static void dead_descriptor(void **state)
{
    int pair[2];
    fd_set rd;

    (void)state;
    session_begin("select 1: deadfd conn 1");
    make_pair(UNIX, pair);
    FD_ZERO(&rd);
    FD_SET(pair[0], &rd);
    FD_SET(pair[1], &rd);
    assert_int_equal(select(pair[1] + 1, &rd, NULL, NULL, NULL), -1);
    assert_int_equal(errno, EBADF);
    assert_true(FD_ISSET(pair[0], &rd) && FD_ISSET(pair[1], &rd));
    assert_int_equal(fcntl(pair[0], F_GETFD), -1);
    assert_return_code(fcntl(pair[1], F_GETFD), errno);
    assert_int_equal(dup(pair[1]), pair[0]);
    close(pair[0]);
    close(pair[1]);
    assert_int_equal(session_end(), 1);
}

static volatile sig_atomic_t urgents;

static void on_urgent(int sig)
{
    (void)sig;
    urgents++;
}

/* 5: an interruption comes with the signal; without a handler none comes. */
static void signal_comes(void **state)
{
    struct sigaction sa = {.sa_handler = on_urgent};
    int pair[2];

    (void)state;
    for (int handled = 0; handled < 2; handled++) {
        if (handled)
            sigaction(SIGURG, &sa, NULL);
        session_begin("poll 1: EINTR");
        make_pair(UNIX, pair);
        send(pair[1], "x", 1, 0);
        assert_int_equal(poll(&(struct pollfd){pair[0], POLLIN, 0}, 1, 1000),
                         handled ? -1 : 1);
        assert_int_equal(urgents, handled);
        close(pair[0]);
        close(pair[1]);
        assert_int_equal(session_end(), handled);
    }
    signal(SIGURG, SIG_DFL);
}

/* Readiness that is not there, and that is there and not told. */
static void false_readiness(void **state)
{
    struct pollfd p[2] = {{.events = POLLIN}, {.events = POLLIN}};
    int pair[2];

    (void)state;
    session_begin("profile posix\npoll 1: spurious conn 1\n"
                  "poll 2: withhold conn 2");
    make_pair(UNIX, pair);
    set_nonblocking(pair[0]);
    p[0].fd = pair[0];
    p[1].fd = pair[1];
    assert_int_equal(poll(p, 2, 0), 1);
    assert_int_equal(p[0].revents, POLLIN);
    assert_int_equal(recv(pair[0], &(char){0}, 1, 0), -1);
    assert_int_equal(errno, EAGAIN);
    send(pair[0], "x", 1, 0);
    assert_int_equal(poll(p, 2, 0), 0);
    assert_int_equal(poll(p, 2, 0), 1);
    assert_int_equal(p[1].revents, POLLIN);
    close(pair[0]);
    close(pair[1]);
    assert_int_equal(session_end(), 2);
}

/* A vector is cut inside an element, in a copy. */
static void cut_vectors(void **state)
{
    char a[4] = "....", b[4] = "....";
    struct iovec iov[3] = {{a, 4}, {NULL, 0}, {b, 4}};
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 3};
    int pair[2];

    (void)state;
    session_begin("readv 1: short 6\nrecvmsg 1: short 1");
    make_pair(UNIX, pair);
    send(pair[1], "abcdefghijkl", 12, 0);
    assert_int_equal(readv(pair[0], iov, 3), 6);
    assert_memory_equal(a, "abcd", 4);
    assert_memory_equal(b, "ef..", 4);
    assert_int_equal(recvmsg(pair[0], &msg, 0), 1);
    assert_memory_equal(a, "gbcd", 4);
    assert_true(iov[0].iov_len == 4 && iov[2].iov_len == 4);
    assert_int_equal(recv(pair[0], a, 4, 0), 4);
    assert_memory_equal(a, "hijk", 4);
    close(pair[0]);
    close(pair[1]);
    assert_int_equal(session_end(), 2);
}

/* A row of messages is cut inside any of them, and says so of that one. */
static void cut_batches(void **state)
{
    char bytes[] = "abcdefghij", got[10] = "..........";
    struct iovec iov[] = {{bytes, 5}, {bytes + 5, 5}, {got, 5}, {got + 5, 5}};
    struct mmsghdr out[2] = {
        {.msg_hdr = {.msg_iov = iov, .msg_iovlen = 1}},
        {.msg_hdr = {.msg_iov = iov + 1, .msg_iovlen = 1}}};
    struct mmsghdr in[2] = {{.msg_hdr = {.msg_iov = iov + 2, .msg_iovlen = 1}},
                            {.msg_hdr = {.msg_iov = iov + 3, .msg_iovlen = 1}}};
    int pair[2];

    (void)state;
    session_begin("sendmmsg 1: short 8\nrecvmmsg 1: short 1\n"
                  "recvmmsg 2: short 6\nrecvmmsg 3: EOF");
    make_pair(UNIX, pair);
    set_nonblocking(pair[0]);
    assert_int_equal(sendmmsg(pair[0], out, 2, 0), 2);
    assert_int_equal(out[0].msg_len, 5);
    assert_int_equal(out[1].msg_len, 3);
    assert_int_equal(recvmmsg(pair[1], in, 2, 0, NULL), 1);
    assert_int_equal(in[0].msg_len, 1);
    assert_memory_equal(got, "a.........", 10);
    assert_int_equal(recvmmsg(pair[1], in, 2, 0, NULL), 2);
    assert_true(in[0].msg_len == 5 && in[1].msg_len == 1);
    assert_memory_equal(got, "bcdefg....", 10);
    assert_int_equal(recvmmsg(pair[1], in, 1, 0, NULL), 1);
    assert_int_equal(in[0].msg_len, 0);
    close(pair[0]);
    close(pair[1]);
    assert_int_equal(session_end(), 3 + 1);
}

/* Out of a socket into a pipe, and the other way. */
static void cut_splices(void **state)
{
    int pair[2], tube[2];

    (void)state;
    session_begin("splice 1: short 4\nsendfile 1: short 2\n"
                  "splice 2: ECONNRESET");
    make_pair(TCP, pair);
    set_nonblocking(pair[0]);
    assert_return_code(pipe(tube), errno);
    assert_int_equal(send(pair[1], "0123456789", 10, 0), 10);
    assert_int_equal(splice(pair[0], NULL, tube[1], NULL, 10, 0), 4);
    assert_int_equal(splice(tube[0], NULL, pair[0], NULL, 4, 0), 2);
    assert_int_equal(splice(pair[0], NULL, tube[1], NULL, 10, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    assert_int_equal(splice(pair[0], NULL, tube[1], NULL, 10, 0), 0);
    for (int i = 0; i < 2; i++) {
        close(tube[i]);
        close(pair[i]);
    }
    assert_int_equal(session_end(), 3);
}

/* An offset stays where it is, however the pieces fall. */
static void by_offset(void **state)
{
    char buf[64];
    int pair[2];
    size_t got = 0;

    (void)state;
    for (size_t piece = 1; piece <= sizeof buf; piece++, got = 0) {
        session_begin("conn 1 in @17: EOF");
        make_pair(UNIX, pair);
        send(pair[1], buf, sizeof buf, 0);
        for (ssize_t n; (n = recv(pair[0], buf, piece, 0)) > 0;)
            got += (size_t)n;
        assert_int_equal(got, 17);
        close(pair[0]);
        close(pair[1]);
        session_end();
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_impossible),  cmocka_unit_test(refused),
        cmocka_unit_test(interrupted_connect), cmocka_unit_test(no_descriptors),
        cmocka_unit_test(dead_descriptor),     cmocka_unit_test(signal_comes),
        cmocka_unit_test(false_readiness),     cmocka_unit_test(cut_vectors),
        cmocka_unit_test(cut_batches),         cmocka_unit_test(cut_splices),
        cmocka_unit_test(by_offset),
    };

    alarm(120);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
