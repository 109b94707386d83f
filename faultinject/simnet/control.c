/*
 * control.c: fcntl, ioctl, socket options.
 */
#include "faultinject/simnet/sim.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int access_mode(const struct sf_end *end)
{
    return end->kind == SIM_READER   ? O_RDONLY
           : end->kind == SIM_WRITER ? O_WRONLY
                                     : O_RDWR;
}

void (*sf_sim_no_sigio)(int fd);

int sim_fcntl(int fd, struct sf_end *end, int cmd, long arg)
{
    struct sim_slot *slot = &sim_own.slots[sim_slot_of(fd)];

    switch (cmd) {
    case F_DUPFD:
        return sim_copy(end, (int)arg, false);
    case F_DUPFD_CLOEXEC:
        return sim_copy(end, (int)arg, true);
    case F_GETFD:
        return slot->cloexec ? FD_CLOEXEC : 0;
    case F_SETFD:
        slot->cloexec = arg & FD_CLOEXEC;
        return 0;
    case F_GETFL:
        return access_mode(end) | (end->nonblock ? O_NONBLOCK : 0);
    case F_SETFL:
        if (arg & O_ASYNC && sf_sim_no_sigio)
            sf_sim_no_sigio(fd);
        end->nonblock = arg & O_NONBLOCK;
        return 0;
    case F_GETOWN:
    case F_SETOWN: /* of a SIGIO that is never raised */
        return 0;
    default:
        return -EINVAL;
    }
}

int sim_ioctl(int fd, struct sf_end *end, unsigned long request, long arg)
{
    int *value = (int *)arg;

    switch (request) {
    case FIONBIO:
        end->nonblock = *value;
        return 0;
    case FIOCLEX:
    case FIONCLEX:
        sim_own.slots[sim_slot_of(fd)].cloexec = request == FIOCLEX;
        return 0;
    case FIONREAD:
        if (end->state == SIM_LISTEN)
            return -EINVAL;
        *value = (int)sim_unread(end);
        return 0;
    case SIOCATMARK: /* there is no mark */
        *value = 0;
        return end->kind == SIM_SOCKET ? 0 : -ENOTTY;
    case SIOCOUTQ:
        *value = end->peer ? (int)end->peer->in.len : 0;
        return 0;
    case FIOASYNC:
        if (*value && sf_sim_no_sigio)
            sf_sim_no_sigio(fd);
        return *value ? -ENOTTY : 0;
    default:
        return -ENOTTY;
    }
}

/* ---------------------------------------------------------------- options */

static int give(void *val, socklen_t *len, const void *from, size_t size)
{
    if (*len > size)
        *len = (socklen_t)size;
    memcpy(val, from, *len);
    return 0;
}

static int give_int(void *val, socklen_t *len, int n)
{
    return give(val, len, &n, sizeof n);
}

static int give_time(void *val, socklen_t *len, int64_t ns)
{
    struct timeval tv = {ns / 1000000000, ns % 1000000000 / 1000};

    return give(val, len, &tv, sizeof tv);
}

/* An end that remembers an error has now told it; the rest follows. */
static int give_error(struct sf_end *end, void *val, socklen_t *len)
{
    return give_int(val, len, sim_take_error(end));
}

/* Options that are only remembered: on or off, or a number from 1 to `most`,
 * which is `usual` where nobody has set it (tcp(7)). */
static const struct kept {
    int level, name;
    size_t at; /* of the int */
    int most, usual;
} remembered[] = {
    {SOL_SOCKET, SO_REUSEADDR, offsetof(struct sim_options, reuse), 0, 0},
    {SOL_SOCKET, SO_REUSEPORT, offsetof(struct sim_options, reuse_port), 0, 0},
    {SOL_SOCKET, SO_KEEPALIVE, offsetof(struct sim_options, keepalive), 0, 0},
    {IPPROTO_TCP, TCP_NODELAY, offsetof(struct sim_options, nodelay), 0, 0},
    {IPPROTO_TCP, TCP_KEEPIDLE, offsetof(struct sim_options, keep_idle), 32767,
     SIM_KEEP_IDLE},
    {IPPROTO_TCP, TCP_KEEPINTVL, offsetof(struct sim_options, keep_every),
     32767, SIM_KEEP_EVERY},
    {IPPROTO_TCP, TCP_KEEPCNT, offsetof(struct sim_options, keep_tries), 127,
     SIM_KEEP_TRIES},
};
enum { REMEMBERED = sizeof remembered / sizeof *remembered };

