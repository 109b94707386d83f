/*
 * victims.c: for each monitor a program with that one bug, and a correct twin.
 *
 *     victims BUG | victims BUG-not
 *
 * They are tiny and talk to themselves over a socket pair or loopback.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static bool correct;

static void make_pair(int pair[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
        exit(3);
}

static bool wait_readable(int fd)
{
    fd_set rd;

    FD_ZERO(&rd);
    FD_SET(fd, &rd);
    return select(fd + 1, &rd, NULL, NULL, NULL) == 1 && FD_ISSET(fd, &rd);
}

/* Reads to the end; the bug takes the end for nothing. */
static void spin(void)
{
    char buf[16];
    int pair[2];

    make_pair(pair);
    close(pair[1]);
    while (wait_readable(pair[0]))
        if (recv(pair[0], buf, sizeof buf, 0) == 0 && correct)
            break;
}

/* Asks again and again until the other answers, which the bug forgets to. */
static void *answer_late(void *fd)
{
    usleep(100 * 1000);
    if (send(*(int *)fd, "x", 1, MSG_NOSIGNAL) != 1)
        exit(3);
    return NULL;
}

static void turn(void)
{
    struct pollfd p;
    int pair[2];
    char byte;
    pthread_t other;

    make_pair(pair);
    p = (struct pollfd){.fd = pair[0], .events = POLLIN | POLLOUT};
    if (correct && pthread_create(&other, NULL, answer_late, &pair[1]) != 0)
        exit(3);
    do
        poll(&p, 1, -1);
    while (!(p.revents & POLLIN));
    if (recv(pair[0], &byte, 1, 0) != 1 || pthread_join(other, NULL) != 0)
        exit(3);
}

/*
 * epoll watches what is open, not a number: closed while a copy is there, it
 * is reported for ever.  The bug does not take it out before.
 */
static void left_epoll(void)
{
    struct epoll_event ev = {.events = EPOLLIN};
    int pair[2], epfd = epoll_create1(0);

    make_pair(pair);
    ev.data.fd = pair[0];
    if (epoll_ctl(epfd, EPOLL_CTL_ADD, pair[0], &ev) < 0 || dup(pair[0]) < 0 ||
        send(pair[1], "x", 1, MSG_NOSIGNAL) != 1)
        exit(3);
    if (correct)
        epoll_ctl(epfd, EPOLL_CTL_DEL, pair[0], NULL);
    close(pair[0]);
    while (epoll_wait(epfd, &ev, 1, 100) > 0)
        ;
}

/* Looks whether it is there, and never lets time pass. */
static void asks(void)
{
    struct pollfd p = {.events = POLLIN};
    int pair[2];
    pthread_t other;

    make_pair(pair);
    p.fd = pair[0];
    if (correct && pthread_create(&other, NULL, answer_late, &pair[1]) != 0)
        exit(3);
    while (poll(&p, 1, 0) == 0)
        ;
    if (pthread_join(other, NULL) != 0)
        exit(3);
}

/* Nobody reads; the bug sends again and again without asking for room. */
static void sends(void)
{
    static char bytes[4096];
    int pair[2];

    make_pair(pair);
    while (send(pair[0], bytes, sizeof bytes, MSG_NOSIGNAL) > 0)
        ;
    while (!correct && send(pair[0], bytes, sizeof bytes, MSG_NOSIGNAL) < 0)
        ;
}

/* The bug takes every error of close for one that goes away. */
static void closes(void)
{
    int pair[2];

    make_pair(pair);
    close(pair[1]);
    close(pair[0]);
    while (!correct && close(pair[0]) < 0)
        ;
}

static void stale_fd(void)
{
    int pair[2];

    make_pair(pair);
    close(pair[0]);
    for (int i = 0; i < 3 && !correct; i++)
        if (send(pair[0], "x", 1, MSG_NOSIGNAL) >= 0)
            exit(3);
    close(pair[1]);
}

