/* calls.c: one call, made in both worlds. */
#include "fuzzers/fidelity/both.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BYTES = 64 };

static void open_socket(int slot, int domain)
{
    int r[WORLDS];

    for (int w = 0; w < WORLDS; w++)
        r[w] = result(IN(w, socket, domain, SOCK_STREAM | SOCK_NONBLOCK, 0));
    both.addr_len[slot] = 0;
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

    both.fd[REAL][slot] = 0; /* reserved while the other is looked for */
    other = free_slot();
    both.fd[REAL][slot] = -1;
    if (other < 0)
        return;
    for (int w = 0; w < WORLDS; w++) {
        r[w] = result(make(w, ends));
        both.fd[w][slot] = ends[0];
        both.fd[w][other] = ends[1];
        both.file[slot] = ++both.files;
        both.file[other] = ++both.files;
    }
    both.addr_len[slot] = both.addr_len[other] = 0;
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

void set_path(struct sockaddr_un *un, unsigned name)
{
    snprintf(un->sun_path, sizeof un->sun_path, "%s/%u", both.folder, name);
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
    set_path(un, both.names);
    return sizeof *un;
}

static int domain_of(int slot)
{
    int domain = 0;
    socklen_t len = sizeof domain;

    IN(SIM, getsockopt, both.fd[SIM][slot], SOL_SOCKET, SO_DOMAIN, &domain,
       &len);
    return domain;
}

static void do_listen(int slot)
{
    int domain = domain_of(slot), r[WORLDS];
    /* TCP lets those in who found no room when it tries again, seconds later.
     */
    int backlog = domain == AF_UNIX ? (int)decide(3) : SLOTS;

    both.names++;
    for (int w = 0; w < WORLDS; w++) {
        struct sockaddr_storage *name = &both.addr[w][slot];
        socklen_t len = make_name(name, domain);

        r[w] =
            result(IN(w, bind, both.fd[w][slot], (struct sockaddr *)name, len));
        if (r[w] == 0) {
            len = sizeof *name;
            IN(w, getsockname, both.fd[w][slot], (struct sockaddr *)name, &len);
            both.addr_len[slot] = len;
        }
    }
    same("bind", slot, domain, r);
    for (int w = 0; w < WORLDS; w++)
        r[w] = result(IN(w, listen, both.fd[w][slot], backlog));
    same("listen", slot, backlog, r);
}

static void connect_to(int slot, int to)
{
    int r[WORLDS];

    /* To itself, which is left out: see the README of simnet. */
    if (to < 0 || both.file[slot] == both.file[to] ||
        both.addr[SIM][to].ss_family != domain_of(slot))
        return;
    for (int w = 0; w < WORLDS; w++)
        r[w] =
            result(IN(w, connect, both.fd[w][slot],
                      (struct sockaddr *)&both.addr[w][to], both.addr_len[to]));
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

        r[w] = result(IN(w, getsockopt, both.fd[w][slot], options[i].level,
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
        r[w] =
            result(IN(w, accept4, both.fd[w][from], NULL, NULL, SOCK_NONBLOCK));
    both.addr_len[slot] = 0;
    opened("accept4", slot, r);
    for (unsigned i = 0; r[SIM] >= 0 && i < OPTIONS_SET; i++)
        compare_option(slot, i);
}

static void do_send(int slot)
{
    int len = (int)decide(BYTES), r[WORLDS];
    bool plain = decide(4) == 0;
    char bytes[BYTES];

    memset(bytes, 'a' + (int)both.step % 26, sizeof bytes);
    for (int w = 0; w < WORLDS; w++)
        r[w] = result(plain ? IN(w, write, both.fd[w][slot], bytes, (size_t)len)
                            : IN(w, send, both.fd[w][slot], bytes, (size_t)len,
                                 MSG_NOSIGNAL));
    same(plain ? "write" : "send", slot, len, r);
}

static void do_recv(int slot)
{
    int len = (int)decide(BYTES), r[WORLDS];
    unsigned how = decide(4);
    char bytes[WORLDS][BYTES];

    for (int w = 0; w < WORLDS; w++)
        r[w] = result(how == 0
                          ? IN(w, read, both.fd[w][slot], bytes[w], (size_t)len)
                          : IN(w, recv, both.fd[w][slot], bytes[w], (size_t)len,
                               how == 1 ? MSG_PEEK : 0));
    if (same(how == 0   ? "read"
             : how == 1 ? "peek"
                        : "recv",
             slot, len, r) > 0 &&
        memcmp(bytes[REAL], bytes[SIM], (size_t)r[REAL]) != 0)
        differ("the bytes");
}

/* Nobody sends an urgent byte: there is none to be read. */
static void do_urgent(int slot)
{
    bool out = decide(2);
    int r[WORLDS];
    char byte;

    for (int w = 0; w < WORLDS; w++)
        r[w] = result(
            out ? IN(w, send, both.fd[w][slot], "", 0, MSG_OOB | MSG_NOSIGNAL)
                : IN(w, recv, both.fd[w][slot], &byte, 1, MSG_OOB));
    same(out ? "send urgent" : "recv urgent", slot, 0, r);
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

        r[w] = result(out ? IN(w, writev, both.fd[w][slot], iov, 3)
                          : IN(w, readv, both.fd[w][slot], iov, 3));
    }
    same(out ? "writev" : "readv", slot, 0, r);
    if (memcmp(a[REAL], a[SIM], sizeof a[0]) != 0 ||
        memcmp(b[REAL], b[SIM], sizeof b[0]) != 0)
        differ("the bytes of a vector");
}

/* TCP that was never connected, and does not try to be. */
static bool is_fresh(int slot)
{
    struct pollfd fd = {both.fd[SIM][slot], POLLIN | POLLOUT | POLLRDHUP, 0};

    IN(SIM, poll, &fd, 1, 0);
    return domain_of(slot) == AF_INET && fd.revents == (POLLOUT | POLLHUP);
}

static void do_shutdown(int slot)
{
    int how = (int)decide(3), r[WORLDS];

    if (is_fresh(slot)) /* see the README of simnet */
        return;
    for (int w = 0; w < WORLDS; w++)
        r[w] = result(IN(w, shutdown, both.fd[w][slot], how));
    same("shutdown", slot, how, r);
}

void do_close(int slot)
{
    int r[WORLDS];

    for (int w = 0; w < WORLDS; w++) {
        r[w] = result(IN(w, close, both.fd[w][slot]));
        both.fd[w][slot] = -1;
    }
    both.addr_len[slot] = 0;
    same("close", slot, 0, r);
}

static void do_dup(int slot)
{
    int from = used_slot(), r[WORLDS];

    if (from < 0)
        return;
    for (int w = 0; w < WORLDS; w++) {
        r[w] = result(IN(w, dup, both.fd[w][from]));
        both.addr[w][slot] = both.addr[w][from];
    }
    both.addr_len[slot] = both.addr_len[from];
    opened("dup", slot, r);
    both.file[slot] = both.file[from];
}

static void do_error(int slot)
{
    int r[WORLDS], error[WORLDS] = {0, 0};

    for (int w = 0; w < WORLDS; w++) {
        socklen_t len = sizeof error[w];

        r[w] = result(IN(w, getsockopt, both.fd[w][slot], SOL_SOCKET, SO_ERROR,
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
        r[w] = result(IN(w, ioctl, both.fd[w][slot], FIONREAD, (long)&n[w]));
    same("FIONREAD", slot, 0, r);
    same("… is", slot, 0, n);
    for (int w = 0; w < WORLDS; w++) {
        socklen_t len = sizeof name;

        r[w] = result(IN(w, getpeername, both.fd[w][slot],
                         (struct sockaddr *)&name, &len));
    }
    same("getpeername", slot, 0, r);
}

static void do_set_option(int slot)
{
    unsigned i = decide(OPTIONS_SET);
    int n = (int)decide(130), r[WORLDS];

    for (int w = 0; w < WORLDS; w++)
        r[w] = result(IN(w, setsockopt, both.fd[w][slot], options[i].level,
                         options[i].name, &n, sizeof n));
    same("setsockopt", slot, (int)i, r);
}

static void do_flags(int slot)
{
    int r[WORLDS];

    for (int w = 0; w < WORLDS; w++)
        r[w] = result(IN(w, fcntl, both.fd[w][slot], F_GETFL, 0));
    same("F_GETFL", slot, 0, r);
}

static void do_linger(int slot)
{
    struct linger now = {1, 0};
    int r[WORLDS];

    for (int w = 0; w < WORLDS; w++)
        r[w] = result(IN(w, setsockopt, both.fd[w][slot], SOL_SOCKET, SO_LINGER,
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
        r[w] = result(
            IN(w, epoll_ctl, both.epoll[w], op, both.fd[w][slot], &event));
    same(op == EPOLL_CTL_ADD   ? "EPOLL_CTL_ADD"
         : op == EPOLL_CTL_DEL ? "EPOLL_CTL_DEL"
                               : "EPOLL_CTL_MOD",
         slot, (int)event.events, r);
}
static void (*const opening[])(int) = {
    do_socket, do_pair,  do_accept, do_dup,  do_pipe,
    do_serve,  do_serve, do_dial,   do_dial, do_accept,
};
static void (*const on_open[])(int) = {
    do_listen, do_listen,   do_connect, do_connect,    do_send,
    do_send,   do_send,     do_recv,    do_recv,       do_recv,
    do_vector, do_shutdown, do_close,   do_close,      do_error,
    do_ask,    do_linger,   do_watch,   do_connect,    do_watch,
    do_send,   do_option,   do_flags,   do_set_option, do_urgent,
};

void one_call(void)
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
