/* Listening, dialling, names, and ending a connection well. */
#include "target/loops.h"
#include "target/sock.h"
#include "target/sockio.h"
#include "tests/target/faults.h"
#include "tests/target/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int clean(void **state)
{
    (void)state;
    faults_none();
    return 0;
}

static unsigned port_of(int fd)
{
    char name[FM_NAME_MAX];

    assert_int_equal(fm_sock_name(fd, name), 0);
    return (unsigned)atoi(strrchr(name, ':') + 1);
}

/* A connection with a listener at host. */
static void dial_and_accept(const char *host, const char *to, int *client,
                            int *server)
{
    int listener = fm_listen(host, 0, 0);

    assert_true(listener >= 0);
    *client = fm_dial(to, strncmp(host, "unix:", 5) ? port_of(listener) : 0,
                      fm_deadline_in(5000));
    assert_true(*client >= 0);
    assert_int_equal(fm_wait(listener, POLLIN, fm_deadline_in(5000)), 0);
    *server = fm_io_accept(listener);
    assert_true(*server >= 0);
    fm_close(listener);
}

static void hosts(void **state)
{
    static const char *const pairs[][2] = {{"localhost", "localhost"},
                                           {"127.0.0.1", "127.0.0.1"},
                                           {"::1", "::1"},
                                           {"", "127.0.0.1"},
                                           {"*", "::1"},
                                           {"0.0.0.0", "127.0.0.1"}};

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        int client, server;

        dial_and_accept(pairs[i][0], pairs[i][1], &client, &server);
        for (int k = 0; k < 2; k++) {
            int fd = k ? client : server;

            assert_int_equal(fm_io_get_nonblock(fd), 1);
            assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
        }
        fm_close(client);
        fm_close(server);
    }
}

static void names(void **state)
{
    char name[FM_NAME_MAX];
    int fd = fm_listen("127.0.0.1", 0, 3);

    (void)state;
    assert_int_equal(fm_sock_name(fd, name), 0);
    assert_int_equal(strncmp(name, "127.0.0.1:", 10), 0);
    fm_close(fd);
    fd = fm_listen("::1", 0, 3);
    assert_int_equal(fm_sock_name(fd, name), 0);
    assert_int_equal(strncmp(name, "[::1]:", 6), 0);
    fm_close(fd);
    assert_int_equal(fm_sock_name(fd, name), FM_E_BADFD);
    assert_string_equal(name, "");
    fd = socket(AF_NETLINK, SOCK_RAW, 0);
    if (fd >= 0) {
        assert_int_equal(fm_sock_name(fd, name), FM_E_NO_ADDR);
        close(fd);
    }
}

static void unix_paths(void **state)
{
    char host[64], name[FM_NAME_MAX], long_host[300];
    int first, second, client, server;

    (void)state;
    snprintf(host, sizeof host, "unix:/tmp/framed-sock-test-%d", (int)getpid());
    first = fm_listen(host, 0, 0);
    assert_true(first >= 0);
    assert_int_equal(fm_sock_name(first, name), 0);
    assert_string_equal(name, host);
    assert_int_equal(fm_listen(host, 0, 0), FM_E_IN_USE);
    fm_close(first);
    assert_int_equal(fm_dial(host, 0, FM_NEVER), FM_E_REFUSED);
    second = fm_listen(host, 0, 0);
    assert_true(second >= 0);
    fm_close(second);
    dial_and_accept(host, host, &client, &server);
    assert_int_equal(fm_keepalive(client, 10, 1), 0);
    assert_int_equal(fm_no_delay(client), 0);
    fm_close(client);
    fm_close(server);
    assert_int_equal(unlink(host + 5), 0);
    assert_int_equal(fm_dial(host, 0, FM_NEVER), FM_E_REFUSED);
    assert_int_equal(symlink("nowhere", host + 5), 0); /* no socket: it stays */
    assert_int_equal(fm_listen(host, 0, 0), FM_E_IN_USE);
    assert_int_equal(unlink(host + 5), 0);
    memset(long_host, 'x', sizeof long_host - 1);
    long_host[sizeof long_host - 1] = '\0';
    memcpy(long_host, "unix:", 5);
    assert_int_equal(fm_listen(long_host, 0, 0), FM_E_USAGE);
    assert_int_equal(fm_dial(long_host, 0, FM_NEVER), FM_E_USAGE);
    assert_int_equal(fm_listen("unix:", 0, 0), FM_E_USAGE);
}