/* A call on a number that was a socket's, and is closed. */
static void stale(int (*call)(int fd))
{
    int pair[2];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    make_pair(pair);
    close(pair[1]);
    if (!correct)
        close(fd);
    if (call(fd) == 0)
        exit(3);
    if (correct)
        close(fd);
}

static int accept_one(int fd)
{
    return accept(fd, NULL, NULL);
}

static int dial_nobody(int fd)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    addr.sin_port = htons(1);
    return connect(fd, (struct sockaddr *)&addr, sizeof addr);
}

static void stale_accept(void)
{
    stale(accept_one);
}

static void stale_connect(void)
{
    stale(dial_nobody);
}

static void stale_shutdown(void)
{
    int pair[2];

    make_pair(pair);
    if (!correct)
        close(pair[0]);
    shutdown(pair[0], SHUT_WR);
    if (correct)
        close(pair[0]);
}

static void double_close(void)
{
    int pair[2];

    make_pair(pair);
    close(pair[0]);
    close(pair[1]);
    if (!correct)
        close(pair[0]);
}

/* One of three that are closed in a row has been closed before. */
static void double_in_row(void)
{
    int fds[3];

    for (int i = 0; i < 3; i++)
        fds[i] = socket(AF_UNIX, SOCK_STREAM, 0);
    if (!correct) {
        close(fds[0]);
        listen(fds[1], 1); /* the row has ended */
    }
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}

/* What was closed before it was made a child may close, not knowing; the bug
 * does so itself. */
static void heirs_close(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    pid_t child;

    close(fd);
    child = fork();
    if (child == 0) {
        close(fd);
        exit(0);
    }
    if (waitpid(child, NULL, 0) != child)
        exit(3);
    if (!correct)
        close(fd);
}

/* Its descriptor dies while it waits; the bug closes it once more. */
static void dead_close(void)
{
    int pair[2];

    make_pair(pair);
    if (wait_readable(pair[0]) || errno != EBADF)
        exit(3);
    if (fcntl(pair[0], F_GETFD) == -1 && !correct)
        close(pair[0]);
    close(pair[1]);
}

/* poll has said so; asking why, once, is no bug. */
static void missed_close(void)
{
    struct pollfd p = {.events = POLLIN};
    int pair[2];
    char c;

    make_pair(pair);
    p.fd = pair[0];
    if (poll(&p, 1, 0) != 1 || p.revents != POLLNVAL)
        exit(3);
    if (!correct)
        close(pair[0]);
    else if (recv(pair[0], &c, 1, 0) != -1 || errno != EBADF)
        exit(3);
    close(pair[1]);
}

/* The number is a file's for a while, which closes it; the program, which was
 * not told, asks its own once, and the bug twice. */
static void lent_number(void)
{
    char c;
    int pair[2];

    make_pair(pair);
    if (wait_readable(pair[0]) || open("/dev/null", O_RDONLY) != pair[0] ||
        read(pair[0], &c, 1) != 0 || close(pair[0]) != 0)
        exit(3);
    for (int all = correct ? 1 : 2; all > 0; all--)
        if (recv(pair[0], &c, 1, 0) != -1 || errno != EBADF)
            exit(3);
    close(pair[1]);
}

/* There is a number that no set of libc's holds. */
static void open_high(int fd)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (dup2(fd, FD_SETSIZE) < 0)
        exit(3);
}

/* Up to that number, with two sets that stand side by side: too small ones, or
 * as the correct twin made them. */
static void select_high(void)
{
    enum { ENOUGH = 2 };
    struct timeval now = {0, 0};
    int size = correct ? ENOUGH : 1;
    fd_set *sets = calloc(4, sizeof *sets); /* nothing else shall break */

    select(FD_SETSIZE + 1, &sets[0], &sets[size], NULL, &now);
    free(sets);
}

static void pselect_high(void)
{
    struct timespec now = {0, 0};
    int size = correct ? 2 : 1;
    fd_set *sets = calloc(4, sizeof *sets);

    pselect(FD_SETSIZE + 1, &sets[0], &sets[size], NULL, &now, NULL);
    free(sets);
}

