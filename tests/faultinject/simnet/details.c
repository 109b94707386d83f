/*
 * details.c: what a program can ask of simnet beside what moves its bytes:
 * options, flags, limits, signals, and the edges of epoll.
 */
#include "faultinject/inject/finding.h"
#include "tests/faultinject/simnet/rig.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/time.h>

static void timeouts_are_read_back(void **state)
{
    struct timeval tv;
    socklen_t len = sizeof tv;

    (void)state;
    set_timeout(SO_RCVTIMEO, 2500);
    set_timeout(SO_SNDTIMEO, 40);
    w->getsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &tv, &len);
    assert_true(tv.tv_sec == 2 && tv.tv_usec == 500000);
    w->getsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &tv, &len);
    assert_true(tv.tv_sec == 0 && tv.tv_usec == 40000);
    assert_int_equal(len, sizeof tv);
}

/* socket(7): no more than the system's limit, no less than its least, and the
 * double is told. */
static void buffers_have_limits(void **state)
{
    static const struct {
        int name, ask, told;
    } rows[] = {
        {SO_RCVBUF, 5000, 10000},     {SO_SNDBUF, 5000, 10000},
        {SO_RCVBUF, 0, 2304},         {SO_SNDBUF, 0, 4608},
        {SO_RCVBUF, INT_MAX, 425984}, {SO_SNDBUF, INT_MAX, 425984},
        {SO_RCVBUF, -1, 425984},      {SO_SNDBUF, -1, 425984},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int told = 0;
        socklen_t len = sizeof told;

        w->setsockopt(pair[0], SOL_SOCKET, rows[i].name, &rows[i].ask,
                      sizeof rows[i].ask);
        w->getsockopt(pair[0], SOL_SOCKET, rows[i].name, &told, &len);
        assert_int_equal(told, rows[i].told);
    }
}

static enum sf_monitor told;

static bool take_finding(enum sf_monitor monitor, const char *line)
{
    (void)line;
    told = monitor;
    return 1;
}

/* What is too long to count is for ever. */
static void endless_timeouts_are_none(void **state)
{
    struct timeval tv = {INT64_C(18446744074), 0};

    (void)state;
    assert_int_equal(
        w->setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv), 0);
    told = SF_MON_COUNT;
    sf_finding_hook = take_finding;
    w->recv(pair[0], bytes, 1, 0);
    sf_finding_hook = NULL;
    assert_int_equal(told, SF_MON_STALL);
}

static void less_than_no_time_waits_for_nothing(void **state)
{
    struct timeval tv = {-1, 0};
    socklen_t len = sizeof tv;

    (void)state;
    assert_int_equal(w->setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &tv, len),
                     0);
    FAILS(w->recv(pair[0], bytes, 1, 0), EAGAIN);
    assert_int_equal(elapsed_ms(), 0);
    w->getsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &tv, &len);
    assert_true(tv.tv_sec == 0 && tv.tv_usec == 0);
}

static bool is_writable(int fd)
{
    return w->poll(&(struct pollfd){fd, POLLOUT, 0}, 1, 0) == 1;
}

/* S9: from when a quarter is full on AF_UNIX, and two thirds on TCP. */
static void writable_from(int fd, struct sf_end *reader, size_t full)
{
    assert_int_equal(w->send(fd, bytes, 1000, MSG_DONTWAIT), 1000);
    assert_int_equal(sf_end_recv(reader, bytes, 999 - full), 999 - full);
    assert_false(is_writable(fd));
    assert_int_equal(sf_end_recv(reader, bytes, 1), 1);
    assert_true(is_writable(fd));
}

static void writable_where_a_good_part_is_free(void **state)
{
    struct sf_end *end;
    int fd;

    (void)state;
    writable_from(pair[0], sf_end_of(pair[0]), 250);
    end = sf_end_pair(AF_INET, &fd);
    writable_from(fd, end, 666);
}

static volatile sig_atomic_t signals;

static void on_signal(int signo)
{
    (void)signo;
    signals++;
}

