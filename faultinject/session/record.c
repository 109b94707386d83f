/*
 * record.c: sockfault-record, what clients do to a server, as a session; or
 * what the server does to them.
 *
 *     sockfault-record [--answers] LISTEN SERVER FILE
 *
 * Listens on port LISTEN of 127.0.0.1, passes everything on to port SERVER
 * and back, and on SIGINT or SIGTERM writes to FILE what the clients did:
 * connections, bytes, half-closes, resets, and pauses; with --answers, what
 * the server did.  The clients, or the server at the other end of each, become
 * peers, the first six connections at a time each its own.  A session has
 * SF_ACTS_MAX acts; what comes later is passed on and not recorded, and that
 * is said.  Exit status 0, or 2 with one line that says why.
 */
#include "faultinject/session/session.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAUSE_MS = 50, LINKS_MAX = SF_PEERS, PIECE = 4096 };

/* One direction: nothing is read while the last piece is still to be sent, so
 * that a peer that does not read keeps only its own connection waiting. */
struct way {
    uint8_t bytes[PIECE];
    size_t at, left; /* what is still to be sent */
    bool ended;      /* nothing more comes       */
};

/* A client, and our own connection to the server for it. */
struct link {
    int client, server; /* -1: this side has closed */
    struct way up, down;
};

static struct sf_session session = {
    .buffers = SF_SIM_BUFFER, .profile = SF_LINUX, .acts_n = 0};
static struct link links[LINKS_MAX];
static bool answers;     /* the server's side is recorded */
static int64_t last;     /* when anything was recorded */
static unsigned dropped; /* acts that found no room    */
static unsigned refused; /* clients that no server was there for */
static volatile sig_atomic_t stopping;

static void on_signal(int signo)
{
    (void)signo;
    stopping = 1;
}

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "sockfault-record: %s: %s\n", what, why);
    return 2;
}

/* -------------------------------------------------------------- the session */

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct sf_act *add(enum sf_act_kind kind, unsigned peer)
{
    static struct sf_act none;
    struct sf_act *act = sf_session_add(&session, kind, peer);

    dropped += !act;
    return act ? act : &none;
}

/* Something happened now; a pause before it is part of the session. */
static struct sf_act *note(enum sf_act_kind kind, unsigned i)
{
    int64_t now = now_ms();

    if (session.acts_n && now - last >= PAUSE_MS)
        add(SF_ACT_WAIT, 1)->amount =
            sf_amount_round(SF_AMOUNT_TIME, (unsigned)(now - last));
    last = now;
    return add(kind, i + 1);
}

/* Of the side that is recorded. */
static void note_of(bool server, enum sf_act_kind kind, unsigned i)
{
    if (server == answers)
        note(kind, i);
}

/* What came in one piece stays in one instant. */
static void note_bytes(bool server, unsigned i, const uint8_t *bytes,
                       size_t len)
{
    if (server != answers)
        return;
    for (size_t at = 0; at < len;)
        at = sf_act_take(note(SF_ACT_BYTES, i), bytes, len, at);
}

static int write_session(const char *path, FILE *out)
{
    sf_session_print(&session, out);
    if (fclose(out) != 0)
        return fail(path, strerror(errno));
    if (refused && session.acts_n == 0)
        return fail(path, "nothing was recorded: no server was there");
    if (dropped)
        fprintf(stderr,
                "sockfault-record: %u acts more than the %d that a "
                "session can have\n",
                dropped, SF_ACTS_MAX);
    return 0;
}

/* --------------------------------------------------------------- the relay */

static struct sockaddr_in loopback(unsigned port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((in_port_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int listen_at(unsigned port)
{
    struct sockaddr_in addr = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&addr, sizeof addr) < 0 ||
        listen(fd, LINKS_MAX) < 0)
        return -1;
    return fd;
}

static int dial(unsigned port)
{
    struct sockaddr_in addr = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0)
        return fd;
    if (refused++ == 0)
        fprintf(stderr,
                "sockfault-record: port %u: %s; its clients are turned away\n",
                port, strerror(errno));
    close(fd);
    return -1;
}

