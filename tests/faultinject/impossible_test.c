/*
 * impossible_test.c: twenty sequences of results that no kernel gives, each
 * of which the injector must never give either.
 *
 * Long random walks over connections, listeners and waits under random
 * faults of every kind.  Each rule counts how often it could have been
 * broken, so that one that was never in question fails as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "faultinject/inject/inject.h"
#include "faultinject/inject/model.h"
#include "tests/faultinject/planned.h"

/* --- the rules --- */

#define RULES(X)                                                  \
    X(AFTER_END, "1: data or EAGAIN after recv said 0")           \
    X(TWO_RESETS, "2: a second error from recv")                  \
    X(EAGAIN_BLOCKING, "3: EAGAIN from recv that blocks")         \
    X(EINTR_MOVED, "4: EINTR after bytes were moved")             \
    X(EINTR_ALONE, "5: EINTR without a handler")                  \
    X(PROMISED, "6: an end or error before bytes that are there") \
    X(AFTER_EPIPE, "7: sent after EPIPE")                         \
    X(EPIPE_FIRST, "8: EPIPE where nothing was sent before")      \
    X(TWO_ERRORS, "9: SO_ERROR after the error was told")         \
    X(EMFILE_ALONE, "10: EMFILE while dup() would get a number")  \
    X(EBADF_ALONE, "11: EBADF from select, and all are open")     \
    X(SETS_TOUCHED, "12: sets changed by a select that failed")   \
    X(NOT_LOWEST, "13: a new number that is not the lowest")      \
    X(SHORT_BLOCKING, "14: a short send that blocks")             \
    X(OTHER_BYTES, "15: bytes changed, doubled, or out of order") \
    X(NOT_CONNECTED, "16: ENOTCONN on a connection")              \
    X(CONNECTING, "17: bytes while the connection is made")       \
    X(NVAL_OPEN, "18: POLLNVAL, and it is open")                  \
    X(CLOSE_FAILS, "19: close failed, or it is still open")       \
    X(FOR_EVER, "20: transient results without end")

enum rule {
#define X(id, what) id,
    RULES(X)
#undef X
        N_RULES
};

static struct {
    const char *what;
    unsigned met; /* how often it was in question */
    char broken[4200];
} rules[N_RULES] = {
#define X(id, text) [id] = {.what = text},
    RULES(X)
#undef X
};

static char story[4096]; /* of the walk that goes on */

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
    size_t used = strlen(story);
    va_list ap;

    va_start(ap, format);
    vsnprintf(story + used, sizeof story - used, format, ap);
    va_end(ap);
}

static void note_result(const char *what, ssize_t n)
{
    int saved = errno;

    note(" %s=%zd%s%s", what, n, n < 0 ? "/" : "",
         n < 0 ? strerrorname_np(saved) : "");
    errno = saved;
}

/* Where it is in question, it must not be broken. */
static void rule(enum rule id, bool in_question, bool broken)
{
    if (!in_question)
        return;
    rules[id].met++;
    if (broken && !rules[id].broken[0])
        snprintf(rules[id].broken, sizeof rules[id].broken, "%s:%s",
                 rules[id].what, story);
}

/* --- walks over a connection --- */

struct walk {
    int fd;
    int peer;
    bool tcp;
    bool nonblock;
    bool ended;      /* recv said 0                             */
    bool told;       /* an error was told                       */
    bool piped;      /* send said EPIPE                         */
    unsigned streak; /* transient results in a row              */
    size_t sent;
    uint8_t to_send; /* bytes count up, so that an order shows  */
    uint8_t at_peer;
    uint8_t to_peer;
    uint8_t from_peer;
    size_t queued;   /* sent by the peer, not read here         */
    size_t promised; /* of these, told by FIONREAD              */
};

static bool is_transient(ssize_t n)
{
    return n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS ||
                     errno == ENOMEM);
}

static void count_streak(struct walk *w, ssize_t n)
{
    w->streak = is_transient(n) ? w->streak + 1 : 0;
}

static int bytes_there(int fd)
{
    int n = 0;

    return sf_libc.ioctl(fd, FIONREAD, (long)&n) == 0 ? n : 0;
}

