/*
 * ends.c: peers' ends of connections, as sockets on loopback; see
 * simnet/simnet.h for what each function answers.
 *
 * Which connection a descriptor of the program is, the names tell: each peer
 * has its own before it connects.  What is on its way is counted here, since
 * the kernel tells it of one side only.
 */
#include "faultinject/loopback/loopback.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { ENDS_MAX = 80, NAMES_MAX = 8 };

static struct {
    unsigned n;
    struct sf_end ends[ENDS_MAX];
    size_t buffer;
    bool free; /* sizes are the kernel's */
    /* Addresses of the session, and the real ones they stand for. */
    unsigned names_n;
    struct {
        union loop_name said, real;
        socklen_t said_len, real_len;
    } names[NAMES_MAX];
} pool;

void loop_ends_begin(size_t buffer)
{
    pool.n = pool.names_n = 0;
    pool.buffer = buffer;
}

void loop_ends_end(void)
{
    for (unsigned i = 0; i < pool.n; i++)
        if (pool.ends[i].fd >= 0)
            sf_libc.close(pool.ends[i].fd);
    pool.n = 0;
}

void sf_sim_set_buffer(size_t bytes)
{
    pool.buffer = bytes;
}

/* ------------------------------------------------------------------ names */

static socklen_t any_name(sa_family_t family, union loop_name *name)
{
    memset(name, 0, sizeof *name);
    name->any.sa_family = family;
    if (family == AF_UNIX)
        return sizeof family; /* the kernel finds one */
    name->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return sizeof name->in;
}

static int bind_any(int fd, sa_family_t family, union loop_name *name,
                    socklen_t *len)
{
    *len = any_name(family, name);
    if (sf_libc.bind(fd, &name->any, *len) < 0)
        return -1;
    *len = sizeof *name;
    return sf_libc.getsockname(fd, &name->any, len);
}

int loop_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
    unsigned i = 0;

    if (addr->sa_family != AF_INET && addr->sa_family != AF_UNIX)
        loop_cannot("the program binds to neither IPv4 nor a path");
    while (i < pool.names_n && (pool.names[i].said_len != len ||
                                memcmp(&pool.names[i].said, addr, len) != 0))
        i++;
    if (i == NAMES_MAX)
        loop_cannot("the program binds to too many addresses");
    memcpy(&pool.names[i].said, addr, len);
    pool.names[i].said_len = len;
    if (bind_any(fd, addr->sa_family, &pool.names[i].real,
                 &pool.names[i].real_len) < 0)
        return -1;
    if (i == pool.names_n)
        pool.names_n++;
    return 0;
}

const struct sockaddr *loop_real(const struct sockaddr *addr, socklen_t *len)
{
    for (unsigned i = 0; i < pool.names_n; i++)
        if (pool.names[i].said_len == *len &&
            memcmp(&pool.names[i].said, addr, *len) == 0) {
            *len = pool.names[i].real_len;
            return &pool.names[i].real.any;
        }
    return addr;
}

/* ------------------------------------------------------------ connections */

/* What a peer sends arrives at once; elsewhere than TCP it does anyway. */
static void hurry(int fd)
{
    int on = 1;

    sf_libc.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* A socket of a peer, where the program's numbers do not go. */
static int peer_socket(sa_family_t family)
{
    int low =
        sf_libc.socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int fd = low < 0 ? -1 : sf_libc.fcntl(low, F_DUPFD_CLOEXEC, LOOP_PEER_FD);

    if (low >= 0)
        sf_libc.close(low);
    if (fd < 0)
        loop_cannot("no descriptor for a peer");
    hurry(fd);
    return fd;
}

static struct sf_end *new_end(int fd)
{
    struct sf_end *end = &pool.ends[pool.n++];

    if (pool.n == ENDS_MAX)
        loop_cannot("too many connections");
    *end = (struct sf_end){.fd = fd, .other = -1, .buffer = pool.buffer};
    loop_changed();
    return end;
}

/* Asked again it says whether it is there. */
static bool connects(struct sf_end *end)
{
    if (!end->connected && end->fd >= 0 &&
        (sf_libc.connect(end->fd, &end->to.any, end->to_len) == 0 ||
         errno == EISCONN))
        end->connected = true;
    return end->connected;
}

struct sf_end *sf_end_connect(const struct sockaddr *addr, socklen_t len)
{
    struct sf_end *end = new_end(peer_socket(addr->sa_family));
    const struct sockaddr *real = loop_real(addr, &len);

    memcpy(&end->to, real, len);
    end->to_len = len;
    if (real == addr ||
        bind_any(end->fd, addr->sa_family, &end->name, &end->name_len) < 0 ||
        (!connects(end) && !connects(end) && errno != EALREADY &&
         errno != EAGAIN)) {
        sf_end_close(end);
        return NULL;
    }
    return end;
}

void sf_end_hold(struct sf_end *listener, bool held)
{
    (void)listener, (void)held;
    loop_cannot("a listener neither takes nor refuses");
}

struct sf_end *sf_end_listen(const struct sockaddr *addr, socklen_t len,
                             int backlog)
{
    struct sf_end *end = new_end(peer_socket(addr->sa_family));

    if (addr->sa_family != AF_UNIX)
        backlog = SOMAXCONN; /* a full one is tried again a real second later */
    if (loop_bind(end->fd, addr, len) < 0 ||
        sf_libc.listen(end->fd, backlog) < 0)
        loop_cannot("a peer cannot listen");
    return end;
}

static struct sf_end *end_named(const union loop_name *name, socklen_t len)
{
    for (unsigned i = pool.n; i-- > 0;)
        if (pool.ends[i].name_len == len &&
            memcmp(&pool.ends[i].name, name, len) == 0)
            return &pool.ends[i];
    return NULL;
}

/* Is this where a peer listens? */
static bool is_ours(const struct sockaddr *addr, socklen_t len)
{
    for (unsigned i = 0; i < pool.names_n; i++)
        if (pool.names[i].real_len == len &&
            memcmp(&pool.names[i].real, addr, len) == 0)
            return true;
    return false;
}

/* The connection is there as soon as the program asks for it; its peer gets
 * it by accepting.  A UNIX socket needs a name, or nobody knows whose it is. */
int loop_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    union loop_name name = {.any.sa_family = addr->sa_family};
    socklen_t has = sizeof name;
    int r, err;

    if (addr->sa_family == AF_UNIX)
        sf_libc.bind(fd, &name.any, sizeof(sa_family_t));
    r = sf_libc.connect(fd, addr, len);
    err = errno;
    if ((r == 0 || err == EINPROGRESS) && is_ours(addr, len) &&
        sf_libc.getsockname(fd, &name.any, &has) == 0 &&
        !end_named(&name, has)) {
        struct sf_end *end = new_end(-1);

        memcpy(&end->name, &name, has);
        end->name_len = has;
        end->other = fd;
    }
    errno = err;
    return r;
}

