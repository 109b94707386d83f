/*
 * traps_test.c: where an untruthful injector blames correct programs.
 *
 * Each test is a correct program that goes wrong when one kind of mending is
 * taken out of the injector.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "faultinject/inject/inject.h"
#include "faultinject/inject/seed.h"
#include "tests/faultinject/planned.h"

enum { PATIENCE_MS = 1000 };

/* 3 and 4: bytes that were peeked at or counted are there. */
static void promised(const char *rules, int by_peeking)
{
    char bytes[50] = {0};
    int count;
    int pair[2];

    planned_begin(rules);
    pair_of(UNIX, pair);
    send(pair[1], bytes, sizeof bytes, 0);
    if (by_peeking)
        count = (int)recv(pair[0], bytes, sizeof bytes, MSG_PEEK);
    else
        assert_return_code(ioctl(pair[0], FIONREAD, &count), errno);
    assert_int_equal(recv(pair[0], bytes, (size_t)count, 0), count);
    close_pair(pair);
    planned_end();
}

static const char *const everything_that_takes[] = {
    "profile hostile\nrecv 2+: short 1\nrecv 1: short 5",
    "profile hostile\nrecv 2+: EAGAIN",
    "profile hostile\nrecv 2+: EINTR",
    "profile hostile\nrecv 2+: EOF",
    "profile hostile\nrecv 2+: ECONNRESET",
};

static void peeked_bytes_stay(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        promised(everything_that_takes[i], 1);
}

static void counted_bytes_stay(void **state)
{
    static const char *const rules[] = {
        "profile hostile\nin *: short 1", "profile hostile\nin *: EAGAIN",
        "profile hostile\nin *: EINTR", "profile hostile\nin *: EOF",
        "profile hostile\nin *: ECONNRESET"};

    (void)state;
    for (int i = 0; i < 5; i++)
        promised(rules[i], 0);
}

/* A look at what had come before a reset takes nothing of it. */
static void looked_at_outlives_a_reset(void **state)
{
    char bytes[9];
    int pair[2];

    (void)state;
    for (int transport = TCP; transport <= UNIX; transport++) {
        struct pollfd p = {.events = POLLIN};

        planned_begin("conn 1 recv 1: ECONNRESET");
        pair_of((enum transport)transport, pair);
        p.fd = pair[0];
        assert_int_equal(send(pair[0], "x", 1, 0), 1);
        assert_int_equal(send(pair[1], "12345", 5, 0), 5);
        assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
        for (int i = 0; i < 2; i++)
            assert_int_equal(recv(pair[0], bytes, 9, MSG_PEEK), 5);
        assert_int_equal(recv(pair[0], bytes, 9, 0), 5);
        assert_int_equal(recv(pair[0], bytes, 9, 0), -1);
        assert_int_equal(errno, ECONNRESET);
        close_pair(pair);
        assert_int_equal(planned_end(), 1);
    }
}

/* The result of one recv of a pair with bytes queued, after poll or not. */
static int one_recv(const char *rules, int nonblock, int waits, int flags)
{
    char bytes[50] = {0};
    int pair[2];
    int result;

    planned_begin(rules);
    make_pair(UNIX, pair);
    if (nonblock)
        set_nonblocking(pair[0]);
    send(pair[1], bytes, sizeof bytes, 0);
    if (waits) {
        struct pollfd p = {.fd = pair[0], .events = POLLIN};
        assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
    }
    result = (int)recv(pair[0], bytes, sizeof bytes, flags);
    if (result < 0)
        result = -errno;
    close_pair(pair);
    planned_end();
    return result;
}

/* 5: one reader that was told of bytes gets them. */
static void reported_bytes_are_there(void **state)
{
    (void)state;
    assert_int_equal(one_recv("recv *: EAGAIN", 1, 1, 0), 50);
    assert_int_equal(one_recv("recv *: EINTR", 0, 1, 0), 50);
    assert_int_equal(one_recv("recv *: EAGAIN", 1, 0, 0), -EAGAIN);
    assert_int_equal(one_recv("profile posix\nrecv *: EAGAIN", 1, 1, 0),
                     -EAGAIN);
}

/* 6: what depends on the mode of the descriptor is looked up at the call. */
static void mode_is_looked_up(void **state)
{
    (void)state;
    assert_int_equal(one_recv("profile hostile\nrecv *: EAGAIN", 0, 0, 0), 50);
    assert_int_equal(
        one_recv("profile hostile\nrecv *: EAGAIN", 0, 0, MSG_DONTWAIT),
        -EAGAIN);
    assert_int_equal(one_recv("recv *: EINTR", 1, 0, 0), 50);
}