static void drop(int *fd, bool reset)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    if (*fd >= 0 && reset)
        setsockopt(*fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static bool is_free(const struct link *l)
{
    return l->client < 0 && l->server < 0;
}

/* The first that is free; LINKS_MAX: none, and clients wait. */
static unsigned free_link(void)
{
    unsigned i = 0;

    while (i < LINKS_MAX && !is_free(&links[i]))
        i++;
    return i;
}

static void admit(int listener, unsigned port)
{
    unsigned i = free_link();

    links[i].client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    links[i].server = links[i].client < 0 ? -1 : dial(port);
    if (links[i].server < 0)
        drop(&links[i].client, true);
    else
        note_of(false, SF_ACT_CONNECT, i);
}

static void end_link(struct link *l, bool reset)
{
    drop(&l->client, reset);
    drop(&l->server, reset);
    l->up = l->down = (struct way){.at = 0};
}

/* False: nothing is there yet. */
static bool receive(int fd, struct way *way, ssize_t *n)
{
    *n = recv(fd, way->bytes, PIECE, MSG_DONTWAIT);
    way->at = 0;
    way->left = *n > 0 ? (size_t)*n : 0;
    return *n >= 0 || (errno != EAGAIN && errno != EINTR);
}

/* As much as goes now; false: it will never be taken. */
static bool pass_on(int fd, struct way *way)
{
    ssize_t n =
        send(fd, way->bytes + way->at, way->left, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    way->at += (size_t)n;
    way->left -= (size_t)n;
    return true;
}

static void to_server(struct link *l)
{
    if (pass_on(l->server, &l->up))
        return;
    l->up.left = 0;
    l->up.ended = true;
}

static void to_client(unsigned i)
{
    if (pass_on(links[i].client, &links[i].down))
        return;
    note_of(false, SF_ACT_RESET, i);
    end_link(&links[i], true);
}

static void from_client(unsigned i)
{
    struct link *l = &links[i];
    ssize_t n;

    if (!receive(l->client, &l->up, &n))
        return;
    if (n > 0) {
        note_bytes(false, i, l->up.bytes, (size_t)n);
        to_server(l);
        return;
    }
    note_of(false, n == 0 ? SF_ACT_FINISH : SF_ACT_RESET, i);
    l->up.ended = true;
    if (n == 0)
        shutdown(l->server, SHUT_WR);
    else
        end_link(l, true);
}

static void from_server(unsigned i)
{
    struct link *l = &links[i];
    ssize_t n;

    if (!receive(l->server, &l->down, &n))
        return;
    if (n > 0) {
        note_bytes(true, i, l->down.bytes, (size_t)n);
        to_client(i);
        return;
    }
    note_of(true, n == 0 ? SF_ACT_FINISH : SF_ACT_RESET, i);
    end_link(l, n < 0);
}

/* -1: nothing is waited for, and a hangup would be told without end. */
static struct pollfd side(int fd, const struct way *in, const struct way *out)
{
    short events = (short)((in->left || in->ended ? 0 : POLLIN) |
                           (out->left ? POLLOUT : 0));

    return (struct pollfd){.fd = events ? fd : -1, .events = events};
}

/* An error and a hangup are met by the call that was waited for. */
static bool says(const struct pollfd *p, short event)
{
    return p->events & event && p->revents & (event | POLLERR | POLLHUP);
}

static void serve(unsigned i, const struct pollfd *client,
                  const struct pollfd *server)
{
    struct link *l = &links[i];

    if (says(client, POLLOUT))
        to_client(i);
    if (says(server, POLLOUT) && l->server >= 0)
        to_server(l);
    if (says(client, POLLIN) && l->client >= 0)
        from_client(i);
    if (says(server, POLLIN) && l->server >= 0)
        from_server(i);
}

static void relay(int listener, unsigned port)
{
    struct pollfd fds[1 + 2 * LINKS_MAX];
    sigset_t none;

    sigemptyset(&none);
    while (!stopping) {
        fds[0] = (struct pollfd){.fd = free_link() < LINKS_MAX ? listener : -1,
                                 .events = POLLIN};
        for (unsigned i = 0; i < LINKS_MAX; i++) {
            struct link *l = &links[i];
            fds[1 + 2 * i] = side(l->client, &l->up, &l->down);
            fds[2 + 2 * i] = side(l->server, &l->down, &l->up);
        }
        if (ppoll(fds, 1 + 2 * LINKS_MAX, NULL, &none) < 0)
            continue;
        for (unsigned i = 0; i < LINKS_MAX; i++)
            serve(i, &fds[1 + 2 * i], &fds[2 + 2 * i]);
        if (fds[0].revents)
            admit(listener, port);
    }
}

/* 0 after telling why. */
static unsigned port_of(const char *text)
{
    char *end;
    long port = strtol(text, &end, 10);

    if (*end || port < 1 || port > 65535)
        return fail(text, "expected a port, 1 to 65535"), 0;
    return (unsigned)port;
}

static const char usage[] =
    "usage: sockfault record [--answers] LISTEN SERVER FILE\n"
    "listens at one port of 127.0.0.1, passes on to another, and writes what\n"
    "the clients did as a session, or what the server did with --answers:\n"
    "sockfault-record(1)\n";

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t both;
    unsigned at, server;
    int listener;
    FILE *out;

    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(usage, stdout) < 0 || fclose(stdout) ? 2 : 0;
    answers = argc > 1 && strcmp(argv[1], "--answers") == 0;
    argv += answers;
    argc -= answers;
    if (argc > 1 && argv[1][0] == '-')
        return fail(argv[1], "no such option: sockfault record --help");
    if (argc != 4)
        return fail("expected LISTEN, SERVER and FILE",
                    "sockfault record --help");
    at = port_of(argv[1]);
    server = port_of(argv[2]);
    if (!at || !server)
        return 2;
    if (at == server)
        return fail(argv[2], "it would pass on to itself");
    sigemptyset(&both);
    sigaddset(&both, SIGINT);
    sigaddset(&both, SIGTERM);
    sigprocmask(SIG_BLOCK, &both, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    for (unsigned i = 0; i < LINKS_MAX; i++)
        links[i] = (struct link){.client = -1, .server = -1};
    listener = listen_at(at);
    if (listener < 0)
        return fail(argv[1], strerror(errno));
    /* Now: what is recorded is not to be lost, nor what was before. */
    out = fopen(argv[3], "wex");
    if (!out)
        return fail(argv[3], strerror(errno));
    relay(listener, server);
    return write_session(argv[3], out);
}
