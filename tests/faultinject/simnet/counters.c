/*
 * counters.c: eventfd, timerfd, what epoll makes of other descriptors, and
 * socket options, here and on the running kernel: the same steps give the same
 * results in both worlds.
 */
#include "faultinject/simnet/simnet.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

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

/* Whoever looked at one would look at itself. */
static void refuses_rings_of_epolls(void **state)
{
    struct epoll_event e = {.events = EPOLLIN};
    int ep[7];

    (void)state;
    for (int i = 0; i < 7; i++)
        ep[i] = w->epoll_create1(0);
    FAILS(w->epoll_ctl(ep[0], EPOLL_CTL_ADD, ep[0], &e), EINVAL);
    for (int i = 0; i < 4; i++)
        assert_int_equal(w->epoll_ctl(ep[i], EPOLL_CTL_ADD, ep[i + 1], &e), 0);
    FAILS(w->epoll_ctl(ep[1], EPOLL_CTL_ADD, ep[0], &e), ELOOP);
    FAILS(w->epoll_ctl(ep[4], EPOLL_CTL_ADD, ep[0], &e), ELOOP);
    assert_int_equal(w->epoll_wait(ep[0], &e, 1, 0), 0);
    assert_int_equal(events(ep[0], 0), 0);
    for (int i = 0; i < 7; i++)
        w->close(ep[i]);
}

static void keeps_what_is_exclusive(void **state)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLEXCLUSIVE};
    int ep = w->epoll_create1(0), other = w->epoll_create1(0);
    int fd = w->eventfd(1, EFD_NONBLOCK);

    (void)state;
    FAILS(w->epoll_ctl(ep, EPOLL_CTL_ADD, other, &e), EINVAL);
    assert_int_equal(w->epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), 0);
    FAILS(w->epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e), EINVAL);
    e.events = EPOLLIN;
    FAILS(w->epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e), EINVAL);
    assert_int_equal(w->epoll_wait(ep, &e, 1, 0), 1);
    assert_int_equal(w->epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL), 0);
    w->close(fd);
    w->close(other);
    w->close(ep);
}

/* What is asked of a socket before it is used: what it is, and after it was
 * set; an err of either. */
static const struct {
    int family, level, name, is, value, becomes, err;
} options[] = {
    {AF_INET, SOL_SOCKET, SO_REUSEPORT, 0, 1, 1, 0},
    {AF_INET, SOL_SOCKET, SO_BROADCAST, 0, 5, 1, 0},
    {AF_INET, SOL_SOCKET, SO_OOBINLINE, 0, 1, 1, 0},
    {AF_INET, SOL_SOCKET, SO_PRIORITY, 0, 6, 6, 0},
    {AF_INET, SOL_SOCKET, SO_INCOMING_CPU, -1, 0, 0, 0},
    {AF_INET, SOL_SOCKET, SO_TIMESTAMP, 0, 1, 1, 0},
    {AF_UNIX, SOL_SOCKET, SO_BROADCAST, 0, 1, 1, 0},
    {AF_INET, IPPROTO_TCP, TCP_CORK, 0, 1, 1, 0},
    {AF_INET, IPPROTO_TCP, TCP_QUICKACK, 1, 0, 0, 0},
    {AF_INET, IPPROTO_TCP, TCP_MAXSEG, 536, 1, 536, EINVAL},
    {AF_INET, IPPROTO_TCP, TCP_DEFER_ACCEPT, 0, 1, 1, 0},
    {AF_INET, IPPROTO_TCP, TCP_USER_TIMEOUT, 0, 900, 900, 0},
    {AF_INET, IPPROTO_TCP, TCP_USER_TIMEOUT, 0, -1, 0, EINVAL},
    {AF_INET, IPPROTO_TCP, TCP_SYNCNT, 6, 3, 3, 0},
    {AF_INET, IPPROTO_TCP, TCP_SYNCNT, 6, 0, 6, EINVAL},
    {AF_INET, IPPROTO_TCP, TCP_LINGER2, 60, 10, 10, 0},
    {AF_INET, IPPROTO_IP, IP_TOS, 0, 16, 16, 0},
    {AF_INET, IPPROTO_IP, IP_TTL, 64, 7, 7, 0},
    {AF_INET, IPPROTO_IP, IP_TTL, 64, 0, 64, EINVAL},
    {AF_INET, IPPROTO_IP, IP_FREEBIND, 0, 1, 1, 0},
};