struct sf_end *sf_end_accept(struct sf_end *listener)
{
    union loop_name name;
    socklen_t len = sizeof name;
    struct sf_end *end;
    int low = sf_libc.accept4(listener->fd, &name.any, &len,
                              SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (low < 0)
        return NULL;
    end = end_named(&name, len);
    if (!end)
        loop_cannot("a connection from somebody else");
    end->fd = sf_libc.fcntl(low, F_DUPFD_CLOEXEC, LOOP_PEER_FD);
    sf_libc.close(low);
    hurry(end->fd);
    end->connected = end->accepted = true;
    loop_changed();
    return end;
}

struct sf_end *sf_end_pair(sa_family_t family, int *fd)
{
    union loop_name name;
    socklen_t len = any_name(family, &name);
    struct sf_end *listener = sf_end_listen(&name.any, len, 1);
    const struct sockaddr *real = loop_real(&name.any, &len);
    struct sf_end *end;

    *fd = sf_libc.socket(family, SOCK_STREAM, 0);
    loop_open(*fd);
    if (loop_connect(*fd, real, len) < 0)
        loop_cannot("no connection for the program");
    end = sf_end_accept(listener);
    sf_end_close(listener);
    return end;
}

void loop_join(int fd)
{
    union loop_name name;
    socklen_t len = sizeof name;
    struct sf_end *end = NULL;

    if (sf_libc.getpeername(fd, &name.any, &len) == 0)
        end = end_named(&name, len);
    if (!end)
        return;
    end->other = fd;
    end->accepted = true;
}

void loop_part(int fd)
{
    for (unsigned i = 0; i < pool.n; i++)
        if (pool.ends[i].other == fd)
            pool.ends[i].other = -1;
}

bool sf_end_waits(const struct sf_end *end)
{
    return end->name_len && end->fd >= 0 && !end->accepted;
}

struct sf_end *loop_oldest(void)
{
    for (unsigned i = 0; i < pool.n; i++)
        if (sf_end_waits(&pool.ends[i]))
            return &pool.ends[i];
    return NULL;
}

void sf_end_close(struct sf_end *end)
{
    sf_libc.close(end->fd);
    end->fd = -1;
    end->closed = true;
    loop_changed();
}

/* AF_UNIX has no reset but that of who closes and has not read everything. */
static bool can_reset(const struct sf_end *end)
{
    int domain = 0, unread = 0;

    sf_libc.getsockopt(end->fd, SOL_SOCKET, SO_DOMAIN, &domain,
                       &(socklen_t){sizeof domain});
    return domain != AF_UNIX ||
           (sf_libc.ioctl(end->fd, FIONREAD, (long)&unread) == 0 && unread > 0);
}

void sf_end_abort(struct sf_end *end)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    if (!can_reset(end))
        loop_cannot("a peer on AF_UNIX that has read everything resets");
    sf_libc.setsockopt(end->fd, SOL_SOCKET, SO_LINGER, &at_once,
                       sizeof at_once);
    sf_end_close(end);
}

int sf_end_shutdown(struct sf_end *end, int how)
{
    loop_changed();
    return sf_libc.shutdown(end->fd, how) < 0 ? -errno : 0;
}

