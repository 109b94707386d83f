/*
 * contract.c: rows of the fault model's tables that fidelity.c cannot reach,
 * because they wait, need full buffers, or need many descriptors.
 */
#include "faultinject/inject/finding.h"
#include "tests/faultinject/simnet/rig.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

/* R8: a blocking recv ends with EAGAIN when SO_RCVTIMEO has passed. */
static void recv_times_out(void **state)
{
    (void)state;
    set_timeout(SO_RCVTIMEO, 2500);
    FAILS(w->recv(pair[0], bytes, 1, 0), EAGAIN);
    assert_int_equal(elapsed_ms(), 2500);
}

static enum sf_sim_wake peer_sends(void)
{
    next = NULL;
    w->send(pair[1], "hi", 2, MSG_DONTWAIT);
    return SF_SIM_ACTED;
}

static enum sf_sim_wake a_signal(void)
{
    next = peer_sends;
    return SF_SIM_SIGNAL;
}

/* R8: … or with data, or with EINTR. */
static void recv_waits(void **state)
{
    (void)state;
    next = a_signal;
    FAILS(w->recv(pair[0], bytes, 10, 0), EINTR);
    assert_int_equal(w->recv(pair[0], bytes, 10, 0), 2);
    assert_int_equal(elapsed_ms(), 0);
}

/* S7, S9: a full buffer says EAGAIN and is not writable; it is again when a
 * good part of it has been read. */
static void send_fills(void **state)
{
    struct pollfd out = {.fd = pair[0], .events = POLLOUT};

    (void)state;
    assert_int_equal(w->send(pair[0], bytes, 1500, MSG_DONTWAIT), 1000);
    FAILS(w->send(pair[0], bytes, 1, MSG_DONTWAIT), EAGAIN);
    assert_int_equal(w->poll(&out, 1, 0), 0);
    assert_int_equal(w->recv(pair[1], bytes, 1, 0), 1);
    assert_int_equal(w->poll(&out, 1, 0), 0);
    assert_int_equal(w->send(pair[0], bytes, 5, MSG_DONTWAIT), 1);
    assert_int_equal(w->recv(pair[1], bytes, 1000, 0), 1000);
    assert_int_equal(w->poll(&out, 1, 0), 1);
}

static enum sf_sim_wake peer_reads(void)
{
    w->recv(pair[1], bytes, 300, MSG_DONTWAIT);
    return SF_SIM_ACTED;
}

/* S8: a blocking send moves everything, or what SO_SNDTIMEO allows. */
static void send_blocks(void **state)
{
    (void)state;
    next = peer_reads;
    assert_int_equal(w->send(pair[0], bytes, 5000, 0), 5000);
    next = NULL;
    while (w->recv(pair[1], bytes, 1000, MSG_DONTWAIT) > 0)
        ;
    set_timeout(SO_SNDTIMEO, 40);
    assert_int_equal(w->send(pair[0], bytes, 5000, 0), 1000);
    FAILS(w->send(pair[0], bytes, 5000, 0), EAGAIN);
    assert_int_equal(elapsed_ms(), 80);
}

/* Q1: a dead number fails select, which leaves the sets alone. */
static void select_says_ebadf(void **state)
{
    fd_set rd, before;

    (void)state;
    FD_ZERO(&rd);
    FD_SET(pair[0], &rd);
    FD_SET(pair[1], &rd);
    before = rd;
    w->kill(pair[1]);
    FAILS(w->select(pair[1] + 1, &rd, NULL, NULL, NULL), EBADF);
    assert_memory_equal(&rd, &before, sizeof rd);
}

/* Q2: … unless it is above the table: then its bit stays set. */
static void select_ignores_high_numbers(void **state)
{
    struct timeval now = {0, 0};
    fd_set rd;

    (void)state;
    FD_ZERO(&rd);
    FD_SET(1023, &rd);
    assert_int_equal(w->select(1024, &rd, NULL, NULL, &now), 0);
    assert_true(FD_ISSET(1023, &rd));
}

