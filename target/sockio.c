/* see sockio.h */
#include "target/sockio.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

struct row {
    int sys;
    int err;
};

static const struct row rows[] = {
    {EAGAIN, FM_E_AGAIN},         {EINTR, FM_E_INTR},
    {ENOBUFS, FM_E_BUSY},         {ENOMEM, FM_E_BUSY},
    {EPIPE, FM_E_PIPE},           {ECONNRESET, FM_E_RESET},
    {ECONNABORTED, FM_E_RESET},   {ETIMEDOUT, FM_E_UNREACH},
    {EHOSTUNREACH, FM_E_UNREACH}, {ENETUNREACH, FM_E_UNREACH},
    {EHOSTDOWN, FM_E_UNREACH},    {ENETDOWN, FM_E_UNREACH},
    {ECONNREFUSED, FM_E_REFUSED}, {ENOENT, FM_E_REFUSED},
    {EBADF, FM_E_BADFD},          {ENOTSOCK, FM_E_NOT_SOCK},
    {EMFILE, FM_E_NO_FILES},      {ENFILE, FM_E_NO_FILES},
    {EADDRINUSE, FM_E_IN_USE},    {EADDRNOTAVAIL, FM_E_NO_ADDR},
    {EAFNOSUPPORT, FM_E_NO_ADDR}, {EACCES, FM_E_DENIED},
    {EPERM, FM_E_DENIED},         {EINVAL, FM_E_USAGE},
    {ENOTCONN, FM_E_USAGE},       {EMSGSIZE, FM_E_USAGE},
};

/* accept(2) passes on what already went wrong with the new connection. */
static const struct row accept_rows[] = {
    {ECONNABORTED, FM_E_ABORTED}, {ECONNRESET, FM_E_ABORTED},
    {EPROTO, FM_E_ABORTED},       {EPERM, FM_E_ABORTED},
    {ENETDOWN, FM_E_ABORTED},     {ENOPROTOOPT, FM_E_ABORTED},
    {EHOSTDOWN, FM_E_ABORTED},    {ENONET, FM_E_ABORTED},
    {EHOSTUNREACH, FM_E_ABORTED}, {EOPNOTSUPP, FM_E_ABORTED},
    {ENETUNREACH, FM_E_ABORTED},  {ETIMEDOUT, FM_E_ABORTED},
};

#define LENGTH(array) (sizeof array / sizeof *array)

static int look_up(const struct row *table, size_t n, int sys)
{
    for (size_t i = 0; i < n; i++)
        if (table[i].sys == sys)
            return table[i].err;
    return FM_E_SYS;
}

static int translate(int sys)
{
    return look_up(rows, LENGTH(rows), sys);
}

/* What a call returned: its result, or why it said -1. */
static int result(int r)
{
    return r == -1 ? translate(errno) : r;
}

static ssize_t received(ssize_t r)
{
    if (r == -1)
        return translate(errno);
    return r == 0 ? FM_E_CLOSED : r;
}

static ssize_t sent(ssize_t r)
{
    if (r == -1)
        return translate(errno);
    return r == 0 ? FM_E_BUSY : r;
}

ssize_t fm_io_recv(int fd, void *buf, size_t len)
{
    return received(recv(fd, buf, len, 0));
}

ssize_t fm_io_recv_now(int fd, void *buf, size_t len)
{
    return received(recv(fd, buf, len, MSG_DONTWAIT));
}

ssize_t fm_io_read(int fd, void *buf, size_t len)
{
    return received(read(fd, buf, len));
}

ssize_t fm_io_send(int fd, const void *buf, size_t len)
{
    return sent(send(fd, buf, len, MSG_NOSIGNAL));
}

ssize_t fm_io_send_now(int fd, const void *buf, size_t len)
{
    return sent(send(fd, buf, len, MSG_NOSIGNAL | MSG_DONTWAIT));
}

static ssize_t send_pieces(int fd, struct iovec *iov, int iovcnt, int flags)
{
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = (size_t)iovcnt};

    return sent(sendmsg(fd, &msg, MSG_NOSIGNAL | flags));
}

