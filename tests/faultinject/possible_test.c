/*
 * possible_test.c: each legal result that the fault model names can happen.
 *
 * A row says what is done, under which rule, and what comes back; the call
 * is made on a connection on which five bytes wait to be read and fifty are
 * to be sent.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "faultinject/inject/inject.h"
#include "tests/faultinject/planned.h"

/* What it begins with. */
enum {
    NB = 1,       /* the descriptor does not block                 */
    EMPTY = 2,    /* nothing waits to be read                      */
    SENT = 4,     /* something was sent before                     */
    HANDLER = 8,  /* a harmless signal has a handler               */
    TIMEOUT = 16, /* SO_SNDTIMEO is set and the buffer nearly full */
    ON_UNIX = 32,
    BLOCKED = 64,    /* … and is blocked                              */
    NEVER = 128,     /* what the rules say cannot happen              */
    RESTARTS = 256,  /* … with SA_RESTART                           */
    IGNORED = 512,   /* the signal is ignored                       */
    FINISHED = 1024, /* the peer has sent its last byte            */
    LEFT = 2048,     /* the peer is gone with something unread     */
    OWN = 4096,      /* a pair that the program has made for itself */
    SELF = 8192      /* … or a connection on AF_UNIX                */
};

struct row {
    const char *name;
    const char *rules;
    long (*call)(int fd);
    unsigned begin;
    long result;
    int err;
};

static long do_recv(int fd)
{
    char buf[50];

    return recv(fd, buf, sizeof buf, 0);
}

static long do_recv_twice(int fd)
{
    do_recv(fd);
    return do_recv(fd);
}

static long do_recv_pair(int fd)
{
    char buf[2];

    return recv(fd, buf, sizeof buf, 0);
}

/* Somebody else has the other end as well, and in the end alone. */
static long do_recv_shared(int fd)
{
    int theirs = sf_libc.dup(fd + 1);
    long result;

    close(fd + 1);
    result = do_recv(fd);
    sf_libc.close(theirs);
    return result;
}

static long do_recv_shut(int fd)
{
    shutdown(fd, SHUT_WR);
    return do_recv(fd);
}

static long do_recv_deaf(int fd)
{
    shutdown(fd, SHUT_RD);
    return do_recv(fd);
}

static long do_send(int fd)
{
    char buf[50] = "";

    return send(fd, buf, sizeof buf, MSG_NOSIGNAL);
}

static long do_send_deaf(int fd)
{
    shutdown(fd, SHUT_RD);
    return do_send(fd);
}

static long do_send_twice(int fd)
{
    do_send(fd);
    return do_send(fd);
}

static char large[1 << 20];

static long do_send_large(int fd)
{
    return send(fd, large, sizeof large, MSG_NOSIGNAL) < (long)sizeof large;
}

static long do_poll(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, 0);
}

static long do_poll_soon(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, 10000);
}

/* What dies is not what the call is about. */
static long do_poll_beside(int fd)
{
    enum { OTHER = 77 };
    long result;

    dup2(fd, OTHER);
    do_poll(fd);
    result = send(OTHER, "x", 1, 0);
    if (result > 0)
        sf_libc.close(OTHER);
    return result;
}

