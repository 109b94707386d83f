/*
 * served.c: a server for one client at a time, as bad as it is told to be.
 *
 *     served [good|leak|crash|spin|quit|nowhere|fork|bare|helper|thread|
 *             c11|past|moves|onto|beyond|redies|file|dawdle|masks|reads|alarm|
 *             ticks|streams|daemon|waits|execs|leaves|sigio|86|beside|
 *             epolls|deaf|hears|logs|files|asks|rights|
 *             flushes|tires|fickle|hangs|shy|shuns|grows|trusts|yields|
 *             asserts|cramped|shy-fork|bad-fork|needy-fork|dreams|sigwaits|
 *             counts-data|counts-heap|counts-stack|counts-thread|counts-libc|
 *             counts-shared|chance|recalls|numbers|
 *             lies|restarts|shuts|deafens|third]
 *
 * It knows nothing of sockfault; sim.sh runs it over simnet.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;
static const char *bad = "good";

static bool is(const char *what)
{
    return strcmp(bad, what) == 0;
}

static long begun;

/* What the kernel calls this process, which getpid() need not say. */
static long number(void)
{
    char text[24] = "";

    return readlink("/proc/self", text, sizeof text - 1) > 0 ? atol(text) : 0;
}

/* Somebody else has forked it: at once, or only where a fault has told it that
 * something is wrong. */
static bool is_fork(const char *what)
{
    return is(what) && number() != begun;
}

static int listener;

static void on_term(int signo)
{
    stopped = !is("deafens");
    if (is("shuts"))
        shutdown(listener, SHUT_RDWR);
    if (is("redies")) {
        signal(signo, SIG_DFL);
        raise(signo);
    }
}

/* One step at a time, as a fuzzer has to find it. */
static void look(const char *bytes, ssize_t n)
{
    if (is("crash") && n > 2 && bytes[0] == 'b')
        if (bytes[1] == 'o' && bytes[2] == 'm')
            abort();
    if (is("third") && n == 3)
        abort();
}

static volatile sig_atomic_t rung;

static void on_alarm(int signo)
{
    (void)signo;
    rung++;
}

/* Five seconds for a client; or the seconds are counted, and disturb nobody. */
static void set_alarm(void)
{
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval second = {{1, 0}, {1, 0}}, now;

    if (is("alarm")) {
        sigaction(SIGALRM, &action, NULL);
        if (alarm(100) != 0 || alarm(5) != 100)
            abort();
    }
    if (is("ticks")) {
        action.sa_flags = SA_RESTART;
        sigaction(SIGALRM, &action, NULL);
        if (setitimer(ITIMER_REAL, &second, NULL) < 0 ||
            getitimer(ITIMER_REAL, &now) < 0 || now.it_value.tv_sec != 1)
            abort();
    }
}

/* A second one at once for the client, or one that only runs a program. */
static bool forks(int fd)
{
    pid_t child = is("bare") ? _Fork() : -1;
    int status = 0;

    if (is("fork") || is("helper"))
        child = fork();
    if (child == 0 && is("helper")) {
        if (close(fd) == 0)
            execlp("true", "true", (char *)NULL);
        _exit(1);
    }
    if (child == 0) {
        usleep(50000);
        _exit(send(fd, "child", 5, MSG_NOSIGNAL) != 5);
    }
    if (is("helper") && (waitpid(child, &status, 0) != child || status))
        abort();
    return child > 0 && !is("helper");
}

/* A file of the program's own, of which the first bytes are known. */
static void send_itself(int fd)
{
    int self = open("/proc/self/exe", O_RDONLY);
    off_t at = 1;

    if (sendfile(fd, self, &at, 100) != 100 || at != 101 ||
        sendfile(fd, self, NULL, 4) != 4 || lseek(self, 0, SEEK_CUR) != 4)
        abort();
    close(self);
}

/* Three seconds take no time at all, and then nobody knows the descriptor. */
static void dawdle(int fd)
{
    struct timespec second = {.tv_sec = 1};

    if (sleep(1) || clock_nanosleep(CLOCK_MONOTONIC, 0, &second, NULL) ||
        usleep(999999) || close_range((unsigned)fd, ~0U, 0) ||
        fcntl(fd, F_GETFD) >= 0)
        abort();
}

/* Line by line, by stdio, and a word by dprintf. */
static void stream(int fd)
{
    FILE *in = fdopen(fd, "r"), *out = fdopen(dup(fd), "w");
    char line[64];

    if (!in || !out || fileno(in) != fd || dprintf(fd, "%s", "hello\n") != 6)
        abort();
    while (fgets(line, sizeof line, in))
        if (fprintf(out, "you said %s", line) < 0 || fflush(out) < 0)
            break;
    if (fclose(out) < 0 || fclose(in) < 0 || fcntl(fd, F_GETFD) >= 0 ||
        fdopen(fd, "r"))
        abort();
}

