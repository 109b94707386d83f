/* see sock.h */
#include "target/sock.h"
#include "target/loops.h"
#include "target/sockio.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char unix_prefix[] = "unix:";

/* The path of a UNIX host, or NULL. */
static const char *unix_path(const char *host)
{
    size_t n = sizeof unix_prefix - 1;

    return strncmp(host, unix_prefix, n) == 0 ? host + n : NULL;
}

static int unix_address(const char *path, struct sockaddr_un *addr)
{
    size_t len = strlen(path);

    *addr = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (len == 0 || len >= sizeof addr->sun_path)
        return FM_E_USAGE;
    memcpy(addr->sun_path, path, len);
    return 0;
}

static bool is_any(const char *host)
{
    return *host == '\0' || strcmp(host, "*") == 0;
}

/* The addresses of a host; NULL when there are none. */
static struct addrinfo *look_up(const char *host, unsigned port, int flags)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = flags | AI_NUMERICSERV};
    struct addrinfo *list;
    char service[12];

    snprintf(service, sizeof service, "%u", port);
    if (is_any(host))
        host = NULL;
    /* No file or server is asked for this name (RFC 6761, 6.3). */
    if (host && strcmp(host, "localhost") == 0) {
        host = NULL;
        hints.ai_flags &= ~AI_PASSIVE;
    }
    return getaddrinfo(host, service, &hints, &list) == 0 ? list : NULL;
}

static int listen_at(const struct sockaddr *addr, socklen_t len, int backlog)
{
    int fd = fm_io_socket(addr->sa_family);
    int err;

    if (fd < 0)
        return fd;
    fm_io_set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (addr->sa_family == AF_INET6)
        fm_io_set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    err = fm_io_bind(fd, addr, len);
    if (err == 0)
        err = fm_io_listen(fd, backlog > 0 ? backlog : SOMAXCONN);
    if (err < 0) {
        fm_io_close(fd);
        return err;
    }
    return fd;
}

/* Is the path a socket left behind by one who no longer listens?  Connecting to
 * a file of any other kind is refused as well. */
static bool is_stale(const struct sockaddr_un *addr)
{
    struct stat file = {.st_mode = 0};
    int fd, r;

    lstat(addr->sun_path, &file); /* gone by now: no socket either */
    if (!S_ISSOCK(file.st_mode))
        return false;
    fd = fm_io_socket(AF_UNIX);
    if (fd < 0)
        return false;
    r = fm_io_connect(fd, (const struct sockaddr *)addr, sizeof *addr);
    fm_io_close(fd);
    return r == FM_E_REFUSED;
}

static int listen_unix(const char *path, int backlog)
{
    struct sockaddr_un addr;
    int r = unix_address(path, &addr);

    if (r < 0)
        return r;
    r = listen_at((struct sockaddr *)&addr, sizeof addr, backlog);
    if (r != FM_E_IN_USE || !is_stale(&addr))
        return r;
    unlink(path);
    return listen_at((struct sockaddr *)&addr, sizeof addr, backlog);
}

/* IPv6 first, for such a socket can take both. */
static int listen_inet(const struct addrinfo *list, int backlog)
{
    static const int order[] = {AF_INET6, AF_INET};
    int r = FM_E_NO_ADDR;

    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        for (const struct addrinfo *a = list; a; a = a->ai_next) {
            if (a->ai_family != order[i])
                continue;
            r = listen_at(a->ai_addr, a->ai_addrlen, backlog);
            if (r >= 0)
                return r;
        }
    return r;
}

int fm_listen(const char *host, unsigned port, int backlog)
{
    const char *path = unix_path(host);
    struct addrinfo *list;
    int r;

    if (path)
        return listen_unix(path, backlog);
    if (port > 65535)
        return FM_E_USAGE;
    /* One address, and the one that numbers mean, for "localhost". */
    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    list = look_up(host, port, AI_PASSIVE);
    if (!list)
        return FM_E_NO_ADDR;
    r = listen_inet(list, backlog);
    freeaddrinfo(list);
    return r;
}

int fm_connect_start(int fd, const struct sockaddr *addr, socklen_t len)
{
    return fm_io_connect(fd, addr, len);
}

/* Writable may also mean failed; the reason can be asked for only once. */
int fm_connect_finish(int fd)
{
    return fm_io_take_error(fd);
}

/* One address.  A socket whose connect failed is of no more use (POSIX); one
 * that is not ours any more is left alone. */