static void fd_range(void)
{
    int pair[2];

    make_pair(pair);
    open_high(pair[0]);
    select_high();
}

static void fd_range_masked(void)
{
    int pair[2];

    make_pair(pair);
    open_high(pair[0]);
    pselect_high();
}

/* Nobody has come; the wait is interrupted. */
static void phantom_accept(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    fd_set rd;
    int n;

    if (fd < 0 || listen(fd, 1) < 0)
        exit(3);
    FD_ZERO(&rd);
    FD_SET(fd, &rd);
    n = select(fd + 1, &rd, NULL, NULL, &(struct timeval){0, 1000});
    if (n < 0 && correct)
        return;
    if (FD_ISSET(fd, &rd) && accept(fd, NULL, NULL) >= 0)
        exit(3);
}

/* Two connections, one quiet; the wait is interrupted. */
static void phantom_dispatch(void)
{
    char buf[16];
    int pair[2];
    fd_set rd;
    int n;

    make_pair(pair);
    if (send(pair[1], "x", 1, 0) != 1 || recv(pair[0], buf, sizeof buf, 0) != 1)
        exit(3);
    FD_ZERO(&rd);
    FD_SET(pair[0], &rd);
    n = select(pair[0] + 1, &rd, NULL, NULL, &(struct timeval){0, 1000});
    if (n < 0 && correct)
        return;
    if (FD_ISSET(pair[0], &rd) && recv(pair[0], buf, sizeof buf, 0) > 0)
        exit(3);
}

static void unguarded_sigpipe(void)
{
    int pair[2];

    make_pair(pair);
    close(pair[1]);
    if (send(pair[0], "x", 1, correct ? MSG_NOSIGNAL : 0) == 1)
        exit(3);
}

/* Nobody listens there; the bug takes writable for connected. */
static void unchecked_connect(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof addr;
    int nobody = socket(AF_INET, SOCK_STREAM, 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int error = 0;

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(nobody, (struct sockaddr *)&addr, sizeof addr) < 0 ||
        getsockname(nobody, (struct sockaddr *)&addr, &len) < 0)
        exit(3);
    if (connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0 ||
        errno != EINPROGRESS || poll(&p, 1, 1000) != 1)
        exit(3);
    len = sizeof error;
    if (correct &&
        (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error))
        return;
    if (send(fd, "x", 1, MSG_NOSIGNAL) == 1)
        exit(3);
}

/* Asks for something, but not whether it is connected.  TCP_KEEPIDLE is the
 * number that SO_ERROR is at its own level. */
static void asks_connect(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof addr;
    int nobody = socket(AF_INET, SOCK_STREAM, 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int value = 0;

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(nobody, (struct sockaddr *)&addr, sizeof addr) < 0 ||
        getsockname(nobody, (struct sockaddr *)&addr, &len) < 0 ||
        connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0 ||
        errno != EINPROGRESS || poll(&p, 1, 1000) != 1)
        exit(3);
    len = sizeof value;
    if (getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &value, &len) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len) < 0)
        exit(3);
    if (correct && getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &len) == 0 &&
        value != 0)
        return;
    if (send(fd, "x", 1, MSG_NOSIGNAL) == 1)
        exit(3);
}

/* There is no room for it, and then nobody; meanwhile it has tried to send. */
static void early_connect(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof addr;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int first = socket(AF_INET, SOCK_STREAM, 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int error = 0;

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&addr, sizeof addr) < 0 ||
        listen(listener, 0) < 0 ||
        getsockname(listener, (struct sockaddr *)&addr, &len) < 0 ||
        connect(first, (struct sockaddr *)&addr, sizeof addr) < 0)
        exit(3);
    if (connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0 ||
        errno != EINPROGRESS || send(fd, "x", 1, MSG_NOSIGNAL) == 1 ||
        errno != EAGAIN)
        exit(3);
    close(listener);
    if (poll(&p, 1, 4000) != 1)
        exit(3);
    len = sizeof error;
    if (correct &&
        (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error))
        return;
    if (send(fd, "x", 1, MSG_NOSIGNAL) == 1)
        exit(3);
}