/* Q4: EINTR; Linux leaves the rest of the time in the timeval. */
static void select_is_interrupted(void **state)
{
    struct timeval limit = {3, 0};
    fd_set rd;

    (void)state;
    FD_ZERO(&rd);
    FD_SET(pair[0], &rd);
    next = a_signal;
    FAILS(w->select(pair[0] + 1, &rd, NULL, NULL, &limit), EINTR);
    assert_true(FD_ISSET(pair[0], &rd));
    assert_int_equal(limit.tv_sec, 3);
    next = NULL;
    assert_int_equal(w->select(pair[0] + 1, &rd, NULL, NULL, &limit), 0);
    assert_int_equal(limit.tv_sec, 0);
    assert_int_equal(elapsed_ms(), 3000);
}

/* A1: EMFILE comes before the queue is looked at; A5: lowest free number. */
static void accept_finds_no_numbers(void **state)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "/l"};
    const struct sockaddr *addr = (struct sockaddr *)&name;
    int listener = w->socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    (void)state;
    assert_int_equal(w->bind(listener, addr, sizeof name), 0);
    assert_int_equal(w->listen(listener, 4), 0);
    FAILS(w->accept(listener, NULL, NULL), EAGAIN);
    sf_sim_set_fd_limit(sf_sim_lowest());
    FAILS(w->accept(listener, NULL, NULL), EMFILE);
    assert_non_null(sf_end_connect(addr, sizeof name));
    FAILS(w->accept(listener, NULL, NULL), EMFILE);
    assert_int_equal(w->close(pair[0]), 0);
    assert_int_equal(w->accept(listener, NULL, NULL), pair[0]);
}

static int bind_abstract(const char *name, int *fd)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    size_t n = strlen(name);

    memcpy(addr.sun_path + 1, name, n);
    *fd = w->socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    return w->bind(*fd, (struct sockaddr *)&addr,
                   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n));
}

/* Names without a file are told from each other, and are refused, not missing,
 * where nobody has them. */
static void abstract_names_differ(void **state)
{
    struct sockaddr_un nobody = {.sun_family = AF_UNIX, .sun_path = "\0c"};
    int a, b, again, fd = w->socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    (void)state;
    assert_int_equal(bind_abstract("a", &a), 0);
    assert_int_equal(bind_abstract("b", &b), 0);
    FAILS(bind_abstract("a", &again), EADDRINUSE);
    FAILS(w->connect(fd, (struct sockaddr *)&nobody,
                     offsetof(struct sockaddr_un, sun_path) + 2),
          ECONNREFUSED);
    nobody.sun_path[0] = '/';
    FAILS(w->connect(fd, (struct sockaddr *)&nobody, sizeof nobody), ENOENT);
}

/* A family that is barred cannot be connected to; the others can. */
static void connect_is_barred(void **state)
{
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_port = htons(7),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct sockaddr *addr = (struct sockaddr *)&name;
    int fd = w->socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    (void)state;
    assert_non_null(sf_end_listen(addr, sizeof name, 1));
    sf_sim_bar(AF_INET, EADDRNOTAVAIL);
    FAILS(w->connect(fd, addr, sizeof name), EADDRNOTAVAIL);
    sf_sim_bar(AF_INET6, EADDRNOTAVAIL);
    FAILS(w->connect(fd, addr, sizeof name), EINPROGRESS);
}

/* X1, X2: close frees the number at once; a second one is EBADF. */
static void close_frees(void **state)
{
    (void)state;
    assert_int_equal(w->close(pair[0]), 0);
    FAILS(w->close(pair[0]), EBADF);
    assert_int_equal(w->dup(pair[1]), pair[0]);
}

