/* trusting_waits.c: select, poll and epoll; see trusting.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/faultinject/trusting.h"

/* --- epoll --- */

/* Each event but once: it is given anew when it was asked for anew. */
int oneshot(void)
{
    int a[2], b[2], epfd = epoll_create1(0);
    struct epoll_event e[4];
    unsigned seen = 0;

    if (!make_pair(a) || !make_pair(b) || !says(a[1], "a") ||
        !says(b[1], "b") ||
        !watch(epfd, EPOLL_CTL_ADD, a[0], EPOLLIN | EPOLLONESHOT, 1) ||
        !watch(epfd, EPOLL_CTL_ADD, b[0], EPOLLIN | EPOLLONESHOT, 2))
        return 1;
    while (seen != 3) {
        int n = epoll_wait(epfd, e, 4, PATIENCE_MS);
        if (n == 0)
            return 2;
        for (int i = 0; i < n; i++)
            seen |= (unsigned)e[i].data.u64;
    }
    return 0;
}

/* Who was told once is not told again before asking. */
int oneshot_rests(void)
{
    int a[2], b[2], epfd = epoll_create1(0);
    struct epoll_event e[4];
    int told = 0;

    if (!make_pair(a) || !make_pair(b) || !says(a[1], "a") ||
        !watch(epfd, EPOLL_CTL_ADD, a[0], EPOLLIN | EPOLLONESHOT, 1) ||
        !watch(epfd, EPOLL_CTL_ADD, b[0], EPOLLIN, 2))
        return 1;
    for (int round = 0; round < 6; round++) {
        int n = epoll_wait(epfd, e, 4, 20);
        for (int i = 0; i < n; i++)
            told += e[i].data.u64 == 1;
    }
    return told != 1;
}

/* That something came is all it is told: it looks at each. */
int one_word(void)
{
    int a[2], b[2], epfd = epoll_create1(0);
    struct epoll_event e[4];
    size_t got = 0;

    if (!make_pair(a) || !make_pair(b) ||
        !watch(epfd, EPOLL_CTL_ADD, a[0], EPOLLIN | EPOLLET, 7) ||
        !watch(epfd, EPOLL_CTL_ADD, b[0], EPOLLIN | EPOLLET, 7) ||
        !says(b[1], "b"))
        return 1;
    for (int wait = 0; got == 0; wait = PATIENCE_MS) {
        int n = epoll_wait(epfd, e, 4, wait);
        if (n == 0 && wait > 0)
            return 2;
        if (n > 0)
            got = drain(a[0]) + drain(b[0]);
    }
    return 0;
}

