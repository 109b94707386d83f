/* real.c: see real.h */
#include "faultinject/simulate/real.h"

#include "faultinject/session/play.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>

enum {
    TICK_MS = 100,   /* nobody does anything for so long: the program's time
                      * passes, too; an act can say it                     */
    AFTER_MS = 1000, /* … and all are gone for so long: that was all       */
    PIECE = SF_ACTS_MAX * SF_LITERAL_MAX,
    FIRST_FD = SF_SIM_FD + 400 /* out of the program's way */
};

/* The real connection of the peer of this number. */
static struct line {
    int fd;           /* -1: there is none                       */
    unsigned ordinal; /* of the connection that a server has     */
    bool ended;       /* nothing more comes                      */
    bool told;        /* … and it was told that nothing more does */
} lines[SF_PEERS + 1];

static struct sf_real real;
static int listener = -1;
static bool begun;      /* somebody was there                   */
static unsigned waited; /* ms since the last act was written    */

void (*sf_real_nobody)(const char *why);

/* --------------------------------------------------------------- the acts */

static struct sf_act *append(struct sf_session *s, enum sf_act_kind kind,
                             unsigned peer)
{
    static struct sf_act none;
    struct sf_act *act = sf_session_add(s, kind, peer);

    *real.dropped += !act;
    return act ? act : &none;
}

/* As much of the time since the last act as one can say. */
static unsigned most_of(unsigned ms)
{
    uint8_t byte = sf_amount_to_byte(SF_AMOUNT_TIME, ms);
    unsigned all = sf_amount_from_byte(SF_AMOUNT_TIME, byte);

    return all <= ms ? all : sf_amount_from_byte(SF_AMOUNT_TIME, byte - 1);
}

static void note(const struct sf_act *act)
{
    for (unsigned most; waited > 0; waited -= most) {
        most = most_of(waited);
        append(real.recorded, SF_ACT_WAIT, 1)->amount = most;
    }
    *append(real.recorded, act->kind, act->peer) = *act;
    *append(real.next, act->kind, act->peer) = *act;
}

static void note_kind(enum sf_act_kind kind, unsigned peer)
{
    note(&(struct sf_act){.kind = kind, .peer = peer});
}

static void note_bytes(unsigned peer, const uint8_t *bytes, size_t len)
{
    struct sf_act act = {.peer = peer};

    for (size_t at = 0; at < len;) {
        at = sf_act_take(&act, bytes, len, at);
        note(&act);
    }
}

/* ------------------------------------------------------- real connections */

static struct sockaddr_in address(void)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((in_port_t)real.port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* A number that the program is not given by the real kernel, where there are
 * enough. */
static int out_of_the_way(int fd)
{
    int high = fd < 0 ? -1 : sf_libc.fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD);

    if (high < 0)
        return fd;
    sf_libc.close(fd);
    return high;
}