/* S5: whatever sends where nobody reads, unless it asks to be spared. */
static void each_send_raises_sigpipe(void **state)
{
    struct sigaction sa = {.sa_handler = on_signal}, before;
    struct iovec iov[] = {{bytes, 1}, {bytes, 1}};
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

    (void)state;
    signals = 0;
    sigaction(SIGPIPE, &sa, &before);
    w->close(pair[1]);
    FAILS(w->send(pair[0], bytes, 1, MSG_NOSIGNAL), EPIPE);
    FAILS(w->sendmsg(pair[0], &msg, MSG_NOSIGNAL), EPIPE);
    assert_int_equal(signals, 0);
    FAILS(w->send(pair[0], bytes, 1, 0), EPIPE);
    FAILS(w->write(pair[0], bytes, 1), EPIPE);
    FAILS(w->writev(pair[0], iov, 2), EPIPE);
    FAILS(w->sendmsg(pair[0], &msg, 0), EPIPE);
    assert_int_equal(signals, 4);
    sigaction(SIGPIPE, &before, NULL);
}

/* signal(7): with a time-out a call is not made again, SA_RESTART or not. */
static void limits_are_not_restarted(void **state)
{
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct itimerval soon = {.it_value = {0, 10000}};
    struct sigaction before;

    (void)state;
    sigaction(SIGALRM, &sa, &before);
    set_timeout(SO_RCVTIMEO, 50);
    assert_int_equal(w->setitimer(ITIMER_REAL, &soon, NULL), 0);
    FAILS(w->recv(pair[0], bytes, 1, 0), EINTR);
    assert_int_equal(elapsed_ms(), 10);
    FAILS(w->recv(pair[0], bytes, 1, 0), EAGAIN);
    assert_int_equal(elapsed_ms(), 60);
    sigaction(SIGALRM, &before, NULL);
}

static bool is_cloexec(int fd)
{
    return w->fcntl(fd, F_GETFD, 0) == FD_CLOEXEC;
}

/* It is the number's, and each way to get one can ask for it. */
static void cloexec_is_of_the_number(void **state)
{
    int fds[2], fd = w->socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    assert_true(is_cloexec(fd));
    assert_false(is_cloexec(w->dup(fd)));
    assert_false(is_cloexec(w->dup2(fd, pair[0])));
    assert_true(is_cloexec(w->dup3(fd, pair[0], O_CLOEXEC)));
    assert_true(is_cloexec(w->fcntl(pair[1], F_DUPFD_CLOEXEC, 0)));
    assert_false(is_cloexec(w->fcntl(fd, F_DUPFD, 0)));
    assert_int_equal(w->pipe2(fds, O_CLOEXEC), 0);
    assert_true(is_cloexec(fds[0]) && is_cloexec(fds[1]));
}

/* What it was shut for before it listened, whom it accepts is, too. */
static void shut_listener_accepts_the_shut(void **state)
{
    struct sockaddr_in name;
    socklen_t len = sizeof name;
    int from = tcp(), a = tcp(), b;

    (void)state;
    FAILS(w->shutdown(from, SHUT_WR), ENOTCONN);
    assert_int_equal(w->listen(from, 1), 0);
    w->getsockname(from, (struct sockaddr *)&name, &len);
    FAILS(w->connect(a, (struct sockaddr *)&name, sizeof name), EINPROGRESS);
    b = w->accept(from, NULL, NULL);
    FAILS(w->send(b, bytes, 1, MSG_NOSIGNAL), EPIPE);
    assert_int_equal(w->recv(a, bytes, 1, 0), 0);
}

/* With a reset goes what had not reached the peer's side, and no more. */
static void unsent_bytes_are_lost(void **state)
{
    struct sf_sim_config config = {.buffer = 1000, .window = 3};
    int ends[2];

    (void)state;
    sf_sim_begin(&config);
    connect_pair(ends);
    assert_int_equal(w->send(ends[0], bytes, 5, 0), 5);
    assert_int_equal(w->send(ends[1], bytes, 1, 0), 1);
    assert_int_equal(w->close(ends[0]), 0);
    assert_int_equal(w->recv(ends[1], bytes, 9, 0), 3);
    FAILS(w->recv(ends[1], bytes, 9, 0), ECONNRESET);
}

/* The end is news to who waits for edges, and so is a reset after it. */
static void ends_are_edges(void **state)
{
    uint32_t over = EPOLLIN | EPOLLRDHUP | EPOLLOUT;
    int ends[2], epfd;

    (void)state;
    connect_pair(ends);
    epfd = watch(ends[0], over | EPOLLET);
    assert_int_equal(look(epfd), EPOLLOUT);
    assert_int_equal(look(epfd), 0);
    assert_int_equal(w->shutdown(ends[1], SHUT_WR), 0);
    assert_int_equal(look(epfd), over);
    assert_int_equal(look(epfd), 0);
    w->reset(ends[1], ECONNRESET);
    assert_int_equal(look(epfd), over | EPOLLERR | EPOLLHUP);
    assert_int_equal(look(epfd), 0);
}

