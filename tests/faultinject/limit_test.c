/*
 * limit_test.c: tables that are full: the program's, by a fault, until it is
 * over; and the injector's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "faultinject/inject/registry.h"
#include "faultinject/world.h"
#include "tests/faultinject/planned.h"

enum { THREADS = 4, ROUNDS = 20000 };

static void *fill_and_relieve(void *arg)
{
    const struct sf_world *w = sf_kernel();

    for (int i = 0; i < ROUNDS; i++) {
        w->exhaust(true);
        w->exhaust(false);
    }
    return arg;
}

/* As a poll of many entries does. */
static void *lift(void *arg)
{
    for (int i = 0; i < ROUNDS; i++)
        if (sf_kernel_lift(true))
            sf_kernel_lift(false);
    return arg;
}

static bool is_full(void)
{
    int fd = fcntl(STDERR_FILENO, F_DUPFD, 0);

    if (fd >= 0)
        close(fd);
    return fd < 0;
}

static void it_is_as_before(void **state)
{
    struct rlimit before, after;
    pthread_t threads[THREADS];

    (void)state;
    getrlimit(RLIMIT_NOFILE, &before);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL,
                                        i % 2 ? lift : fill_and_relieve, NULL),
                         0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    sf_kernel()->exhaust(false);
    getrlimit(RLIMIT_NOFILE, &after);
    assert_int_equal(after.rlim_cur, before.rlim_cur);
}

static void it_is_full_until_then(void **state)
{
    const struct sf_world *w = sf_kernel();

    (void)state;
    assert_false(sf_kernel_lift(true));
    w->exhaust(true);
    assert_true(is_full());
    assert_true(sf_kernel_lift(true));
    assert_false(is_full());
    sf_kernel_lift(false);
    assert_true(is_full());
    w->exhaust(true);
    w->exhaust(false);
    assert_false(is_full());
}

/* What the program sets meanwhile is what it finds next time. */
static void it_may_be_another(void **state)
{
    const struct sf_world *w = sf_kernel();
    struct rlimit before, now;

    (void)state;
    getrlimit(RLIMIT_NOFILE, &before);
    for (rlim_t n = 64; n < 67; n++) {
        now = (struct rlimit){n, before.rlim_max};
        setrlimit(RLIMIT_NOFILE, &now);
        w->exhaust(true);
        w->exhaust(false);
        getrlimit(RLIMIT_NOFILE, &now);
        assert_int_equal(now.rlim_cur, n);
    }
    setrlimit(RLIMIT_NOFILE, &before);
}

/* Of what nobody knows no edge can be given again: the one that a false EAGAIN
 * or a short count took would have been the last. */
static unsigned faults_on_edge(bool full)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    int pair[2], epfd = epoll_create1(0);
    char two[2];

    planned_begin("profile posix\nconn 1 in *: short 1");
    for (int fd = 100; full && fd < 100 + 16384; fd++)
        sf_epoll_note(99, EPOLL_CTL_ADD, fd, &event);
    make_pair(TCP, pair);
    assert_return_code(epoll_ctl(epfd, EPOLL_CTL_ADD, pair[0], &event), errno);
    assert_int_equal(send(pair[1], "xy", 2, 0), 2);
    assert_int_equal(epoll_wait(epfd, &event, 1, 1000), 1);
    assert_int_equal(recv(pair[0], two, 2, 0), full ? 2 : 1);
    close(pair[0]);
    close(pair[1]);
    close(epfd);
    return planned_end();
}

static void edges_are_kept(void **state)
{
    (void)state;
    assert_int_equal(faults_on_edge(false), 1);
    assert_int_equal(faults_on_edge(true), 0);
    assert_int_equal(faults_on_edge(false), 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_full_until_then),
        cmocka_unit_test(it_may_be_another),
        cmocka_unit_test(it_is_as_before),
        cmocka_unit_test(edges_are_kept),
    };

    alarm(120);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
