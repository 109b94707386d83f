/*
 * fuzz_fidelity.c: the same calls on simnet and on the real kernel.
 *
 *     input: a byte for each decision: which call, on which descriptor, …
 *
 * The same calls are made in both worlds, side by side, and after each one
 * the result, errno, the bytes, and what poll says about every descriptor
 * must be equal.  The real loopback may take a moment; readiness is asked
 * again until it agrees or does not for a while.  A difference prints the
 * calls of its sequence, which is then played once more: a busy machine has
 * timers of its own, and what is not so again is not simnet's.
 *
 * Not compared are amounts that depend on the sizes of real buffers (only
 * small writes are made, see `fill` in contract.c for full ones) and port
 * numbers.  What is known to differ is in faultinject/simnet/README.md.
 *
 * Here the engine looks at simnet; at all other targets it does not.
 */
#include "faultinject/simnet/simnet.h"
#include "fuzzers/fuzz.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 6, CALLS_MAX = 24, PATIENCE = 200, LOG = 64, BYTES = 64 };
enum { REAL, SIM, WORLDS };

/* One libc call in one of the worlds. */
#define IN(world, name, ...)                         \
    ((world) == SIM ? sf_simnet()->name(__VA_ARGS__) \
                    : sf_libc.name(__VA_ARGS__))

static struct {
    int fd[WORLDS][SLOTS]; /* -1: free; free in both or in none */
    struct sockaddr_storage addr[WORLDS][SLOTS]; /* of listeners */
    socklen_t addr_len[SLOTS];
    unsigned file[SLOTS], files; /* which it is: a duplicate is the same  */
    int epoll[WORLDS];
    char folder[64];
    unsigned names;
    const uint8_t *input, *end;
    unsigned step;
    char log[LOG][160];
    unsigned log_n;
    jmp_buf anew;
    bool again; /* it is played once more */
} t;

/* When the input is over all decisions are 0. */
static unsigned decide(unsigned n)
{
    return t.input < t.end ? *t.input++ % n : 0;
}

static int result(long r)
{
    return r < 0 ? -errno : (int)r;
}

static void note(const char *what, int slot, int arg, int real, int sim)
{
    if (t.log_n < LOG)
        snprintf(t.log[t.log_n++], sizeof t.log[0],
                 "%2u. %-14s slot %d arg %d: real %d %s, sim %d %s", t.step,
                 what, slot, arg, real, real < 0 ? strerrorname_np(-real) : "",
                 sim, sim < 0 ? strerrorname_np(-sim) : "");
}

static void differ(const char *what)
{
    for (unsigned i = 0; i < t.log_n; i++)
        fprintf(stderr, "%s\n", t.log[i]);
    if (!t.again) {
        fprintf(stderr, "%s differs: is it so again?\n", what);
        longjmp(t.anew, 1);
    }
    FUZZ_FAIL("wrong-data: simnet and Linux differ: %s", what);
}

/* The same outcome in both worlds. */
static int same(const char *what, int slot, int arg, const int r[WORLDS])
{
    note(what, slot, arg, r[REAL], r[SIM]);
    if (r[REAL] != r[SIM] && !(r[REAL] >= 0 && r[SIM] >= 0 && arg == -2))
        differ(what);
    return r[REAL];
}

/* A new descriptor, or the same error; the numbers may differ. */
static void opened(const char *what, int slot, const int r[WORLDS])
{
    same(what, slot, -2, r);
    for (int w = 0; w < WORLDS; w++)
        t.fd[w][slot] = r[w] >= 0 ? r[w] : -1;
    t.file[slot] = ++t.files;
}

static int free_slot(void)
{
    for (int i = 0; i < SLOTS; i++)
        if (t.fd[REAL][i] < 0)
            return i;
    return -1;
}

static int used_slot(void)
{
    int first = (int)decide(SLOTS);

    for (int i = 0; i < SLOTS; i++)
        if (t.fd[REAL][(first + i) % SLOTS] >= 0)
            return (first + i) % SLOTS;
    return -1;
}

/* One with a name, if there is one, where most can be done. */
static int named_slot(void)
{
    int first = (int)decide(SLOTS);

    for (int i = 0; i < SLOTS; i++) {
        int slot = (first + i) % SLOTS;

        if (t.fd[REAL][slot] >= 0 && t.addr_len[slot])
            return slot;
    }
    return -1;
}

/* ------------------------------------------------------------------ calls */

static void open_socket(int slot, int domain)
{
    int r[WORLDS];

    for (int w = 0; w < WORLDS; w++)
        r[w] = result(IN(w, socket, domain, SOCK_STREAM | SOCK_NONBLOCK, 0));
    t.addr_len[slot] = 0;
    opened("socket", slot, r);
}