static bool walk_recv(struct walk *w)
{
    uint8_t buf[16];
    bool had = w->queued > 0;
    ssize_t n;

    if (!w->nonblock && !had && !w->ended)
        return true; /* it would rightly wait for ever */
    n = recv(w->fd, buf, sizeof buf, 0);
    note_result("recv", n);
    if (n < 0 && errno == EBADF)
        return false;
    rule(AFTER_END, w->ended, n != 0);
    rule(TWO_RESETS, w->told, n < 0 && errno != EAGAIN);
    rule(EAGAIN_BLOCKING, !w->nonblock, n < 0 && errno == EAGAIN);
    rule(EINTR_ALONE, true, n < 0 && errno == EINTR);
    rule(PROMISED, w->promised > 0, n <= 0);
    rule(NOT_CONNECTED, true, n < 0 && errno == ENOTCONN);
    for (ssize_t i = 0; i < n; i++)
        rule(OTHER_BYTES, true, buf[i] != w->from_peer++);
    count_streak(w, had ? n : 0);
    if (n > 0) {
        w->queued -= (size_t)n;
        w->promised -= (size_t)n < w->promised ? (size_t)n : w->promised;
    }
    w->ended |= n == 0;
    w->told |= n < 0 && !is_transient(n);
    return true;
}

static bool walk_send(struct walk *w)
{
    uint8_t buf[8];
    ssize_t n;

    for (size_t i = 0; i < sizeof buf; i++)
        buf[i] = (uint8_t)(w->to_send + i);
    n = send(w->fd, buf, sizeof buf, MSG_NOSIGNAL);
    note_result("send", n);
    if (n < 0 && errno == EBADF)
        return false;
    rule(AFTER_EPIPE, w->piped, n >= 0);
    rule(EPIPE_FIRST, w->tcp && w->sent == 0 && !w->ended && !w->told,
         n < 0 && errno == EPIPE);
    rule(SHORT_BLOCKING, !w->nonblock && n > 0, n < (ssize_t)sizeof buf);
    rule(NOT_CONNECTED, true, n < 0 && errno == ENOTCONN);
    rule(TWO_RESETS, w->told, n < 0 && errno == ECONNRESET);
    rule(EINTR_ALONE, true, n < 0 && errno == EINTR);
    count_streak(w, n);
    w->piped |= n < 0 && errno == EPIPE;
    w->told |= n < 0 && errno == ECONNRESET;
    if (n > 0) {
        w->sent += (size_t)n;
        w->to_send = (uint8_t)(w->to_send + n);
    }
    return true;
}

static bool walk_error(struct walk *w)
{
    int error = 0;
    socklen_t len = sizeof error;

    if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        return false;
    note(" so_error=%d", error);
    rule(TWO_ERRORS, w->told, error != 0);
    w->told |= error != 0;
    return true;
}

/* Were they open when it began?  A dead one is told as such. */
static bool walk_poll(struct walk *w)
{
    struct pollfd p = {.fd = w->fd, .events = POLLIN | POLLOUT};
    int n = poll(&p, 1, 1);

    note_result("poll", n);
    note("/%#x", (unsigned)p.revents);
    rule(NVAL_OPEN, n >= 0, p.revents & POLLNVAL && fcntl(w->fd, F_GETFD) >= 0);
    rule(EINTR_ALONE, true, n < 0 && errno == EINTR);
    return n < 0 || !(p.revents & POLLNVAL);
}

static bool walk_select(struct walk *w)
{
    struct timeval now = {0, 0};
    fd_set rd, wr;
    int n;

    FD_ZERO(&rd);
    FD_SET(w->fd, &rd);
    wr = rd;
    n = select(w->fd + 1, &rd, &wr, NULL, &now);
    note_result("select", n);
    if (n >= 0)
        return true;
    rule(EBADF_ALONE, errno == EBADF, fcntl(w->fd, F_GETFD) >= 0);
    rule(SETS_TOUCHED, true, !FD_ISSET(w->fd, &rd) || !FD_ISSET(w->fd, &wr));
    return fcntl(w->fd, F_GETFD) >= 0;
}

static bool walk_promise(struct walk *w)
{
    int n = 0;

    if (ioctl(w->fd, FIONREAD, &n) == 0 && n > 0)
        w->promised = (size_t)n;
    note(" promised=%d", n);
    return true;
}