/* Accept one, and let it go with a reset. */
static void leave(int listener)
{
    struct linger at_once = {.l_onoff = 1};
    int fd = accept(listener, NULL, NULL);

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

/* Never asks whether it is connected.  Who was, and is left, did no harm. */
static void left_connect(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof addr;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&addr, sizeof addr) < 0 ||
        (correct && listen(listener, 1) < 0) ||
        getsockname(listener, (struct sockaddr *)&addr, &len) < 0)
        exit(3);
    if (connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0 ||
        errno != EINPROGRESS || poll(&p, 1, 1000) != 1)
        exit(3);
    if (correct)
        leave(listener);
    if (send(fd, "x", 1, MSG_NOSIGNAL) == 1)
        exit(3);
}

/* The buffer is full: the bug asks for the no bytes that are left in it. */
static void misuse(void)
{
    char buf[4];
    int pair[2];

    make_pair(pair);
    if (send(pair[1], "12345", 5, 0) != 5 || recv(pair[0], buf, 4, 0) != 4)
        exit(3);
    if (recv(pair[0], buf, correct ? 1 : 0, 0) > 1)
        exit(3);
}

/* What is left of nothing, as a length. */
static void misuse_length(void)
{
    char buf[4];
    size_t used = correct ? 3 : sizeof buf + 1;
    int pair[2];

    make_pair(pair);
    send(pair[1], buf, sizeof buf - used, MSG_NOSIGNAL);
}

static void misuse_shutdown(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (!correct && (shutdown(fd, SHUT_RDWR) == 0 || errno != ENOTCONN))
        exit(3);
    close(fd);
}

/* Two bytes for each round: the bug waits for the second where it stands. */
static void blocking_in_loop(void)
{
    struct pollfd p[2];
    int pair[2][2];
    char byte;

    for (int i = 0; i < 2; i++) {
        make_pair(pair[i]);
        fcntl(pair[i][0], F_SETFL, 0);
        p[i] = (struct pollfd){.fd = pair[i][0], .events = POLLIN};
    }
    for (int i = 0; i < 3; i++) {
        if (send(pair[i % 2][1], "xy", 2, 0) != 2)
            exit(3);
        for (int got = 0; got < 2;) {
            if (poll(p, 2, 1000) != 1)
                exit(3);
            for (int all = correct ? 1 : 2; all > 0; all--)
                got += recv(p[i % 2].fd, &byte, 1, 0) == 1;
        }
    }
}

/* For each message it dials somebody, and the bug waits until it has. */
static void dials_in_loop(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof addr;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct pollfd p[2];
    int pair[2][2];
    char byte;

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&addr, sizeof addr) < 0 ||
        listen(listener, 4) < 0 ||
        getsockname(listener, (struct sockaddr *)&addr, &len) < 0)
        exit(3);
    for (int i = 0; i < 2; i++) {
        make_pair(pair[i]);
        p[i] = (struct pollfd){.fd = pair[i][0], .events = POLLIN};
    }
    for (int i = 0; i < 3; i++) {
        int fd =
            socket(AF_INET, SOCK_STREAM | (correct ? SOCK_NONBLOCK : 0), 0);

        if (send(pair[0][1], "x", 1, 0) != 1 || poll(p, 2, 1000) != 1 ||
            recv(p[0].fd, &byte, 1, 0) != 1)
            exit(3);
        if (connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0 &&
            errno != EINPROGRESS)
            exit(3);
        poll(p, 2, 0);
        close(fd);
    }
}

/*
 * A relay: whether it may write is asked for only while it does not know that,
 * at first beside the other end and later alone.  The bug writes twice for
 * once that it was told.
 */