static const struct kept *find_kept(const struct sf_end *end, int level,
                                    int name)
{
    if (level == IPPROTO_TCP && end->family == AF_UNIX)
        return NULL;
    for (unsigned i = 0; i < REMEMBERED; i++)
        if (remembered[i].level == level && remembered[i].name == name)
            return &remembered[i];
    return NULL;
}

static int *kept_in(struct sf_end *end, const struct kept *kept)
{
    return (int *)((char *)&end->options + kept->at);
}

static int take_kept(struct sf_end *end, const struct kept *kept,
                     const void *val, socklen_t len)
{
    int n;

    if (len < sizeof n)
        return -EINVAL;
    memcpy(&n, val, sizeof n);
    if (kept->most && (n < 1 || n > kept->most))
        return -EINVAL;
    *kept_in(end, kept) = kept->most ? n : !!n;
    return 0;
}

/* The rest of those that change nothing here: on or off where `most` is 0. */
static const struct more {
    int level, name, least, most, usual;
} more[] = {
    {SOL_SOCKET, SO_BROADCAST, 0, 0, 0},
    {SOL_SOCKET, SO_OOBINLINE, 0, 0, 0},
    {SOL_SOCKET, SO_DONTROUTE, 0, 0, 0},
    {SOL_SOCKET, SO_TIMESTAMP, 0, 0, 0},
    {SOL_SOCKET, SO_ZEROCOPY, 0, 0, 0},
    {SOL_SOCKET, SO_PRIORITY, 0, 6, 0},
    {SOL_SOCKET, SO_MARK, 0, INT_MAX, 0},
    {SOL_SOCKET, SO_BUSY_POLL, 0, INT_MAX, 0},
    {SOL_SOCKET, SO_INCOMING_CPU, INT_MIN, INT_MAX, -1},
    {IPPROTO_TCP, TCP_CORK, 0, 0, 0},
    {IPPROTO_TCP, TCP_QUICKACK, 0, 0, 1},
    {IPPROTO_TCP, TCP_MAXSEG, 88, 32767, 536},
    {IPPROTO_TCP, TCP_DEFER_ACCEPT, INT_MIN, INT_MAX, 0},
    {IPPROTO_TCP, TCP_FASTOPEN, 0, INT_MAX, 0},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, 0, INT_MAX, 0},
    {IPPROTO_TCP, TCP_NOTSENT_LOWAT, INT_MIN, INT_MAX, 0},
    {IPPROTO_TCP, TCP_SYNCNT, 1, 127, 6},
    {IPPROTO_TCP, TCP_LINGER2, INT_MIN, INT_MAX, 60},
    {IPPROTO_IP, IP_TOS, 0, 255, 0},
    {IPPROTO_IP, IP_TTL, 1, 255, 64},
    {IPPROTO_IP, IP_TRANSPARENT, 0, 0, 0},
    {IPPROTO_IP, IP_FREEBIND, 0, 0, 0},
    {IPPROTO_IPV6, IPV6_V6ONLY, 0, 0, 0},
    {IPPROTO_IPV6, IPV6_TCLASS, -1, 255, 0},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS, -1, 255, 64},
};
_Static_assert(sizeof more / sizeof *more == SIM_MORE, "see sim.h");

