/*
 * counters.c: eventfd, timerfd and what epoll makes of other descriptors, here
 * and on the running kernel: the same steps give the same results in both
 * worlds.
 */
#include "faultinject/simnet/simnet.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <cmocka.h>

static const struct sf_world *w;
static uint64_t number;

static int set_up_simnet(void **state)
{
    (void)state;
    w = sf_simnet();
    sf_sim_begin(NULL);
    return 0;
}

static int set_up_kernel(void **state)
{
    (void)state;
    w = sf_kernel();
    return 0;
}

#define FAILS(call, err)              \
    do {                              \
        assert_int_equal(call, -1);   \
        assert_int_equal(errno, err); \
    } while (0)

static uint64_t take(int fd)
{
    assert_int_equal(w->read(fd, &number, sizeof number), sizeof number);
    return number;
}

static ssize_t give(int fd, uint64_t n)
{
    return w->write(fd, &n, sizeof n);
}

static int events(int fd, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};

    return w->poll(&p, 1, timeout_ms) > 0 ? p.revents : 0;
}

static void counts(void **state)
{
    int fd = w->eventfd(3, EFD_NONBLOCK);

    (void)state;
    assert_int_equal(events(fd, 0), POLLIN | POLLOUT);
    assert_int_equal(give(fd, 4), 8);
    assert_int_equal(take(fd), 7);
    FAILS(w->read(fd, &number, sizeof number), EAGAIN);
    assert_int_equal(events(fd, 0), POLLOUT);
    FAILS(w->read(fd, &number, 7), EINVAL);
    FAILS(w->write(fd, &number, 7), EINVAL);
    FAILS(give(fd, UINT64_MAX), EINVAL);
    assert_int_equal(give(fd, UINT64_MAX - 1), 8);
    FAILS(give(fd, 1), EAGAIN);
    assert_int_equal(events(fd, 0), POLLIN);
    FAILS(w->recv(fd, &number, sizeof number, 0), ENOTSOCK);
    assert_int_equal(w->close(fd), 0);
    FAILS(w->eventfd(0, 0x40), EINVAL);
}

static void counts_down_as_a_semaphore(void **state)
{
    int fd = w->eventfd(2, EFD_NONBLOCK | EFD_SEMAPHORE);

    (void)state;
    assert_int_equal(take(fd), 1);
    assert_int_equal(take(fd), 1);
    FAILS(w->read(fd, &number, sizeof number), EAGAIN);
    assert_int_equal(w->close(fd), 0);
}

static void gives_an_edge_for_each_write(void **state)
{
    int ep = w->epoll_create1(0), fd = w->eventfd(0, EFD_NONBLOCK);
    struct epoll_event e = {.events = EPOLLIN | EPOLLET};

    (void)state;
    assert_int_equal(w->epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), 0);
    assert_int_equal(w->epoll_wait(ep, &e, 1, 0), 0);
    give(fd, 1);
    assert_int_equal(w->epoll_wait(ep, &e, 1, 0), 1);
    assert_int_equal(w->epoll_wait(ep, &e, 1, 0), 0);
    give(fd, 1);
    assert_int_equal(w->epoll_wait(ep, &e, 1, 0), 1);
    w->close(fd);
    w->close(ep);
}

static void ms(int fd, int flags, long value, long period)
{
    struct itimerspec t = {{0, period * 1000000}, {0, value * 1000000}};

    assert_int_equal(w->timerfd_settime(fd, flags, &t, NULL), 0);
}

static void rings_when_it_is_time(void **state)
{
    int fd = w->timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct itimerspec left;

    (void)state;
    FAILS(w->read(fd, &number, sizeof number), EAGAIN);
    ms(fd, 0, 30, 0);
    assert_int_equal(events(fd, 0), 0);
    assert_int_equal(w->timerfd_gettime(fd, &left), 0);
    assert_in_range(left.it_value.tv_nsec, 1, 30000000);
    assert_int_equal(events(fd, -1), POLLIN);
    FAILS(w->read(fd, &number, 7), EINVAL);
    FAILS(give(fd, 1), EINVAL);
    assert_int_equal(take(fd), 1);
    assert_int_equal(events(fd, 0), 0);
    assert_int_equal(w->timerfd_gettime(fd, &left), 0);
    assert_int_equal(left.it_value.tv_nsec, 0);
    assert_int_equal(w->close(fd), 0);
}