/* What dies is. */
static long do_set_other(int fd)
{
    enum { OTHER = 77 };
    int on = 1;

    dup2(fd, OTHER);
    return setsockopt(OTHER, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

static long do_poll_behind(int fd)
{
    struct pollfd p[2] = {{.fd = fd, .events = POLLIN},
                          {.fd = fd + 1, .events = POLLIN}};

    sf_libc.send(fd, "x", 1, 0);
    return poll(p, 2, 0) == 1 && p[0].revents == POLLIN ? p[1].revents : -2;
}

static long do_select(int fd)
{
    struct timeval now = {0, 0};
    fd_set rd;

    FD_ZERO(&rd);
    FD_SET(fd, &rd);
    return select(fd + 1, &rd, NULL, NULL, &now);
}

static long do_select_to_write(int fd)
{
    struct timeval now = {0, 0};
    fd_set wr;

    FD_ZERO(&wr);
    FD_SET(fd, &wr);
    return select(fd + 1, NULL, &wr, NULL, &now);
}

/* Of a pair of AF_UNIX, the other of which has the next number. */
static long do_select_both(int fd)
{
    struct timeval now = {0, 0};
    fd_set rd;

    FD_ZERO(&rd);
    FD_SET(fd, &rd);
    FD_SET(fd + 1, &rd);
    if (select(fd + 2, &rd, NULL, NULL, &now) != -1 || errno != EBADF)
        return -2;
    if (fcntl(fd, F_GETFD) != -1 || fcntl(fd + 1, F_GETFD) != -1)
        return -3;
    return -1;
}

/* Both are asked for, and nothing comes. */
static long do_select_while(int fd)
{
    struct timeval soon = {0, 20000};
    fd_set rd, ex;

    FD_ZERO(&rd);
    FD_SET(fd, &rd);
    ex = rd;
    if (select(fd + 1, &rd, NULL, &ex, &soon) != 2)
        return -2;
    return FD_ISSET(fd, &rd) && FD_ISSET(fd, &ex) ? do_recv(fd) : -3;
}

static long do_poll_while(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    if (poll(&p, 1, 20) != 1 || p.revents != POLLNVAL)
        return -2;
    return do_recv(fd);
}

static long ms_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static long do_recv_late(int fd)
{
    long begin = ms_now(), got = do_recv(fd);

    return ms_now() - begin >= 30 ? got : -2;
}

static long do_select_late(int fd)
{
    long begin = ms_now(), ready = do_select(fd);

    return ms_now() - begin >= 30 ? ready : -2;
}

static int watched;
static volatile sig_atomic_t waiting;

static void look(int sig)
{
    char buf[50];

    (void)sig;
    waiting = (int)sf_libc.recv(watched, buf, sizeof buf, MSG_PEEK);
}

/* What its peer, of the next number, has when a signal ends the wait. */
static long do_send_and_look(int fd)
{
    struct sigaction old, sa = {.sa_handler = look};
    struct itimerval soon = {.it_value = {0, 20000}};
    long sent;

    watched = fd + 1;
    waiting = 0;
    sigaction(SIGALRM, &sa, &old);
    setitimer(ITIMER_REAL, &soon, NULL);
    sent = do_send(fd);
    sigaction(SIGALRM, &old, NULL);
    alarm(60);
    return sent == waiting ? sent : -2;
}

/* How many bits there are when two are asked for and one is withheld. */
static long do_count(int fd)
{
    struct timeval now = {0, 0};
    fd_set rd, wr;
    int n;

    FD_ZERO(&rd);
    FD_SET(fd, &rd);
    wr = rd;
    n = select(fd + 1, &rd, &wr, NULL, &now);
    return n == FD_ISSET(fd, &rd) + FD_ISSET(fd, &wr) ? n : -1;
}

static long do_epoll(int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    int epfd = epoll_create1(0);
    int result, saved;

    epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event);
    result = epoll_wait(epfd, &event, 1, 0);
    saved = errno;
    close(epfd);
    errno = saved;
    return result;
}

/* Both of a pair have something; which one is told of? */
static long do_epoll_pair(int fd)
{
    struct epoll_event event = {.events = EPOLLIN}, got[2];
    int epfd = epoll_create1(0);
    long n;

    sf_libc.send(fd, "x", 1, 0);
    for (event.data.fd = fd; event.data.fd <= fd + 1; event.data.fd++)
        epoll_ctl(epfd, EPOLL_CTL_ADD, event.data.fd, &event);
    n = epoll_wait(epfd, got, 2, 0);
    close(epfd);
    return n == 1 ? got[0].data.fd - fd : -2;
}

/* Of a listener with somebody who waits, or nobody. */
static long accept_with(bool waits, bool blocks)
{
    unsigned short port;
    int listener = make_listener(&port);
    int client = waits ? dial(port) : -1;
    struct pollfd p = {.fd = listener, .events = POLLIN};
    int result, saved;

    if (waits)
        sf_libc.poll(&p, 1, 10000);
    if (!blocks)
        set_nonblocking(listener);
    result = accept(listener, NULL, NULL);
    saved = errno;
    if (result >= 0)
        close(result);
    if (waits)
        close(client);
    close(listener);
    errno = saved;
    return result < 0 ? -1 : 0;
}

static long do_accept(int fd)
{
    (void)fd;
    return accept_with(true, false);
}

static long do_accept_none(int fd)
{
    (void)fd;
    return accept_with(false, false);
}

static long do_accept_blocking(int fd)
{
    (void)fd;
    return accept_with(true, true);
}

/* There is no room in the backlog: it goes on, and is asked for once more. */
static long do_connect_again(int fd)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof addr;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int late = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int client, result, saved;

    (void)fd;
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sf_libc.bind(listener, (struct sockaddr *)&addr, sizeof addr);
    sf_libc.listen(listener, 0);
    sf_libc.getsockname(listener, (struct sockaddr *)&addr, &len);
    client = dial(ntohs(addr.sin_port));
    if (connect(late, (struct sockaddr *)&addr, sizeof addr) == 0 ||
        errno != EINPROGRESS)
        return -2;
    result = connect(late, (struct sockaddr *)&addr, sizeof addr);
    saved = errno;
    close(late);
    close(client);
    close(listener);
    errno = saved;
    return result;
}

