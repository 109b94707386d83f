/*
 * processes.c: makes a process and a thread and waits for both, once in each
 * way, and prints what comes back.
 *
 *     processes [handler]      a harmless signal has a handler
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
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
