/*
 * records.c: socketpairs of records, SOCK_SEQPACKET: what the same calls answer
 * on the running kernel and in memory, in orders drawn by chance.
 */
#include "tests/faultinject/simnet/rig.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

enum { REAL, SIM, WORLDS, ORDERS = 4000, CALLS = 24, ROOM = 64 };

/* One libc call in one of the worlds. */
#define IN(world, name, ...)                         \
    ((world) == SIM ? sf_simnet()->name(__VA_ARGS__) \
                    : sf_libc.name(__VA_ARGS__))

static uint32_t drawn;

static unsigned draw(unsigned below)
{
    drawn = drawn * 1664525 + 1013904223;
    return (drawn >> 16) % below;
}

static unsigned sigpipes;

static void on_sigpipe(int signo)
{
    (void)signo;
    sigpipes++;
}

struct call {
    unsigned what, end, size, flags;
};

struct answer {
    long r;
    int err, told; /* of recvmsg, poll and ioctl */
    char bytes[ROOM];
};

enum { SEND, WRITE, RECV, READ, MESSAGE, POLL, INQ, SHUT, CLOSE, WHATS };

/* Kernels do not agree whether an empty record that was not read makes a close
 * a reset: since 6.12 it passes for an urgent byte that is gone. */
static struct call draw_call(bool closes)
{
    static const unsigned flags[] = {
        0, MSG_PEEK, MSG_TRUNC, MSG_PEEK | MSG_TRUNC, MSG_WAITALL, MSG_OOB};
    struct call c = {draw(WHATS), draw(2), draw(7), flags[draw(6)]};

    if (c.what >= SHUT && (draw(4) || (c.what == CLOSE && !closes)))
        c.what = draw(SHUT); /* most go on for a while */
    if (c.what <= WRITE && closes && c.size == 0)
        c.size = 1;
    return c;
}

static int ask_poll(int world, int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP};

    IN(world, poll, &p, 1, 0);
    return p.revents;
}

static struct answer make(int world, const struct call *c, int fds[2])
{
    static const char text[] = "record";
    struct answer a = {0};
    struct iovec iov[] = {{a.bytes, c->size / 2},
                          {a.bytes + c->size / 2, c->size - c->size / 2}};
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = 2};
    int fd = fds[c->end];

    errno = 0;
    switch (c->what) {
    case SEND:
        a.r = IN(world, send, fd, text, c->size, (int)c->flags & MSG_OOB);
        break;
    case WRITE:
        a.r = IN(world, write, fd, text, c->size);
        break;
    case RECV:
        a.r = IN(world, recv, fd, a.bytes, c->size, (int)c->flags);
        break;
    case READ:
        a.r = IN(world, read, fd, a.bytes, c->size);
        break;
    case MESSAGE:
        a.r = IN(world, recvmsg, fd, &message, (int)c->flags);
        a.told = a.r < 0 ? 0 : message.msg_flags & MSG_TRUNC;
        break;
    case POLL:
        a.told = ask_poll(world, fd);
        break;
    case INQ:
        a.r = IN(world, ioctl, fd, FIONREAD, (long)&a.told);
        break;
    case SHUT:
        a.r = IN(world, shutdown, fd, (int)(c->size % 3));
        break;
    case CLOSE:
        a.r = fd < 0 ? 0 : IN(world, close, fd);
        fds[c->end] = -1;
        break;
    }
    a.err = errno;
    return a;
}

static void both_ways(unsigned order)
{
    int fds[WORLDS][2];
    unsigned before = sigpipes;

    for (int world = 0; world < WORLDS; world++)
        assert_int_equal(IN(world, socketpair, AF_UNIX,
                            SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds[world]),
                         0);
    for (unsigned i = 0; i < CALLS; i++) {
        struct call c = draw_call(order % 2);
        struct answer real, sim;

        if (fds[REAL][c.end] < 0)
            continue;
        real = make(REAL, &c, fds[REAL]);
        sim = make(SIM, &c, fds[SIM]);
        if (memcmp(&real, &sim, sizeof sim) != 0)
            fail_msg("order %u, call %u: %u on end %u, size %u, flags %x: "
                     "real %ld, %d, %x; sim %ld, %d, %x",
                     order, i, c.what, c.end, c.size, c.flags, real.r, real.err,
                     (unsigned)real.told, sim.r, sim.err, (unsigned)sim.told);
    }
    for (int world = 0; world < WORLDS; world++)
        for (int end = 0; end < 2; end++)
            if (fds[world][end] >= 0)
                IN(world, close, fds[world][end]);
    assert_int_equal(sigpipes, before);
}

static void records_are_as_on_linux(void **state)
{
    (void)state;
    signal(SIGPIPE, on_sigpipe);
    for (unsigned order = 0; order < ORDERS; order++)
        both_ways(order);
}

static void what_does_not_fit_waits(void **state)
{
    static char big[SF_SIM_BUFFER];
    int fds[2], type;
    socklen_t len = sizeof type;

    (void)state;
    w->socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds);
    assert_int_equal(w->send(fds[0], big, sizeof big, 0), -1);
    assert_int_equal(errno, EMSGSIZE);
    assert_int_equal(w->send(fds[0], big, sizeof big / 2, 0), sizeof big / 2);
    assert_int_equal(w->send(fds[0], big, sizeof big / 2, 0), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(ask_poll(SIM, fds[0]) & POLLOUT, 0);
    assert_int_equal(w->recv(fds[1], big, 1, 0), 1);
    assert_int_equal(ask_poll(SIM, fds[0]) & POLLOUT, POLLOUT);
    w->getsockopt(fds[0], SOL_SOCKET, SO_TYPE, &type, &len);
    assert_int_equal(type, SOCK_SEQPACKET);
    w->close(fds[0]);
    w->close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_are_as_on_linux),
        TEST(what_does_not_fit_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
