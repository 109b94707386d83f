/*
 * wild.c: a program whose pointers lead nowhere.
 *
 * The kernel answers EFAULT, or what it looks at before, and the program goes
 * on.  Each call says what it got, and whether its connection still works.
 *
 *     wild           on a connection of TCP
 *     wild ended     ... whose peer is done
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static void *nowhere;
static int fd, peer, listener;
static char byte;
static struct iovec good = {&byte, 1};

/* The second half of what is good: a row that ends where nothing is. */
static void *edge(const void *last, size_t size)
{
    return memcpy((char *)nowhere - size, last, size);
}

static struct msghdr of(void *iov, size_t n)
{
    return (struct msghdr){.msg_iov = iov, .msg_iovlen = n};
}

/* clang-format off */
#define MSG(iov, n) (&(struct msghdr[]){of(iov, n)}[0])
#define ROW(iov) (&(struct mmsghdr[]){{.msg_hdr = of(&good, 1)}, \
                                      {.msg_hdr = of(iov, 1)}}[0])

#define AT_ONCE (&(struct timeval){0, 0})
#define NEVER   (&(struct timeval){-1, 0})
#define NO_TIME (&(struct timespec){0, 0})
#define ADDR    ((struct sockaddr *)&addr)

#define CALLS(X)                                                              \
    X("sendmsg", sendmsg(fd, nowhere, 0))                                     \
    X("sendmsg of a vector", sendmsg(fd, MSG(nowhere, 1), 0))                 \
    X("sendmsg of none", sendmsg(fd, MSG(nowhere, 0), 0))                     \
    X("sendmsg of half", sendmsg(fd, MSG(edge(&good, sizeof good), 2), 0))    \
    X("recvmsg", recvmsg(fd, nowhere, MSG_DONTWAIT))                          \
    X("recvmsg of a vector", recvmsg(fd, MSG(nowhere, 1), MSG_DONTWAIT))      \
    X("writev", writev(fd, nowhere, 1))                                       \
    X("writev of half", writev(fd, edge(&good, sizeof good), 2))              \
    X("readv", readv(fd, nowhere, 1))                                         \
    X("preadv2", preadv2(fd, nowhere, 1, -1, 0))                              \
    X("pwritev2", pwritev2(fd, nowhere, 1, -1, 0))                            \
    X("sendmmsg", sendmmsg(fd, nowhere, 1, 0))                                \
    X("sendmmsg of half", sendmmsg(fd, ROW(nowhere), 2, 0))                   \
    X("recvmmsg", recvmmsg(fd, nowhere, 1, MSG_DONTWAIT, NULL))               \
    X("recvmmsg by then", recvmmsg(fd, ROW(&good), 1, MSG_DONTWAIT, nowhere)) \
    X("connect", connect(fd, nowhere, sizeof(struct sockaddr_in)))            \
    X("connect to nobody", connect(fd, NULL, sizeof(struct sockaddr_in)))     \
    X("connect to nothing", connect(fd, nowhere, 0))                          \
    X("epoll_ctl", epoll_ctl(ep, EPOLL_CTL_ADD, fd, nowhere))                 \
    X("epoll_ctl of nothing", epoll_ctl(ep, EPOLL_CTL_ADD, fd, NULL))         \
    X("epoll_ctl and out", epoll_ctl(ep, EPOLL_CTL_DEL, fd, nowhere))         \
    X("pselect by number", syscall(SYS_pselect6, 0, 0, 0, 0, 0, nowhere))     \
    X("select", select(fd + 1, nowhere, NULL, NULL, AT_ONCE))                 \
    X("select to write", select(fd + 1, NULL, nowhere, NULL, AT_ONCE))        \
    X("select of too many", select(-1, nowhere, NULL, NULL, AT_ONCE))         \
    X("select for no time", select(fd + 1, nowhere, NULL, NULL, NEVER))       \
    X("select of none", select(0, nowhere, NULL, NULL, AT_ONCE))              \
    X("pselect with a mask", pselect(0, NULL, NULL, NULL, NO_TIME, nowhere))  \
    X("poll", poll(nowhere, 1, 0))                                            \
    X("poll of nobody's", poll(NULL, 1, 0))                                   \
    X("poll of half", poll(edge(&(struct pollfd){.fd = fd}, 8), 2, 0))        \
    X("poll of too many", poll(nowhere, (nfds_t)-1, 0))                       \
    X("poll of far too many", poll(edge(&good, 8), 1 << 24, 0))               \
    X("poll of none", poll(nowhere, 0, 0))                                    \
    X("ppoll with a mask", ppoll(NULL, 0, NO_TIME, nowhere))                  \
    X("epoll_wait", epoll_wait(full, nowhere, 1, 0))                          \
    X("epoll_wait of none", epoll_wait(ep, nowhere, 0, 0))                    \
    X("epoll_wait of too many", epoll_wait(ep, nowhere, -1, 0))               \
    X("epoll_pwait with a mask", epoll_pwait(ep, &event, 1, 0, nowhere))      \
    X("getsockopt", getsockopt(fd, SOL_SOCKET, SO_ERROR, nowhere, &len))      \
    X("getsockopt of a length", getsockopt(fd, SOL_SOCKET, SO_ERROR, &event,  \
                                           nowhere))                          \
    X("getsockname of a length", getsockname(fd, ADDR, nowhere))              \
    X("getsockname to nowhere", getsockname(fd, nowhere, &len))               \
    X("getpeername", getpeername(fd, nowhere, nowhere))                       \
    X("accept", accept(listener, nowhere, nowhere))                           \
    X("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, nowhere))             \
    X("pipe", pipe(nowhere))                                                  \
    X("FIONREAD", ioctl(fd, FIONREAD, nowhere))                               \
    X("waitpid", waitpid(-1, nowhere, WNOHANG))                               \
    X("wait4", wait4(-1, nowhere, WNOHANG, NULL))                             \
    X("getsockname", getsockname(fd, nowhere, nowhere))                       \
    X("read", read(fd, nowhere, 1))
/* clang-format on */

static void connect_both(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof addr;

    listener = socket(AF_INET, SOCK_STREAM, 0);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(listener, (struct sockaddr *)&addr, len);
    listen(listener, 1);
    getsockname(listener, (struct sockaddr *)&addr, &len);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    connect(fd, (struct sockaddr *)&addr, len);
    peer = accept(listener, NULL, NULL);
    fcntl(listener, F_SETFL, O_NONBLOCK);
}

/* What came meanwhile is of no interest. */
static bool works(void)
{
    char sink[64];

    recv(peer, sink, sizeof sink, MSG_DONTWAIT);
    return send(fd, "x", 1, MSG_NOSIGNAL) == 1 && recv(peer, sink, 1, 0) == 1;
}

static void tell(const char *name, long result)
{
    const char *err = result < 0 ? strerrorname_np(errno) : "";

    printf("%s: %ld %s%s\n", name, result, err, works() ? "" : ", and no more");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct sockaddr_in addr;
    socklen_t len = sizeof addr;
    struct epoll_event event = {.events = EPOLLIN};
    int ep = epoll_create1(0), full = epoll_create1(0);
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    munmap(pages + 4096, 4096);
    nowhere = pages + 4096;
    connect_both();
    if (argc > 1 && strcmp(argv[1], "ended") == 0) {
        shutdown(peer, SHUT_WR);
        recv(fd, &byte, 1, 0);
    }
    epoll_ctl(full, EPOLL_CTL_ADD, fd, &event);
    send(fd, "z", 1, MSG_NOSIGNAL);
#define X(name, call)                 \
    send(peer, "y", 1, MSG_NOSIGNAL); \
    tell(name, (long)(call));
    CALLS(X)
#undef X
    return 0;
}