static void old_grant(void)
{
    struct pollfd p[2];
    int pair[2][2];
    char byte = 'x';

    for (int i = 0; i < 2; i++) {
        make_pair(pair[i]);
        fcntl(pair[i][0], F_SETFL, 0);
        p[i] = (struct pollfd){.fd = pair[i][0], .events = POLLIN};
    }
    for (int i = 0; i < 3; i++) {
        p[1].events = POLLOUT;
        if (poll(p + (i > 0), i > 0 ? 1 : 2, 1000) != 1)
            exit(3);
        p[1].events = POLLIN;
        for (int all = i > 0 ? 1 : 2; all > 0; all--)
            if (send(pair[0][1], "x", 1, 0) != 1 || poll(p, 2, 1000) != 1 ||
                recv(pair[0][0], &byte, 1, 0) != 1)
                exit(3);
        for (int all = correct || i < 2 ? 1 : 2; all > 0; all--)
            if (send(pair[1][0], &byte, 1, 0) != 1)
                exit(3);
        poll(p, 2, 0);
    }
}

/* Two connections one after the other; the bug forgets the first. */
static void leak(void (*give_back)(int fd))
{
    int pair[2];

    for (int i = 0; i < 2; i++) {
        make_pair(pair);
        give_back(pair[1]);
        if (!wait_readable(pair[0]) || recv(pair[0], &pair[1], 1, 0) != 0)
            exit(3);
        if (i == 1 || correct)
            give_back(pair[0]);
    }
}

static void close_one(int fd)
{
    close(fd);
}

static void close_row(int fd)
{
    close_range((unsigned)fd, (unsigned)fd, 0);
}

static void fd_leak(void)
{
    leak(close_one);
}

static void fd_leak_row(void)
{
    leak(close_row);
}

/* Used after its number was given back in a row. */
static void stale_row(void)
{
    int pair[2];

    make_pair(pair);
    if (!correct)
        close_row(pair[0]);
    send(pair[0], "x", 1, MSG_NOSIGNAL);
}

/* It closes nothing.  What is over is lost when others come after it, and only
 * then: at its end a program need not close. */
static void fd_leaks(void)
{
    for (int i = 0; i < 4; i++) {
        char c;
        int pair[2];

        make_pair(pair);
        shutdown(pair[1], SHUT_WR);
        if (!correct || i > 2)
            recv(pair[0], &c, 1, 0);
    }
}

/* It dials again, and has forgotten the socket that was refused. */
static void fd_leak_refused(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof addr;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&addr, sizeof addr) < 0 ||
        getsockname(listener, (struct sockaddr *)&addr, &len) < 0)
        exit(3);
    for (int i = 0; i < 2; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        if ((connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0) != i)
            exit(3);
        if (correct || i == 1)
            close(fd);
        listen(listener, 1);
    }
}

/* Who cannot have the connection that waits asks for it again and again. */
static void insists(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof addr;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int client = socket(AF_INET, SOCK_STREAM, 0);

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&addr, sizeof addr) < 0 ||
        listen(listener, 1) < 0 ||
        getsockname(listener, (struct sockaddr *)&addr, &len) < 0 ||
        connect(client, (struct sockaddr *)&addr, sizeof addr) < 0)
        exit(3);
    while (accept(listener, NULL, NULL) < 0)
        if (correct)
            usleep(10000);
}

static void stall(void)
{
    int pair[2];

    make_pair(pair);
    if (correct)
        close(pair[1]);
    wait_readable(pair[0]);
}

static void died(void)
{
    int pair[2];

    make_pair(pair);
    if (!correct)
        abort();
}

static void write_all(int fd, const char *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = send(fd, bytes + done, len - done, MSG_NOSIGNAL);
        done += n > 0 ? (size_t)n : 0;
    }
}

/* The bug takes the first count for the whole. */
static void read_all(int fd, char *bytes, size_t len)
{
    size_t done = 0;

    do {
        ssize_t n = recv(fd, bytes + done, len - done, 0);
        done += n > 0 ? (size_t)n : 0;
    } while (done < len && (correct || done == 0));
}