/* A reset is told once, after what was there; then the end, for ever. */
static void reset_is_told_once(void **state)
{
    int fd, error;
    socklen_t len = sizeof error;
    struct sf_end *peer = sf_end_pair(AF_INET, &fd);

    (void)state;
    sf_end_send(peer, "12345", 5);
    w->reset(fd, ECONNRESET);
    assert_int_equal(w->recv(fd, bytes, 10, 0), 5);
    FAILS(w->recv(fd, bytes, 10, 0), ECONNRESET);
    assert_int_equal(w->recv(fd, bytes, 10, 0), 0);
    assert_int_equal(w->recv(fd, bytes, 10, 0), 0);
    FAILS(w->send(fd, bytes, 1, MSG_NOSIGNAL), EPIPE);
    assert_int_equal(w->getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
    assert_int_equal(error, 0);
    assert_int_equal(sf_end_recv(peer, bytes, 1), -ECONNRESET);
}

/* Sockets as fuzz_fidelity has found them on Linux. */

static const struct sockaddr_in port_1 = {
    .sin_family = AF_INET,
    .sin_port = 1,
};
static const struct sockaddr *nobody = (const struct sockaddr *)&port_1;
static const struct sockaddr_in any_port = {.sin_family = AF_INET};

static int error_of(int fd)
{
    int error = -1;
    socklen_t len = sizeof error;

    w->getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    return error;
}

/* Until another connect has told it, and never again after a shutdown. */
static void failed_connect_is_not_over(void **state)
{
    int fd = tcp();

    (void)state;
    FAILS(w->connect(fd, nobody, sizeof port_1), EINPROGRESS);
    FAILS(w->listen(fd, 1), EINVAL);
    FAILS(w->connect(fd, nobody, sizeof port_1), ECONNREFUSED);
    assert_int_equal(w->listen(fd, 1), 0);
    fd = tcp();
    FAILS(w->connect(fd, nobody, sizeof port_1), EINPROGRESS);
    FAILS(w->shutdown(fd, SHUT_RD), ENOTCONN);
    FAILS(w->connect(fd, nobody, sizeof port_1), EINVAL);
    FAILS(w->listen(fd, 1), EINVAL);
}

/* Its port was chosen for it, and is nobody's when the connection is lost. */
static void lost_connection_has_no_port(void **state)
{
    struct sockaddr_in name;
    int to = listener(1, &name), fd = tcp();

    (void)state;
    FAILS(w->connect(fd, (struct sockaddr *)&name, sizeof name), EINPROGRESS);
    FAILS(w->bind(fd, (const struct sockaddr *)&any_port, sizeof any_port),
          EINVAL);
    assert_int_equal(w->close(to), 0);
    assert_int_equal(
        w->bind(fd, (const struct sockaddr *)&any_port, sizeof any_port), 0);
}

/* No room in the backlog: it waits, and has a port. */
static void shutdown_ends_connecting(void **state)
{
    struct sockaddr_in name;
    int fds[2];

    (void)state;
    listener(0, &name);
    for (int i = 0; i < 2; i++) {
        fds[i] = tcp();
        FAILS(w->connect(fds[i], (struct sockaddr *)&name, sizeof name),
              EINPROGRESS);
    }
    FAILS(w->bind(fds[1], (const struct sockaddr *)&any_port, sizeof any_port),
          EINVAL);
    assert_int_equal(w->shutdown(fds[1], SHUT_WR), 0);
    assert_int_equal(error_of(fds[1]), ECONNRESET);
}

/* Both ways are shut, and the peer sends: a reset for both. */
static void bytes_for_nobody(void **state)
{
    struct sockaddr_in name;
    int from = listener(1, &name), a = tcp(), b;

    (void)state;
    FAILS(w->connect(a, (struct sockaddr *)&name, sizeof name), EINPROGRESS);
    b = w->accept4(from, NULL, NULL, SOCK_NONBLOCK);
    assert_int_equal(w->shutdown(b, SHUT_RDWR), 0);
    assert_int_equal(w->send(a, bytes, 5, MSG_NOSIGNAL), 5);
    FAILS(w->recv(b, bytes, 5, 0), ECONNRESET);
    assert_int_equal(w->recv(a, bytes, 5, 0), 0);
    FAILS(w->send(a, bytes, 5, MSG_NOSIGNAL), EPIPE);
}

/* One is in the backlog, one finds no room there; then nobody listens. */
static void backlog_has_room_for_one(void **state)
{
    struct sockaddr_in name;
    int from = listener(0, &name), fds[2];

    (void)state;
    assert_int_equal(w->shutdown(from, SHUT_WR), 0); /* it listens on */
    for (int i = 0; i < 2; i++) {
        fds[i] = tcp();
        FAILS(w->connect(fds[i], (struct sockaddr *)&name, sizeof name),
              EINPROGRESS);
        assert_int_equal(sf_sim_was_connected(fds[i]), i == 0);
    }
    FAILS(w->bind(tcp(), (struct sockaddr *)&name, sizeof name), EADDRINUSE);
    assert_int_equal(w->close(from), 0);
    FAILS(w->recv(fds[0], bytes, 1, 0), ECONNRESET);
    assert_int_equal(error_of(fds[1]), ECONNREFUSED);
    assert_int_equal(error_of(fds[1]), 0);
}

/* With something unread, or not to linger: a reset; else the end. */
static void closes_differ(void **state)
{
    struct linger at_once = {.l_onoff = 1};
    int ends[2];

    (void)state;
    connect_pair(ends);
    assert_int_equal(w->close(ends[1]), 0);
    assert_int_equal(w->recv(ends[0], bytes, 1, 0), 0);
    connect_pair(ends);
    assert_int_equal(w->send(ends[0], bytes, 1, 0), 1);
    assert_int_equal(w->close(ends[1]), 0);
    FAILS(w->recv(ends[0], bytes, 1, 0), ECONNRESET);
    connect_pair(ends);
    assert_int_equal(
        w->setsockopt(ends[1], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once),
        0);
    assert_int_equal(w->close(ends[1]), 0);
    FAILS(w->recv(ends[0], bytes, 1, 0), ECONNRESET);
}

/* What is there when it is added is news, and each edge after it, once. */
static void edges_are_told_once(void **state)
{
    int epfd = watch(pair[0], EPOLLIN | EPOLLOUT | EPOLLET);

    (void)state;
    assert_int_equal(look(epfd), EPOLLOUT);
    assert_int_equal(look(epfd), 0);
    w->send(pair[1], bytes, 1, 0);
    assert_int_equal(look(epfd), EPOLLIN | EPOLLOUT);
    assert_int_equal(look(epfd), 0);
    while (w->send(pair[0], bytes, 100, MSG_DONTWAIT) > 0)
        ;
    assert_int_equal(look(epfd), 0);
    assert_int_equal(w->recv(pair[1], bytes, 1000, 0), 1000);
    assert_int_equal(look(epfd), EPOLLIN | EPOLLOUT);
    assert_int_equal(look(epfd), 0);
}

static void one_shot_is_armed_again(void **state)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT};
    int epfd = watch(pair[0], event.events);

    (void)state;
    for (int i = 0; i < 2; i++) {
        w->send(pair[1], bytes, 1, 0);
        assert_int_equal(look(epfd), EPOLLIN);
        assert_int_equal(look(epfd), 0);
        assert_int_equal(w->epoll_ctl(epfd, EPOLL_CTL_MOD, pair[0], &event), 0);
    }
    assert_int_equal(look(epfd), EPOLLIN);
}

