/*
 * processes.c: makes a process and a thread and waits for both, once in each
 * way, and prints what comes back.
 *
 *     processes [handler]      a harmless signal has a handler
 *     processes past           makes processes past fork(), too; in each, and
 *                              in itself, it uses sockets
 */
#include <errno.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT = 7, UNTOUCHED = 99 };

static int status;
static pid_t child;

static void *nothing(void *arg)
{
    return arg;
}

static void handle(int sig)
{
    (void)sig;
}

static void say(const char *what, int err)
{
    printf("%s: %s\n", what, err ? strerrorname_np(err) : "done");
    fflush(stdout);
}

static void make_process(void)
{
    child = fork();
    if (child == 0)
        _exit(EXIT);
    say("fork", child < 0 ? errno : 0);
}

static void make_thread(void)
{
    pthread_t thread;
    int err;

    errno = UNTOUCHED;
    err = pthread_create(&thread, NULL, nothing, NULL);
    if (errno != UNTOUCHED)
        printf("pthread_create changed errno\n");
    if (err == 0)
        pthread_join(thread, NULL);
    say("pthread_create", err);
}

static pid_t by_wait(void)
{
    return wait(&status);
}

static pid_t by_wait3(void)
{
    return wait3(&status, 0, NULL);
}

static pid_t by_wait4(void)
{
    struct rusage usage;

    return wait4(child, &status, 0, &usage);
}

static pid_t by_waitpid(void)
{
    return waitpid(child, &status, 0);
}

/* It does not wait, so nothing interrupts it. */
static pid_t by_looking(void)
{
    pid_t pid;

    while ((pid = waitpid(child, &status, WNOHANG)) == 0)
        usleep(1000);
    return pid;
}

static void reap(const char *what, pid_t (*by)(void))
{
    pid_t pid;

    do {
        pid = by();
        say(what, pid < 0 ? errno : 0);
    } while (pid < 0 && errno == EINTR);
    if (pid > 0 && (pid != child || WEXITSTATUS(status) != EXIT))
        printf("%s: the wrong child\n", what);
}

/* --- past fork() */

static pid_t by_fork(void)
{
    return fork();
}

/* Nothing is to be done before or after it. */
static pid_t by_bare_fork(void)
{
    return _Fork();
}

#ifdef SYS_fork
static pid_t by_number(void)
{
    return (pid_t)syscall(SYS_fork);
}
#else
#define by_number by_clone_number
#endif

static pid_t by_clone_number(void)
{
    return (pid_t)syscall(SYS_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L);
}

static pid_t by_clone3_number(void)
{
    struct clone_args args = {.exit_signal = SIGCHLD};

    return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

static int use(void *last)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 ||
        write(pair[1], "x", 1) != 1 || read(pair[0], last, 1) != 1)
        return 1;
    return EXIT;
}

static pid_t by_clone(void)
{
    static _Alignas(16) char stack[64 * 1024];
    static char byte;

    return clone(use, stack + sizeof stack, SIGCHLD, &byte);
}

/* On its parent's memory, which waits: it is no process of its own yet. */
static pid_t by_vfork(void)
{
    pid_t pid = vfork();

    if (pid == 0)
        _exit(EXIT);
    return pid;
}

static int past(void)
{
    static pid_t (*const ways[])(void) = {
        by_fork,          by_bare_fork, by_number, by_clone_number,
        by_clone3_number, by_clone,     by_vfork};
    char byte;

    if (use(&byte) != EXIT)
        return 3;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        pid_t pid = ways[i]();
        if (pid == 0)
            _exit(use(&byte));
        if (pid < 0 || waitpid(pid, &status, 0) != pid ||
            WEXITSTATUS(status) != EXIT)
            return 3;
    }
    return use(&byte) == EXIT ? 0 : 3;
}

static int end_by(int sig)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return 3;
    return raise(sig);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        pid_t (*by)(void);
    } ways[] = {{"wait", by_wait},
                {"wait3", by_wait3},
                {"wait4", by_wait4},
                {"waitpid", by_waitpid},
                {"looking", by_looking}};
    struct sigaction sa = {.sa_handler = handle};
    int pair[2];

    if (argc > 1 && strcmp(argv[1], "past") == 0)
        return past();
    if (argc > 1 && strcmp(argv[1], "crash") == 0)
        return end_by(SIGABRT);
    if (argc > 1 && strcmp(argv[1], "killed") == 0)
        return end_by(SIGKILL);
    if (argc > 1 && strcmp(argv[1], "handler") == 0)
        sigaction(SIGURG, &sa, NULL);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return 3;
    make_thread();
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        make_process();
        if (child > 0)
            reap(ways[i].name, ways[i].by);
    }
    return 0;
}