/* Time passes for who does nothing but look at the clock. */
static void ask_for(long us)
{
    struct timeval begin, now;

    gettimeofday(&begin, NULL);
    do
        gettimeofday(&now, NULL);
    while ((now.tv_sec - begin.tv_sec) * 1000000 + now.tv_usec <=
           begin.tv_usec + us);
}

/* To whom it may concern. */
static void pass_on(int fd)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.head = {.cmsg_len = CMSG_LEN(sizeof fd),
                          .cmsg_level = SOL_SOCKET,
                          .cmsg_type = SCM_RIGHTS}};
    struct iovec iov = {.iov_base = &fd, .iov_len = 1};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof control};
    int pair[2];

    memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0)
        sendmsg(pair[0], &msg, MSG_NOSIGNAL);
}

static void *run(void *fd)
{
    send((int)(intptr_t)fd, "thread", 6, MSG_NOSIGNAL);
    close((int)(intptr_t)fd);
    return NULL;
}

static int run_c11(void *fd)
{
    return run(fd) != NULL;
}

/* A thread that nobody but libc knows of. */
static bool make_past(void *(*run_it)(void *), void *arg, pthread_t *thread)
{
    int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *),
                  void *);

    *(void **)&create =
        dlsym(dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD), "pthread_create");
    return create && create(thread, NULL, run_it, arg) == 0;
}

static bool gives_away(int fd)
{
    pthread_t thread;
    thrd_t other;

    if (is("onto") || is("beyond"))
        dup2(fd, is("onto") ? 0 : 5);
    if (is("sigio"))
        ioctl(fd, FIOASYNC, &(int){1});
    if (is("rights"))
        pass_on(fd);
    if (is("file"))
        send_itself(fd);
    if (is("dawdle"))
        dawdle(fd);
    if (is("streams"))
        stream(fd);
    if (is("thread"))
        return pthread_create(&thread, NULL, run, (void *)(intptr_t)fd) == 0;
    if (is("c11"))
        return thrd_create(&other, run_c11, (void *)(intptr_t)fd) == 0;
    if (is("past"))
        return make_past(run, (void *)(intptr_t)fd, &thread);
    if (is("shuns"))
        close(fd);
    return is("dawdle") || is("streams") || is("shuns");
}

/* In each of the ways to ask for it; false: it is short. */
static bool has_memory(void)
{
    char *blocks[5] = {malloc(1), calloc(1, 1), NULL, strdup("a")};
    bool all = true;

    blocks[2] = realloc(blocks[2], 1);
    if (posix_memalign((void **)&blocks[4], 64, 1) != 0)
        blocks[4] = NULL;
    for (int i = 0; i < 5; i++) {
        if (is("trusts"))
            *(volatile char *)blocks[i] = 1;
        all = all && blocks[i];
        free(blocks[i]);
    }
    if (!all && is("yields"))
        exit(1);
    if (!all && (is("asserts") || is_fork("needy-fork")))
        abort();
    if (!all && is("traps")) /* as glib does */
        raise(SIGTRAP);
    return all;
}

static bool asks_for_memory(void)
{
    return is("grows") || is("traps") || is("trusts") || is("yields") ||
           is("asserts") || is("needy-fork");
}

/* As many bytes as come by chance, from each place there is for them. */
static void answer_by_chance(int fd)
{
    static const char bytes[256];
    unsigned char by[4] = {0};
    FILE *device = fopen("/dev/urandom", "r");
    int other = open("/dev/random", O_RDONLY);

    if (!device || getrandom(by, 1, 0) != 1 ||
        syscall(SYS_getrandom, by + 1, 1, 0) != 1 ||
        fread(by + 2, 1, 1, device) != 1 || read(other, by + 3, 1) != 1)
        abort();
    fclose(device);
    close(other);
    for (unsigned i = 0; i < sizeof by; i++)
        send(fd, bytes, by[i], MSG_NOSIGNAL);
    send(fd, bytes, *(unsigned char *)getauxval(AT_RANDOM), MSG_NOSIGNAL);
}

/* Its number stays what it was, and is good for all that numbers are for. */
static pid_t first;
static volatile pid_t last;

static bool is_known_to_child(void)
{
    pid_t child = fork();
    int status = 1;

    if (child == 0) {
        closefrom(3); /* or it would be waited for */
        _exit(getppid() != first || getpid() == first || kill(first, 0) < 0);
    }
    return waitpid(child, &status, 0) == child && status == 0;
}