/* ---------------------------------------------------------------- queries */

bool sf_end_connected(const struct sf_end *end)
{
    return connects(&pool.ends[end - pool.ends]);
}

bool sf_sim_was_connected(int fd)
{
    const struct sf_end *end = sf_end_of(fd);
    union loop_name name;
    socklen_t len = sizeof name;

    return end && (end->fd >= 0 || end->closed ||
                   sf_libc.getpeername(fd, &name.any, &len) == 0);
}

bool sf_end_accepted(const struct sf_end *end)
{
    return end->other >= 0;
}

/* Nobody compares states here. */
void sf_end_forgotten(struct sf_end *end, sf_counter *each, void *arg)
{
    (void)end, (void)each, (void)arg;
}

/* 0 where there is no such option, as on AF_UNIX. */
static int option(const struct sf_end *end, int level, int name)
{
    int n = 0;
    socklen_t len = sizeof n;

    sf_libc.getsockopt(end->other, level, name, &n, &len);
    return n;
}

int sf_end_kept_alive(const struct sf_end *end)
{
    int seconds = option(end, IPPROTO_TCP, TCP_KEEPIDLE) +
                  option(end, IPPROTO_TCP, TCP_KEEPINTVL) *
                      option(end, IPPROTO_TCP, TCP_KEEPCNT);

    if (!option(end, SOL_SOCKET, SO_KEEPALIVE))
        return 0;
    return seconds ? seconds : 1;
}

int sf_end_fd(const struct sf_end *end)
{
    return end->other;
}

struct sf_end *sf_end_of(int fd)
{
    for (unsigned i = 0; fd >= 0 && i < pool.n; i++)
        if (pool.ends[i].other == fd)
            return &pool.ends[i];
    return NULL;
}

bool sf_end_harmed(const struct sf_end *end)
{
    return end->harmed;
}

size_t sf_end_queued(const struct sf_end *end)
{
    return end->given - end->received;
}

size_t sf_end_unread(const struct sf_end *end)
{
    return end->sent - end->taken;
}

bool sf_end_ended(const struct sf_end *end)
{
    struct pollfd p = {.fd = end->fd, .events = POLLRDHUP};

    return sf_libc.poll(&p, 1, 0) == 1 && p.revents & POLLRDHUP;
}

/*
 * The kernel's smallest buffers are larger than most sessions'.  Both sides
 * hold back what would find no room in them.
 */
static bool is_free(const struct sf_end *end)
{
    return !end || end->closed || end->harmed || !end->buffer || pool.free;
}

size_t loop_room(int fd)
{
    const struct sf_end *end = sf_end_of(fd);

    return is_free(end) ? SIZE_MAX : end->buffer - sf_end_queued(end);
}

bool loop_is_writable(int fd)
{
    const struct sf_end *end = sf_end_of(fd);
    size_t used;

    if (is_free(end))
        return true;
    used = sf_end_queued(end);
    return end->name.any.sa_family == AF_UNIX ? used * 4 <= end->buffer
                                              : used * 3 <= end->buffer * 2;
}

void loop_free_buffers(void)
{
    pool.free = true;
}

bool sf_end_writable(const struct sf_end *end)
{
    struct pollfd p = {.fd = end->other, .events = POLLOUT};

    return end->other >= 0 && sf_libc.poll(&p, 1, 0) == 1 &&
           p.revents & POLLOUT && loop_is_writable(end->other);
}

/* ------------------------------------------------------------------ bytes */

ssize_t sf_end_send(struct sf_end *end, const void *bytes, size_t len)
{
    size_t room = is_free(end) ? SIZE_MAX : end->buffer - sf_end_unread(end);
    ssize_t r;

    if (!connects(end) || !room)
        return -EAGAIN;
    len = len < room ? len : room;
    r = sf_libc.send(end->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (r < 0)
        return -errno;
    end->sent += (size_t)r;
    loop_changed();
    return r;
}

ssize_t sf_end_recv(struct sf_end *end, void *bytes, size_t len)
{
    ssize_t r = sf_libc.recv(end->fd, bytes, len, MSG_DONTWAIT);

    if (r < 0)
        return -errno;
    end->received += (size_t)r;
    loop_changed();
    return r;
}

static size_t arrived(int fd)
{
    int n = 0;

    return fd >= 0 && sf_libc.ioctl(fd, FIONREAD, (long)&n) == 0 ? (size_t)n
                                                                 : 0;
}

static bool is_alive(int fd)
{
    struct pollfd p = {.fd = fd};

    return fd >= 0 && sf_libc.poll(&p, 1, 0) == 0;
}

bool loop_in_flight(void)
{
    for (unsigned i = 0; i < pool.n; i++) {
        struct sf_end *end = &pool.ends[i];

        if (end->to_len && end->fd >= 0 && !connects(end))
            return true;
        if (is_alive(end->fd) && is_alive(end->other) &&
            (sf_end_unread(end) > arrived(end->other) ||
             sf_end_queued(end) > arrived(end->fd)))
            return true;
    }
    return false;
}
