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
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static void *nowhere;
static int fd, peer;
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
    X("waitpid", waitpid(-1, nowhere, WNOHANG))                               \
    X("wait4", wait4(-1, nowhere, WNOHANG, NULL))                             \
    X("getsockname", getsockname(fd, nowhere, nowhere))                       \
    X("read", read(fd, nowhere, 1))
/* clang-format on */

static void connect_both(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof addr;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(listener, (struct sockaddr *)&addr, len);
    listen(listener, 1);
    getsockname(listener, (struct sockaddr *)&addr, &len);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    connect(fd, (struct sockaddr *)&addr, len);
    peer = accept(listener, NULL, NULL);
    close(listener);
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
    int ep = epoll_create1(0);
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    munmap(pages + 4096, 4096);
    nowhere = pages + 4096;
    connect_both();
    if (argc > 1 && strcmp(argv[1], "ended") == 0) {
        shutdown(peer, SHUT_WR);
        recv(fd, &byte, 1, 0);
    }
#define X(name, call)                 \
    send(peer, "y", 1, MSG_NOSIGNAL); \
    tell(name, (long)(call));
    CALLS(X)
#undef X
    return 0;
}