/* Nobody accepts: the path is in use, and too many already wait. */
static void unix_backlog(void **state)
{
    char host[64];
    int listener, clients[8], n = 0, r;

    (void)state;
    snprintf(host, sizeof host, "unix:/tmp/framed-full-test-%d", (int)getpid());
    listener = fm_listen(host, 0, 1);
    while ((r = fm_dial(host, 0, FM_NEVER)) >= 0 && n < 8)
        clients[n++] = r;
    assert_int_equal(r, FM_E_BUSY);
    assert_int_equal(fm_listen(host, 0, 1), FM_E_IN_USE);
    while (n > 0)
        fm_close(clients[--n]);
    fm_close(listener);
    unlink(host + 5);
}

static void refusals(void **state)
{
    int listener = fm_listen("127.0.0.1", 0, 0);
    unsigned port = port_of(listener);

    (void)state;
    assert_int_equal(fm_listen("127.0.0.1", port, 0), FM_E_IN_USE);
    fm_close(listener);
    assert_int_equal(fm_dial("127.0.0.1", port, FM_NEVER), FM_E_REFUSED);
    assert_int_equal(fm_dial("127.0.0.1", 0, FM_NEVER), FM_E_USAGE);
    assert_int_equal(fm_dial("127.0.0.1", 65536, FM_NEVER), FM_E_USAGE);
    assert_int_equal(fm_dial("", port, FM_NEVER), FM_E_USAGE);
    assert_int_equal(fm_dial("*", port, FM_NEVER), FM_E_USAGE);
    assert_int_equal(fm_dial("256.0.0.1:", 1, FM_NEVER), FM_E_NO_ADDR);
    assert_int_equal(fm_listen("256.0.0.1:", 1, 0), FM_E_NO_ADDR);
    assert_int_equal(fm_listen("", 65536, 0), FM_E_USAGE);
    assert_int_equal(fm_listen("203.0.113.1", 0, 0), FM_E_NO_ADDR);
}

int __real_getaddrinfo(const char *node, const char *service,
                       const struct addrinfo *hints, struct addrinfo **list);
int __wrap_getaddrinfo(const char *node, const char *service,
                       const struct addrinfo *hints, struct addrinfo **list);

/* There is a host with two addresses. */
int __wrap_getaddrinfo(const char *node, const char *service,
                       const struct addrinfo *hints, struct addrinfo **list)
{
    if (!node || strcmp(node, "two.example") != 0)
        return __real_getaddrinfo(node, service, hints, list);
    assert_int_equal(__real_getaddrinfo("::1", service, hints, list), 0);
    return __real_getaddrinfo("127.0.0.1", service, hints, &(*list)->ai_next);
}

static void several_addresses(void **state)
{
    static const char *const hosts[] = {"127.0.0.1", "::1"};

    (void)state;
    for (int i = 0; i < 2; i++) {
        int listener = fm_listen(hosts[i], 0, 0);
        unsigned port = port_of(listener);
        int fd =
            fm_dial("two.example", port, i ? FM_NEVER : fm_deadline_in(5000));

        assert_true(fd >= 0);
        fm_close(fd);
        fm_close(listener);
        assert_int_equal(fm_dial("two.example", port, FM_NEVER), FM_E_REFUSED);
    }
}

/* An interrupted connect goes on by itself. */
static void connect_interrupted(void **state)
{
    int listener = fm_listen("127.0.0.1", 0, 0);
    struct sockaddr_storage addr;
    int fd = fm_io_socket(AF_INET);

    (void)state;
    assert_int_equal(fm_io_get_name(listener, &addr), 0);
    faults_next(CONNECT, 2, -EINTR, -EAGAIN);
    for (int i = 0; i < 2; i++)
        assert_int_equal(fm_connect_start(fd, (struct sockaddr *)&addr,
                                          sizeof(struct sockaddr_in)),
                         i == 0 ? 1 : FM_E_BUSY);
    fm_close(fd);
    fm_close(listener);
}