static void counters_are_edges(void **state)
{
    int fd = w->eventfd(0, EFD_NONBLOCK);
    int epfd = watch(fd, EPOLLIN | EPOLLET);
    uint64_t n = 1;

    (void)state;
    assert_int_equal(look(epfd), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(w->write(fd, &n, sizeof n), sizeof n);
        assert_int_equal(look(epfd), EPOLLIN);
        assert_int_equal(look(epfd), 0);
    }
    assert_int_equal(w->read(fd, &n, sizeof n), sizeof n);
    assert_int_equal(n, 2);
}

/* The third of its periods ends now. */
static void timers_count(void **state)
{
    struct itimerspec every = {{0, 10 * MS}, {0, 10 * MS}};
    struct timespec nap = {0, 30 * MS};
    int fd = w->timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    uint64_t n = 0;

    (void)state;
    assert_int_equal(w->timerfd_settime(fd, 0, &every, NULL), 0);
    FAILS(w->read(fd, &n, sizeof n), EAGAIN);
    assert_int_equal(w->nanosleep(&nap, NULL), 0);
    assert_int_equal(w->read(fd, &n, sizeof n), sizeof n);
    assert_int_equal(n, 3);
    assert_int_equal(w->poll(&p, 1, -1), 1);
    assert_int_equal(elapsed_ms(), 40);
}

