/* victims_waits.c: loops, and what they wait for; see victims.h. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/faultinject/victims.h"

/* Reads to the end; the bug takes the end for nothing. */
void spin(void)
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

void turn(void)
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
void left_epoll(void)
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
void asks(void)
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
void sends(void)
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
void closes(void)
{
    int pair[2];

    make_pair(pair);
    close(pair[1]);
    close(pair[0]);
    while (!correct && close(pair[0]) < 0)
        ;
}

/* Which of these are open?  Some ask twice before they believe it. */
static void ask_each(int first, int last, int times)
{
    for (int fd = first; fd <= last; fd++)
        for (int i = 0; i < times; i++)
            fcntl(fd, F_GETFD);
}

/* The bug wants to know it of one until it is open again, which it never is;
 * the twin of all there can be, for each of many children. */
void asks_gone(void)
{
    enum { FIRST = 100, LAST = 900, CHILDREN = 50 };
    int pair[2];

    make_pair(pair);
    for (int fd = FIRST; fd <= LAST; fd++)
        if (dup2(pair[0], fd) != fd || close(fd) != 0)
            exit(3);
    for (int i = 0; correct && i < CHILDREN; i++)
        ask_each(FIRST, LAST, 1 + i % 2);
    while (!correct && fcntl(FIRST, F_GETFL) < 0)
        ;
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

void fd_range(void)
{
    int pair[2];

    make_pair(pair);
    open_high(pair[0]);
    select_high();
}

void fd_range_masked(void)
{
    int pair[2];

    make_pair(pair);
    open_high(pair[0]);
    pselect_high();
}

/* Nobody has come; the wait is interrupted. */
void phantom_accept(void)
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
void phantom_dispatch(void)
{
    enum { HIGH = 40 };
    char buf[16];
    int pair[2];
    fd_set rd;
    int n;

    make_pair(pair);
    pair[0] = dup2(pair[0], HIGH);
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

/* Two bytes for each round: the bug waits for the second where it stands; the
 * descriptors block from the first round on, or from a later one. */
static void block_from(int first)
{
    struct pollfd p[2];
    int pair[2][2];
    char byte;

    for (int i = 0; i < 2; i++) {
        make_pair(pair[i]);
        p[i] = (struct pollfd){.fd = pair[i][0], .events = POLLIN};
    }
    for (int i = 0; i < first + 3; i++) {
        for (int j = 0; j < 2 && i == first; j++)
            fcntl(pair[j][0], F_SETFL, 0);
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

void blocking_in_loop(void)
{
    block_from(0);
}

void blocks_later(void)
{
    block_from(2);
}

/* For each message it dials somebody, and the bug waits until it has. */
void dials_in_loop(void)
{
    struct sockaddr_in addr;
    struct pollfd p[2];
    int pair[2][2];
    char byte;

    bind_loopback(&addr, 4);
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
void old_grant(void)
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