ssize_t fm_io_sendv(int fd, struct iovec *iov, int iovcnt)
{
    return send_pieces(fd, iov, iovcnt, 0);
}

ssize_t fm_io_sendv_now(int fd, struct iovec *iov, int iovcnt)
{
    return send_pieces(fd, iov, iovcnt, MSG_DONTWAIT);
}

ssize_t fm_io_write(int fd, const void *buf, size_t len)
{
    return sent(write(fd, buf, len));
}

int fm_io_accept(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    int err;

    if (fd >= 0)
        return fd;
    err = look_up(accept_rows, LENGTH(accept_rows), errno);
    return err == FM_E_ABORTED ? err : translate(errno);
}

int fm_io_socket(int domain)
{
    return result(
        socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

int fm_io_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
    return result(bind(fd, addr, len));
}

int fm_io_listen(int fd, int backlog)
{
    return result(listen(fd, backlog));
}

/* An interrupted connect goes on by itself (POSIX), just as one that has to
 * wait.  On AF_UNIX Linux waits for room with the listener before it begins:
 * interrupted then, or without waiting (EAGAIN), nothing goes on. */
int fm_io_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    int r;

    do
        r = connect(fd, addr, len);
    while (r == -1 && errno == EINTR && addr->sa_family == AF_UNIX);
    if (r == 0)
        return 0;
    if (errno == EINPROGRESS || errno == EINTR)
        return 1;
    return errno == EAGAIN ? FM_E_BUSY : translate(errno);
}

int fm_io_take_error(int fd)
{
    int sys = 0;
    socklen_t len = sizeof sys;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &sys, &len) == -1)
        return translate(errno);
    return sys == 0 ? 0 : translate(sys);
}

int fm_io_get_name(int fd, struct sockaddr_storage *addr)
{
    socklen_t len = sizeof *addr;

    *addr = (struct sockaddr_storage){.ss_family = AF_UNSPEC};
    return result(getsockname(fd, (struct sockaddr *)addr, &len));
}

int fm_io_set_option(int fd, int level, int option, int value)
{
    return result(setsockopt(fd, level, option, &value, sizeof value));
}

int fm_io_shutdown(int fd, int how)
{
    return result(shutdown(fd, how));
}

int fm_io_close(int fd)
{
    return result(close(fd));
}

int fm_io_pair(int ends[2])
{
    return result(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
}

int fm_io_kill(pid_t pid)
{
    return pid > 0 ? result(kill(pid, SIGKILL)) : FM_E_USAGE;
}

int fm_io_wait_child(pid_t pid)
{
    int status;
    int r = result(waitpid(pid, &status, 0));

    if (r < 0)
        return r;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

bool fm_io_is_foreign(int err)
{
    return err == FM_E_BADFD || err == FM_E_NOT_SOCK;
}

bool fm_io_is_open(int fd)
{
    return fcntl(fd, F_GETFD) != -1 || errno != EBADF;
}

int fm_io_get_nonblock(int fd)
{
    int flags = result(fcntl(fd, F_GETFL));

    return flags < 0 ? flags : (flags & O_NONBLOCK) != 0;
}

int fm_io_set_nonblock(int fd, bool on)
{
    int flags = result(fcntl(fd, F_GETFL));

    if (flags < 0)
        return flags;
    flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    return result(fcntl(fd, F_SETFL, flags));
}

int fm_io_poll(int fd, short events, int wake, int timeout_ms)
{
    struct pollfd p[2] = {{.fd = fd, .events = events},
                          {.fd = wake, .events = POLLIN}};
    int r = result(poll(p, wake < 0 ? 1 : 2, timeout_ms));

    if (r > 0 && p[0].revents & POLLNVAL)
        return FM_E_BADFD;
    return r > 0 ? 1 + (p[1].revents != 0) : r;
}

int fm_io_select(int nfds, fd_set *rd, fd_set *wr, fd_set *ex, int timeout_ms)
{
    struct timeval timeout = {.tv_sec = timeout_ms / 1000,
                              .tv_usec = timeout_ms % 1000 * 1000};

    return result(select(nfds, rd, wr, ex, timeout_ms < 0 ? NULL : &timeout));
}
