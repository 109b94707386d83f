/*
 * interrupted.c: signals all the time, at calls that none can interrupt.
 *
 *     interrupted calls    of descriptors, and accepts that need not wait
 *     interrupted cancel   an accept that waits is left when its thread ends
 *     interrupted threads  the calls, by several threads and a child
 *     interrupted waits    calls that wait are interrupted, as they should be
 *     interrupted stopped  a child is stopped, goes on and is ended
 *     interrupted traced   a child is traced by its parent
 *
 * Ends with 1 when a call was interrupted all the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
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
    for (int i = 0; i < 400; i++) {
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

static void *use_calls_too(void *arg)
{
    use_calls();
    return arg;
}

static int threads(void)
{
    pthread_t thread[3];
    int status = -1;

    for (int i = 0; i < 3; i++)
        pthread_create(&thread[i], NULL, use_calls_too, NULL);
    if (fork() == 0) {
        use_calls();
        _exit(interrupted > 0);
    }
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
    while (wait(&status) < 0 && errno == EINTR)
        ;
    return interrupted > 0 || status != 0;
}

static bool is_interrupted(const char *what, long result)
{
    if (result < 0 && errno == EINTR)
        return true;
    printf("%s: not EINTR\n", what);
    return false;
}
#define IS_INTERRUPTED(call) is_interrupted(#call, call)

static int waits(void)
{
    int l = listener(SOCK_STREAM), pair[2], ends[2], status;
    struct pollfd p;
    pid_t child;
    char c;

    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    pipe(ends);
    p = (struct pollfd){.fd = pair[0], .events = POLLIN};
    child = fork();
    if (child == 0)
        for (;;)
            pause();
    begin_signals();
    return !(IS_INTERRUPTED(read(ends[0], &c, 1)) &&
             IS_INTERRUPTED(read(ends[0], &c, 1)) &&
             IS_INTERRUPTED(recv(pair[0], &c, 1, 0)) &&
             IS_INTERRUPTED(accept(l, NULL, NULL)) &&
             IS_INTERRUPTED(poll(&p, 1, -1)) && IS_INTERRUPTED(wait(&status)) &&
             kill(child, SIGKILL) == 0);
}

static int stopped(void)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        begin_signals();
        for (;;)
            socket(-1, 0, 0);
    }
    usleep(50000);
    for (int i = 0; i < 3; i++) {
        kill(pid, SIGSTOP);
        if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status) ||
            WSTOPSIG(status) != SIGSTOP)
            return 1;
        kill(pid, SIGCONT);
        if (waitpid(pid, &status, WCONTINUED) != pid || !WIFCONTINUED(status))
            return 2;
    }
    kill(pid, SIGTERM);
    return waitpid(pid, &status, 0) != pid || WTERMSIG(status) != SIGTERM;
}

static int traced(void)
{
    int status;
    pid_t pid;

    close(socket(AF_INET, SOCK_STREAM, 0));
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = wake}, NULL);
    pid = fork();
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
            _exit(3);
        raise(SIGUSR1);
        _exit(0);
    }
    if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
        WSTOPSIG(status) != SIGUSR1)
        return 1;
    ptrace(PTRACE_CONT, pid, NULL, NULL);
    return waitpid(pid, &status, 0) != pid || status != 0;
}

static const struct {
    const char *name;
    int (*run)(void);
} modes[] = {{"cancel", cancel},
             {"threads", threads},
             {"waits", waits},
             {"stopped", stopped},
             {"traced", traced}};

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    alarm(20);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (strcmp(argv[1], modes[i].name) == 0)
            return modes[i].run();
    use_calls();
    return interrupted > 0;
}