static int option(int fd, int level, int name)
{
    int value = -99;
    socklen_t len = sizeof value;

    assert_int_equal(w->getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

static void remembers_options(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof options / sizeof *options; i++) {
        int fd = w->socket(options[i].family, SOCK_STREAM, 0);
        int level = options[i].level, name = options[i].name;
        int value = options[i].value, r;

        assert_int_equal(option(fd, level, name), options[i].is);
        r = w->setsockopt(fd, level, name, &value, sizeof value);
        assert_int_equal(r < 0 ? errno : 0, options[i].err);
        assert_int_equal(option(fd, level, name), options[i].becomes);
        w->close(fd);
    }
}

static void tells_who_and_what_it_is(void **state)
{
    struct tcp_info info;
    struct ucred peer;
    int tcp = w->socket(AF_INET, SOCK_STREAM, IPPROTO_TCP), both[2], mark = 7;
    socklen_t len = sizeof info;

    (void)state;
    assert_int_equal(w->getsockopt(tcp, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    assert_int_equal(len, sizeof info);
    assert_int_equal(info.tcpi_state, TCP_CLOSE);
    assert_int_equal(w->ioctl(tcp, SIOCATMARK, (long)&mark), 0);
    assert_int_equal(mark, 0);
    assert_int_equal(w->fcntl(tcp, F_GETOWN, 0), 0);
    assert_int_equal(w->fcntl(tcp, F_SETOWN, getpid()), 0);
    assert_int_equal(w->socketpair(AF_UNIX, SOCK_STREAM, 0, both), 0);
    len = sizeof peer;
    assert_int_equal(
        w->getsockopt(both[0], SOL_SOCKET, SO_PEERCRED, &peer, &len), 0);
    assert_int_equal(peer.pid, getpid());
    assert_int_equal(peer.uid, geteuid());
    w->close(both[0]);
    w->close(both[1]);
    w->close(tcp);
    FAILS(w->socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
    FAILS(w->socket(AF_INET, SOCK_STREAM | 0x4000000, 0), EINVAL);
}

/* A connection of the world with itself. */
static void connect_both(int both[2])
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    int listener = w->socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(w->bind(listener, (struct sockaddr *)&addr, len), 0);
    assert_int_equal(w->listen(listener, 1), 0);
    assert_int_equal(w->getsockname(listener, (struct sockaddr *)&addr, &len),
                     0);
    both[0] = w->socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(w->connect(both[0], (struct sockaddr *)&addr, len), 0);
    both[1] = w->accept(listener, NULL, NULL);
    assert_true(both[1] >= 0);
    w->close(listener);
}

/* tcp(7): MSG_TRUNC throws away, and needs no room for it. */
static void throws_away(void **state)
{
    socklen_t none = 0;
    char rest[8];
    int both[2];

    (void)state;
    connect_both(both);
    assert_int_equal(w->getsockname(both[1], NULL, &none), 0);
    assert_int_equal(none, sizeof(struct sockaddr_in));
    assert_int_equal(w->send(both[0], "abcdef", 6, 0), 6);
    assert_int_equal(events(both[1], 1000), POLLIN | POLLOUT);
    assert_int_equal(w->recv(both[1], NULL, 4, MSG_TRUNC), 4);
    assert_int_equal(w->recv(both[1], rest, sizeof rest, 0), 2);
    assert_memory_equal(rest, "ef", 2);
    FAILS(w->recv(both[1], NULL, 4, MSG_TRUNC | MSG_DONTWAIT), EAGAIN);
    w->close(both[0]);
    assert_int_equal(w->recv(both[1], NULL, 4, MSG_TRUNC), 0);
    w->close(both[1]);
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
        BOTH(refuses_rings_of_epolls),
        BOTH(keeps_what_is_exclusive),
        BOTH(remembers_options),
        BOTH(tells_who_and_what_it_is),
        BOTH(throws_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
