/*
 * edges_test.c: who waits for edges, and for the end, under faults.
 *
 * As in traps_test.c each test is a correct program that goes wrong when one
 * kind of mending is taken out of the injector.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/faultinject/planned.h"

enum { PATIENCE_MS = 1000 };

static int watch(int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    int epfd = epoll_create1(0);

    assert_return_code(epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event), errno);
    return epfd;
}

static uint32_t await(int epfd)
{
    struct epoll_event event = {.events = 0};

    return epoll_wait(epfd, &event, 1, PATIENCE_MS) == 1 ? event.events : 0;
}

/* An edge-triggered reader that waits again after a count less than asked,
 * as it may; how many bytes it got. */
static size_t read_by_edges(int fd, size_t want)
{
    int epfd = watch(fd, EPOLLIN | EPOLLET);
    char buf[64];
    size_t got = 0;

    while (got < want && await(epfd)) {
        ssize_t n;
        do {
            n = recv(fd, buf, sizeof buf, 0);
            if (n > 0)
                got += (size_t)n;
        } while (n == (ssize_t)sizeof buf);
    }
    close(epfd);
    return got;
}

static void edges(const char *rules)
{
    char bytes[200] = {0};
    int pair[2];

    planned_begin(rules);
    pair_of(TCP, pair);
    assert_int_equal(send(pair[1], bytes, sizeof bytes, 0), sizeof bytes);
    assert_int_equal(read_by_edges(pair[0], sizeof bytes), sizeof bytes);
    close_pair(pair);
    assert_true(planned_end() > 0);
}

/* 1: no edge comes for bytes that a short count left, or a false EAGAIN. */
static void edge_after_short_count(void **state)
{
    (void)state;
    edges("conn 1 in *: short 7");
}

static void edge_after_eagain(void **state)
{
    (void)state;
    edges("profile posix\nconn 1 recv 1: EAGAIN\nconn 1 recv 2..9: short 3");
}

static void edge_after_withheld(void **state)
{
    struct epoll_event event;
    int pair[2];
    int epfd;

    (void)state;
    planned_begin("epoll_wait 1: withhold conn 1");
    pair_of(TCP, pair);
    send(pair[1], "x", 1, 0);
    epfd = watch(pair[0], EPOLLIN | EPOLLET);
    assert_int_equal(epoll_wait(epfd, &event, 1, 0), 0);
    assert_int_equal(await(epfd), EPOLLIN);
    close(epfd);
    close_pair(pair);
    assert_int_equal(planned_end(), 1);
}

/* 2: a short count after the hangup was reported is the end, so it must not
 * be reported while a count may still be cut, and must be in the end. */
static size_t read_to_hangup(int fd, uint32_t mode)
{
    int epfd = watch(fd, EPOLLIN | EPOLLRDHUP | mode);
    char buf[64];
    size_t got = 0;
    bool ended = false;
    uint32_t events;

    while (!ended && (events = await(epfd))) {
        ssize_t n = recv(fd, buf, sizeof buf, 0);
        if (n > 0)
            got += (size_t)n;
        ended = n == 0 || (events & EPOLLRDHUP && n < (ssize_t)sizeof buf);
    }
    assert_true(ended);
    close(epfd);
    return got;
}

static void hangup_waits(void **state)
{
    static const uint32_t modes[] = {0, EPOLLET};
    char bytes[100] = {0};
    int pair[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        planned_begin("conn 1 in *: short 9");
        pair_of(TCP, pair);
        send(pair[1], bytes, sizeof bytes, 0);
        shutdown(pair[1], SHUT_WR);
        assert_int_equal(read_to_hangup(pair[0], modes[i]), sizeof bytes);
        close_pair(pair);
        assert_true(planned_end() > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edge_after_short_count),
        cmocka_unit_test(edge_after_eagain),
        cmocka_unit_test(edge_after_withheld),
        cmocka_unit_test(hangup_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