/* The peer's side is the real one: what it gets is what was sent. */
static bool walk_peer(struct walk *w)
{
    uint8_t buf[64];
    ssize_t n;

    for (size_t i = 0; i < 4; i++)
        buf[i] = (uint8_t)(w->to_peer + i);
    n = sf_libc.send(w->peer, buf, 4, MSG_NOSIGNAL | MSG_DONTWAIT);
    note(" peer=%zd", n);
    if (n > 0) {
        w->to_peer = (uint8_t)(w->to_peer + n);
        w->queued += (size_t)n;
    }
    n = sf_libc.recv(w->peer, buf, sizeof buf, MSG_DONTWAIT);
    for (ssize_t i = 0; i < n; i++)
        rule(OTHER_BYTES, true, buf[i] != w->at_peer++);
    return true;
}

static bool (*const steps[])(struct walk *) = {
    walk_recv, walk_recv,   walk_send,    walk_error,
    walk_poll, walk_select, walk_promise, walk_peer,
};
enum { STEPS = sizeof steps / sizeof *steps };

static void close_it(int fd)
{
    bool open = sf_libc.fcntl(fd, F_GETFD, 0) >= 0;

    rule(CLOSE_FAILS, open, close(fd) != 0 || fcntl(fd, F_GETFD) >= 0);
}

static unsigned one_walk(enum transport transport, bool nonblock, unsigned seed)
{
    struct walk w = {.tcp = transport == TCP, .nonblock = nonblock};
    const int on = 1;
    char plan[256];
    int pair[2];

    snprintf(plan, sizeof plan,
             "p 0.04 seed %u conn 1 in: fatal\n"
             "p 0.04 seed %u conn 1 out: fatal\n"
             "p 0.3 seed %u conn 1: benign\n"
             "p 0.2 seed %u wait: benign\n"
             "p 0.03 seed %u wait: fatal\n"
             "p 0.03 seed %u poll: deadfd-late",
             seed, seed + 1, seed + 2, seed + 3, seed + 4, seed + 5);
    story[0] = '\0';
    planned_begin(plan);
    make_pair(transport, pair);
    if (w.tcp) /* what the peer sends is there at once */
        sf_libc.setsockopt(pair[1], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    w.fd = pair[0];
    w.peer = pair[1];
    if (nonblock)
        set_nonblocking(w.fd);
    for (int i = 0; i < 60; i++, seed = seed * 1103515245 + 12345)
        if (!steps[seed / 65536 % STEPS](&w))
            break;
    rule(FOR_EVER, true, w.streak > SF_STREAK_MAX);
    close_it(w.fd);
    close(w.peer);
    return planned_end();
}

/* --- what a walk does not meet --- */

static volatile sig_atomic_t alarms;

static void on_winch(int sig)
{
    (void)sig;
    alarms++;
}

/* Interrupted, with a handler, and everything is still there. */
static void interruptions(unsigned seed)
{
    struct sigaction sa = {.sa_handler = on_winch};
    char plan[64], bytes[] = "0123456789";
    ssize_t n = 0, got = 0;
    int pair[2];

    snprintf(plan, sizeof plan, "profile posix\np 0.5 seed %u in: EINTR", seed);
    sigaction(SIGWINCH, &sa, NULL);
    planned_begin(plan);
    make_pair(UNIX, pair);
    story[0] = '\0';
    while (got < 10) {
        char byte;
        if (bytes_there(pair[0]) == 0)
            sf_libc.send(pair[1], bytes + got, 1, 0);
        n = recv(pair[0], &byte, 1, 0);
        note_result("recv", n);
        rule(EINTR_MOVED, n < 0 && errno == EINTR, bytes_there(pair[0]) != 1);
        if (n == 1)
            rule(OTHER_BYTES, true, byte != bytes[got++]);
    }
    close_it(pair[0]);
    close_it(pair[1]);
    planned_end();
    signal(SIGWINCH, SIG_DFL);
}

/* The lowest number that is free, past the injector. */
static int lowest(void)
{
    int fd = sf_libc.dup(0);

    if (fd >= 0)
        sf_libc.close(fd);
    return fd;
}

enum { REFUSALS = 4 }; /* and then it ends, though nothing was closed */

static void check_number(const char *what, int want, int fd, int err)
{
    static int refused;

    note_result(what, fd);
    refused = fd < 0 && err == EMFILE ? refused + 1 : 0;
    rule(EMFILE_ALONE, refused > 0 && refused < REFUSALS, lowest() >= 0);
    rule(NOT_LOWEST, fd >= 0, fd != want);
}

/* Every way to a new number, under faults of each. */
static void numbers(unsigned seed)
{
    unsigned short port;
    char plan[128];
    int listener, client, want, fd;

    snprintf(plan, sizeof plan,
             "profile posix\np 0.3 seed %u open: EMFILE\n"
             "p 0.3 seed %u accept: fatal",
             seed, seed + 1);
    planned_begin(plan);
    story[0] = '\0';
    for (int i = 0; i < 6; i++) {
        want = lowest();
        fd = dup(1);
        check_number("dup", want, fd, errno);
        if (fd >= 0)
            close_it(fd);
        want = lowest();
        fd = socket(AF_INET, SOCK_STREAM, 0);
        check_number("socket", want, fd, errno);
        if (fd >= 0)
            close_it(fd);
    }
    planned_end();

    snprintf(plan, sizeof plan, "profile posix\np 0.4 seed %u accept: fatal",
             seed);
    planned_begin(plan);
    listener = make_listener(&port);
    set_nonblocking(listener);
    for (int i = 0; i < 4; i++) {
        client = dial(port);
        want = lowest();
        fd = accept(listener, NULL, NULL);
        check_number("accept", want, fd, errno);
        if (fd >= 0)
            close_it(fd);
        close_it(client);
    }
    close_it(listener);
    planned_end();
}

/* Nobody accepts and there is no room: it stays on the way for ever. */
static void on_the_way(unsigned seed)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof addr;
    char plan[128], byte;
    int listener, fds[3];
    ssize_t n;

    snprintf(plan, sizeof plan,
             "p 0.3 seed %u conn 3 in: fatal\np 0.9 seed %u conn 3: benign",
             seed, seed);
    planned_begin(plan);
    story[0] = '\0';
    listener = socket(AF_INET, SOCK_STREAM, 0);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&addr, sizeof addr) < 0 ||
        listen(listener, 0) < 0 ||
        getsockname(listener, (struct sockaddr *)&addr, &len) < 0)
        abort();
    for (int i = 0; i < 3; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(fds[i], (struct sockaddr *)&addr, sizeof addr);
    }
    for (int i = 0; i < 4; i++) {
        n = recv(fds[2], &byte, 1, 0);
        note_result("recv", n);
        if (n < 0 && errno == EBADF)
            break;
        rule(CONNECTING, true, n >= 0 || errno != EAGAIN);
        n = send(fds[2], "x", 1, MSG_NOSIGNAL);
        note_result("send", n);
        rule(CONNECTING, true, n >= 0 || errno != EAGAIN);
    }
    for (int i = 0; i < 3; i++)
        close_it(fds[i]);
    close_it(listener);
    planned_end();
}