/* Kept as what it is above the usual, so that nothing is set at first. */
static int *find_more(struct sf_end *end, int level, int name,
                      const struct more **row)
{
    if ((level == IPPROTO_IPV6 && end->family != AF_INET6) ||
        (level != SOL_SOCKET && end->family == AF_UNIX))
        return NULL;
    for (unsigned i = 0; i < SIM_MORE; i++)
        if (more[i].level == level && more[i].name == name) {
            *row = &more[i];
            return &end->options.more[i];
        }
    return NULL;
}

static int take_more(int *kept, const struct more *row, const void *val,
                     socklen_t len)
{
    int n;

    if (len < sizeof n)
        return -EINVAL;
    memcpy(&n, val, sizeof n);
    if (!row->most)
        n = !!n;
    else if (n < row->least || n > row->most)
        return -EINVAL;
    *kept = (int)((unsigned)n - (unsigned)row->usual);
    return 0;
}

/* Who is at the other end of a UNIX socket is the program, or like it. */
static int give_peer(const struct sf_end *end, void *val, socklen_t *len)
{
    struct ucred peer = {0, (uid_t)-1, (gid_t)-1};

    if (end->family == AF_UNIX && end->was_connected)
        peer = (struct ucred){getpid(), geteuid(), getegid()};
    return give(val, len, &peer, sizeof peer);
}

/* A connection over loopback on which all goes well. */
static int give_info(const struct sf_end *end, void *val, socklen_t *len)
{
    struct tcp_info info = {.tcpi_snd_mss = 32768,
                            .tcpi_rcv_mss = 32768,
                            .tcpi_pmtu = 65535,
                            .tcpi_rtt = 50,
                            .tcpi_rttvar = 25,
                            .tcpi_snd_cwnd = 10};

    info.tcpi_state = end->state == SIM_LISTEN     ? TCP_LISTEN
                      : end->state == SIM_SYN_SENT ? TCP_SYN_SENT
                      : end->state == SIM_CLOSE    ? TCP_CLOSE
                      : end->done                  ? TCP_CLOSE_WAIT
                      : end->shut & SHUT_SND       ? TCP_FIN_WAIT2
                                                   : TCP_ESTABLISHED;
    if (end->state == SIM_LISTEN) {
        info.tcpi_unacked = end->waiting;
        info.tcpi_sacked = end->backlog;
    }
    return give(val, len, &info, sizeof info);
}

static int get_tcp(const struct sf_end *end, int name, void *val,
                   socklen_t *len)
{
    switch (name) {
    case TCP_INFO:
        return give_info(end, val, len);
    case TCP_CONGESTION:
        return give(val, len, "cubic\0\0\0\0\0\0\0\0\0\0", 16);
    default:
        return -ENOPROTOOPT;
    }
}

static int get_socket(struct sf_end *end, int name, void *val, socklen_t *len)
{
    switch (name) {
    case SO_ERROR:
        return give_error(end, val, len);
    case SO_TYPE:
        return give_int(val, len, end->records ? SOCK_SEQPACKET : SOCK_STREAM);
    case SO_DOMAIN:
        return give_int(val, len, end->family);
    case SO_PROTOCOL:
        return give_int(val, len, end->family == AF_UNIX ? 0 : IPPROTO_TCP);
    case SO_ACCEPTCONN:
        return give_int(val, len, end->state == SIM_LISTEN);
    case SO_RCVLOWAT:
    case SO_SNDLOWAT:
        return give_int(val, len, 1);
    case SO_PEERCRED:
        return give_peer(end, val, len);
    case SO_RCVTIMEO:
        return give_time(val, len, end->rcv_timeout);
    case SO_SNDTIMEO:
        return give_time(val, len, end->snd_timeout);
    case SO_RCVBUF:
        return give_int(val, len,
                        end->options.rcvbuf ? end->options.rcvbuf
                                            : (int)sim.buffer);
    case SO_SNDBUF:
        return give_int(val, len,
                        end->options.sndbuf ? end->options.sndbuf
                                            : (int)sim.buffer);
    case SO_LINGER: {
        struct linger l = {.l_onoff = end->quick};

        return give(val, len, &l, sizeof l);
    }
    default:
        return -ENOPROTOOPT;
    }
}