static void do_socket(int slot)
{
    open_socket(slot, decide(2) ? AF_UNIX : AF_INET);
}

static int socket_pair(int w, int ends[2])
{
    return IN(w, socketpair, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends);
}

static int a_pipe(int w, int ends[2])
{
    return IN(w, pipe2, ends, O_NONBLOCK);
}

static void open_two(const char *what, int (*make)(int w, int ends[2]),
                     int slot)
{
    int ends[2], r[WORLDS], other;

    t.fd[REAL][slot] = 0; /* reserved while the other is looked for */
    other = free_slot();
    t.fd[REAL][slot] = -1;
    if (other < 0)
        return;
    for (int w = 0; w < WORLDS; w++) {
        r[w] = result(make(w, ends));
        t.fd[w][slot] = ends[0];
        t.fd[w][other] = ends[1];
        t.file[slot] = ++t.files;
        t.file[other] = ++t.files;
    }
    t.addr_len[slot] = t.addr_len[other] = 0;
    same(what, slot, other, r);
}

static void do_pair(int slot)
{
    open_two("socketpair", socket_pair, slot);
}

static void do_pipe(int slot)
{
    open_two("pipe2", a_pipe, slot);
}

static void set_path(struct sockaddr_un *un, unsigned name)
{
    snprintf(un->sun_path, sizeof un->sun_path, "%s/%u", t.folder, name);
}

/* An address of the host that no other process listens at or connects to. */
static in_addr_t own_address(void)
{
    return htonl(0x7f000001 + (uint32_t)getpid() % 0xfffffd);
}

static socklen_t make_name(struct sockaddr_storage *name, int domain)
{
    struct sockaddr_in *in = (struct sockaddr_in *)name;
    struct sockaddr_un *un = (struct sockaddr_un *)name;

    memset(name, 0, sizeof *name);
    name->ss_family = (sa_family_t)domain;
    if (domain == AF_INET) {
        in->sin_addr.s_addr = own_address();
        return sizeof *in;
    }
    set_path(un, t.names);
    return sizeof *un;
}

static int domain_of(int slot)
{
    int domain = 0;
    socklen_t len = sizeof domain;

    IN(SIM, getsockopt, t.fd[SIM][slot], SOL_SOCKET, SO_DOMAIN, &domain, &len);
    return domain;
}

static void do_listen(int slot)
{
    int domain = domain_of(slot), r[WORLDS];
    /* TCP lets those in who found no room when it tries again, seconds later.
     */
    int backlog = domain == AF_UNIX ? (int)decide(3) : SLOTS;

    t.names++;
    for (int w = 0; w < WORLDS; w++) {
        struct sockaddr_storage *name = &t.addr[w][slot];
        socklen_t len = make_name(name, domain);

        r[w] = result(IN(w, bind, t.fd[w][slot], (struct sockaddr *)name, len));
        if (r[w] == 0) {
            len = sizeof *name;
            IN(w, getsockname, t.fd[w][slot], (struct sockaddr *)name, &len);
            t.addr_len[slot] = len;
        }
    }
    same("bind", slot, domain, r);
    for (int w = 0; w < WORLDS; w++)
        r[w] = result(IN(w, listen, t.fd[w][slot], backlog));
    same("listen", slot, backlog, r);
}

static void connect_to(int slot, int to)
{
    int r[WORLDS];

    /* To itself, which is left out: see the README of simnet. */
    if (to < 0 || t.file[slot] == t.file[to] ||
        t.addr[SIM][to].ss_family != domain_of(slot))
        return;
    for (int w = 0; w < WORLDS; w++)
        r[w] = result(IN(w, connect, t.fd[w][slot],
                         (struct sockaddr *)&t.addr[w][to], t.addr_len[to]));
    same("connect", slot, to, r);
}

static void do_connect(int slot)
{
    connect_to(slot, named_slot());
}

/* What a server and a client begin with, which is rare when left to chance. */
static void do_serve(int slot)
{
    do_socket(slot);
    do_listen(slot);
}

static void do_dial(int slot)
{
    int to = named_slot();

    if (to < 0)
        return;
    open_socket(slot, domain_of(to));
    connect_to(slot, to);
}