static void rings_again_and_again(void **state)
{
    int fd = w->timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);

    (void)state;
    ms(fd, 0, 20, 20);
    assert_int_equal(events(fd, -1), POLLIN);
    take(fd);
    assert_int_equal(events(fd, -1), POLLIN);
    w->poll(NULL, 0, 50);
    assert_true(take(fd) >= 3);
    ms(fd, 0, 0, 20); /* disarmed */
    assert_int_equal(events(fd, 60), 0);
    assert_int_equal(w->close(fd), 0);
}

static void refuses_what_is_no_time(void **state)
{
    struct itimerspec odd = {{0, 0}, {0, 1000000000}};
    int fd = w->timerfd_create(CLOCK_REALTIME, 0), other = w->eventfd(0, 0);

    (void)state;
    FAILS(w->timerfd_settime(fd, 0, &odd, NULL), EINVAL);
    odd.it_value.tv_nsec = 1;
    FAILS(w->timerfd_settime(fd, 64, &odd, NULL), EINVAL);
    FAILS(w->timerfd_settime(other, 0, &odd, NULL), EINVAL);
    /* An absolute time of long ago rings at once. */
    assert_int_equal(w->timerfd_settime(fd, TFD_TIMER_ABSTIME, &odd, NULL), 0);
    assert_int_equal(events(fd, 0), POLLIN);
    w->close(fd);
    w->close(other);
    FAILS(w->timerfd_settime(fd, 0, &odd, NULL), EBADF);
    FAILS(w->timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0), EINVAL);
}

/* Descriptors of the kernel's in an epoll of either world. */
static void watches_what_is_the_kernels(void **state)
{
    int ep = w->epoll_create1(0), own = w->eventfd(1, EFD_NONBLOCK);
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = 7}, both[3];
    int real[2], file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    (void)state;
    assert_int_equal(sf_libc.pipe(real), 0);
    FAILS(w->epoll_ctl(ep, EPOLL_CTL_MOD, real[0], &e), ENOENT);
    FAILS(w->epoll_ctl(ep, EPOLL_CTL_ADD, file, &e), EPERM);
    FAILS(w->epoll_ctl(ep, EPOLL_CTL_ADD, -1, &e), EBADF);
    assert_int_equal(w->epoll_ctl(ep, EPOLL_CTL_ADD, real[0], &e), 0);
    FAILS(w->epoll_ctl(ep, EPOLL_CTL_ADD, real[0], &e), EEXIST);
    assert_int_equal(w->epoll_wait(ep, both, 3, 0), 0);
    assert_int_equal(events(ep, 0), 0);
    assert_int_equal(sf_libc.write(real[1], "x", 1), 1);
    assert_int_equal(events(ep, 0), POLLIN);
    assert_int_equal(w->epoll_wait(ep, both, 3, -1), 1);
    assert_int_equal(both[0].data.u32, 7);
    assert_int_equal(w->epoll_ctl(ep, EPOLL_CTL_ADD, own, &e), 0);
    assert_int_equal(w->epoll_wait(ep, both, 3, -1), 2);
    assert_int_equal(w->epoll_wait(ep, both, 1, -1), 1);
    sf_libc.close(real[0]);
    assert_int_equal(w->epoll_wait(ep, both, 3, 0), 1);
    w->close(own);
    assert_int_equal(w->epoll_wait(ep, both, 3, 0), 0);
    w->close(ep);
    sf_libc.close(real[1]);
    sf_libc.close(file);
}

/* Half a millisecond is a time, too. */
static void waits_for_less_than_a_millisecond(void **state)
{
    struct timespec half = {0, 500000}, before, after;
    int ep = w->epoll_create1(0);
    struct epoll_event e;

    (void)state;
    w->clock_gettime(CLOCK_MONOTONIC, &before);
    assert_int_equal(w->epoll_pwait2(ep, &e, 1, &half, NULL), 0);
    w->clock_gettime(CLOCK_MONOTONIC, &after);
    assert_in_range((after.tv_sec - before.tv_sec) * 1000000000 +
                        after.tv_nsec - before.tv_nsec,
                    500000, 999999999);
    half.tv_nsec = 1000000000;
    FAILS(w->epoll_pwait2(ep, &e, 1, &half, NULL), EINVAL);
    w->close(ep);
}

#define BOTH(test)                                              \
    cmocka_unit_test_setup(test, set_up_simnet),                \
    {                                                           \
#test " on the kernel", test, set_up_kernel, NULL, NULL \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(counts),
        BOTH(counts_down_as_a_semaphore),
        BOTH(gives_an_edge_for_each_write),
        BOTH(rings_when_it_is_time),
        BOTH(rings_again_and_again),
        BOTH(refuses_what_is_no_time),
        BOTH(watches_what_is_the_kernels),
        BOTH(waits_for_less_than_a_millisecond),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
