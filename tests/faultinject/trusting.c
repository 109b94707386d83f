/*
 * trusting.c: a correct program that trusts in what Linux promises, where few
 * do.
 *
 *     trusting WAY      0 when it went as it has to
 *
 * The ways are at the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 2000 };

/* --- what they have in common --- */

static bool make_pair(int pair[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 &&
           fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0;
}

static int listen_at(struct sockaddr_in *at)
{
    socklen_t len = sizeof *at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    *at = (struct sockaddr_in){.sin_family = AF_INET};
    at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)at, len) < 0 || listen(fd, 8) < 0 ||
        getsockname(fd, (struct sockaddr *)at, &len) < 0)
        return -1;
    return fd;
}

/* One that was interrupted goes on by itself. */
static bool dial(int fd, const struct sockaddr_in *at)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int err = 0;
    socklen_t len = sizeof err;

    if (connect(fd, (const struct sockaddr *)at, sizeof *at) == 0)
        return true;
    if (errno != EINTR)
        return false;
    while (poll(&p, 1, PATIENCE_MS) < 0 && errno == EINTR)
        ;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) == 0 && err == 0;
}

/* Over TCP: [0] was accepted, [1] connected. */
static bool make_tcp(int pair[2])
{
    struct sockaddr_in at;
    int listener = listen_at(&at);

    pair[1] = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || !dial(pair[1], &at))
        return false;
    while ((pair[0] = accept(listener, NULL, NULL)) < 0 && errno == EINTR)
        ;
    close(listener);
    return pair[0] >= 0;
}

static bool watch(int epfd, int how, int fd, uint32_t events, uint64_t data)
{
    struct epoll_event e = {.events = events, .data.u64 = data};

    return epoll_ctl(epfd, how, fd, &e) == 0;
}

