/*
 * truth_test.c: after an injected event the kernel says what it says after
 * the real one.
 *
 * Both are done side by side, and every sequence of three observations after
 * them is compared: recv, send, SO_ERROR, poll, select, and epoll, level and
 * edge triggered; over TCP and AF_UNIX; blocking and not.  And it is met at
 * the call of the plan, however fast the peer is.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "faultinject/world.h"
#include "tests/faultinject/planned.h"

static volatile sig_atomic_t pipes;

static void on_pipe(int sig)
{
    (void)sig;
    pipes++;
}

/* --- one side: a socket, its peer, and what is seen of them --- */

struct side {
    int fd;
    int peer;
    int level;
    int edge;
    char log[512];
};

__attribute__((format(printf, 2, 3))) static void note(struct side *s,
                                                       const char *format, ...)
{
    size_t used = strlen(s->log);
    va_list ap;

    va_start(ap, format);
    vsnprintf(s->log + used, sizeof s->log - used, format, ap);
    va_end(ap);
}

static void note_io(struct side *s, const char *what, ssize_t n)
{
    if (n < 0)
        note(s, "%s=%s ", what, strerrorname_np(errno));
    else
        note(s, "%s=%zd ", what, n);
}

static void observe_recv(struct side *s)
{
    char buf[64];

    note_io(s, "recv", recv(s->fd, buf, sizeof buf, 0));
}

static void observe_send(struct side *s)
{
    int before = pipes;

    note_io(s, "send", send(s->fd, "x", 1, 0));
    if (pipes > before)
        note(s, "SIGPIPE ");
}

static void observe_error(struct side *s)
{
    int error = -1;
    socklen_t len = sizeof error;

    getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    note(s, "so_error=%d ", error);
}

static void observe_poll(struct side *s)
{
    struct pollfd p = {.fd = s->fd, .events = POLLIN | POLLOUT | POLLRDHUP};

    poll(&p, 1, 0);
    note(s, "poll=%#x ", (unsigned)p.revents);
}

static void observe_select(struct side *s)
{
    struct timeval now = {0, 0};
    fd_set rd, wr;
    int n;

    FD_ZERO(&rd);
    FD_ZERO(&wr);
    FD_SET(s->fd, &rd);
    FD_SET(s->fd, &wr);
    n = select(s->fd + 1, &rd, &wr, NULL, &now);
    note(s, "select=%d%s%s ", n, FD_ISSET(s->fd, &rd) ? "r" : "",
         FD_ISSET(s->fd, &wr) ? "w" : "");
}

static unsigned epoll_now(int epfd)
{
    struct epoll_event event = {.events = 0};

    return epoll_wait(epfd, &event, 1, 0) == 1 ? event.events : 0;
}

/* The same by the call that has a timespec. */
static unsigned epoll_now_2(int epfd)
{
    struct epoll_event event = {.events = 0};
    struct timespec none = {0, 0};

    return epoll_pwait2(epfd, &event, 1, &none, NULL) == 1 ? event.events : 0;
}

static void observe_level(struct side *s)
{
    note(s, "level=%#x ", epoll_now(s->level));
}

static void observe_edge(struct side *s)
{
    note(s, "edge=%#x ", epoll_now_2(s->edge));
}

static void (*const observations[])(struct side *) = {
    observe_recv,   observe_send,  observe_error, observe_poll,
    observe_select, observe_level, observe_edge,
};
enum { OBSERVATIONS = sizeof observations / sizeof *observations };

static int watched_by(int fd, uint32_t more)
{
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | more, .data.fd = fd};
    int epfd = epoll_create1(0);

    assert_return_code(epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event), errno);
    return epfd;
}

static void open_side(struct side *s, enum transport transport, int nonblock)
{
    int pair[2];

    make_pair(transport, pair);
    *s = (struct side){.fd = pair[0], .peer = pair[1]};
    if (nonblock)
        set_nonblocking(s->fd);
    s->level = watched_by(s->fd, 0);
    s->edge = watched_by(s->fd, EPOLLET);
    epoll_now(s->edge); /* writable from the beginning: not news */
}

static void close_side(struct side *s)
{
    close(s->fd);
    if (s->peer >= 0)
        close(s->peer);
    close(s->level);
    close(s->edge);
}

/* --- the events --- */

static void close_peer(struct side *s)
{
    close(s->peer);
    s->peer = -1;
}

/* TCP says it on the wire a moment later, which is long where others flood it.
 * Errors and hangups need not be asked for. */
static void await(const struct side *s, short events)
{
    struct pollfd p = {.fd = s->fd, .events = events};

    sf_libc.poll(&p, 1, 10000);
}

static void real_reset(struct side *s, enum transport transport)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    if (transport == TCP)
        setsockopt(s->peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    else
        send(s->fd, "unread", 6, 0);
    close_peer(s);
    await(s, 0);
}

static void unix_needs_sent(struct side *s, enum transport transport)
{
    if (transport == UNIX)
        send(s->fd, "unread", 6, 0);
}

static void queue(struct side *s, enum transport transport)
{
    struct pollfd p = {.fd = s->fd, .events = POLLIN | POLLRDHUP};

    (void)transport;
    send(s->peer, "12345", 5, 0);
    poll(&p, 1, 1000);
}

static void real_reset_queued(struct side *s, enum transport transport)
{
    queue(s, transport);
    real_reset(s, transport);
}

static void fake_reset_queued(struct side *s, enum transport transport)
{
    unix_needs_sent(s, transport);
    queue(s, transport);
}

static void real_half_close(struct side *s, enum transport transport)
{
    (void)transport;
    shutdown(s->peer, SHUT_WR);
    await(s, POLLRDHUP);
}