/* The first ones can be set. */
static const struct {
    int level, name;
} options[] = {
    {SOL_SOCKET, SO_KEEPALIVE},   {SOL_SOCKET, SO_REUSEADDR},
    {IPPROTO_TCP, TCP_NODELAY},   {IPPROTO_TCP, TCP_KEEPIDLE},
    {IPPROTO_TCP, TCP_KEEPINTVL}, {IPPROTO_TCP, TCP_KEEPCNT},
    {SOL_SOCKET, SO_TYPE},        {SOL_SOCKET, SO_DOMAIN},
    {SOL_SOCKET, SO_ACCEPTCONN},
};
enum { OPTIONS = sizeof options / sizeof *options, OPTIONS_SET = 6 };

static void compare_option(int slot, unsigned i)
{
    int r[WORLDS], is[WORLDS] = {0, 0};

    for (int w = 0; w < WORLDS; w++) {
        socklen_t len = sizeof is[w];

        r[w] = result(IN(w, getsockopt, t.fd[w][slot], options[i].level,
                         options[i].name, &is[w], &len));
    }
    same("getsockopt", slot, (int)i, r);
    same("… is", slot, (int)i, is);
}

static void do_option(int slot)
{
    compare_option(slot, decide(OPTIONS));
}

static void do_accept(int slot)
{
    int from = decide(4) ? named_slot() : used_slot(), r[WORLDS];

    if (from < 0)
        return;
    for (int w = 0; w < WORLDS; w++)
        r[w] = result(IN(w, accept4, t.fd[w][from], NULL, NULL, SOCK_NONBLOCK));
    t.addr_len[slot] = 0;
    opened("accept4", slot, r);
    for (unsigned i = 0; r[SIM] >= 0 && i < OPTIONS_SET; i++)
        compare_option(slot, i);
}

static void do_send(int slot)
{
    int len = (int)decide(BYTES), r[WORLDS];
    bool plain = decide(4) == 0;
    char bytes[BYTES];

    memset(bytes, 'a' + (int)t.step % 26, sizeof bytes);
    for (int w = 0; w < WORLDS; w++)
        r[w] = result(plain ? IN(w, write, t.fd[w][slot], bytes, (size_t)len)
                            : IN(w, send, t.fd[w][slot], bytes, (size_t)len,
                                 MSG_NOSIGNAL));
    same(plain ? "write" : "send", slot, len, r);
}

static void do_recv(int slot)
{
    int len = (int)decide(BYTES), r[WORLDS];
    unsigned how = decide(4);
    char bytes[WORLDS][BYTES];

    for (int w = 0; w < WORLDS; w++)
        r[w] =
            result(how == 0 ? IN(w, read, t.fd[w][slot], bytes[w], (size_t)len)
                            : IN(w, recv, t.fd[w][slot], bytes[w], (size_t)len,
                                 how == 1 ? MSG_PEEK : 0));
    if (same(how == 0   ? "read"
             : how == 1 ? "peek"
                        : "recv",
             slot, len, r) > 0 &&
        memcmp(bytes[REAL], bytes[SIM], (size_t)r[REAL]) != 0)
        differ("the bytes");
}

static void do_vector(int slot)
{
    char a[WORLDS][8], b[WORLDS][24];
    int r[WORLDS];
    bool out = decide(2);

    memset(a, 'v', sizeof a);
    memset(b, 'w', sizeof b);
    for (int w = 0; w < WORLDS; w++) {
        struct iovec iov[] = {
            {a[w], sizeof a[w]}, {b[w], 0}, {b[w], sizeof b[w]}};

        r[w] = result(out ? IN(w, writev, t.fd[w][slot], iov, 3)
                          : IN(w, readv, t.fd[w][slot], iov, 3));
    }
    same(out ? "writev" : "readv", slot, 0, r);
    if (memcmp(a[REAL], a[SIM], sizeof a[0]) != 0 ||
        memcmp(b[REAL], b[SIM], sizeof b[0]) != 0)
        differ("the bytes of a vector");
}

/* TCP that was never connected, and does not try to be. */
static bool is_fresh(int slot)
{
    struct pollfd fd = {t.fd[SIM][slot], POLLIN | POLLOUT | POLLRDHUP, 0};

    IN(SIM, poll, &fd, 1, 0);
    return domain_of(slot) == AF_INET && fd.revents == (POLLOUT | POLLHUP);
}

static void do_shutdown(int slot)
{
    int how = (int)decide(3), r[WORLDS];

    if (is_fresh(slot)) /* see the README of simnet */
        return;
    for (int w = 0; w < WORLDS; w++)
        r[w] = result(IN(w, shutdown, t.fd[w][slot], how));
    same("shutdown", slot, how, r);
}

static void do_close(int slot)
{
    int r[WORLDS];

    for (int w = 0; w < WORLDS; w++) {
        r[w] = result(IN(w, close, t.fd[w][slot]));
        t.fd[w][slot] = -1;
    }
    t.addr_len[slot] = 0;
    same("close", slot, 0, r);
}