/* After a fault that hid it; a one-shot only where it was not seen. */
static void rearmed_is_told_again(void **state)
{
    int edge = watch(pair[0], EPOLLIN | EPOLLET);
    int once = watch(pair[0], EPOLLIN | EPOLLONESHOT);

    (void)state;
    w->send(pair[1], bytes, 1, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(look(edge), EPOLLIN);
        assert_int_equal(look(edge), 0);
        w->rearm(pair[0], false);
    }
    assert_int_equal(look(once), EPOLLIN);
    w->rearm(pair[0], false);
    assert_int_equal(look(once), 0);
    w->rearm(pair[0], true);
    assert_int_equal(look(once), EPOLLIN);
}

/* Who asks for one at a time comes to all, though each stays ready. */
static void epoll_takes_turns(void **state)
{
    struct epoll_event event = {.events = EPOLLIN}, got[3];
    int ends[2], epfd = watch(pair[0], EPOLLIN), first;

    (void)state;
    connect_pair(ends);
    event.data.fd = ends[0];
    assert_int_equal(w->epoll_ctl(epfd, EPOLL_CTL_ADD, ends[0], &event), 0);
    w->send(pair[1], bytes, 1, 0);
    w->send(ends[1], bytes, 1, 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(w->epoll_wait(epfd, got, 1, 0), 1);
        assert_int_equal(got[0].data.fd == ends[0], i % 2);
    }
    assert_int_equal(w->epoll_wait(epfd, got, 3, 0), 2);
    first = got[0].data.fd;
    assert_int_equal(w->epoll_wait(epfd, got, 3, 0), 2);
    assert_int_equal(got[0].data.fd, first);
}

static struct {
    int runs;
    sigset_t mask; /* … of the last one */
} handler;

static void note_mask(int signo)
{
    (void)signo;
    handler.runs++;
    sigprocmask(SIG_BLOCK, NULL, &handler.mask);
}

static enum sf_sim_wake interrupted(void)
{
    return w->interrupt(NULL) ? SF_SIM_SIGNAL : SF_SIM_NOTHING;
}

/* A program's own handler runs as blocked as the wait is: not as its thread. */
static void handlers_have_the_mask_of_the_wait(void **state)
{
    struct sigaction sa = {.sa_handler = note_mask};
    sigset_t thread, wait, own;
    struct timespec soon = {1, 0};

    (void)state;
    handle_signals(sf_kernel());
    sigaction(SIGURG, &sa, NULL);
    sigemptyset(&thread);
    sigaddset(&thread, SIGURG);
    sigprocmask(SIG_BLOCK, &thread, &own);
    sigemptyset(&wait);
    sigaddset(&wait, SIGUSR1);
    next = interrupted;
    FAILS(w->ppoll(NULL, 0, &soon, &wait), EINTR);
    assert_int_equal(handler.runs, 1);
    assert_true(sigismember(&handler.mask, SIGUSR1));
    FAILS(w->pselect(0, NULL, NULL, NULL, &soon, &wait), EINTR);
    assert_int_equal(handler.runs, 2);
    assert_int_equal(w->ppoll(NULL, 0, &soon, NULL), 0);
    assert_int_equal(handler.runs, 2);
    sigprocmask(SIG_BLOCK, NULL, &thread);
    assert_true(sigismember(&thread, SIGURG));
    assert_false(sigismember(&thread, SIGUSR1));
    sigprocmask(SIG_SETMASK, &own, NULL);
    signal(SIGURG, SIG_DFL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(timeouts_are_read_back),
        TEST(buffers_have_limits),
        TEST(endless_timeouts_are_none),
        TEST(less_than_no_time_waits_for_nothing),
        TEST(writable_where_a_good_part_is_free),
        TEST(each_send_raises_sigpipe),
        TEST(limits_are_not_restarted),
        TEST(cloexec_is_of_the_number),
        TEST(shut_listener_accepts_the_shut),
        TEST(unsent_bytes_are_lost),
        TEST(ends_are_edges),
        TEST(rearmed_is_told_again),
        TEST(epoll_takes_turns),
        TEST(handlers_have_the_mask_of_the_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