/* … but for one to a path, which has not begun: it is made again. */
static void connect_to_path_interrupted(void **state)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    char host[64];
    int listener, fd;

    (void)state;
    snprintf(host, sizeof host, "unix:/tmp/framed-again-test-%d",
             (int)getpid());
    strcpy(addr.sun_path, host + 5);
    listener = fm_listen(host, 0, 0);
    fd = fm_io_socket(AF_UNIX);
    faults_next(CONNECT, 2, -EINTR, -EINTR);
    assert_int_equal(
        fm_connect_start(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(
        getpeername(fd, (struct sockaddr *)&addr, &(socklen_t){sizeof addr}),
        0);
    fm_close(fd);
    fm_close(listener);
    unlink(host + 5);
}

/* A listener with a full backlog lets a connect wait: the deadline ends it. */
static void dial_deadline(void **state)
{
    int listener = fm_listen("127.0.0.1", 0, 1);
    unsigned port = port_of(listener);
    int clients[16], n = 0, r;
    int64_t start;

    (void)state;
    do {
        start = fm_now_ms();
        r = fm_dial("127.0.0.1", port, start + 100);
        if (r >= 0)
            clients[n++] = r;
    } while (r >= 0 && n < 16);
    assert_int_equal(r, FM_E_TIMEOUT);
    assert_in_range(fm_now_ms() - start, 100, 3000);
    while (n > 0)
        fm_close(clients[--n]);
    fm_close(listener);
}

static void connecting_by_halves(void **state)
{
    struct sockaddr_storage addr;
    int listener = fm_listen("127.0.0.1", 0, 0);
    int fd, r;

    (void)state;
    assert_int_equal(fm_io_get_name(listener, &addr), 0);
    for (int refused = 0; refused < 2; refused++) {
        fd = fm_io_socket(AF_INET);
        r = fm_connect_start(fd, (struct sockaddr *)&addr,
                             sizeof(struct sockaddr_in));
        if (r == 1) {
            assert_int_equal(fm_wait(fd, POLLOUT, fm_deadline_in(5000)), 0);
            r = fm_connect_finish(fd);
            /* The kernel tells it once. */
            assert_int_equal(fm_connect_finish(fd), 0);
        }
        assert_int_equal(r, refused ? FM_E_REFUSED : 0);
        fm_close(fd);
        if (!refused)
            fm_close(listener);
    }
    assert_int_equal(fm_connect_finish(fd), FM_E_BADFD);
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;

    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

static void options(void **state)
{
    int client, server;

    (void)state;
    dial_and_accept("127.0.0.1", "127.0.0.1", &client, &server);
    assert_int_equal(fm_keepalive(client, 30, 5), 0);
    assert_int_equal(option(client, SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_int_equal(option(client, IPPROTO_TCP, TCP_KEEPIDLE), 30);
    assert_int_equal(option(client, IPPROTO_TCP, TCP_KEEPINTVL), 5);
    assert_int_equal(option(client, IPPROTO_TCP, TCP_KEEPCNT), 3);
    assert_int_equal(fm_keepalive(client, -1, 5), FM_E_USAGE);
    assert_int_equal(fm_no_delay(client), 0);
    assert_int_equal(option(client, IPPROTO_TCP, TCP_NODELAY), 1);
    fm_close(client);
    fm_close(server);
    assert_int_equal(fm_keepalive(client, 30, 5), FM_E_BADFD);
    assert_int_equal(fm_no_delay(client), FM_E_BADFD);
    dial_and_accept("::1", "::1", &client, &server);
    assert_int_equal(fm_no_delay(client), 0);
    assert_int_equal(option(client, IPPROTO_TCP, TCP_NODELAY), 1);
    fm_close(client);
    fm_close(server);
}

/* Unread input on our side, unread output on theirs: all of it arrives. */
static void drain(void **state)
{
    enum { N = 400000 };
    static char bytes[N], got[N];
    int client, server, status;
    pid_t child;

    (void)state;
    dial_and_accept("127.0.0.1", "127.0.0.1", &client, &server);
    child = fork();
    if (child == 0) {
        fm_close(client);
        int err = fm_send_all(server, bytes, N, fm_deadline_in(5000));

        _exit(err || fm_drain(server, fm_deadline_in(5000)));
    }
    fm_close(server);
    assert_int_equal(fm_send_all(client, "unread", 6, FM_NEVER), 0);
    assert_int_equal(fm_recv_exact(client, got, N, fm_deadline_in(5000)), 0);
    assert_int_equal(fm_recv_exact(client, got, 1, fm_deadline_in(5000)),
                     FM_E_CLOSED);
    fm_close(client);
    assert_int_equal(fm_drain(client, 0), FM_E_BADFD);
    assert_int_equal(wait(&status), child);
    assert_int_equal(status, 0);
    dial_and_accept("127.0.0.1", "127.0.0.1", &client, &server);
    assert_int_equal(fm_send_all(client, "unread", 6, FM_NEVER), 0);
    fm_close(client);
    assert_int_equal(fm_drain(server, fm_deadline_in(5000)), 0);
    fm_close(server);
}

static void drain_deadline(void **state)
{
    int client, server;

    (void)state;
    dial_and_accept("127.0.0.1", "127.0.0.1", &client, &server);
    assert_int_equal(fm_drain(server, fm_deadline_in(30)), FM_E_TIMEOUT);
    fm_close(client);
    assert_int_equal(fm_drain(server, fm_deadline_in(5000)), 0);
    fm_close(server);
}

/* A number that is somebody else's by now keeps its bytes. */
static void drain_what_is_no_socket(void **state)
{
    int ends[2];
    char got[3];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "abc", 3), 3);
    assert_int_equal(fm_drain(ends[0], fm_deadline_in(5000)), FM_E_NOT_SOCK);
    assert_int_equal(read(ends[0], got, 3), 3);
    close(ends[0]);
    close(ends[1]);
}

/* … whether half-closing says so, or the receive after it. */
static void drain_what_is_foreign(void **state)
{
    char got[6];
    int client, server;

    (void)state;
    dial_and_accept("127.0.0.1", "127.0.0.1", &client, &server);
    assert_int_equal(fm_send_all(client, "unread", 6, FM_NEVER), 0);
    faults_next(RECV, 1, -ENOTSOCK);
    assert_int_equal(fm_drain(server, fm_deadline_in(5000)), FM_E_NOT_SOCK);
    assert_int_equal(read(server, got, 6), 6);
    fm_close(client);
    fm_close(server);
    faults_none();
    assert_int_equal(fm_drain(server, fm_deadline_in(5000)), FM_E_BADFD);
    assert_int_equal(faults_count(RECV), 0);
}

static void no_descriptors(void **state)
{
    struct rlimit limit, few;
    char host[64];
    int listener;

    (void)state;
    snprintf(host, sizeof host, "unix:/tmp/framed-none-test-%d", (int)getpid());
    listener = fm_listen(host, 0, 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    few = limit;
    few.rlim_cur = (rlim_t)listener + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_int_equal(fm_io_socket(AF_INET), FM_E_NO_FILES);
    assert_int_equal(fm_listen("127.0.0.1", 0, 0), FM_E_NO_FILES);
    assert_int_equal(fm_dial("127.0.0.1", 1, FM_NEVER), FM_E_NO_FILES);
    /* One is enough to find the path in use, but not by whom. */
    few.rlim_cur++;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    faults_next(SOCKET, 2, 0, -EMFILE);
    assert_int_equal(fm_listen(host, 0, 0), FM_E_IN_USE);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    fm_close(listener);
    unlink(host + 5);
}

/* In a group of its own: should it be wrong, nobody else is hit. */
static void kill_nobody(void **state)
{
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        setpgid(0, 0);
        _exit(fm_io_kill(0) == FM_E_USAGE ? 0 : 1);
    }
    assert_int_equal(fm_io_wait_child(child), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(hosts, clean),
        cmocka_unit_test_setup(names, clean),
        cmocka_unit_test_setup(unix_paths, clean),
        cmocka_unit_test_setup(unix_backlog, clean),
        cmocka_unit_test_setup(refusals, clean),
        cmocka_unit_test_setup(several_addresses, clean),
        cmocka_unit_test_setup(connect_interrupted, clean),
        cmocka_unit_test_setup(connect_to_path_interrupted, clean),
        cmocka_unit_test_setup(dial_deadline, clean),
        cmocka_unit_test_setup(connecting_by_halves, clean),
        cmocka_unit_test_setup(options, clean),
        cmocka_unit_test_setup(drain, clean),
        cmocka_unit_test_setup(drain_deadline, clean),
        cmocka_unit_test_setup(drain_what_is_no_socket, clean),
        cmocka_unit_test_setup(drain_what_is_foreign, clean),
        cmocka_unit_test_setup(no_descriptors, clean),
        cmocka_unit_test_setup(kill_nobody, clean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
