/*
 * narrow.c: a program whose calls are made on little stack, as in a signal
 * handler on a stack of its own.
 *
 *     narrow        each call on a connection of TCP, and how many bytes of the
 *                   stack below it were written
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

enum { ROOM = 256 * 1024, PAINT = 0xa5 };

static unsigned char *stack;
static ucontext_t back, there;
static int listener, fd, peer, ep;
static char byte[64];
static struct sockaddr_in addr = {.sin_family = AF_INET};
static socklen_t addr_len = sizeof addr;

static struct iovec row[2] = {{byte, 3}, {byte, 3}};
static struct msghdr msg = {.msg_iov = row, .msg_iovlen = 2};

static void do_nothing(void)
{
}

static void do_send(void)
{
    send(fd, byte, 8, MSG_NOSIGNAL);
}

static void do_recv(void)
{
    recv(fd, byte, 8, 0);
}

static void do_read(void)
{
    read(fd, byte, 8);
}

static void do_write(void)
{
    write(fd, byte, 8);
}

static void do_writev(void)
{
    writev(fd, row, 2);
}

static void do_readv(void)
{
    readv(fd, row, 2);
}

static void do_sendmsg(void)
{
    sendmsg(fd, &msg, MSG_NOSIGNAL);
}

static void do_recvmsg(void)
{
    recvmsg(fd, &msg, 0);
}

static void do_poll(void)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    poll(&p, 1, 10);
}

static void do_select(void)
{
    static fd_set set;
    static struct timeval t;

    FD_ZERO(&set);
    FD_SET(fd, &set);
    t.tv_usec = 10000;
    select(fd + 1, &set, NULL, NULL, &t);
}

static void do_epoll_wait(void)
{
    struct epoll_event event;

    epoll_wait(ep, &event, 1, 10);
}

static void do_accept(void)
{
    close(accept(listener, NULL, NULL));
}

static void do_connect(void)
{
    int s = socket(AF_INET, SOCK_STREAM, 0);

    connect(s, (struct sockaddr *)&addr, addr_len);
    close(s);
}

static const struct {
    const char *name;
    void (*call)(void);
} calls[] = {
    {"nothing", do_nothing}, {"send", do_send},
    {"recv", do_recv},       {"read", do_read},
    {"write", do_write},     {"writev", do_writev},
    {"readv", do_readv},     {"sendmsg", do_sendmsg},
    {"recvmsg", do_recvmsg}, {"poll", do_poll},
    {"select", do_select},   {"epoll_wait", do_epoll_wait},
    {"accept", do_accept},   {"connect", do_connect},
};

/* One that the call will find, and the connection that it is about. */
static void prepare(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    int waiting;

    fd = socket(AF_INET, SOCK_STREAM, 0);
    connect(fd, (struct sockaddr *)&addr, addr_len);
    peer = accept(listener, NULL, NULL);
    waiting = socket(AF_INET, SOCK_STREAM, 0);
    fcntl(waiting, F_SETFL, O_NONBLOCK);
    connect(waiting, (struct sockaddr *)&addr, addr_len);
    send(peer, byte, sizeof byte, MSG_NOSIGNAL);
    send(fd, byte, 1, MSG_NOSIGNAL); /* what can be answered by a reset */
    fcntl(fd, F_SETFL, O_NONBLOCK);
    ep = epoll_create1(0);
    event.data.fd = fd;
    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event);
    fcntl(listener, F_SETFL, O_NONBLOCK);
}

static size_t written(void)
{
    size_t clean = 0;

    while (clean < ROOM && stack[clean] == PAINT)
        clean++;
    return ROOM - clean;
}

static size_t measure(void (*call)(void))
{
    memset(stack, PAINT, ROOM);
    getcontext(&there);
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = ROOM;
    there.uc_link = &back;
    makecontext(&there, call, 0);
    swapcontext(&back, &there);
    return written();
}

static void listen_here(void)
{
    listener = socket(AF_INET, SOCK_STREAM, 0);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(listener, (struct sockaddr *)&addr, sizeof addr);
    listen(listener, 128);
    getsockname(listener, (struct sockaddr *)&addr, &addr_len);
}

static void handle(int sig)
{
    (void)sig;
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGUSR1, handle);
    stack = mmap(NULL, ROOM, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    listen_here();
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        prepare();
        printf("%s %zu\n", calls[i].name, measure(calls[i].call));
        fflush(stdout);
    }
    return 0;
}