/* 7: a wait fails as waits do, and is not counted with what reads. */
static void waits_are_no_reads(void **state)
{
    struct epoll_event event = {.events = EPOLLIN};
    int epfd = epoll_create1(0);
    int pair[2];
    int failed = 0;

    (void)state;
    planned_begin("profile hostile\np 0.3 seed 3 wait: EINTR\n"
                  "p 0.3 seed 4 wait: ENOMEM\nrecv 2: EAGAIN");
    pair_of(UNIX, pair);
    send(pair[1], "xy", 2, 0);
    assert_int_equal(epoll_ctl(epfd, EPOLL_CTL_ADD, pair[0], &event), 0);
    assert_int_equal(recv(pair[0], &event, 1, 0), 1);
    for (int i = 0; i < 50; i++)
        if (epoll_wait(epfd, &event, 1, 0) < 0) {
            assert_true(errno == EINTR || errno == ENOMEM);
            failed++;
        }
    assert_in_range(failed, 5, 45);
    assert_int_equal(recv(pair[0], &event, 1, 0), -1);
    assert_int_equal(errno, EAGAIN);
    close(epfd);
    close_pair(pair);
    planned_end();
}

/* 8: a blocking send moves all; MSG_WAITALL waits for all. */
static void blocking_counts_are_whole(void **state)
{
    char bytes[50] = {0};
    int pair[2];

    (void)state;
    planned_begin("out *: short 1");
    make_pair(UNIX, pair);
    assert_int_equal(send(pair[0], bytes, sizeof bytes, 0), sizeof bytes);
    close_pair(pair);
    assert_int_equal(planned_end(), 0);
    assert_int_equal(
        one_recv("profile hostile\nrecv *: short 1", 0, 0, MSG_WAITALL), 50);
}