static void do_dup(int slot)
{
    int from = used_slot(), r[WORLDS];

    if (from < 0)
        return;
    for (int w = 0; w < WORLDS; w++) {
        r[w] = result(IN(w, dup, t.fd[w][from]));
        t.addr[w][slot] = t.addr[w][from];
    }
    t.addr_len[slot] = t.addr_len[from];
    opened("dup", slot, r);
    t.file[slot] = t.file[from];
}

static void do_error(int slot)
{
    int r[WORLDS], error[WORLDS] = {0, 0};

    for (int w = 0; w < WORLDS; w++) {
        socklen_t len = sizeof error[w];

        r[w] = result(IN(w, getsockopt, t.fd[w][slot], SOL_SOCKET, SO_ERROR,
                         &error[w], &len));
    }
    same("SO_ERROR", slot, 0, r);
    same("… is", slot, 0, error);
}

static void do_ask(int slot)
{
    int r[WORLDS], n[WORLDS] = {0, 0};
    struct sockaddr_storage name;

    for (int w = 0; w < WORLDS; w++)
        r[w] = result(IN(w, ioctl, t.fd[w][slot], FIONREAD, (long)&n[w]));
    same("FIONREAD", slot, 0, r);
    same("… is", slot, 0, n);
    for (int w = 0; w < WORLDS; w++) {
        socklen_t len = sizeof name;

        r[w] = result(
            IN(w, getpeername, t.fd[w][slot], (struct sockaddr *)&name, &len));
    }
    same("getpeername", slot, 0, r);
}

static void do_set_option(int slot)
{
    unsigned i = decide(OPTIONS_SET);
    int n = (int)decide(130), r[WORLDS];

    for (int w = 0; w < WORLDS; w++)
        r[w] = result(IN(w, setsockopt, t.fd[w][slot], options[i].level,
                         options[i].name, &n, sizeof n));
    same("setsockopt", slot, (int)i, r);
}

static void do_flags(int slot)
{
    int r[WORLDS];

    for (int w = 0; w < WORLDS; w++)
        r[w] = result(IN(w, fcntl, t.fd[w][slot], F_GETFL, 0));
    same("F_GETFL", slot, 0, r);
}

static void do_linger(int slot)
{
    struct linger now = {1, 0};
    int r[WORLDS];

    for (int w = 0; w < WORLDS; w++)
        r[w] = result(IN(w, setsockopt, t.fd[w][slot], SOL_SOCKET, SO_LINGER,
                         &now, sizeof now));
    same("SO_LINGER 0", slot, 0, r);
}

static void do_watch(int slot)
{
    int op = 1 + (int)decide(3), r[WORLDS];
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP,
        .data.u32 = (uint32_t)slot,
    };

    if (decide(4) == 0)
        event.events |= EPOLLONESHOT;
    for (int w = 0; w < WORLDS; w++)
        r[w] = result(IN(w, epoll_ctl, t.epoll[w], op, t.fd[w][slot], &event));
    same(op == EPOLL_CTL_ADD   ? "EPOLL_CTL_ADD"
         : op == EPOLL_CTL_DEL ? "EPOLL_CTL_DEL"
                               : "EPOLL_CTL_MOD",
         slot, (int)event.events, r);
}

/* ------------------------------------------------------------- comparison */

static void poll_all(int w, short out[SLOTS])
{
    struct pollfd fds[SLOTS];

    for (int i = 0; i < SLOTS; i++)
        fds[i] = (struct pollfd){t.fd[w][i], POLLIN | POLLOUT | POLLRDHUP, 0};
    IN(w, poll, fds, SLOTS, 0);
    for (int i = 0; i < SLOTS; i++)
        out[i] = fds[i].revents;
}

static void compare_poll(void)
{
    short real[SLOTS], sim[SLOTS];
    char what[64];

    poll_all(SIM, sim);
    for (int try = 0; try < PATIENCE; try++) {
        poll_all(REAL, real);
        if (memcmp(real, sim, sizeof real) == 0)
            return;
        usleep(try < 20 ? 10 : 1000);
    }
    for (int i = 0; i < SLOTS; i++)
        if (real[i] != sim[i]) {
            snprintf(what, sizeof what, "poll of slot %d: real 0x%x, sim 0x%x",
                     i, real[i], sim[i]);
            differ(what);
        }
}

