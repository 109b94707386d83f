/*
 * reuse.c: several sockets on one port, by SO_REUSEADDR and SO_REUSEPORT: who
 * may bind and listen, as on the running kernel; and who gets whom.
 */
#include "tests/faultinject/simnet/rig.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

enum { REAL, SIM, WORLDS };

/* One libc call in one of the worlds. */
#define IN(world, name, ...)                         \
    ((world) == SIM ? sf_simnet()->name(__VA_ARGS__) \
                    : sf_libc.name(__VA_ARGS__))

enum { ADDR = 1, PORT = 2, BOTH = 4, SOCKETS = 3, CALLS = 7 };

static int of(long r)
{
    return r < 0 ? -errno : 0;
}

static void set(int world, int fd, int options)
{
    const int on = 1;

    if (options & ADDR)
        IN(world, setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (options & PORT)
        IN(world, setsockopt, fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
}

/* An address of the host that no other process listens at. */
static struct sockaddr_in own_name(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET};

    name.sin_addr.s_addr = htonl(0x7f000001 + (uint32_t)getpid() % 0xfffffd);
    return name;
}

static int bind_to(int world, int fd, struct sockaddr_in *name)
{
    socklen_t len = sizeof *name;
    int r = of(IN(world, bind, fd, (struct sockaddr *)name, len));

    IN(world, getsockname, fd, (struct sockaddr *)name, &len);
    return r;
}

/* The first one listens before the others come, or after the second; and is
 * told to share before it has a name, or later. */
struct order {
    int options[SOCKETS];
    bool listens_late, shares_late;
};

static void in_order(int world, const struct order *order, int r[CALLS])
{
    struct sockaddr_in name = own_name();
    int fd[SOCKETS];

    for (int i = 0; i < SOCKETS; i++) {
        fd[i] = IN(world, socket, AF_INET, SOCK_STREAM, 0);
        if (i > 0 || !order->shares_late)
            set(world, fd[i], order->options[i]);
    }
    r[0] = bind_to(world, fd[0], &name);
    if (order->shares_late)
        set(world, fd[0], order->options[0]);
    r[1] = order->listens_late ? 0 : of(IN(world, listen, fd[0], 1));
    r[2] = of(IN(world, bind, fd[1], (struct sockaddr *)&name, sizeof name));
    r[3] = r[2] ? 0 : of(IN(world, listen, fd[1], 1));
    r[4] = of(IN(world, listen, fd[0], 1));
    r[5] = of(IN(world, bind, fd[2], (struct sockaddr *)&name, sizeof name));
    r[6] = r[5] ? 0 : of(IN(world, listen, fd[2], 1));
    for (int i = 0; i < SOCKETS; i++)
        IN(world, close, fd[i]);
}

/* Linux lets who shares by SO_REUSEPORT pass unchecked where the last one to
 * pass did so, also beside one that shares by SO_REUSEADDR alone. */
static bool is_unchecked(const struct order *order)
{
    return order->listens_late && order->options[0] == ADDR &&
           order->options[1] == (ADDR | PORT) && order->options[2] == PORT;
}

static void compare(const struct order *order)
{
    int r[WORLDS][CALLS];

    if (is_unchecked(order))
        return;
    for (int world = 0; world < WORLDS; world++)
        in_order(world, order, r[world]);
    if (memcmp(r[REAL], r[SIM], sizeof r[SIM]) == 0)
        return;
    for (int i = 0; i < CALLS; i++)
        printf("call %d: real %d, sim %d\n", i, r[REAL][i], r[SIM][i]);
    fail_msg("options %d, %d, %d, late %d, %d", order->options[0],
             order->options[1], order->options[2], order->listens_late,
             order->shares_late);
}

static void ports_are_shared_as_on_linux(void **state)
{
    (void)state;
    for (int n = 0; n < BOTH * BOTH * BOTH * 4; n++)
        compare(&(struct order){
            {n % BOTH, n / BOTH % BOTH, n / BOTH / BOTH % BOTH},
            n / BOTH / BOTH / BOTH & 1,
            n / BOTH / BOTH / BOTH & 2,
        });
}

/* A path is one socket's, whatever is asked for. */
static void paths_are_not_shared(void **state)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};

    (void)state;
    snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "reuse.%d", getpid());
    for (int world = 0; world < WORLDS; world++) {
        int a = IN(world, socket, AF_UNIX, SOCK_STREAM, 0);
        int b = IN(world, socket, AF_UNIX, SOCK_STREAM, 0);

        set(world, a, ADDR | PORT);
        set(world, b, ADDR | PORT);
        assert_int_equal(
            of(IN(world, bind, a, (struct sockaddr *)&name, sizeof name)), 0);
        assert_int_equal(
            of(IN(world, bind, b, (struct sockaddr *)&name, sizeof name)),
            -EADDRINUSE);
        IN(world, close, a);
        IN(world, close, b);
    }
}

