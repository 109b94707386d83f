/*
 * forking.c: servers that have a child for each client, as they are; each mode
 * but the first few has one mistake in it.
 *
 *     forking [good|waits|ignores|prefork|pipes|kills|wakes|ends|execs|alarms|
 *              hands-on|group|naps|rings|tidies|locks|flocks|
 *              ends-locked|semaphores|messages|drops|spins|often|
 *              then-threads|threads-help|inetd|shell|sleeps|static|leaks|
 *              stays|crashes|loses|closes-twice|runs-on|sleeps-on|
 *              threads|threads-then]
 *
 * They echo lines.  A line "x" is what the mistakes are made at.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS = 3, LINE = 64 };

static const char *mode = "good";
static volatile sig_atomic_t stopped, ended;
static int listener, report[2] = {-1, -1}, life[2] = {-1, -1};
static int wakes[2] = {-1, -1};

static int is(const char *what)
{
    return strcmp(mode, what) == 0;
}

static void on_signal(int signo)
{
    if (signo == SIGTERM)
        stopped = 1;
    else
        ended = 1;
    while (is("spins") && waitpid(-1, NULL, WNOHANG) != -1)
        ;
    if (signo == SIGCHLD && wakes[1] >= 0 && write(wakes[1], "c", 1) != 1)
        abort();
}

static void handle(int signo, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};

    sigaction(signo, &action, NULL);
}

static void *nothing(void *arg)
{
    return arg;
}

static void *idle(void *arg)
{
    pause();
    return arg;
}

static void make_thread(void *(*run)(void *))
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, run, NULL) != 0)
        abort();
    if (run == nothing)
        pthread_join(thread, NULL);
}

/* ------------------------------------------------------------- the children */

static char *volatile lost;

static void err(int fd)
{
    if (is("loses")) {
        lost = malloc(3000);
        lost = NULL;
        exit(3);
    }
    if (is("crashes"))
        abort();
    while (is("runs-on"))
        ;
    if (is("sleeps-on") && mkfifo("nobody", 0600) == 0)
        open("nobody", O_RDONLY);
    if (is("closes-twice"))
        close(listener); /* once more */
    if (is("threads"))
        make_thread(nothing);
    if (is("execs"))
        execlp("true", "true", (char *)NULL);
    if (is("alarms")) {
        alarm(3);
        pause();
    }
    if (is("stays"))
        for (;;)
            pause();
    (void)fd;
}

static bool has_lock(void)
{
    return is("locks") || is("flocks") || is("ends-locked") ||
           is("semaphores") || is("messages");
}

/* Of System V, and what has to be there before the first child. */
static int shared;

static void change(int by)
{
    struct sembuf op = {.sem_op = (short)by};

    if (semop(shared, &op, 1) < 0)
        abort();
}

static void pass(bool on)
{
    struct {
        long type;
    } token = {.type = 1};

    if (on ? msgrcv(shared, &token, 0, 1, 0) < 0
           : msgsnd(shared, &token, 0, 0) < 0)
        abort();
}

static void share(void)
{
    if (is("semaphores")) {
        shared = semget(IPC_PRIVATE, 1, 0600);
        change(1);
    }
    if (is("messages")) {
        shared = msgget(IPC_PRIVATE, 0600);
        pass(false);
    }
}

static void unshare_all(void)
{
    if (is("semaphores"))
        semctl(shared, 0, IPC_RMID);
    if (is("messages"))
        msgctl(shared, IPC_RMID, NULL);
}

/* One at a time answers; the second of two has to wait for the first. */
static void lock(bool on)
{
    struct flock whole = {.l_type = on ? F_WRLCK : F_UNLCK};
    static int fd = -1;
    static bool held;

    if (fd < 0)
        fd = open("lock", O_RDWR | O_CREAT, 0600);
    if (is("locks") && (fd < 0 || fcntl(fd, F_SETLKW, &whole) < 0))
        abort();
    if (is("flocks") && flock(fd, on ? LOCK_EX : LOCK_UN) < 0)
        abort();
    if (is("ends-locked") && on && flock(fd, LOCK_EX) < 0)
        abort();
    if (is("semaphores") && on != held)
        change(on ? -1 : 1);
    if (is("messages") && on != held)
        pass(on);
    held = on;
    if (on)
        usleep(2000000);
}