static long connect_with(int type)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    unsigned short port;
    int listener = make_listener(&port);
    int fd = socket(AF_INET, type, 0);
    int result, saved;

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    addr.sin_port = htons(port);
    result = connect(fd, (struct sockaddr *)&addr, sizeof addr);
    saved = errno;
    close(fd);
    close(listener);
    errno = saved;
    return result;
}

static long ppoll_with(int fd, bool blocks)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    sigset_t mask;

    sigemptyset(&mask);
    if (blocks)
        sigaddset(&mask, SIGURG);
    return ppoll(&p, 1, NULL, &mask);
}

static long do_ppoll(int fd)
{
    return ppoll_with(fd, false);
}

static long do_ppoll_undisturbed(int fd)
{
    return ppoll_with(fd, true);
}

static long do_listen_late(int fd)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    long begin = ms_now(), result;

    (void)fd;
    result = listen(listener, 1);
    close(listener);
    return ms_now() - begin >= 30 ? result : -2;
}

static long do_connect(int fd)
{
    (void)fd;
    return connect_with(SOCK_STREAM);
}

/* To a name that the kernel chose. */
static long do_connect_local(int fd)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct sockaddr *name = (struct sockaddr *)&at;
    int to = socket(AF_UNIX, SOCK_STREAM, 0);
    int from = socket(AF_UNIX, SOCK_STREAM, 0), result;
    socklen_t len = sizeof at;

    (void)fd;
    bind(to, name, sizeof at.sun_family);
    listen(to, 1);
    getsockname(to, name, &len);
    result = connect(from, name, len);
    close(from);
    close(to);
    return result;
}

static long do_connect_later(int fd)
{
    (void)fd;
    return connect_with(SOCK_STREAM | SOCK_NONBLOCK);
}

static long made(int fd)
{
    int saved = errno;

    if (fd >= 0)
        close(fd);
    errno = saved;
    return fd < 0 ? -1 : 0;
}

static long do_dup(int fd)
{
    return made(dup(fd));
}

static long do_socket(int fd)
{
    (void)fd;
    return made(socket(AF_INET, SOCK_STREAM, 0));
}

static long do_socket_6(int fd)
{
    (void)fd;
    return made(socket(AF_INET6, SOCK_STREAM, 0));
}

/* How many of six cannot be had, and nothing is closed meanwhile. */
static long do_dup_more(int fd)
{
    int copies[6];
    long none = 0;

    for (int i = 0; i < 6; i++) {
        copies[i] = dup(fd);
        none += copies[i] < 0;
    }
    for (int i = 0; i < 6; i++)
        if (copies[i] >= 0)
            close(copies[i]);
    return none;
}

/* … and one is closed after the first. */
static long do_dup_after_close(int fd)
{
    int other = dup(fd), copy = dup(fd), result;

    if (other < 0 || copy >= 0 || close(other) < 0)
        return -2;
    copy = dup(fd);
    result = copy >= 0 ? 0 : -1;
    close(copy);
    return result;
}