/* Waits for one number and reads by another; what becomes of the first? */
static int edges_of(bool (*leave)(int fd))
{
    int a[2], epfd = epoll_create1(0);
    struct epoll_event e;
    size_t got = 0;
    int copy;

    if (!make_pair(a) || (copy = dup(a[0])) < 0 ||
        !watch(epfd, EPOLL_CTL_ADD, a[0], EPOLLIN | EPOLLET, 1) ||
        !leave(a[0]) || !says(a[1], "0123456789"))
        return 1;
    while (got < 10) {
        char c[64];
        ssize_t n;
        if (epoll_wait(epfd, &e, 1, PATIENCE_MS) == 0)
            return 2;
        n = take(copy, c, sizeof c); /* less than asked: that was all */
        got += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static bool keep(int fd)
{
    return fd >= 0;
}

int edge_of_copy(void)
{
    return edges_of(keep);
}

/* The kernel goes on telling of it, as long as there is a copy. */
static bool give_back(int fd)
{
    return close(fd) == 0;
}

int edge_of_closed(void)
{
    return edges_of(give_back);
}

static bool replace(int fd)
{
    int other = socket(AF_INET, SOCK_STREAM, 0);

    return dup2(other, fd) == fd && close(other) == 0;
}

int edge_of_replaced(void)
{
    return edges_of(replace);
}

/* Of several who wait for it one is told. */
int exclusive(void)
{
    int epfd = epoll_create1(0);
    struct sockaddr_in at;
    struct epoll_event e;
    int listener = listen_at(&at), fd = socket(AF_INET, SOCK_STREAM, 0);

    if (listener < 0 || fcntl(listener, F_SETFL, O_NONBLOCK) < 0 ||
        !watch(epfd, EPOLL_CTL_ADD, listener,
               EPOLLIN | EPOLLET | EPOLLEXCLUSIVE, 1) ||
        !dial(fd, &at))
        return 1;
    for (;;) {
        int n = epoll_wait(epfd, &e, 1, PATIENCE_MS);
        if (n == 0)
            return 2;
        while (n > 0) { /* until there are no more */
            if (accept(listener, NULL, NULL) >= 0)
                return 0;
            if (errno == EAGAIN)
                break;
            if (errno != EINTR)
                return 3;
        }
    }
}

/* What was put in place of a connection nobody waits for. */
int replaced(void)
{
    int a[2], b[2], c[2], epfd = epoll_create1(0);
    struct epoll_event e[4];
    int told = 0;

    if (!make_pair(a) || !make_pair(b) || !make_pair(c) ||
        !watch(epfd, EPOLL_CTL_ADD, a[0], EPOLLIN, 1) ||
        !watch(epfd, EPOLL_CTL_ADD, c[0], EPOLLIN, 3) || dup2(b[0], a[0]) < 0)
        return 1;
    for (int round = 0; round < 3; round++) {
        int n = epoll_wait(epfd, e, 4, 20);
        for (int i = 0; i < n; i++)
            told += e[i].data.u64 == 1;
    }
    return told;
}

/* A wait that may not sleep is not interrupted. */

int glance(void)
{
    struct sigaction sa = {.sa_handler = on_signal};
    int a[2], epfd = epoll_create1(0);
    struct epoll_event e;

    sigaction(SIGCONT, &sa, NULL);
    if (!make_pair(a) || !watch(epfd, EPOLL_CTL_ADD, a[0], EPOLLIN, 1))
        return 1;
    for (int i = 0; i < 20; i++)
        if (epoll_wait(epfd, &e, 1, 0) != 0)
            return 2;
    return 0;
}

/* One number stands twice in what it waits for: it is one and the same. */
int twice(void)
{
    struct pollfd p[3] = {
        {.events = POLLIN}, {.events = POLLIN | POLLOUT}, {.events = POLLIN}};
    int a[2], b[2], n, told = 0;

    if (!make_pair(a) || !make_pair(b) || !says(a[1], "a") || !says(b[1], "b"))
        return 1;
    p[0].fd = p[1].fd = a[0];
    p[2].fd = b[0];
    while ((n = poll(p, 3, PATIENCE_MS)) < 0 && errno == EINTR)
        ;
    for (int i = 0; i < 3; i++)
        told += p[i].revents != 0;
    if (n != told || n == 0)
        return 2;
    /* What is gone, or there, at the first look is so at the second. */
    return p[0].revents & ~p[1].revents & (POLLIN | POLLNVAL) ? 3 : 0;
}

/* --- numbers beyond libc's sets --- */

static bool allow_more(rlim_t numbers)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return false;
    limit.rlim_cur = numbers;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static void put(unsigned long *set, int fd)
{
    set[(size_t)fd / (8 * sizeof *set)] |= 1ul
                                           << (size_t)fd % (8 * sizeof *set);
}

static bool has(const unsigned long *set, int fd)
{
    return set[(size_t)fd / (8 * sizeof *set)] >>
               (size_t)fd % (8 * sizeof *set) &
           1;
}

/* It makes sets of its own, side by side and as large as it needs. */
int wide_sets(void)
{
    enum { HIGH = 2 * FD_SETSIZE, WORDS = HIGH / NFDBITS + 1 };
    unsigned long *sets = calloc(2 * WORDS, sizeof *sets);
    int a[2], n;

    if (!sets || !allow_more(HIGH + 16) || !make_pair(a) ||
        dup2(a[0], HIGH) < 0 || !says(a[1], "x"))
        return 1;
    for (int i = 0; i < 3; i++) {
        struct timeval patience = {PATIENCE_MS / 1000, 0};
        put(sets, HIGH);
        put(sets + WORDS, a[1]);
        n = select(HIGH + 1, (fd_set *)sets, (fd_set *)(sets + WORDS), NULL,
                   &patience);
        if (n > 0 && has(sets, HIGH))
            break;
        if (n < 0 && errno != EINTR)
            return 2;
    }
    n = has(sets, HIGH) ? 0 : 3;
    free(sets);
    return n;
}

/* ... and reads what it was told of, which is there. */
int wide_reads(void)
{
    enum { HIGH = 2 * FD_SETSIZE, WORDS = HIGH / NFDBITS + 1 };
    unsigned long *set = calloc(WORDS, sizeof *set);
    int a[2], n;
    char c;

    if (!set || !allow_more(HIGH + 16) || !make_pair(a) ||
        dup2(a[0], HIGH) < 0 || close(a[0]) < 0 || !says(a[1], "x"))
        return 1;
    do {
        put(set, HIGH);
        n = select(HIGH + 1, (fd_set *)set, NULL, NULL, NULL);
    } while (n < 0 && errno == EINTR);
    n = n == 1 && has(set, HIGH) && take(HIGH, &c, 1) == 1 ? 0 : 2;
    free(set);
    return n;
}

/* As many as there can be, of which Linux looks at those that there are. */
int all_there_can_be(void)
{
    struct timeval now = {0, 0};
    fd_set sets[3];
    int a[2];

    if (!allow_more(2 * FD_SETSIZE) || !make_pair(a))
        return 1;
    memset(sets, 0, sizeof sets);
    FD_SET(a[0], &sets[0]);
    return select(getdtablesize(), &sets[0], &sets[1], &sets[2], &now) > 0;
}

/* It looks whether there is something, told of it or not, as lftp does. */
int reads_at_will(void)
{
    struct pollfd p = {.events = POLLOUT};
    int a[2];

    if (!make_pair(a) || fcntl(a[0], F_SETFL, O_NONBLOCK) < 0)
        return 1;
    p.fd = a[0];
    poll(&p, 1, PATIENCE_MS);
    for (int round = 0; round < PATIENCE_MS; round++) {
        struct timeval soon = {0, 1000};
        fd_set set;
        if (drain(a[0]) > 0)
            return 0;
        FD_ZERO(&set);
        FD_SET(a[0], &set);
        select(a[0] + 1, &set, NULL, NULL, &soon);
        if (round == 4 && !says(a[1], "x"))
            return 1;
    }
    return 2;
}