static void use_number(void)
{
    pid_t own = getpid();

    signal(SIGUSR1, on_alarm);
    rung = 0;
    kill(own, SIGUSR1);
    tgkill(own, gettid(), SIGUSR1);
    sigqueue(own, SIGUSR1, (union sigval){0});
    syscall(SYS_kill, syscall(SYS_getpid), SIGUSR1);
    syscall(SYS_tkill, syscall(SYS_gettid), SIGUSR1);
    if (own != first || gettid() != own || getppid() == own || rung != 5 ||
        kill(0x7fffffff, 0) == 0 || !is_known_to_child())
        abort();
}

static void serve(int fd)
{
    char bytes[256];
    ssize_t n;

    if (gives_away(fd))
        return;
    if (asks_for_memory() && !has_memory()) {
        close(fd);
        return;
    }
    if (is("asks"))
        ask_for(1000);
    if (is("chance"))
        answer_by_chance(fd);
    if (is("recalls"))
        last = getpid();
    if (is("numbers"))
        use_number();
    if (forks(fd)) {
        close(fd);
        return;
    }
    set_alarm();
    while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0) {
        look(bytes, n);
        if (is("clocks"))
            time(NULL);
        if (is("quit") || is("86"))
            exit(is("86") ? 86 : 0);
        if (send(fd, bytes, (size_t)n, MSG_NOSIGNAL) < 0)
            break;
    }
    if ((is("alarm") && n == 0) || (is("ticks") && (n < 0 || rung != 9)))
        abort();
    if (is("flushes")) /* until a second has passed, and does not wait */
        for (time_t end = time(NULL) + 2; time(NULL) < end;)
            if (recv(fd, bytes, sizeof bytes, 0) != 0)
                break;
    while (is("spin") && recv(fd, bytes, sizeof bytes, 0) == 0)
        ;
    if (!is("leak") || n == 0)
        close(fd);
}

/* What is the kernel's, beside the listener, by epoll; true: the first came. */
static bool comes_first(int signals)
{
    static int ep = -1;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};

    if (ep < 0) {
        ep = epoll_create1(EPOLL_CLOEXEC);
        if (epoll_ctl(ep, EPOLL_CTL_ADD, listener, &event) < 0)
            abort();
        event.data.fd = signals;
        if (epoll_ctl(ep, EPOLL_CTL_ADD, signals, &event) < 0)
            abort();
    }
    if (epoll_wait(ep, &event, 1, -1) != 1)
        abort();
    return event.data.fd == signals;
}

/* A wait is interrupted by a handler that has run, and by nothing else. */
static void wait_unless_told(void)
{
    struct pollfd p = {.fd = listener, .events = POLLIN};
    struct sigaction hear = {.sa_handler = on_alarm};

    if (is("hears"))
        sigaction(SIGURG, &hear, NULL);
    rung = 0;
    if (poll(&p, 1, -1) < 0 && !stopped && !rung)
        abort();
}

/* Signals are blocked, but while it waits for a client; or they are read. */
static void wait_well(void)
{
    static int signals = -1;
    struct pollfd p[] = {{.fd = listener, .events = POLLIN},
                         {.events = POLLIN}};
    struct signalfd_siginfo info;
    sigset_t term, none;

    sigemptyset(&none);
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL);
    if (is("masks") && ppoll(p, 1, NULL, &none) < 0 && !stopped)
        abort(); /* interrupted, and nothing came */
    if (is("masks"))
        return;
    if (signals < 0)
        signals = signalfd(-1, &term, 0);
    if (is("epolls")) {
        stopped = comes_first(signals);
        return;
    }
    p[1].fd = signals;
    if (poll(p, 2, -1) < 0)
        abort();
    stopped = p[1].revents && read(signals, &info, sizeof info) > 0;
}

/* A child is the server; true: this is it.  One that only sleeps is no
 * server. */
static bool is_server(const char *self)
{
    bool serves = is("daemon") || is("waits") || is("execs");

    if (!serves && !is("leaves"))
        return true;
    if (fork() != 0) {
        if (!is("daemon") && !is("leaves"))
            wait(NULL);
        exit(0);
    }
    if (is("execs"))
        execl(self, self, "any-port", (char *)NULL);
    if (is("leaves"))
        sleep(60);
    return serves;
}

/* As far as they are files, sockets and pipes are what they are. */
static void look_at_files(void)
{
    int fds[2];
    struct stat socket, reader, file;

    if (pipe(fds) < 0 || fstat(listener, &socket) < 0 ||
        fstat(fds[0], &reader) < 0 || fstat(0, &file) < 0)
        abort();
    if (!S_ISSOCK(socket.st_mode) || !S_ISFIFO(reader.st_mode) ||
        lseek(listener, 0, SEEK_CUR) >= 0 || errno != ESPIPE)
        abort();
    close(fds[0]);
    close(fds[1]);
    if (fstat(fds[0], &reader) >= 0 || errno != EBADF)
        abort();
}

/* Has something to tell besides, on a socket of the real kernel's. */
static void *listen_beside(void *arg)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    (void)arg;
    if (listen(fd, 1) < 0)
        abort();
    return NULL;
}