static int real_socket(void)
{
    return out_of_the_way(
        sf_libc.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static void let_go(struct line *line, bool reset)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    if (line->fd >= 0 && reset)
        sf_libc.setsockopt(line->fd, SOL_SOCKET, SO_LINGER, &at_once,
                           sizeof at_once);
    if (line->fd >= 0)
        sf_libc.close(line->fd);
    *line = (struct line){.fd = -1, .ordinal = line->ordinal};
}

/* Each connection of the program to a peer is one to the server. */
static void reach(const struct sf_peer *peer)
{
    struct line *line = &lines[peer->number];
    struct sockaddr_in addr = address();

    if (!real.dials || line->ordinal == peer->ordinal)
        return;
    let_go(line, false);
    line->fd = real_socket();
    if (line->fd < 0 ||
        sf_libc.connect(line->fd, (struct sockaddr *)&addr, sizeof addr) < 0)
        sf_real_nobody(strerror(errno));
    line->ordinal = peer->ordinal;
    begun = true;
}

void sf_real_received(void *arg, struct sf_peer *peer, const uint8_t *bytes,
                      size_t len)
{
    struct line *line = &lines[peer->number];
    size_t at = 0;
    ssize_t n;

    (void)arg;
    reach(peer);
    while (at < len && line->fd >= 0) {
        n = sf_libc.send(line->fd, bytes + at, len - at, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR) /* it is gone, and that comes from there */
            return;
        at += n > 0 ? (size_t)n : 0;
    }
}

/* What the program has done with its side. */
static void pass_end(struct line *line, const struct sf_peer *peer)
{
    if (line->fd >= 0 && peer->eof && !line->told)
        sf_libc.shutdown(line->fd, SHUT_WR);
    line->told |= peer->eof;
    if (peer->err || (line->told && line->ended))
        let_go(line, peer->err);
}

static void catch_up(void)
{
    for (unsigned i = 1; i <= SF_PEERS; i++) {
        const struct sf_peer *peer = sf_play.current[i];

        if (peer && peer->end)
            reach(peer);
        if (peer)
            pass_end(&lines[i], peer);
    }
}

/* ------------------------------------------------------------- what comes */

/* Of a peer that nobody is; 0: all are somebody. */
static unsigned free_number(void)
{
    for (unsigned i = 1; i <= SF_PEERS; i++)
        if (lines[i].fd < 0)
            return i;
    return 0;
}

static void admit(void)
{
    unsigned i = free_number();
    int fd =
        out_of_the_way(sf_libc.accept4(listener, NULL, NULL, SOCK_CLOEXEC));

    if (fd < 0)
        return;
    lines[i] = (struct line){.fd = fd};
    begun = true;
    note_kind(SF_ACT_CONNECT, i);
}

static void hear(unsigned i)
{
    struct line *line = &lines[i];
    uint8_t bytes[PIECE];
    ssize_t n = sf_libc.recv(line->fd, bytes, sizeof bytes, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0) {
        note_bytes(i, bytes, (size_t)n);
        return;
    }
    note_kind(n == 0 ? SF_ACT_FINISH : SF_ACT_RESET, i);
    line->ended = true;
    if (n < 0)
        let_go(line, true);
}

static bool all_are_gone(void)
{
    for (unsigned i = 1; i <= SF_PEERS; i++)
        if (lines[i].fd >= 0 && !lines[i].ended)
            return false;
    return begun;
}

/* How many have something to say.  Until somebody is there no time passes; nor
 * does a signal of the program's end it. */
static unsigned await(struct pollfd p[SF_PEERS + 1])
{
    int n;

    p[0] =
        (struct pollfd){.fd = free_number() ? listener : -1, .events = POLLIN};
    for (unsigned i = 1; i <= SF_PEERS; i++)
        p[i] = (struct pollfd){.fd = lines[i].ended ? -1 : lines[i].fd,
                               .events = POLLIN};
    do
        n = sf_libc.poll(p, SF_PEERS + 1, TICK_MS);
    while (!*real.told && (n < 0 || (n == 0 && !begun)));
    return n < 0 ? 0 : (unsigned)n;
}

/* Time passes for the program as for everybody. */
static void let_time_pass(void)
{
    waited += TICK_MS;
    append(real.next, SF_ACT_WAIT, 1)->amount = TICK_MS;
}

bool sf_real_more(void *arg)
{
    struct pollfd p[SF_PEERS + 1];
    unsigned n;

    (void)arg;
    real.next->acts_n = 0;
    catch_up();
    if (*real.dropped || (all_are_gone() && waited >= AFTER_MS))
        return false;
    n = await(p);
    if (n == 0)
        let_time_pass();
    for (unsigned i = 1; n > 0 && i <= SF_PEERS; i++)
        if (p[i].revents)
            hear(i);
    if (n > 0 && p[0].revents)
        admit();
    return !*real.told;
}

bool sf_real_begin(const struct sf_real *how)
{
    struct sockaddr_in addr;
    int on = 1;

    real = *how;
    for (unsigned i = 0; i <= SF_PEERS; i++)
        lines[i].fd = -1;
    if (real.dials)
        return true;
    addr = address();
    listener = real_socket();
    if (listener < 0)
        return false;
    sf_libc.setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    return sf_libc.bind(listener, (struct sockaddr *)&addr, sizeof addr) == 0 &&
           sf_libc.listen(listener, SF_PEERS) == 0;
}