/* 9: a connection that was aborted before it was accepted is gone. */
static void aborted_connection_is_gone(void **state)
{
    struct pollfd p = {.events = POLLIN};
    unsigned short port;
    char byte;
    int client;

    (void)state;
    planned_begin("profile posix\naccept 1: ECONNABORTED");
    p.fd = make_listener(&port);
    client = dial(port);
    assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
    assert_int_equal(accept(p.fd, NULL, NULL), -1);
    assert_int_equal(errno, ECONNABORTED);
    assert_int_equal(poll(&p, 1, 0), 0);
    assert_int_equal(recv(client, &byte, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    close(client);
    close(p.fd);
    assert_int_equal(planned_end(), 1);
}

/* 10: what has ended stays so, whatever the peer still sends. */
static void end_is_for_ever(void **state)
{
    char byte = 0;
    int pair[2];

    (void)state;
    for (int t = TCP; t <= UNIX; t++) {
        planned_begin("conn 1 recv 1: EOF");
        make_pair((enum transport)t, pair);
        set_nonblocking(pair[0]);
        send(pair[1], &byte, 1, MSG_NOSIGNAL);
        assert_int_equal(recv(pair[0], &byte, 1, 0), 0);
        for (int i = 0; i < 3; i++) {
            send(pair[1], &byte, 1, MSG_NOSIGNAL);
            usleep(1000);
            assert_int_equal(recv(pair[0], &byte, 1, 0), 0);
        }
        close_pair(pair);
        assert_int_equal(planned_end(), 1);
    }
}

/* 11: after a reset the socket still knows its name, and owes nothing. */
static void reset_keeps_the_name(void **state)
{
    struct sockaddr_in before, after;
    socklen_t len = sizeof before;
    char byte = 0;
    int unsent = -1;
    int pair[2];

    (void)state;
    planned_begin("conn 1 recv 1: ECONNRESET");
    make_pair(TCP, pair);
    getsockname(pair[0], (struct sockaddr *)&before, &len);
    assert_int_equal(recv(pair[0], &byte, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    len = sizeof after;
    getsockname(pair[0], (struct sockaddr *)&after, &len);
    assert_memory_equal(&before, &after, sizeof before);
    assert_return_code(ioctl(pair[0], SIOCOUTQ, &unsent), errno);
    assert_int_equal(unsent, 0);
    assert_int_equal(recv(pair[1], &byte, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    close_pair(pair);
    assert_int_equal(planned_end(), 1);
}

/* 12: however a program alternates its calls, it gets on. */
static void no_resonance(void **state)
{
    char bytes[64] = {0};
    int a[2], b[2];
    int calls = 0;
    size_t got = 0;

    (void)state;
    planned_begin("profile posix\np 1 seed 1 in: EAGAIN");
    pair_of(UNIX, a);
    pair_of(UNIX, b);
    send(a[1], bytes, sizeof bytes, 0);
    send(b[1], bytes, sizeof bytes, 0);
    while (got < 2 * sizeof bytes && calls < 100) {
        ssize_t n = recv(calls % 2 ? a[0] : b[0], bytes, 8, 0);
        got += n > 0 ? (size_t)n : 0;
        calls++;
    }
    assert_in_range(calls, 20, 60);
    close_pair(a);
    close_pair(b);
    planned_end();
}

/* 13: bytes come singly where prefixes are, and in larger pieces later, so a
 * long stream is slow and not endless. */
static size_t sum_of_cuts(uint64_t offset, size_t max)
{
    struct sf_point at = {
        .call = SF_CALL_recv, .conn = 1, .offset = offset, .len = max};
    size_t sum = 0;

    for (at.nth = 1; at.nth <= 1000; at.nth++)
        sum += sf_seed_amount(1, &at, max);
    return sum;
}

static void long_streams_get_on(void **state)
{
    (void)state;
    assert_in_range(sum_of_cuts(0, 1000), 1000, 8000);
    assert_in_range(sum_of_cuts(100000, 1000), 300000, 700000);
}

/* 14: what looks at the program afterwards is left alone. */
static void disarmed_is_quiet(void **state)
{
    char bytes[50] = {0};
    int pair[2];

    (void)state;
    planned_begin("in *: short 1");
    make_pair(UNIX, pair);
    send(pair[1], bytes, sizeof bytes, 0);
    assert_int_equal(recv(pair[0], bytes, sizeof bytes, 0), 1);
    sf_inject_disarm();
    assert_int_equal(recv(pair[0], bytes, sizeof bytes, 0), 49);
    close_pair(pair);
    assert_int_equal(planned_end(), 1);
}

/* What 30 reads of one session gave. */
static void note_reads(int results[30])
{
    char bytes[64] = {0};
    int pair[2];

    planned_begin("profile posix\np 0.5 seed 9 in: benign");
    pair_of(UNIX, pair);
    for (int i = 0; i < 30; i++) {
        send(pair[1], bytes, 8, 0);
        results[i] = (int)recv(pair[0], bytes, sizeof bytes, 0);
    }
    close_pair(pair);
    assert_true(planned_end() > 0);
}

/* 15: what came before leaves nothing behind. */
static void sessions_are_alike(void **state)
{
    int first[30];
    int again[30];

    (void)state;
    note_reads(first);
    disarmed_is_quiet(NULL);
    note_reads(again);
    assert_memory_equal(first, again, sizeof first);
}

/* A connection is ended by chance once: what comes then is for the program to
 * show. */
static void chance_ends_once(void **state)
{
    char bytes[8] = {0};
    unsigned ended = 0;
    int pair[2];

    (void)state;
    for (int seed = 1; seed <= 40; seed++) {
        char rules[64];

        snprintf(rules, sizeof rules,
                 "p 1 seed %d in: fatal\np 1 seed %d out: fatal", seed, seed);
        planned_begin(rules);
        pair_of(UNIX, pair);
        for (int i = 0; i < 30 && sf_injected(SF_EOF) == 0; i++) {
            sf_libc.send(pair[1], bytes, 1, MSG_NOSIGNAL);
            recv(pair[0], bytes, 1, 0);
        }
        ended += sf_injected(SF_EOF) > 0;
        for (int i = 0; i < 8; i++)
            send(pair[0], bytes, sizeof bytes, MSG_NOSIGNAL);
        if (sf_injected(SF_EOF) > 0)
            assert_int_equal(sf_injected(SF_EPIPE), 0);
        close_pair(pair);
        planned_end();
    }
    assert_in_range(ended, 5, 40);
}

static volatile sig_atomic_t calls_of_handler;

static void count_call(int sig)
{
    (void)sig;
    calls_of_handler++;
}

static int poll_once(const char *rules)
{
    struct pollfd p = {.events = POLLIN};
    int pair[2];
    int n;

    planned_begin(rules);
    make_pair(UNIX, pair);
    send(pair[1], "x", 1, 0);
    p.fd = pair[0];
    n = poll(&p, 1, PATIENCE_MS);
    close_pair(pair);
    planned_end();
    return n;
}

static void *poll_elsewhere(void *n)
{
    *(int *)n = poll_once("poll 1: EINTR");
    return NULL;
}

/* A signal for the process goes to its first thread. */
static void other_threads_are_not_interrupted(void **state)
{
    struct sigaction sa = {.sa_handler = count_call};
    pthread_t thread;
    int n = 0;

    (void)state;
    sigaction(SIGURG, &sa, NULL);
    pthread_create(&thread, NULL, poll_elsewhere, &n);
    pthread_join(thread, NULL);
    assert_int_equal(n, 1);
    assert_int_equal(poll_once("poll 1: EINTR"), -1);
    signal(SIGURG, SIG_DFL);
}

/* A handler that may wait for a child is not run, and is no reason where
 * there is no child. */
static void no_child_is_made_up(void **state)
{
    struct sigaction sa = {.sa_handler = count_call};
    pid_t child;

    (void)state;
    calls_of_handler = 0;
    sigaction(SIGCHLD, &sa, NULL);
    assert_int_equal(poll_once("poll 1: EINTR"), 1);
    child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    assert_int_equal(poll_once("poll 1: EINTR"), -1);
    assert_int_equal(calls_of_handler, 0);
    signal(SIGCHLD, SIG_DFL);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

/* 16: what a child wrote before waitpid told of its end is all there. */
static void ended_peer_has_said_all(void **state)
{
    struct pollfd p = {.events = POLLIN};
    int pair[2];
    char c;

    (void)state;
    planned_begin("poll *: withhold conn 1\nrecv *: EAGAIN");
    pair_of(UNIX, pair);
    send(pair[1], "xy", 2, 0);
    p.fd = pair[0];
    assert_int_equal(poll(&p, 1, 0), 0);
    assert_int_equal(recv(pair[0], &c, 1, 0), -1);
    close(pair[1]);
    assert_int_equal(recv(pair[0], &c, 1, 0), 1);
    assert_int_equal(poll(&p, 1, 0), 1);
    close(pair[0]);
    assert_int_equal(planned_end(), 2);
}

/* 17: what was reported once is reported again until it is used. */
static void told_is_told_again(void **state)
{
    struct pollfd p = {.events = POLLIN};
    int pair[2];
    char c;

    (void)state;
    planned_begin("poll 2+: withhold conn 1");
    pair_of(TCP, pair);
    p.fd = pair[0];
    for (int i = 0; i < 2; i++) {
        send(pair[1], "x", 1, 0);
        assert_int_equal(poll(&p, 1, i ? 0 : PATIENCE_MS), !i);
        assert_int_equal(poll(&p, 1, 0), !i);
        assert_int_equal(recv(pair[0], &c, 1, 0), 1);
    }
    close_pair(pair);
    assert_int_equal(planned_end(), 2);
}

/* Who waits, for however short a time, does not miss what is there. */
static void short_waits_are_waits(void **state)
{
    static const struct timespec half_ms = {.tv_nsec = 500000};
    struct pollfd p = {.events = POLLIN};
    int pair[2];

    (void)state;
    planned_begin("ppoll *: withhold conn 1");
    pair_of(TCP, pair);
    p.fd = pair[0];
    send(pair[1], "x", 1, 0);
    assert_int_equal(ppoll(&p, 1, &half_ms, NULL), 1);
    close_pair(pair);
    assert_int_equal(planned_end(), 0);
}

/* What was to be mended on a number is not the next one's, even where nobody
 * saw it being closed. */
static void closed_unseen_is_forgotten(void **state)
{
    int pair[2], next[2];
    char c = 'x';

    (void)state;
    planned_begin("conn 1 recv 1: EOF");
    pair_of(UNIX, pair);
    assert_int_equal(recv(pair[0], &c, 1, 0), 0);
    sf_libc.close(pair[0]);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, next), 0);
    assert_int_equal(next[0], pair[0]);
    assert_int_equal(write(next[1], &c, 1), 1);
    assert_int_equal(read(next[0], &c, 1), 1);
    close_pair(next);
    close(pair[1]);
    assert_int_equal(planned_end(), 1);
}

/* What the kernel would refuse is not looked into. */
static void poll_of_nothing_faults(void **state)
{
    struct pollfd *volatile none = NULL;

    (void)state;
    planned_begin("poll 1: EINTR");
    assert_int_equal(poll(none, 1, 0), -1);
    assert_int_equal(errno, EFAULT);
    assert_int_equal(planned_end(), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(poll_of_nothing_faults),
        cmocka_unit_test(peeked_bytes_stay),
        cmocka_unit_test(counted_bytes_stay),
        cmocka_unit_test(looked_at_outlives_a_reset),
        cmocka_unit_test(reported_bytes_are_there),
        cmocka_unit_test(mode_is_looked_up),
        cmocka_unit_test(waits_are_no_reads),
        cmocka_unit_test(blocking_counts_are_whole),
        cmocka_unit_test(aborted_connection_is_gone),
        cmocka_unit_test(end_is_for_ever),
        cmocka_unit_test(reset_keeps_the_name),
        cmocka_unit_test(no_resonance),
        cmocka_unit_test(long_streams_get_on),
        cmocka_unit_test(disarmed_is_quiet),
        cmocka_unit_test(sessions_are_alike),
        cmocka_unit_test(chance_ends_once),
        cmocka_unit_test(other_threads_are_not_interrupted),
        cmocka_unit_test(no_child_is_made_up),
        cmocka_unit_test(ended_peer_has_said_all),
        cmocka_unit_test(told_is_told_again),
        cmocka_unit_test(short_waits_are_waits),
        cmocka_unit_test(closed_unseen_is_forgotten),
    };

    alarm(120);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