static void begin_beside(void)
{
    pthread_t thread;

    if (is("beside") && (!make_past(listen_beside, NULL, &thread) ||
                         pthread_join(thread, NULL) != 0))
        abort();
}

/* Its table has no more. */
static void fits(int fd)
{
    if (is("cramped") && fd >= 256)
        abort();
}

static void *dream(void *arg)
{
    sleep(1000);
    return arg;
}

/* It gives up when the third accept has failed that came after one that did
 * not, and counts them somewhere. */
static int in_data;
static __thread int in_thread;
static int *in_heap;

static long third; /* of libc's numbers */

static void begin_to_count(void)
{
    in_heap = calloc(1, sizeof *in_heap);
    srandom(1);
    for (int i = 0; i < 3; i++)
        third = random();
    srandom(1);
}

/* A child that goes on has the same pages, until one of both writes there. */
static int count_shared(void)
{
    if (++in_data == 1 && fork() == 0) {
        closefrom(3); /* or it would be waited for */
        usleep(20000);
        _exit(0);
    }
    return in_data;
}

static __attribute__((noinline)) bool has_enough(volatile int *on_stack)
{
    if (is("counts-shared"))
        return count_shared() == 3;
    if (is("counts-libc"))
        return random() == third;
    return (is("counts-data") && ++in_data == 3) ||
           (is("counts-heap") && ++*in_heap == 3) ||
           (is("counts-stack") && ++*on_stack == 3) ||
           (is("counts-thread") && ++in_thread == 3);
}

/* One thread for all signals; no other knows of them. */
static void *sleep_until_told(void *arg)
{
    sigset_t term;
    int signo;

    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigwait(&term, &signo);
    exit(arg != NULL);
}

static void begin_to_dream(void)
{
    pthread_t thread;
    sigset_t all;

    sigfillset(&all);
    if (is("sigwaits"))
        pthread_sigmask(SIG_SETMASK, &all, NULL);
    if (is("dreams") && pthread_create(&thread, NULL, dream, NULL) != 0)
        abort();
    if (is("sigwaits") &&
        pthread_create(&thread, NULL, sleep_until_told, NULL) != 0)
        abort();
}

static int next_client(void)
{
    if (is("masks") || is("reads") || is("epolls"))
        wait_well();
    if (is("deaf") || is("hears"))
        wait_unless_told();
    if (is("fickle") && number() % 2 == 0)
        poll(&(struct pollfd){.fd = listener, .events = POLLIN}, 1, -1);
    if (is("shy"))
        poll(NULL, 0, -1);
    return stopped ? -1 : accept(listener, NULL, NULL);
}

/* Its handler lets accept() go on, whose loop does without EINTR. */
static bool restarts(void)
{
    return is("restarts") || is("shuts") || is("deafens");
}

/* Until it listens. */
static bool set_up(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(4711)};
    struct sigaction term = {.sa_handler = on_term};

    if (is("daemon") || is("waits") || is("any-port"))
        addr.sin_port = 0; /* it may be the real one */
    begun = number();
    first = getpid();
    begin_beside();
    begin_to_dream();
    begin_to_count();
    if (is("logs") && !freopen("/dev/null", "w", stderr))
        return false;
    if (is("logs"))
        closefrom(3);
    if (is("lies")) /* on the stack, and on the heap */
        printf("%p %p\n", (void *)&addr, malloc(1));
    listener = socket(AF_INET, SOCK_STREAM, 0);
    fits(listener);
    if (restarts())
        term.sa_flags = SA_RESTART;
    sigaction(SIGTERM, &term, NULL);
    if (is("moves") && chdir("/") < 0)
        return false;
    if (is("nowhere"))
        poll(NULL, 0, -1);
    return bind(listener, (struct sockaddr *)&addr, sizeof addr) == 0 &&
           listen(listener, 8) == 0;
}

int main(int argc, char **argv)
{
    volatile int failed = 0;
    int was = 0;

    if (argc > 1)
        bad = argv[1];
    if (!is_server(argv[0]))
        return 0;
    if (!set_up())
        return 1;
    if (is("asks"))
        ask_for(300000);
    if (is("files"))
        look_at_files();
    while (!stopped) {
        int fd = next_client();

        if (is_fork("shy-fork") && fd >= 0)
            shutdown(fd, SHUT_WR);
        if (fd < 0 && was >= 0 && !strncmp(bad, "counts", 6) &&
            has_enough(&failed))
            return 0;
        if (fd < 0 && restarts() && errno == EINTR)
            abort();
        was = fd;
        if (fd < 0 && (is("tires") || is_fork("bad-fork")))
            return 0;
        while (fd < 0 && is("hangs"))
            ;
        if (fd >= 0)
            serve(fd);
    }
    return 0;
}