/* More than can be at once. */
static void fork_often(void)
{
    pid_t child;

    for (int i = 0; i < 600; i++) {
        child = fork();
        if (child == 0)
            _exit(0);
        if (waitpid(child, NULL, 0) != child)
            abort();
    }
}

static void echo(int fd)
{
    char line[LINE];
    ssize_t n;

    while ((n = read(fd, line, sizeof line)) > 0) {
        if (has_lock())
            lock(true);
        if (is("often") && line[0] == 'x')
            fork_often();
        if (line[0] == 'x')
            err(fd);
        if (write(fd, line, (size_t)n) != n)
            break;
    }
    if (has_lock())
        lock(false);
    if (report[1] >= 0 && write(report[1], "e", 1) != 1)
        abort();
}

/* Another program is to serve: what inetd and its kind do. */
static void hand_over(int fd)
{
    dup2(fd, STDIN_FILENO);
    dup2(fd, STDOUT_FILENO);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (is("inetd"))
        execlp("cat", "cat", (char *)NULL);
    if (is("static"))
        execl("./static", "static", (char *)NULL);
    execlp("sh", "sh", "-c",
           is("shell") ? "read line; echo $line; cat"
                       : "exec <&- >&-; exec sleep 100",
           (char *)NULL);
}

static bool hands_over(void)
{
    return is("inetd") || is("shell") || is("static") || is("sleeps");
}

/* What was its standard input is something else, and closed with that. */
static _Noreturn void go_idle(int fd)
{
    dup2(fd, STDIN_FILENO);
    close(fd);
    dup2(open("/dev/null", O_RDWR), STDIN_FILENO);
    for (;;)
        pause();
}

static _Noreturn void serve(int fd)
{
    handle(SIGCHLD, SIG_DFL);
    handle(SIGTERM, SIG_DFL);
    handle(SIGALRM, SIG_DFL);
    for (int i = 512; is("tidies") && i < 600; i++)
        if (i != fd)
            close(i);
    if (!is("tidies"))
        close(listener);
    if (is("drops"))
        go_idle(fd);
    if (hands_over())
        hand_over(fd);
    echo(fd);
    close(fd);
    _exit(3);
}

/* Whose child has it, and goes on when that has ended. */
static void hand_on(int fd)
{
    pid_t child = fork();

    if (child == 0 && fork() == 0)
        serve(fd);
    if (child == 0)
        _exit(3);
}

/* --------------------------------------------------------------- the parent */

static void check(int status)
{
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) != SIGABRT;

    if (!killed && (!WIFEXITED(status) ||
                    (WEXITSTATUS(status) != 3 && WEXITSTATUS(status) != 0)))
        exit(9);
    if (killed && !is("kills") && !is("wakes") && !is("ends") && !is("alarms"))
        exit(8);
}

static void reap(void)
{
    int status;

    ended = 0;
    while (waitpid(-1, &status, WNOHANG) > 0)
        check(status);
}

/* It is told by a time limit what is not over then, and is gone then: there is
 * nobody left who has the other end. */
static void limit(pid_t child)
{
    char none;

    close(life[1]);
    sleep(5);
    kill(child, is("kills") ? SIGKILL : SIGTERM);
    if (read(life[0], &none, 1) == 1)
        abort();
    close(life[0]);
}

/* The handler has called before the next call. */
static void end_it(pid_t child)
{
    socklen_t len;
    char what;
    int on;

    kill(child, SIGKILL);
    for (int i = 0; i < 200; i++) {
        len = sizeof on;
        getsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, &len);
    }
    if (read(wakes[0], &what, 1) != 1)
        abort();
}