static int dial_at(const struct sockaddr *addr, socklen_t len,
                   int64_t deadline_ms)
{
    int fd = fm_io_socket(addr->sa_family);
    int r;

    if (fd < 0)
        return fd;
    r = fm_connect_start(fd, addr, len);
    if (r == 1) {
        r = fm_wait(fd, POLLOUT, deadline_ms);
        if (r == 0)
            r = fm_connect_finish(fd);
    }
    if (r == 0)
        return fd;
    if (!fm_io_is_foreign(r))
        fm_io_close(fd);
    return r;
}

static int dial_unix(const char *path, int64_t deadline_ms)
{
    struct sockaddr_un addr;
    int r = unix_address(path, &addr);

    if (r < 0)
        return r;
    return dial_at((struct sockaddr *)&addr, sizeof addr, deadline_ms);
}

/* When this address has to be given up, so that those after it get their
 * share of the time. */
static int64_t share(const struct addrinfo *from, int64_t deadline_ms)
{
    int64_t now = fm_now_ms();
    int64_t n = 0;

    for (; from; from = from->ai_next)
        n++;
    return deadline_ms == FM_NEVER ? FM_NEVER : now + (deadline_ms - now) / n;
}

int fm_dial(const char *host, unsigned port, int64_t deadline_ms)
{
    const char *path = unix_path(host);
    struct addrinfo *list;
    int r = FM_E_NO_ADDR;

    if (path)
        return dial_unix(path, deadline_ms);
    if (port == 0 || port > 65535 || is_any(host))
        return FM_E_USAGE;
    list = look_up(host, port, 0);
    for (const struct addrinfo *a = list; a && r < 0; a = a->ai_next)
        r = dial_at(a->ai_addr, a->ai_addrlen, share(a, deadline_ms));
    if (list)
        freeaddrinfo(list);
    return r;
}

static int inet_name(const struct sockaddr_storage *addr, char *name)
{
    char host[NI_MAXHOST], port[NI_MAXSERV];
    bool v6 = addr->ss_family == AF_INET6;

    if (getnameinfo((const struct sockaddr *)addr, sizeof *addr, host,
                    sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return FM_E_NO_ADDR;
    snprintf(name, FM_NAME_MAX, v6 ? "[%.64s]:%.8s" : "%.64s:%.8s", host, port);
    return 0;
}

int fm_sock_name(int fd, char name[FM_NAME_MAX])
{
    struct sockaddr_storage addr;
    int err = fm_io_get_name(fd, &addr);

    *name = '\0';
    if (err < 0)
        return err;
    if (addr.ss_family != AF_UNIX)
        return inet_name(&addr, name);
    snprintf(name, FM_NAME_MAX, "%s%.*s", unix_prefix,
             (int)sizeof((struct sockaddr_un *)0)->sun_path,
             ((struct sockaddr_un *)&addr)->sun_path);
    return 0;
}

/* 1: it is; 0: it is not; or an error < 0. */
static int is_tcp(int fd)
{
    struct sockaddr_storage addr;
    int err = fm_io_get_name(fd, &addr);

    return err < 0 ? err
                   : addr.ss_family == AF_INET || addr.ss_family == AF_INET6;
}

int fm_keepalive(int fd, int idle_s, int every_s)
{
    static const int tries = 3;
    int err = fm_io_set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);

    if (err == 0)
        err = is_tcp(fd);
    if (err <= 0)
        return err;
    err = fm_io_set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle_s);
    if (err == 0)
        err = fm_io_set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, every_s);
    if (err == 0)
        err = fm_io_set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, tries);
    return err;
}

int fm_no_delay(int fd)
{
    int r = is_tcp(fd);

    return r > 0 ? fm_io_set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1) : r;
}

int fm_half_close(int fd)
{
    return fm_io_shutdown(fd, SHUT_WR);
}

int fm_drain(int fd, int64_t deadline_ms)
{
    char piece[4096];
    ssize_t r = fm_half_close(fd); /* what else fails receiving tells */

    if (fm_io_is_foreign((int)r))
        return (int)r;
    do
        r = fm_sock_recv_some(fd, piece, sizeof piece, deadline_ms);
    while (r > 0 && fm_now_ms() < deadline_ms); /* who sends on has no more */
    if (r > 0)
        return FM_E_TIMEOUT;
    return r == FM_E_CLOSED ? 0 : (int)r;
}

void fm_close(int fd)
{
    fm_io_close(fd);
}