/* The number is free all the same. */
static long do_close(int fd)
{
    int result = close(fd);
    int saved = errno;

    if (sf_libc.fcntl(fd, F_GETFD, 0) >= 0)
        return 1;
    errno = saved;
    return result;
}

static const struct row table[] = {
#include "tests/faultinject/possible.def"
};

enum { ROWS = sizeof table / sizeof *table };

static volatile sig_atomic_t handled;

static void on_signal(int sig)
{
    (void)sig;
    handled++;
}

static void set_blocked(int how)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGURG);
    sigprocmask(how, &set, NULL);
}

/* Nobody reads: it would sleep, and give up. */
static void little_room(int fd)
{
    struct timeval soon = {0, 20000};
    int little = 4096;

    sf_libc.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &little, sizeof little);
    sf_libc.setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);
}

/* The peer has sent all, or goes with something unread: it has arrived. */
static void end_peer(const struct row *row, int pair[2])
{
    struct pollfd p = {.fd = pair[0], .events = POLLRDHUP};

    if (row->begin & FINISHED)
        sf_libc.shutdown(pair[1], SHUT_WR);
    else if (row->begin & LEFT)
        sf_libc.close(pair[1]);
    else
        return;
    sf_libc.poll(&p, 1, 10000);
}

static void connect_to_self(int pair[2])
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    socklen_t len = sizeof at.sun_family; /* the kernel finds a name */
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);

    bind(listener, (struct sockaddr *)&at, len);
    listen(listener, 1);
    len = sizeof at;
    getsockname(listener, (struct sockaddr *)&at, &len);
    pair[0] = socket(AF_UNIX, SOCK_STREAM, 0);
    connect(pair[0], (struct sockaddr *)&at, len);
    pair[1] = accept(listener, NULL, NULL);
    close(listener);
}

static void make_ends(unsigned begin, int pair[2])
{
    if (begin & OWN)
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    else if (begin & SELF)
        connect_to_self(pair);
    else
        make_pair(begin & ON_UNIX ? UNIX : TCP, pair);
}

static void begin(const struct row *row, int pair[2])
{
    struct sigaction sa = {.sa_handler =
                               row->begin & IGNORED ? SIG_IGN : on_signal,
                           .sa_flags = row->begin & RESTARTS ? SA_RESTART : 0};

    handled = 0;
    if (row->begin & (HANDLER | IGNORED))
        sigaction(SIGURG, &sa, NULL);
    if (row->begin & BLOCKED)
        set_blocked(SIG_BLOCK);
    planned_begin(row->rules);
    make_ends(row->begin, pair);
    if (row->begin & NB)
        set_nonblocking(pair[0]);
    if (row->begin & TIMEOUT)
        little_room(pair[0]);
    if (row->begin & SENT)
        write(pair[0], "before", 6);
    if (!(row->begin & EMPTY))
        sf_libc.send(pair[1], "hello", 5, 0);
    end_peer(row, pair);
}

/* Who says that a signal interrupted it has let its handler run. */
static bool was_handled(const struct row *row, int err)
{
    return handled == (row->begin & HANDLER && err == EINTR);
}

static void can_happen(void **state)
{
    const struct row *row = *state;
    int pair[2];
    long result;
    int err;

    begin(row, pair);
    errno = 0;
    result = row->call(pair[0]);
    err = result < 0 ? errno : 0;
    close(pair[0]);
    close(pair[1]);
    signal(SIGURG, SIG_DFL);
    set_blocked(SIG_UNBLOCK);
    if ((planned_end() < 1) != ((row->begin & NEVER) != 0))
        fail_msg("%s: it was%s done", row->rules,
                 row->begin & NEVER ? "" : " not");
    if (!was_handled(row, err))
        fail_msg("%s: the handler ran %d times", row->rules, handled);
    if (result != row->result || err != row->err)
        fail_msg("%s: %ld, %s", row->rules, result,
                 err ? strerrorname_np(err) : "no error");
}

int main(void)
{
    struct CMUnitTest tests[ROWS];

    alarm(60);
    for (int i = 0; i < ROWS; i++)
        tests[i] = (struct CMUnitTest){.name = table[i].name,
                                       .test_func = can_happen,
                                       .initial_state = (void *)&table[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