int sim_getsockopt(struct sf_end *end, int level, int name, void *val,
                   socklen_t *len)
{
    const struct kept *kept = find_kept(end, level, name);
    const struct more *row = NULL;
    int *other = kept ? NULL : find_more(end, level, name, &row);
    int n = kept ? *kept_in(end, kept) : 0;

    if (kept)
        return give_int(val, len, n ? n : kept->usual);
    if (other)
        return give_int(val, len,
                        (int)((unsigned)*other + (unsigned)row->usual));
    if (level == SOL_SOCKET)
        return get_socket(end, name, val, len);
    if (end->family == AF_UNIX)
        return -EOPNOTSUPP;
    if (level == IPPROTO_TCP)
        return get_tcp(end, name, val, len);
    return level == IPPROTO_IP ? -ENOPROTOOPT : -EOPNOTSUPP;
}

static int take_time(int64_t *ns, const void *val, socklen_t len)
{
    struct timeval tv;

    if (len < sizeof tv)
        return -EINVAL;
    memcpy(&tv, val, sizeof tv);
    if (tv.tv_usec < 0 || tv.tv_usec >= 1000000)
        return -EDOM;
    /* As Linux: what it cannot count is no limit, and below 0 nothing waits. */
    if (tv.tv_sec >= SF_SIM_NEVER / 1000000000)
        *ns = 0;
    else if (tv.tv_sec < 0)
        *ns = 1;
    else
        *ns = tv.tv_sec * 1000000000 + tv.tv_usec * 1000;
    return 0;
}

/* Linux doubles what it is asked for, to pay for its own bookkeeping, within
 * limits: net.core.rmem_max and wmem_max as it comes; and less than nothing is
 * as much as there can be. */
enum { BUFFER_MOST = 212992, RCVBUF_LEAST = 2304, SNDBUF_LEAST = 4608 };

static int doubled(int n, int least)
{
    int size = (n < 0 || n > BUFFER_MOST ? BUFFER_MOST : n) * 2;

    return size > least ? size : least;
}

static int set_socket(struct sf_end *end, int name, const void *val,
                      socklen_t len)
{
    struct linger l;
    int n;

    if (name == SO_RCVTIMEO || name == SO_SNDTIMEO)
        return take_time(name == SO_RCVTIMEO ? &end->rcv_timeout
                                             : &end->snd_timeout,
                         val, len);
    if (len < sizeof n)
        return -EINVAL;
    memcpy(&n, val, sizeof n);
    switch (name) {
    case SO_RCVBUF:
        end->options.rcvbuf = doubled(n, RCVBUF_LEAST);
        return 0;
    case SO_SNDBUF:
        end->options.sndbuf = doubled(n, SNDBUF_LEAST);
        return 0;
    case SO_LINGER:
        if (len < sizeof l)
            return -EINVAL;
        memcpy(&l, val, sizeof l);
        end->quick = l.l_onoff && !l.l_linger;
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

/* What there may be besides is believed to change nothing either, but for TLS
 * by the kernel, of which there is none. */
static int set_tcp(const struct sf_end *end, int name)
{
    if (end->family == AF_UNIX)
        return -EOPNOTSUPP;
    return name == TCP_ULP ? -ENOENT : 0;
}

int sim_setsockopt(struct sf_end *end, int level, int name, const void *val,
                   socklen_t len)
{
    const struct kept *kept = find_kept(end, level, name);
    const struct more *row = NULL;
    int *other = kept ? NULL : find_more(end, level, name, &row);

    if (kept)
        return take_kept(end, kept, val, len);
    if (other)
        return take_more(other, row, val, len);
    if (level == SOL_SOCKET)
        return set_socket(end, name, val, len);
    if (level == IPPROTO_TCP)
        return set_tcp(end, name);
    if (level == IPPROTO_IPV6 && end->family == AF_INET)
        return -ENOPROTOOPT;
    return level == IPPROTO_IPV6 || level == IPPROTO_IP ? 0 : -EOPNOTSUPP;
}