/* A plan that wants nothing else, at every call. */
static void without_end(const char *plan)
{
    unsigned streak = 0;
    char byte;
    int pair[2];

    planned_begin(plan);
    story[0] = '\0';
    make_pair(UNIX, pair);
    set_nonblocking(pair[0]);
    sf_libc.send(pair[1], "x", 1, 0);
    while (recv(pair[0], &byte, 1, 0) < 0 && streak < 100)
        streak++;
    note(" %u times", streak);
    rule(FOR_EVER, streak > 0, streak > SF_STREAK_MAX);
    close_it(pair[0]);
    close_it(pair[1]);
    planned_end();
}

/* --- the test --- */

static int walk_all(void **state)
{
    unsigned injected = 0;

    (void)state;
    for (unsigned seed = 1; seed <= 300; seed++)
        for (int i = 0; i < 4; i++)
            injected += one_walk(i & 1 ? UNIX : TCP, i & 2, seed * 7919);
    for (unsigned seed = 1; seed <= 20; seed++) {
        interruptions(seed);
        numbers(seed);
        on_the_way(seed);
    }
    without_end("recv *: EAGAIN");
    without_end("profile posix\nrecv *: ENOBUFS");
    without_end("profile posix\nrecv *: EINTR");
    return injected > 1200 ? 0 : -1;
}

static void never(void **state)
{
    int id = *(const int *)*state;

    if (rules[id].broken[0])
        fail_msg("%s", rules[id].broken);
    if (rules[id].met < 3)
        fail_msg("%s: in question only %u times", rules[id].what,
                 rules[id].met);
}

int main(void)
{
    static int ids[N_RULES];
    struct CMUnitTest tests[N_RULES];

    alarm(120);
    for (int i = 0; i < N_RULES; i++) {
        ids[i] = i;
        tests[i] = (struct CMUnitTest){.name = rules[i].what,
                                       .test_func = never,
                                       .initial_state = &ids[i]};
    }
    return cmocka_run_group_tests(tests, walk_all, NULL);
}