/* A signal ends the sleep. */
static void await_end(void)
{
    while (!ended)
        sleep(100);
}

/* A child beside a thread that is no server. */
static bool gets_help(int fd)
{
    static bool has_thread;
    bool had = has_thread;
    pid_t child;

    has_thread = is("threads-help");
    if (!has_thread || !had)
        return false;
    child = fork();
    if (child == 0)
        _exit(3);
    waitpid(child, NULL, 0);
    echo(fd);
    close(fd);
    return true;
}

static void begin(int fd)
{
    pid_t child = 0;
    int status;

    if ((is("kills") || is("ends")) && pipe(life) < 0)
        abort();
    if (is("rings"))
        setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 500000}}, NULL);
    if (gets_help(fd))
        return;
    if (is("hands-on"))
        hand_on(fd);
    else if ((child = fork()) == 0)
        serve(fd);
    if (!is("leaks"))
        close(fd);
    if (is("kills") || is("ends"))
        limit(child);
    if (is("wakes"))
        end_it(child);
    if (is("naps"))
        await_end();
    if ((is("waits") || is("then-threads") || is("threads-then") ||
         is("threads-help")) &&
        waitpid(child, &status, 0) == child)
        check(status);
    if (is("then-threads"))
        make_thread(nothing);
    if (is("threads-then") || is("threads-help"))
        make_thread(idle);
}

static void take_report(void)
{
    fd_set set;
    char what;

    FD_ZERO(&set);
    FD_SET(report[0], &set);
    FD_SET(listener, &set);
    if (select(listener > report[0] ? listener + 1 : report[0] + 1, &set, NULL,
               NULL, NULL) > 0 &&
        FD_ISSET(report[0], &set) && read(report[0], &what, 1) != 1)
        abort();
}

static void work(void)
{
    int fd;

    while (!stopped) {
        if (report[0] >= 0)
            take_report();
        fd = accept(listener, NULL, NULL);
        if (fd >= 0)
            begin(fd);
        if (ended)
            reap();
    }
}

static _Noreturn void worker(void)
{
    int fd;

    handle(SIGTERM, SIG_DFL);
    for (;;)
        if ((fd = accept(listener, NULL, NULL)) >= 0) {
            echo(fd);
            close(fd);
        }
}

static void prefork(void)
{
    pid_t workers[WORKERS];
    sigset_t term, none;

    sigemptyset(&none);
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    if (!is("spins"))
        sigprocmask(SIG_BLOCK, &term, NULL);
    for (int i = 0; i < WORKERS; i++)
        if ((workers[i] = fork()) == 0) {
            sigprocmask(SIG_SETMASK, &none, NULL);
            worker();
        }
    while (!stopped)
        sigsuspend(&none);
    if (is("group")) {
        handle(SIGTERM, SIG_IGN);
        kill(0, SIGTERM);
    }
    for (int i = 0; i < WORKERS && !is("group"); i++)
        kill(workers[i], SIGTERM);
    while (wait(NULL) > 0)
        ;
}

int main(int argc, char **argv)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    if (argc > 1)
        mode = argv[1];
    handle(SIGTERM, on_signal);
    if (is("rings"))
        handle(SIGALRM, SIG_IGN);
    handle(SIGCHLD, is("ignores")                       ? SIG_IGN
                    : is("waits") || is("then-threads") ? SIG_DFL
                                                        : on_signal);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&addr, sizeof addr) < 0 ||
        listen(listener, 16) < 0)
        return 1;
    if (is("wakes") && pipe(wakes) < 0)
        return 1;
    if (is("pipes") && pipe(report) < 0)
        return 1;
    share();
    if (is("spins"))
        handle(SIGTERM, SIG_DFL);
    if (is("prefork") || is("group") || is("spins"))
        prefork();
    else
        work();
    unshare_all();
    while (!is("drops") && wait(NULL) > 0)
        ;
    return 0;
}
