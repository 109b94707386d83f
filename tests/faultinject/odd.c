/*
 * odd.c: a correct program that does things in odd ways.
 *
 *     odd constructor   uses sockets before main
 *     odd names         has functions of its own with names of the library's
 *     odd fork, vfork, spawn, exec
 *                       uses them in, or beside, another process
 *     odd closes        closes everything, as daemons do, and begins anew
 *     odd stack         on a stack of 32 KiB
 *     odd handler       in a signal handler
 *     odd stdio         through FILE, which calls libc from inside
 *     odd raw           by syscall(), past the names of libc
 *     odd batch         several messages a call
 *     odd many          in three hundred threads
 *     odd dlopen, deepbind
 *                       in a library that is loaded later, beside the program
 *     odd seccomp       and then forbids itself all that it does not need
 *     odd signals       is interrupted, or not, while it waits
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static const char *self;

/* Ten bytes over a pair, in as many pieces as it takes; 0 when they came. */
static int talk(void)
{
    char got[10];
    size_t n = 0;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 ||
        send(pair[1], "0123456789", 10, MSG_NOSIGNAL) != 10)
        return 1;
    while (n < sizeof got) {
        ssize_t r = recv(pair[0], got + n, sizeof got - n, 0);
        if (r == 0 || (r < 0 && errno != EINTR))
            return 1;
        n += r > 0 ? (size_t)r : 0;
    }
    close(pair[0]);
    close(pair[1]);
    return memcmp(got, "0123456789", 10) != 0;
}

static int early;

__attribute__((constructor)) static void before_main(void)
{
    early = talk();
}

static int constructor(void)
{
    return early;
}

/* What the library calls its own must stay the program's. */
int sf_on = 1;
int sf_ask(void);
int sf_ask(void)
{
    abort();
}
long sf_tell(void);
long sf_tell(void)
{
    abort();
}

static int awaited(pid_t pid)
{
    int status;

    return pid < 0 || waitpid(pid, &status, 0) != pid || status != 0;
}

static int use_fork(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(talk());
    return awaited(pid) || talk();
}

static int use_vfork(void)
{
    int pair[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return 1;
    pid = vfork();
    if (pid == 0) {
        close(pair[0]);
        dup2(pair[1], 100);
        execl(self, self, "names", (char *)NULL);
        _exit(1);
    }
    if (awaited(pid))
        return 1;
    return send(pair[1], "x", 1, 0) != 1 ||
           recv(pair[0], &(char){0}, 1, 0) != 1 || talk();
}

static int use_spawn(void)
{
    char *argv[] = {(char *)self, "names", NULL};
    pid_t pid;

    if (posix_spawn(&pid, self, NULL, NULL, argv, environ) != 0)
        return 1;
    return awaited(pid) || talk();
}

static int use_exec(void)
{
    execl(self, self, "names", (char *)NULL);
    return 1;
}

/* One that is over, and not closed. */
static int hear_the_end(void)
{
    int pair[2];
    char c;

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 || close(pair[1]) < 0)
        return 1;
    return recv(pair[0], &c, 1, 0) != 0;
}

/* Up and down, and not all. */
static int closes(void)
{
    if (talk())
        return 1;
    for (int fd = 3; fd < 256; fd++)
        close(fd);
    for (int fd = 255; fd > 2; fd--)
        close(fd);
    if (talk())
        return 1;
    for (int fd = 3; fd < 256; fd++)
        if (fd != 5 && fd != 7)
            close(fd);
    if (hear_the_end())
        return 1;
    closefrom(3);
    return talk() || talk() || talk();
}

static void *on_stack(void *result)
{
    *(int *)result = talk();
    return NULL;
}

static int small_stack(void)
{
    pthread_attr_t attr;
    pthread_t thread;
    int result = 1;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 32 * 1024);
    if (pthread_create(&thread, &attr, on_stack, &result) != 0)
        return 1;
    pthread_join(thread, NULL);
    return result;
}

static volatile sig_atomic_t handled = 1;

static void on_signal(int sig)
{
    (void)sig;
    handled = talk();
}

static int handler(void)
{
    signal(SIGUSR1, on_signal);
    raise(SIGUSR1);
    return handled || talk();
}

static int shared[2];
static volatile pid_t child;

static void fork_here(int sig)
{
    (void)sig;
    child = fork();
    if (child > 0)
        send(shared[1], "22", 2, MSG_NOSIGNAL);
}

/* A call that begins in one process and ends in two. */
static int midst(void)
{
    struct sigaction sa = {.sa_handler = fork_here, .sa_flags = SA_RESTART};
    char byte;

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, shared) < 0 ||
        send(shared[1], "1", 1, MSG_NOSIGNAL) != 1 ||
        recv(shared[0], &byte, 1, 0) != 1)
        return 1;
    sigaction(SIGALRM, &sa, NULL);
    ualarm(20000, 0);
    if (recv(shared[0], &byte, 1, 0) != 1)
        return 1;
    if (child == 0)
        _exit(talk());
    return awaited(child) || talk();
}

/* Lines and blocks, what is left at the end, and the end itself. */
static int stdio(void)
{
    char text[32], rest[32];
    int pair[2];
    FILE *here, *there;
    bool good;

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return 1;
    here = fdopen(pair[0], "r");
    there = fdopen(pair[1], "w");
    good = fprintf(there, "line %d\nand more", 1) == 15 && fflush(there) == 0 &&
           fgets(text, sizeof text, here) && strcmp(text, "line 1\n") == 0;
    good = good && fclose(there) == 0 && fread(rest, 1, 32, here) == 8 &&
           memcmp(rest, "and more", 8) == 0 && feof(here) && !ferror(here) &&
           fileno(here) == pair[0];
    return fclose(here) != 0 || !good;
}