static enum sf_sim_wake peer_goes_on(void)
{
    w->send(pair[1], "hi", 2, MSG_DONTWAIT);
    return SF_SIM_ACTED;
}

static void waitall_waits_for_all(void **state)
{
    (void)state;
    next = peer_goes_on;
    assert_int_equal(w->recv(pair[0], bytes, 5, MSG_WAITALL), 5);
    assert_int_equal(w->recv(pair[0], bytes, 5, 0), 1);
}

/* It need not be asked for; and what was not read is a reset here, too. */
static void hangup_is_told(void **state)
{
    struct pollfd p = {.fd = pair[0]};

    (void)state;
    assert_int_equal(w->send(pair[0], bytes, 1, 0), 1);
    assert_int_equal(w->close(pair[1]), 0);
    assert_int_equal(w->poll(&p, 1, 0), 1);
    assert_int_equal(p.revents, POLLHUP | POLLERR);
    FAILS(w->recv(pair[0], bytes, 1, 0), ECONNRESET);
    assert_int_equal(w->poll(&p, 1, 0), 1);
    assert_int_equal(p.revents, POLLHUP);
}

static enum sf_sim_wake in_vain(void)
{
    next = peer_reads;
    return SF_SIM_ACTED;
}

/* Whoever wakes it, it goes on until all is sent. */
static void send_sleeps_again(void **state)
{
    (void)state;
    next = in_vain;
    assert_int_equal(w->send(pair[0], bytes, 1500, 0), 1500);
}

static void sendfile_moves_the_offset(void **state)
{
    int file = memfd_create("file", MFD_CLOEXEC);
    off_t at = 2;

    (void)state;
    assert_int_equal(pwrite(file, "0123456789", 10, 0), 10);
    assert_int_equal(w->sendfile(pair[0], file, &at, 5), 5);
    assert_int_equal(at, 7);
    assert_int_equal(w->recv(pair[1], bytes, 10, 0), 5);
    assert_memory_equal(bytes, "23456", 5);
    close(file);
}

static void time_is_virtual(void **state)
{
    struct timespec day = {86400, 0}, now;

    (void)state;
    assert_int_equal(w->nanosleep(&day, NULL), 0);
    assert_int_equal(w->clock_gettime(CLOCK_MONOTONIC, &now), 0);
    assert_int_equal(now.tv_sec, SF_SIM_EPOCH_NS / 1000000000 + 86400);
}

static void poll_of_nothing_faults(void **state)
{
    struct pollfd *volatile none = NULL;

    (void)state;
    assert_int_equal(w->poll(none, 1, 0), -1);
    assert_int_equal(errno, EFAULT);
    assert_int_equal(w->poll(none, 0, 0), 0);
}