static void talk(const int pair[2], int rounds)
{
    for (int i = 0; i < rounds; i++) {
        char sent[32], got[32] = "";
        snprintf(sent, sizeof sent, "message number %015d", i);
        write_all(pair[1], sent, sizeof sent - 1);
        read_all(pair[0], got, sizeof got - 1);
        if (memcmp(sent, got, sizeof sent - 1) != 0)
            abort();
    }
}

static void frames(void)
{
    int pair[2];

    make_pair(pair);
    talk(pair, 500);
}

static void *talk_alone(void *arg)
{
    talk(arg, 100);
    return NULL;
}

/* Made in order, so that each has its connections; they run as they like. */
static void threads(void)
{
    enum { THREADS = 16 };
    static int pairs[THREADS][2];
    pthread_t thread[THREADS];

    for (int i = 0; i < THREADS; i++)
        make_pair(pairs[i]);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&thread[i], NULL, talk_alone, pairs[i]) != 0)
            exit(3);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
}

/* A signal interrupts its wait for a child; the bug does not wait again. */
static void zombie(void)
{
    int pair[2];
    pid_t child;

    make_pair(pair);
    child = fork();
    if (child == 0)
        _exit(0);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR && correct)
        ;
}

/* As above; meanwhile another child is waited for, and one, which says nothing
 * of what its parent has still to do, ends. */
static void zombie_of_two(void)
{
    int pair[2];
    pid_t missed, other;

    make_pair(pair);
    missed = fork();
    if (missed == 0)
        _exit(0);
    if (waitpid(missed, NULL, 0) >= 0 || errno != EINTR)
        exit(3);
    other = fork();
    if (other == 0)
        exit(0);
    if (waitpid(other, NULL, 0) != other)
        exit(3);
    if (correct && waitpid(missed, NULL, 0) != missed)
        exit(3);
}

static const struct {
    const char *name;
    void (*run)(void);
} victims[] = {
    {"spin", spin},
    {"turn", turn},
    {"left-epoll", left_epoll},
    {"asks", asks},
    {"sends", sends},
    {"closes", closes},
    {"stale-fd", stale_fd},
    {"stale-accept", stale_accept},
    {"stale-connect", stale_connect},
    {"stale-shutdown", stale_shutdown},
    {"double-close", double_close},
    {"double-in-row", double_in_row},
    {"heirs-close", heirs_close},
    {"dead-close", dead_close},
    {"missed-close", missed_close},
    {"lent-number", lent_number},
    {"fd-range", fd_range},
    {"fd-range-masked", fd_range_masked},
    {"phantom-dispatch", phantom_dispatch},
    {"phantom-accept", phantom_accept},
    {"unguarded-sigpipe", unguarded_sigpipe},
    {"unchecked-connect", unchecked_connect},
    {"left-connect", left_connect},
    {"asks-connect", asks_connect},
    {"early-connect", early_connect},
    {"misuse", misuse},
    {"misuse-length", misuse_length},
    {"misuse-shutdown", misuse_shutdown},
    {"blocking-in-loop", blocking_in_loop},
    {"dials-in-loop", dials_in_loop},
    {"old-grant", old_grant},
    {"fd-leak", fd_leak},
    {"fd-leak-row", fd_leak_row},
    {"stale-row", stale_row},
    {"fd-leaks", fd_leaks},
    {"fd-leak-refused", fd_leak_refused},
    {"insists", insists},
    {"stall", stall},
    {"died", died},
    {"zombie", zombie},
    {"zombie-of-two", zombie_of_two},
    {"frames", frames},
    {"threads", threads},
};

int main(int argc, char **argv)
{
    char *minus = argc == 2 ? strstr(argv[1], "-not") : NULL;

    if (argc != 2)
        return 3;
    correct = minus != NULL;
    if (minus)
        *minus = '\0';
    for (size_t i = 0; i < sizeof victims / sizeof *victims; i++)
        if (strcmp(argv[1], victims[i].name) == 0) {
            victims[i].run();
            return 0;
        }
    return 3;
}