/* The same ten bytes by number; what comes in pieces is put together. */
static int raw(void)
{
    char got[10];
    long n = 0;
    int pair[2];

    if (syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, pair) < 0 ||
        syscall(SYS_sendto, pair[1], "0123456789", 10, 0, NULL, 0) != 10)
        return 1;
    while (n < 10) {
        long r = syscall(SYS_read, pair[0], got + n, sizeof got - (size_t)n);
        if (r <= 0)
            return 1;
        n += r;
    }
    return memcmp(got, "0123456789", 10) != 0 ||
           syscall(SYS_close, pair[0]) < 0 || syscall(SYS_close, pair[1]) < 0 ||
           syscall(SYS_getpid) != getpid() ||
           (syscall(SYS_close, -1) == 0 || errno != EBADF);
}

/* Two messages of five bytes, out and in. */
static int batch(void)
{
    char bytes[] = "0123456789", got[10];
    struct iovec out[2] = {{bytes, 5}, {bytes + 5, 5}};
    struct mmsghdr messages[2] = {
        {.msg_hdr = {.msg_iov = out, .msg_iovlen = 1}},
        {.msg_hdr = {.msg_iov = out + 1, .msg_iovlen = 1}}};
    int pair[2];
    size_t n = 0;

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 ||
        sendmmsg(pair[1], messages, 2, 0) != 2)
        return 1;
    while (n < sizeof got) {
        size_t half = (sizeof got - n) / 2;
        struct iovec in[2] = {{got + n, half},
                              {got + n + half, sizeof got - n - half}};
        int count;
        for (int i = 0; i < 2; i++)
            messages[i].msg_hdr.msg_iov = &in[i];
        count = recvmmsg(pair[0], messages, 2, MSG_WAITFORONE, NULL);
        if (count < 1)
            return 1;
        n += messages[0].msg_len + (count == 2 ? messages[1].msg_len : 0);
        if (count == 2 && messages[0].msg_len < half)
            return 1; /* a gap */
    }
    return memcmp(got, bytes, sizeof got) != 0 || close(pair[0]) < 0 ||
           close(pair[1]) < 0;
}

static void on_alarm(int sig)
{
    (void)sig;
}

/* A handler without SA_RESTART ends a wait, one with it does not. */
static int signals(void)
{
    struct sigaction sa = {.sa_handler = on_alarm};
    struct timeval soon = {0, 50000};
    struct pollfd p = {.events = POLLIN};
    char byte;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return 1;
    sigaction(SIGALRM, &sa, NULL);
    ualarm(20000, 0);
    if (recv(pair[0], &byte, 1, 0) != -1 || errno != EINTR)
        return 1;
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
    sa.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &sa, NULL);
    ualarm(20000, 0);
    p.fd = pair[0];
    if (poll(&p, 1, 10000) != -1 || errno != EINTR)
        return 1;
    if (recv(pair[0], &byte, 1, 0) != -1 || errno != EAGAIN)
        return 1;
    return talk();
}

static void *in_thread(void *result)
{
    *(int *)result = talk();
    return NULL;
}

static int many(void)
{
    enum { THREADS = 300 };
    static pthread_t threads[THREADS];
    static int results[THREADS];
    int bad = 0;

    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, in_thread, &results[i]) != 0)
            return 1;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        bad |= results[i];
    }
    return bad;
}

/* This very file, as a library: SELF.so. */
int odd_talk(void)
{
    return talk();
}

static int load(int flags)
{
    char path[PATH_MAX];
    void *library;
    int (*function)(void);

    snprintf(path, sizeof path, "%s.so", self);
    library = dlopen(path, RTLD_NOW | flags);
    if (!library)
        return 1;
    *(void **)&function = dlsym(library, "odd_talk");
    return !function || function();
}

static int use_dlopen(void)
{
    return load(0);
}

static int deepbind(void)
{
    return load(RTLD_DEEPBIND);
}

/* Whatever is not in the list ends it. */
static int seccomp(void)
{
    static const int allowed[] = {SYS_socketpair, SYS_sendto,     SYS_recvfrom,
                                  SYS_close,      SYS_exit_group, SYS_write,
                                  SYS_munmap,     SYS_futex};
    enum { N = sizeof allowed / sizeof *allowed };
    struct sock_filter code[N + 3];
    struct sock_fprog program = {N + 3, code};

    if (talk())
        return 1;
    code[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
    for (unsigned char i = 0; i < N; i++)
        code[1 + i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                                   (unsigned)allowed[i],
                                                   (unsigned char)(N - i), 0);
    code[N + 1] =
        (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    code[N + 2] =
        (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
        return 1;
    return talk();
}

static const struct {
    const char *name;
    int (*run)(void);
} ways[] = {
    {"constructor", constructor},
    {"names", talk},
    {"fork", use_fork},
    {"vfork", use_vfork},
    {"spawn", use_spawn},
    {"exec", use_exec},
    {"closes", closes},
    {"stack", small_stack},
    {"handler", handler},
    {"midst", midst},
    {"stdio", stdio},
    {"raw", raw},
    {"batch", batch},
    {"signals", signals},
    {"many", many},
    {"dlopen", use_dlopen},
    {"deepbind", deepbind},
    {"seccomp", seccomp},
};

int main(int argc, char **argv)
{
    self = argv[0];
    for (size_t i = 0; argc == 2 && i < sizeof ways / sizeof *ways; i++)
        if (strcmp(argv[1], ways[i].name) == 0)
            return ways[i].run();
    return 3;
}