/* The real kernel can say nothing of what is only its own: the time that goes
 * by while somebody waits for it is ours. */
static void limits_of_real_waits_are_virtual(void **state)
{
    struct timespec before, after;
    int real[2];
    fd_set rd;

    (void)state;
    assert_return_code(sf_libc.socketpair(AF_UNIX, SOCK_DGRAM, 0, real), errno);
    FD_ZERO(&rd);
    FD_SET(real[0], &rd);
    w->clock_gettime(CLOCK_MONOTONIC, &before);
    assert_int_equal(
        w->select(real[0] + 1, &rd, NULL, NULL, &(struct timeval){3600, 0}), 0);
    assert_int_equal(w->poll(&(struct pollfd){real[0], POLLIN, 0}, 1, 3600000),
                     0);
    w->clock_gettime(CLOCK_MONOTONIC, &after);
    assert_int_equal(after.tv_sec - before.tv_sec, 7200);
    sf_libc.close(real[0]);
    sf_libc.close(real[1]);
}

static enum sf_sim_wake signals_come(void)
{
    return SF_SIM_SIGNAL;
}

/* Times that Linux takes, and so long that nobody waits for them. */
static void long_times_are_for_ever(void **state)
{
    const struct timespec year = {.tv_sec = INT64_C(10000000000)};
    const struct timeval ever = {.tv_sec = INT64_MAX};
    struct timeval us = {.tv_usec = INT64_MAX};
    struct epoll_event event;
    int ep = w->epoll_create1(0);

    (void)state;
    next = signals_come;
    FAILS(w->nanosleep(&year, NULL), EINTR);
    FAILS(w->select(0, NULL, NULL, NULL, &us), EINTR);
    assert_int_equal(
        w->setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &ever, sizeof ever), 0);
    FAILS(w->recv(pair[0], bytes, 1, 0), EINTR);
    FAILS(w->nanosleep(&(struct timespec){.tv_sec = -1}, NULL), EINVAL);
    FAILS(w->clock_gettime(99, NULL), EINVAL);
    FAILS(w->epoll_ctl(ep, EPOLL_CTL_ADD, pair[0], NULL), EFAULT);
    FAILS(w->epoll_wait(ep, &event, 1, 5), EINTR);
}

static enum sf_monitor told;

static bool take_finding(enum sf_monitor monitor, const char *line)
{
    (void)line;
    told = monitor;
    return 1;
}

static void a_wait_for_ever_is_a_stall(void **state)
{
    (void)state;
    told = SF_MON_COUNT;
    sf_finding_hook = take_finding;
    w->recv(pair[0], bytes, 1, 0);
    sf_finding_hook = NULL;
    assert_int_equal(told, SF_MON_STALL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(recv_times_out),
        TEST(recv_waits),
        TEST(send_fills),
        TEST(send_blocks),
        TEST(select_says_ebadf),
        TEST(select_ignores_high_numbers),
        TEST(select_is_interrupted),
        TEST(accept_finds_no_numbers),
        TEST(abstract_names_differ),
        TEST(connect_is_barred),
        TEST(close_frees),
        TEST(reset_is_told_once),
        TEST(failed_connect_is_not_over),
        TEST(lost_connection_has_no_port),
        TEST(shutdown_ends_connecting),
        TEST(bytes_for_nobody),
        TEST(backlog_has_room_for_one),
        TEST(closes_differ),
        TEST(edges_are_told_once),
        TEST(one_shot_is_armed_again),
        TEST(counters_are_edges),
        TEST(timers_count),
        TEST(waitall_waits_for_all),
        TEST(hangup_is_told),
        TEST(send_sleeps_again),
        TEST(sendfile_moves_the_offset),
        TEST(time_is_virtual),
        TEST(poll_of_nothing_faults),
        TEST(limits_of_real_waits_are_virtual),
        TEST(long_times_are_for_ever),
        TEST(a_wait_for_ever_is_a_stall),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
