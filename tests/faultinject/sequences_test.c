/*
 * sequences_test.c: events that need more than one call to be true.
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
#include "tests/faultinject/planned.h"

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
    planned_begin("connect 1..2: ECONNREFUSED");
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
    assert_int_equal(planned_end(), 2);
}

/* connect() that was interrupted goes on by itself. */
static void interrupted_connect(void **state)
{
    unsigned short port;
    int listener, fd;

    (void)state;
    planned_begin("profile posix\nconnect 1: EINTR");
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
    planned_end();
}

/* 10: no descriptor is to be had by any call, until one is given back. */
static void no_descriptors(void **state)
{
    unsigned short port;
    int listener, client, fd;

    (void)state;
    planned_begin("accept 1: EMFILE");
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
    assert_int_equal(planned_end(), 1);
}

/* 11: select says EBADF because one of them is closed, and the number is the
 * next one to be given out. */
static void dead_descriptor(void **state)
{
    int pair[2];
    fd_set rd;

    (void)state;
    planned_begin("select 1: deadfd conn 1");
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
    assert_int_equal(planned_end(), 1);
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
        planned_begin("poll 1: EINTR");
        make_pair(UNIX, pair);
        send(pair[1], "x", 1, 0);
        assert_int_equal(poll(&(struct pollfd){pair[0], POLLIN, 0}, 1, 1000),
                         handled ? -1 : 1);
        assert_int_equal(urgents, handled);
        close(pair[0]);
        close(pair[1]);
        assert_int_equal(planned_end(), handled);
    }
    signal(SIGURG, SIG_DFL);
}

/* Readiness that is not there, and that is there and not told. */
static void false_readiness(void **state)
{
    struct pollfd p[2] = {{.events = POLLIN}, {.events = POLLIN}};
    int pair[2];

    (void)state;
    planned_begin("profile posix\npoll 1: spurious conn 1\n"
                  "poll 2: withhold conn 2");
    make_pair(UNIX, pair);
    set_nonblocking(pair[0]);
    p[0].fd = pair[0];
    p[1].fd = pair[1];
    alarm(10);
    assert_int_equal(poll(p, 2, -1), 1); /* nothing else would end it */
    alarm(0);
    assert_int_equal(p[0].revents, POLLIN);
    assert_int_equal(p[1].revents, 0);
    assert_int_equal(recv(pair[0], &(char){0}, 1, 0), -1);
    assert_int_equal(errno, EAGAIN);
    send(pair[0], "x", 1, 0);
    assert_int_equal(poll(p, 2, 0), 0);
    assert_int_equal(poll(p, 2, 0), 1);
    assert_int_equal(p[1].revents, POLLIN);
    close(pair[0]);
    close(pair[1]);
    assert_int_equal(planned_end(), 2);
}

/* A vector is cut inside an element, in a copy. */
static void cut_vectors(void **state)
{
    char a[4] = "....", b[4] = "....";
    struct iovec iov[3] = {{a, 4}, {NULL, 0}, {b, 4}};
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 3};
    int pair[2];

    (void)state;
    planned_begin("readv 1: short 6\nrecvmsg 1: short 1");
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
    assert_int_equal(planned_end(), 2);
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
    planned_begin("sendmmsg 1: short 8\nrecvmmsg 1: short 1\n"
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
    assert_int_equal(planned_end(), 3 + 1);
}

/* Out of a socket into a pipe, and the other way. */
static void cut_splices(void **state)
{
    int pair[2], tube[2];

    (void)state;
    planned_begin("splice 1: short 4\nsendfile 1: short 2\n"
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
    assert_int_equal(planned_end(), 3);
}

/* An offset stays where it is, however the pieces fall. */
static void by_offset(void **state)
{
    char buf[64];
    int pair[2];
    size_t got = 0;

    (void)state;
    for (size_t piece = 1; piece <= sizeof buf; piece++, got = 0) {
        planned_begin("conn 1 in @17: EOF");
        make_pair(UNIX, pair);
        send(pair[1], buf, sizeof buf, 0);
        for (ssize_t n; (n = recv(pair[0], buf, piece, 0)) > 0;)
            got += (size_t)n;
        assert_int_equal(got, 17);
        close(pair[0]);
        close(pair[1]);
        planned_end();
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),        cmocka_unit_test(interrupted_connect),
        cmocka_unit_test(no_descriptors), cmocka_unit_test(dead_descriptor),
        cmocka_unit_test(signal_comes),   cmocka_unit_test(false_readiness),
        cmocka_unit_test(cut_vectors),    cmocka_unit_test(cut_batches),
        cmocka_unit_test(cut_splices),    cmocka_unit_test(by_offset),
    };

    alarm(120);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