static int select_all(int w, unsigned out[2])
{
    fd_set rd, wr;
    struct timeval now = {0, 0};
    int top = 0, r;

    FD_ZERO(&rd);
    FD_ZERO(&wr);
    for (int i = 0; i < SLOTS; i++)
        if (t.fd[w][i] >= 0) {
            FD_SET(t.fd[w][i], &rd);
            FD_SET(t.fd[w][i], &wr);
            top = t.fd[w][i] > top ? t.fd[w][i] : top;
        }
    r = result(IN(w, select, top + 1, &rd, &wr, NULL, &now));
    out[0] = out[1] = 0;
    for (int i = 0; i < SLOTS; i++)
        if (t.fd[w][i] >= 0) {
            out[0] |= FD_ISSET(t.fd[w][i], &rd) ? 1u << i : 0;
            out[1] |= FD_ISSET(t.fd[w][i], &wr) ? 1u << i : 0;
        }
    return r;
}

static void compare_select(void)
{
    unsigned real[2], sim[2];
    int r[WORLDS];

    r[REAL] = select_all(REAL, real);
    r[SIM] = select_all(SIM, sim);
    same("select", 0, 0, r);
    if (memcmp(real, sim, sizeof real) != 0)
        differ("the sets of select");
}

static int collect(int w, unsigned out[SLOTS])
{
    struct epoll_event events[SLOTS * 2];
    int n = IN(w, epoll_wait, t.epoll[w], events, SLOTS * 2, 0);

    memset(out, 0, SLOTS * sizeof *out);
    for (int i = 0; i < n; i++)
        out[events[i].data.u32] |= events[i].events;
    return n;
}

static void compare_epoll(void)
{
    unsigned real[SLOTS], sim[SLOTS];
    int r[WORLDS];

    r[REAL] = collect(REAL, real);
    r[SIM] = collect(SIM, sim);
    same("epoll_wait", 0, 0, r);
    if (memcmp(real, sim, sizeof real) != 0)
        differ("the events of epoll");
}

/* -------------------------------------------------------------------- run */

static void (*const opening[])(int) = {
    do_socket, do_pair,  do_accept, do_dup,  do_pipe,
    do_serve,  do_serve, do_dial,   do_dial, do_accept,
};
static void (*const on_open[])(int) = {
    do_listen,  do_listen, do_connect, do_connect, do_send,   do_send,
    do_send,    do_recv,   do_recv,    do_recv,    do_vector, do_shutdown,
    do_close,   do_close,  do_error,   do_ask,     do_linger, do_watch,
    do_connect, do_watch,  do_send,    do_option,  do_flags,  do_set_option,
};

static void one_call(void)
{
    int slot = free_slot();

    if (slot >= 0 && decide(3) == 0) {
        opening[decide(sizeof opening / sizeof *opening)](slot);
    } else {
        slot = used_slot();
        if (slot >= 0)
            on_open[decide(sizeof on_open / sizeof *on_open)](slot);
    }
}

static void begin_run(void)
{
    sf_sim_begin(NULL);
    for (int i = 0; i < SLOTS; i++)
        t.fd[REAL][i] = t.fd[SIM][i] = -1;
    memset(t.addr_len, 0, sizeof t.addr_len);
    for (int w = 0; w < WORLDS; w++)
        t.epoll[w] = IN(w, epoll_create1, 0);
    t.log_n = t.names = 0;
}

/* What was bound to a path, which outlives it. */
static void remove_names(void)
{
    struct sockaddr_un un;

    for (; t.names; t.names--) {
        set_path(&un, t.names);
        unlink(un.sun_path);
    }
}

static void end_run(void)
{
    for (int i = 0; i < SLOTS; i++)
        if (t.fd[REAL][i] >= 0)
            do_close(i);
    sf_libc.close(t.epoll[REAL]);
    sf_sim_end();
    remove_names();
}

static void remove_folder(void)
{
    remove_names();
    rmdir(t.folder);
}

static void make_folder(void)
{
    signal(SIGPIPE, SIG_IGN);
    strcpy(t.folder, "/tmp/fidelityXXXXXX");
    if (!mkdtemp(t.folder))
        exit(2);
    atexit(remove_folder);
}

static void play(const uint8_t *data, size_t size)
{
    t.input = data;
    t.end = data + size;
    begin_run();
    for (t.step = 0; t.step < CALLS_MAX && t.input < t.end; t.step++) {
        one_call();
        compare_poll();
        if (t.step % 4 == 3)
            compare_select();
        if (t.step % 4 == 1)
            compare_epoll();
    }
    end_run();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!t.folder[0])
        make_folder();
    t.again = false;
    if (setjmp(t.anew)) {
        t.again = true;
        end_run();
    }
    play(data, size);
    return 0;
}
