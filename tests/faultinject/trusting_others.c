/* trusting_others.c: processes, threads, listeners, and numbers that come and
 * go; see trusting.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/faultinject/trusting.h"

/* --- processes --- */

/* In the child of a vfork the parent's connections stay what they are. */
int use_vfork(void)
{
    int a[2], b[2], epfd = epoll_create1(0), status;
    struct epoll_event e;
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
    for (size_t got = 0; got < 10;) {
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
int heir(void)
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

int use_pool(void)
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

/* --- numbers that are given back --- */

/* What is given back in a row is as new as what is given back by itself. */
int anew(void)
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
int room_in_a_row(void)
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

/* --- listeners --- */

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
int listens_anew(void)
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

/* --- the rest --- */

/* Who connects to one that is busy waits. */
int full_backlog(void)
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
int batch_and_error(void)
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

/* What it was handed over has been reset: no mistake to take leave of it. */
int handed_over(void)
{
    struct linger at_once = {1, 0};
    int a[2];

    if (!make_tcp(a) ||
        setsockopt(a[1], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) < 0)
        return 1;
    close(a[1]);
    dup2(a[0], 0);
    execl("/proc/self/exe", "trusting", "takes-leave", (char *)NULL);
    return 2;
}

int takes_leave(void)
{
    char c;

    return take(0, &c, 1) >= 0 || shutdown(0, SHUT_WR) == 0 ||
           errno != ENOTCONN;
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

int full_and_spawns(void)
{
    return starts(by_spawn);
}

int full_and_vforks(void)
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

int self_pipe(void)
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

int churn(void)
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

/* As daemons begin: whatever they may have been given or have closed, as far
 * as the limit is, and where that is far it takes a while. */
int sweeps(void)
{
    enum { FAR = 20000 };
    int pair[2];

    if (!make_pair(pair))
        return 1;
    close(pair[0]);
    close(pair[1]);
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
