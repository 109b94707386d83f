/*
 * interrupted.c: signals all the time, at calls that none can interrupt.
 *
 *     interrupted calls    of descriptors, and accepts that need not wait
 *     interrupted cancel   an accept that waits is left when its thread ends
 *
 * Ends with 1 when a call was interrupted all the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static int interrupted;

static long judge(const char *what, long result)
{
    if (result < 0 && errno == EINTR) {
        printf("%s: interrupted\n", what);
        interrupted++;
    }
    return result;
}
#define JUDGE(call) judge(#call, call)

static void wake(int sig)
{
    (void)sig;
}

/* The handler lacks SA_RESTART. */
static void begin_signals(void)
{
    struct sigaction sa = {.sa_handler = wake};
    struct itimerval often = {{0, 700}, {0, 700}};

    sigaction(SIGALRM, &sa, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
}

static int listener(int type)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    int fd = (int)JUDGE(socket(AF_INET, type, 0));

    bind(fd, (struct sockaddr *)&any, sizeof any);
    listen(fd, 5);
    return fd;
}

static void use_descriptors(int ep)
{
    struct epoll_event e = {.events = EPOLLIN};
    int one = 1, pair[2];
    int s = (int)JUDGE(socket(AF_INET, SOCK_STREAM, 0)), d;

    JUDGE(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one));
    JUDGE(epoll_ctl(ep, EPOLL_CTL_ADD, s, &e));
    JUDGE(d = dup(s));
    JUDGE(fcntl(d, F_GETFL));
    JUDGE(close(d));
    JUDGE(close(s));
    s = (int)JUDGE(syscall(SYS_socket, AF_INET, SOCK_DGRAM, 0));
    JUDGE(close(s));
    if (JUDGE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) == 0) {
        JUDGE(shutdown(pair[0], SHUT_WR));
        JUDGE(close(pair[0]));
        JUDGE(close(pair[1]));
    }
}

static void use_calls(void)
{
    int ep = epoll_create1(0);
    int l = listener(SOCK_STREAM | SOCK_NONBLOCK);

    begin_signals();
    for (int i = 0; i < 1000; i++) {
        use_descriptors(ep);
        JUDGE(accept(l, NULL, NULL));
        JUDGE(accept4(l, NULL, NULL, SOCK_CLOEXEC));
    }
}

static void *wait_for_one(void *fd)
{
    accept(*(int *)fd, NULL, NULL);
    return NULL;
}

static int cancel(void)
{
    int l = listener(SOCK_STREAM);
    pthread_t thread;
    void *result;

    alarm(10);
    pthread_create(&thread, NULL, wait_for_one, &l);
    usleep(100000);
    pthread_cancel(thread);
    pthread_join(thread, &result);
    return result != PTHREAD_CANCELED;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    if (strcmp(argv[1], "cancel") == 0)
        return cancel();
    use_calls();
    return interrupted > 0;
}