static void nothing(struct side *s, enum transport transport)
{
    (void)s;
    (void)transport;
}

/* The peer closes, what is sent then is answered with a reset. */
static void real_pipe(struct side *s, enum transport transport)
{
    (void)transport;
    close_peer(s);
    await(s, POLLRDHUP);
    send(s->fd, "x", 1, MSG_NOSIGNAL);
    await(s, 0);
}

static void fake_pipe(struct side *s, enum transport transport)
{
    (void)transport;
    send(s->fd, "x", 1, MSG_NOSIGNAL);
}

struct event {
    const char *name;
    const char *rules; /* they take effect at the first observation */
    void (*first)(struct side *);
    void (*real)(struct side *, enum transport);
    void (*fake)(struct side *, enum transport); /* what must come before */
    unsigned transports;                         /* bits of enum transport */
};

enum { BOTH = 1 << TCP | 1 << UNIX };

static const struct event events[] = {
    {"reset, met by recv", "conn 1 recv 1: ECONNRESET", observe_recv,
     real_reset, unix_needs_sent, BOTH},
    {"reset behind queued bytes", "conn 1 recv 1: ECONNRESET", observe_recv,
     real_reset_queued, fake_reset_queued, BOTH},
    {"reset, met by send", "conn 1 send 1: ECONNRESET", observe_send,
     real_reset, nothing, 1 << TCP},
    {"end", "conn 1 recv 1: EOF", observe_recv, real_half_close, nothing, BOTH},
    {"broken pipe", "conn 1 send 2: EPIPE", observe_send, real_pipe, fake_pipe,
     1 << TCP},
};

static void observe(struct side *s, const struct event *e, unsigned sequence)
{
    e->first(s);
    for (int i = 0; i < 3; i++, sequence /= OBSERVATIONS)
        observations[sequence % OBSERVATIONS](s);
}

static void compare(const struct event *e, enum transport transport,
                    int nonblock, unsigned sequence)
{
    struct side real, fake;
    unsigned injected;

    open_side(&real, transport, nonblock);
    e->real(&real, transport);
    observe(&real, e, sequence);
    close_side(&real);

    planned_begin(e->rules);
    open_side(&fake, transport, nonblock);
    e->fake(&fake, transport);
    observe(&fake, e, sequence);
    close_side(&fake);
    injected = planned_end();

    if (strcmp(real.log, fake.log) != 0 || injected != 1)
        fail_msg("%s, %s, %s: injected %u\n  real: %s\n  fake: %s", e->name,
                 transport == TCP ? "TCP" : "AF_UNIX",
                 nonblock ? "non-blocking" : "blocking", injected, real.log,
                 fake.log);
}

static void after_every_event(void **state)
{
    const struct event *e = *state;
    unsigned sequences = OBSERVATIONS * OBSERVATIONS * OBSERVATIONS;

    for (int t = TCP; t <= UNIX; t++)
        for (int nonblock = 0; nonblock < 2 && e->transports & 1u << t;
             nonblock++)
            for (unsigned i = 0; i < sequences; i++)
                compare(e, (enum transport)t, nonblock, i);
}

/* --- however fast the peer is --- */

struct flood {
    int fd;
    int ends; /* atomic */
};

static void *flood(void *arg)
{
    struct flood *f = arg;
    char bytes[64] = {0};
    ssize_t n;

    do
        n = sf_libc.send(f->fd, bytes, sizeof bytes,
                         MSG_DONTWAIT | MSG_NOSIGNAL);
    while (!__atomic_load_n(&f->ends, __ATOMIC_RELAXED) &&
           (n > 0 || errno == EAGAIN));
    return NULL;
}

/* Bytes that nobody was told of arrive while the event is made true. */
static void met_in_a_flood(enum transport transport, const char *rules,
                           ssize_t first)
{
    struct flood f = {.ends = 0};
    struct pollfd p = {.events = POLLIN};
    char bytes[64];
    pthread_t thread;
    int pair[2];

    planned_begin(rules);
    make_pair(transport, pair);
    assert_int_equal(send(pair[0], "x", 1, 0), 1);
    f.fd = pair[1];
    assert_int_equal(pthread_create(&thread, NULL, flood, &f), 0);
    p.fd = pair[0];
    assert_int_equal(sf_libc.poll(&p, 1, 10000),
                     1); /* the program is not told */
    assert_int_equal(recv(pair[0], bytes, sizeof bytes, 0), first);
    if (first < 0)
        assert_int_equal(errno, ECONNRESET);
    for (int i = 0; i < 3; i++)
        assert_int_equal(recv(pair[0], bytes, sizeof bytes, 0), 0);
    __atomic_store_n(&f.ends, 1, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    close(pair[0]);
    close(pair[1]);
    assert_int_equal(planned_end(), 1);
}

static void in_a_flood(void **state)
{
    (void)state;
    for (int t = TCP; t <= UNIX; t++)
        for (int i = 0; i < 300; i++) {
            met_in_a_flood((enum transport)t, "conn 1 recv 1: ECONNRESET", -1);
            met_in_a_flood((enum transport)t, "conn 1 recv 1: EOF", 0);
        }
}

int main(void)
{
    enum { EVENTS = sizeof events / sizeof *events };
    struct CMUnitTest tests[EVENTS + 1] = {[EVENTS] =
                                               cmocka_unit_test(in_a_flood)};
    struct sigaction sa = {.sa_handler = on_pipe, .sa_flags = SA_RESTART};

    alarm(120);
    sigaction(SIGPIPE, &sa, NULL);
    for (int i = 0; i < EVENTS; i++)
        tests[i] = (struct CMUnitTest){.name = events[i].name,
                                       .test_func = after_every_event,
                                       .initial_state = (void *)&events[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