static bool says(int fd, const char *bytes)
{
    size_t left = strlen(bytes);

    while (left > 0) {
        ssize_t n = send(fd, bytes, left, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return false;
        bytes += n > 0 ? n : 0;
        left -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

static ssize_t take(int fd, void *buf, size_t len)
{
    ssize_t n;

    while ((n = read(fd, buf, len)) < 0 && errno == EINTR)
        ;
    return n;
}

/* All there is, as who waits for edges reads it. */
static size_t drain(int fd)
{
    char c[64];
    size_t sum = 0;
    ssize_t n;

    while ((n = take(fd, c, sizeof c)) > 0)
        sum += (size_t)n;
    return sum;
}

/* --- epoll --- */

/* Each event but once: it is given anew when it was asked for anew. */
static int oneshot(void)
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
static int oneshot_rests(void)
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
static int one_word(void)
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

static int edge_of_copy(void)
{
    return edges_of(keep);
}

/* The kernel goes on telling of it, as long as there is a copy. */
static bool give_back(int fd)
{
    return close(fd) == 0;
}

static int edge_of_closed(void)
{
    return edges_of(give_back);
}

static bool replace(int fd)
{
    int other = socket(AF_INET, SOCK_STREAM, 0);

    return dup2(other, fd) == fd && close(other) == 0;
}

static int edge_of_replaced(void)
{
    return edges_of(replace);
}

/* Of several who wait for it one is told. */
static int exclusive(void)
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
static int replaced(void)
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
static void on_signal(int sig)
{
    (void)sig;
}

static int glance(void)
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
static int twice(void)
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

/* --- bytes that are there --- */

/* It asks how many there are, and for something else, and takes them. */
static int counted(void)
{
    int a[2], n = 0, on = 1;
    char c[64];

    if (!make_pair(a) || !says(a[1], "0123456789") ||
        ioctl(a[0], FIONREAD, &n) < 0 || n != 10 ||
        ioctl(a[0], FIONBIO, &on) < 0)
        return 1;
    return take(a[0], c, sizeof c) != n;
}

/* ... and looks at the first of them. */
static int counted_and_peeked(void)
{
    int a[2], n = 0;
    char c[64];

    if (!make_pair(a) || !says(a[1], "0123456789") ||
        ioctl(a[0], FIONREAD, &n) < 0 || n != 10 ||
        recv(a[0], c, 1, MSG_PEEK) != 1 || take(a[0], c, 1) != 1)
        return 1;
    return take(a[0], c, sizeof c) != 9;
}

/* Not before a whole header is there. */
static int low_water(void)
{
    int a[2], four = 4;
    char c[64];

    if (!make_tcp(a) ||
        setsockopt(a[0], SOL_SOCKET, SO_RCVLOWAT, &four, sizeof four) < 0 ||
        !says(a[1], "0123"))
        return 1;
    return take(a[0], c, 4) != 4;
}

/* Reads when SIGIO says so, until there is no more. */
static int by_signal(void)
{
    struct timespec patience = {PATIENCE_MS / 1000, 0};
    sigset_t set;
    int a[2];
    size_t got = 0;

    sigemptyset(&set);
    sigaddset(&set, SIGIO);
    sigprocmask(SIG_BLOCK, &set, NULL);
    if (!make_pair(a) || fcntl(a[0], F_SETOWN, getpid()) < 0 ||
        fcntl(a[0], F_SETFL, O_NONBLOCK | O_ASYNC) < 0 ||
        !says(a[1], "0123456789"))
        return 1;
    while (got < 10) {
        if (sigtimedwait(&set, NULL, &patience) < 0)
            return 2;
        got += drain(a[0]);
    }
    return 0;
}

/* --- what is beside the bytes --- */

static volatile sig_atomic_t urgent;

static void on_urgent(int sig)
{
    (void)sig;
    urgent++;
}

/* A signal for each urgent byte. */
static int urgent_byte(void)
{
    struct sigaction sa = {.sa_handler = on_urgent};
    int a[2];
    char c[4];

    if (!make_tcp(a) || fcntl(a[0], F_SETOWN, getpid()) < 0 ||
        sigaction(SIGURG, &sa, NULL) < 0 || !says(a[1], "x") ||
        send(a[1], "!", 1, MSG_OOB) != 1)
        return 1;
    take(a[0], c, 1);
    for (int i = 0; i < 5; i++)
        poll(NULL, 0, 5);
    return urgent != 1;
}

/* What went wrong with what was sent, which takes no room for bytes. */
static int error_queue(void)
{
    char control[256], big[4096] = {0};
    struct msghdr m = {.msg_control = control, .msg_controllen = 256};
    struct pollfd p = {.fd = -1};
    int a[2], on = 1;

    if (!make_tcp(a) ||
        setsockopt(a[1], SOL_SOCKET, SO_ZEROCOPY, &on, sizeof on) < 0 ||
        send(a[1], big, sizeof big, MSG_ZEROCOPY) < 1)
        return 1;
    p.fd = a[1];
    while (recvmsg(a[1], &m, MSG_ERRQUEUE) < 0) {
        if (errno != EAGAIN)
            return 2;
        poll(&p, 1, PATIENCE_MS);
    }
    return CMSG_FIRSTHDR(&m) == NULL || !says(a[0], "x") ||
           take(a[1], big, 1) != 1;
}

/* --- processes --- */

/* In the child of a vfork the parent's connections stay what they are. */
static int use_vfork(void)
{
    int a[2], b[2], epfd = epoll_create1(0), status;
    struct epoll_event e;
    size_t got = 0;
    pid_t pid;

    if (!make_pair(a) || !make_pair(b) ||
        !watch(epfd, EPOLL_CTL_ADD, a[0], EPOLLIN | EPOLLET, 1))
        return 1;
    pid = vfork();
    if (pid == 0) {
        dup2(b[1], 0);
        close(a[0]);
        close(a[1]);
        execl("/bin/true", "true", (char *)NULL);
        _exit(1);
    }
    if (waitpid(pid, &status, 0) != pid || status != 0 ||
        !says(a[1], "0123456789"))
        return 2;
    while (got < 10) {
        char c[64];
        ssize_t n;
        if (epoll_wait(epfd, &e, 1, PATIENCE_MS) == 0)
            return 3;
        n = take(a[0], c, sizeof c); /* less than asked: that was all */
        got += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* The child that ends has lost nothing: the parent has the connection. */
static int heir(void)
{
    int a[2], b[2], status;
    char c;
    pid_t pid;

    if (!make_pair(a) || shutdown(a[1], SHUT_WR) < 0 || take(a[0], &c, 1) != 0)
        return 1;
    if (!make_pair(b) || close(b[0]) < 0 || close(b[1]) < 0)
        return 1;
    pid = fork();
    if (pid == 0)
        exit(0);
    if (waitpid(pid, &status, 0) != pid || status != 0 || !says(a[0], "x"))
        return 2;
    close(a[0]);
    close(a[1]);
    return 0;
}

/* What it has shut down says so at once, whenever it is asked. */
static int shut_down(void)
{
    int pairs[2][2];
    char c;

    if (!make_pair(pairs[0]) || !make_tcp(pairs[1]) ||
        fcntl(pairs[1][0], F_SETFL, O_NONBLOCK) < 0)
        return 1;
    for (int i = 0; i < 2; i++) {
        int fd = pairs[i][0];
        shutdown(fd, SHUT_RD);
        if (recv(fd, &c, 1, 0) != 0)
            return 2;
        shutdown(fd, SHUT_WR);
        if (send(fd, "x", 1, MSG_NOSIGNAL) != -1 || errno != EPIPE)
            return 3;
    }
    return 0;
}

/* What is given back in a row is as new as what is given back by itself. */
static int anew(void)
{
    int a[2];
    char c;

    for (int i = 0; i < 2; i++) {
        struct pollfd p = {.events = POLLIN};
        ssize_t n;
        if (!make_pair(a) || !says(a[1], "x"))
            return 1;
        p.fd = a[0];
        do
            poll(&p, 1, PATIENCE_MS);
        while ((n = take(a[0], &c, 1)) < 0 && errno == EAGAIN);
        if (i == 1)
            return n == 1 ? 0 : 2;
        close_range((unsigned)a[0], (unsigned)a[0], 0);
        close_range((unsigned)a[1], (unsigned)a[1], 0);
    }
    return 3;
}

/* Where all numbers are in use, a row that is given back makes room. */
static int room_in_a_row(void)
{
    int fd, a[2];

    if (!make_pair(a) || dup2(a[0], 200) < 0)
        return 1;
    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 && errno != EMFILE)
        return 2;
    closefrom(200);
    return fd < 0 && socket(AF_INET, SOCK_STREAM, 0) < 0 ? 3 : 0;
}

/* Whoever connects, now or later; false: the listener is at its end. */
static bool hears(int *listener)
{
    struct pollfd p = {.fd = *listener, .events = POLLIN};
    int fd;

    while (poll(&p, 1, PATIENCE_MS) < 0 && errno == EINTR)
        ;
    fd = p.revents & POLLNVAL ? -1 : accept(*listener, NULL, NULL);
    if (fd < 0 && !(p.revents & POLLNVAL) &&
        (errno == EINTR || errno == EAGAIN))
        return hears(listener);
    if (fd >= 0)
        close(fd);
    else if (!(p.revents & POLLNVAL) && errno == EINVAL)
        close(*listener); /* shut, but still its own */
    *listener = fd < 0 ? -1 : *listener;
    return fd >= 0;
}

/* When its listener is at its end it makes another one. */
static int listens_anew(void)
{
    struct sockaddr_in at;
    int listener = listen_at(&at), ends = 0;

    for (int heard = 0; heard < 4; heard++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (listener < 0 || !dial(fd, &at))
            return 1;
        if (!hears(&listener)) {
            listener = listen_at(&at);
            if (ends++ > 0)
                return 2;
        }
        close(fd);
    }
    close(listener);
    return 0;
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
static int wide_sets(void)
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
static int wide_reads(void)
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
static int all_there_can_be(void)
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

/* The peer has no more to say, and is still answered when this one ends. */
static int half_closed(void)
{
    int a[2], b[2];
    char c;

    if (!make_pair(a) || shutdown(a[1], SHUT_WR) < 0 || take(a[0], &c, 1) != 0)
        return 1;
    if (!make_pair(b) || close(b[0]) < 0 || close(b[1]) < 0)
        return 1;
    return !says(a[0], "x");
}

/* --- a pool of threads --- */

enum { POOL = 3, SERVED = 4 };
static struct {
    int epfd;
    int left;
} pool;

/* Answers one who may take his time, while the others look after the rest. */
static bool answer(int fd)
{
    char c[16];
    ssize_t n;

    while ((n = recv(fd, c, sizeof c - 1, MSG_DONTWAIT)) < 0 && errno == EINTR)
        ;
    if (n > 0)
        c[n] = '\0';
    if ((n > 0 && says(fd, c)) || (n < 0 && errno == EAGAIN))
        return watch(pool.epfd, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLONESHOT,
                     (uint64_t)fd);
    close(fd);
    __atomic_sub_fetch(&pool.left, 1, __ATOMIC_SEQ_CST);
    return true;
}

static void *works(void *bad)
{
    struct epoll_event e;

    while (__atomic_load_n(&pool.left, __ATOMIC_SEQ_CST) > 0)
        if (epoll_wait(pool.epfd, &e, 1, 20) == 1 && !answer((int)e.data.u64))
            *(bool *)bad = true;
    return NULL;
}

static int use_pool(void)
{
    pthread_t threads[POOL];
    int ends[SERVED][2];
    bool bad = false;
    char c;

    pool.epfd = epoll_create1(0);
    pool.left = SERVED;
    for (int i = 0; i < SERVED; i++)
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends[i]) < 0 ||
            !watch(pool.epfd, EPOLL_CTL_ADD, ends[i][0], EPOLLIN | EPOLLONESHOT,
                   (uint64_t)ends[i][0]))
            return 1;
    for (int i = 0; i < POOL; i++)
        pthread_create(&threads[i], NULL, works, &bad);
    for (int i = 0; i < 10 * SERVED; i++)
        if (!says(ends[i % SERVED][1], "x") ||
            take(ends[i % SERVED][1], &c, 1) != 1)
            return 2;
    for (int i = 0; i < SERVED; i++)
        close(ends[i][1]);
    for (int i = 0; i < POOL; i++)
        pthread_join(threads[i], NULL);
    return bad ? 3 : 0;
}

/* --- the rest --- */

/* Who connects to one that is busy waits. */
static int full_backlog(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM, 0), status, last;
    struct sigaction sa = {.sa_handler = on_signal};
    pid_t pid;

    sigaction(SIGCONT, &sa, NULL);
    snprintf(at.sun_path + 1, sizeof at.sun_path - 1, "trusting %d", getpid());
    if (bind(listener, (struct sockaddr *)&at, sizeof at) < 0 ||
        listen(listener, 0) < 0 ||
        connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&at,
                sizeof at) < 0)
        return 1;
    pid = fork();
    if (pid == 0) {
        usleep(100000);
        for (int got = 0; got < 2;)
            got += accept(listener, NULL, NULL) >= 0;
        _exit(0);
    }
    last = socket(AF_UNIX, SOCK_STREAM, 0);
    while (connect(last, (struct sockaddr *)&at, sizeof at) < 0)
        if (errno != EINTR) {
            perror("connect");
            return 2;
        }
    return waitpid(pid, &status, 0) != pid || status != 0;
}

/* An error after the first message is told by the next call. */
static int batch_and_error(void)
{
    struct linger at_once = {1, 0};
    char c[2][5];
    struct iovec iov[2] = {{c[0], 5}, {c[1], 5}};
    struct mmsghdr m[2] = {{.msg_hdr = {.msg_iov = &iov[0], .msg_iovlen = 1}},
                           {.msg_hdr = {.msg_iov = &iov[1], .msg_iovlen = 1}}};
    int a[2];
    ssize_t n;
    pid_t pid;

    if (!make_tcp(a) || !says(a[1], "01234") ||
        setsockopt(a[1], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) < 0)
        return 1;
    pid = fork();
    if (pid == 0) {
        usleep(100000);
        _exit(0);
    }
    close(a[1]);
    if (recvmmsg(a[0], m, 2, 0, NULL) < 0 && errno != EINTR)
        return 2;
    waitpid(pid, NULL, 0);
    while ((n = take(a[0], c[0], 5)) > 0)
        ;
    return n != -1 || errno != ECONNRESET;
}

/* There is no room here for a connection: what it starts has room. */
static int starts(pid_t (*start)(void))
{
    struct sockaddr_in at;
    int listener = listen_at(&at), status;
    pid_t pid;

    if (listener < 0 || !dial(socket(AF_INET, SOCK_STREAM, 0), &at))
        return 1;
    accept(listener, NULL, NULL);
    pid = start();
    return pid < 0 || waitpid(pid, &status, 0) != pid || status != 0;
}

static char *const truth[] = {"true", NULL};

static pid_t by_spawn(void)
{
    pid_t pid;

    return posix_spawnp(&pid, "true", NULL, NULL, truth, environ) ? -1 : pid;
}

static pid_t by_vfork(void)
{
    pid_t pid = vfork();

    if (pid == 0) {
        execvp("true", truth);
        _exit(3);
    }
    return pid;
}

static int full_and_spawns(void)
{
    return starts(by_spawn);
}

static int full_and_vforks(void)
{
    return starts(by_vfork);
}

/* The handler writes to a pair that whoever was interrupted empties. */
static int wakes[2];

static void wake(int sig)
{
    int saved = errno;

    (void)sig;
    send(wakes[1], "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    errno = saved;
}

static int self_pipe(void)
{
    struct itimerval often = {{0, 20000}, {0, 20000}};
    struct sigaction sa = {.sa_handler = wake};
    int a[2];

    if (!make_pair(wakes) || !make_pair(a) || sigaction(SIGALRM, &sa, NULL) < 0)
        return 1;
    setitimer(ITIMER_REAL, &often, NULL);
    for (int woken = 0; woken < 4;) {
        fd_set set;
        FD_ZERO(&set);
        FD_SET(wakes[0], &set);
        FD_SET(a[0], &set);
        if (select(a[0] + 1, &set, NULL, NULL, NULL) < 0 ||
            FD_ISSET(wakes[0], &set))
            woken += (int)drain(wakes[0]);
    }
    return 0;
}

/* Numbers go from thread to thread as fast as they are given back. */
static bool by_edges(const int pair[2], int epfd)
{
    struct epoll_event e;
    size_t got = 0;

    if (!watch(epfd, EPOLL_CTL_ADD, pair[0], EPOLLIN | EPOLLET, 1) ||
        !says(pair[1], "0123456789"))
        return false;
    while (got < 10) {
        if (epoll_wait(epfd, &e, 1, PATIENCE_MS) == 0)
            return false;
        got += drain(pair[0]);
    }
    return true;
}

static void *churns(void *failed)
{
    for (int i = 0; i < 1000; i++) {
        int pair[2], epfd = epoll_create1(0);
        if (epfd < 0 || !make_pair(pair) || !by_edges(pair, epfd))
            *(bool *)failed = true;
        close(pair[0]);
        close(pair[1]);
        close(epfd);
    }
    return NULL;
}

static int churn(void)
{
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    bool failed = false;

    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, churns, &failed);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return failed;
}

/* As daemons begin: whatever they may have been given, as far as the limit
 * is, and where that is far it takes a while. */
static int sweeps(void)
{
    enum { FAR = 20000 };
    int pair[2];

    for (int fd = 3; fd < FAR; fd++)
        close(fd);
    for (int fd = FAR; fd > 2; fd--)
        if (fcntl(fd, F_GETFD) >= 0)
            close(fd);
    if (!make_pair(pair) || !says(pair[1], "a"))
        return 1;
    while (drain(pair[0]) == 0)
        ;
    return 0;
}

static const struct {
    const char *name;
    int (*run)(void);
} ways[] = {
    {"oneshot", oneshot},
    {"oneshot-rests", oneshot_rests},
    {"one-word", one_word},
    {"edge-of-copy", edge_of_copy},
    {"edge-of-closed", edge_of_closed},
    {"edge-of-replaced", edge_of_replaced},
    {"exclusive", exclusive},
    {"replaced", replaced},
    {"glance", glance},
    {"twice", twice},
    {"counted", counted},
    {"counted-and-peeked", counted_and_peeked},
    {"low-water", low_water},
    {"by-signal", by_signal},
    {"urgent-byte", urgent_byte},
    {"error-queue", error_queue},
    {"vfork", use_vfork},
    {"heir", heir},
    {"listens-anew", listens_anew},
    {"wide-sets", wide_sets},
    {"wide-reads", wide_reads},
    {"all-there-can-be", all_there_can_be},
    {"half-closed", half_closed},
    {"shut-down", shut_down},
    {"anew", anew},
    {"room-in-a-row", room_in_a_row},
    {"pool", use_pool},
    {"full-backlog", full_backlog},
    {"batch-and-error", batch_and_error},
    {"full-and-spawns", full_and_spawns},
    {"full-and-vforks", full_and_vforks},
    {"self-pipe", self_pipe},
    {"churn", churn},
    {"sweeps", sweeps},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < sizeof ways / sizeof *ways; i++)
        if (strcmp(argv[1], ways[i].name) == 0)
            return ways[i].run();
    fprintf(stderr, "usage: trusting WAY\n");
    return 99;
}