static void listen_together(int world, int fd[SOCKETS],
                            struct sockaddr_in *name, int backlog)
{
    *name = own_name();
    for (int i = 0; i < SOCKETS; i++) {
        fd[i] = IN(world, socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        set(world, fd[i], PORT);
        assert_int_equal(bind_to(world, fd[i], name), 0);
        assert_int_equal(IN(world, listen, fd[i], backlog), 0);
    }
}

/* Each gets some of them; here in turn. */
static void clients_are_divided(void **state)
{
    enum { CLIENTS = 60 };
    struct sockaddr_in name;

    (void)state;
    for (int world = 0; world < WORLDS; world++) {
        int fd[SOCKETS], client[CLIENTS], n, all = 0;

        listen_together(world, fd, &name, CLIENTS);
        for (int i = 0; i < CLIENTS; i++) {
            client[i] = IN(world, socket, AF_INET, SOCK_STREAM, 0);
            assert_int_equal(IN(world, connect, client[i],
                                (struct sockaddr *)&name, sizeof name),
                             0);
        }
        for (int i = 0; i < SOCKETS; i++, all += n) {
            for (n = 0; IN(world, accept4, fd[i], NULL, NULL, 0) >= 0; n++)
                ;
            assert_true(world == SIM ? n == CLIENTS / SOCKETS : n > 0);
            IN(world, close, fd[i]);
        }
        assert_int_equal(all, CLIENTS);
        for (int i = 0; i < CLIENTS; i++)
            IN(world, close, client[i]);
    }
}

static int dial(struct sockaddr_in *name)
{
    int fd = tcp();

    FAILS(w->connect(fd, (struct sockaddr *)name, sizeof *name), EINPROGRESS);
    return fd;
}

/* Who waits for a listener that closes is reset, as there.  Who had not even
 * found room asks again, and finds another that listens. */
static void others_listen_on(void **state)
{
    struct sockaddr_in name;
    int fd[SOCKETS], client[6], reset = 0;

    (void)state;
    listen_together(SIM, fd, &name, 0);
    for (int i = 0; i < 6; i++)
        client[i] = dial(&name);
    for (int i = 0; i < 6; i++)
        assert_int_equal(sf_sim_was_connected(client[i]), i < SOCKETS);
    assert_int_equal(w->close(fd[1]), 0);
    for (int i = 0; i < 6; i++)
        reset += w->recv(client[i], bytes, 1, 0) < 0 && errno == ECONNRESET;
    assert_int_equal(reset, 1);
    for (int i = 0; i < 5; i++)
        assert_true(w->accept4(fd[0], NULL, NULL, 0) >= 0 ||
                    w->accept4(fd[2], NULL, NULL, 0) >= 0);
    FAILS(w->accept4(fd[0], NULL, NULL, 0), EAGAIN);
    FAILS(w->accept4(fd[2], NULL, NULL, 0), EAGAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ports_are_shared_as_on_linux),
        TEST(paths_are_not_shared),
        TEST(clients_are_divided),
        TEST(others_listen_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
