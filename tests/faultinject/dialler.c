/*
 * dialler.c: a client, to be run over simnet, that is right or is not.
 *
 *     dialler HOW [WHERE]
 *
 * It asks for a line at WHERE, a port of 127.0.0.1 or the path of a UNIX
 * socket, and prints it.
 *
 *   right    all of the line, or it says so with status 1
 *   short    what one recv brings is the line: else status 1
 *   brief    … with status 0
 *   half     … all that comes until the end is the line, with status 0
 *   again    who cannot connect, or is let go of, tries again after a second
 *   anew     … at once, with status 0
 *   doubles  … and prints whatever comes, each time
 *   lines    two lines, each over a connection of its own, of which it takes
 *            its leave, and again at once where it is not whole; it reads on
 *            where there was no memory to
 *   pages    … and each line is all that comes up to the end
 *   slowly   … and again after a minute
 *   waits    at the end it waits on for what nobody sends
 *   spins    … and asks again and again
 *   crash    a line that is not whole is no line at all: abort()
 *   holes    after each recv a wait with much on its stack that nobody wrote
 *   filled   … or that somebody did
 *   dawdles  it has looked at the time 30 times before
 *   aside    a handler, on a stack of its own that is within a stack, calls
 *   gives-up who was interrupted before it could send asks once more and ends
 *            with status 1, as is right for want of memory
 *   tells    it says its line and is gone
 *   returns  when it is let go of it comes back, until nobody is there
 *   twice    the first connection is none that it uses
 *   leaves   it ends without the handlers of its end
 *   asks-by  a child that shares its memory until it is another program has
 *            closed its own end of a pipe
 *   begins   it says so before it connects
 *   asks     what it is connected to is what it has asked for
 *   proxy    a server at port 7000: whoever says something gets the line
 *   insists  … and asks for it again after a second where it is not whole
 *   desks    … and hangs up on who comes to port 7001, where it listened first
 *   enters   … which asks for a line before it listens
 *   ends     … and ends after its first client
 *   idle     it connects to nobody
 *
 * It is right as well in each way of keeps.c, but for what it prints.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/faultinject/keeps.h"
#include "tests/faultinject/server.h"

enum { SIZE = 64, AGAIN = 3 };

static void ignore(int signo)
{
    (void)signo;
}

static const char *where = "7000";
static union {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_un un;
} there;

static socklen_t name(void)
{
    if (*where == '/') {
        there.un.sun_family = AF_UNIX;
        strncpy(there.un.sun_path, where, sizeof there.un.sun_path - 1);
        return sizeof there.un;
    }
    there.in.sin_family = AF_INET;
    there.in.sin_port = htons((in_port_t)atoi(where));
    there.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return sizeof there.in;
}

static bool is_writable(struct pollfd *p)
{
    while (poll(p, 1, -1) < 0)
        if (errno != EINTR)
            return false;
    return true;
}

/* An interrupted connect() goes on by itself. */
static bool come_through(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int err = 0;
    socklen_t len = sizeof err;

    if (!is_writable(&p))
        return false;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) == 0 && err == 0;
}

static int dial(void)
{
    socklen_t len = name();
    int fd = socket(there.any.sa_family, SOCK_STREAM, 0);

    if (fd < 0 || connect(fd, &there.any, len) == 0)
        return fd;
    if (errno == EINTR && come_through(fd))
        return fd;
    close(fd);
    return -1;
}

/* It has waited, so somebody has answered. */
static void come_and_go(void)
{
    socklen_t len = name();
    int fd = socket(there.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

    must(fd >= 0 && connect(fd, &there.any, len) < 0 && errno == EINPROGRESS);
    must(come_through(fd));
    close(fd);
}

static bool give(int fd, const char *text, size_t size)
{
    size_t sent = 0;
    ssize_t n;

    while (sent < size) {
        n = send(fd, text + sent, size - sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return false;
        sent += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool trusts_one_call(void)
{
    return is("short") || is("brief");
}

static bool is_line(const char *text, size_t got)
{
    return got > 0 && text[got - 1] == '\n';
}

static void say(const char *text)
{
    must(write(STDOUT_FILENO, text, strlen(text)) == (ssize_t)strlen(text));
}

/* What is there is what other calls have left. */
static void wait_with_holes(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    char hole[2048];

    if (is("filled"))
        memset(hole, 0, sizeof hole);
    __asm__ volatile("" : : "r"(hole) : "memory");
    poll(&p, 1, -1);
    __asm__ volatile("" : : "r"(hole) : "memory");
}

static bool is_to_go_on(void)
{
    return errno == EINTR ||
           (is("lines") && (errno == ENOBUFS || errno == ENOMEM));
}

/* No recv finds anything in memory of what the one before it said. */
static size_t take(int fd, char text[SIZE])
{
    static volatile ssize_t n;
    size_t got = 0;

    do {
        n = 0;
        n = recv(fd, text + got, SIZE - got, 0);
        if (got == 0)
            keeps_note(n < 0 && errno == EINTR);
        if (is("holes") || is("filled"))
            wait_with_holes(fd);
        got += n > 0 ? (size_t)n : 0;
    } while ((n < 0 && is_to_go_on()) || (n > 0 && !is_line(text, got) &&
                                          got < SIZE && !trusts_one_call()));
    return got;
}

static void wait_for_more(int fd)
{
    char more;

    while (recv(fd, &more, 1, 0) > 0 || is("spins"))
        ;
    poll(NULL, 0, -1);
}

static bool is_there(int fd)
{
    struct sockaddr_in peer;
    socklen_t len = sizeof peer;

    return getpeername(fd, (struct sockaddr *)&peer, &len) == 0 &&
           peer.sin_port == there.in.sin_port &&
           peer.sin_addr.s_addr == there.in.sin_addr.s_addr;
}

/* The first wait cannot be interrupted, and the second one is not waited for
 * again. */
static bool may_send(int fd)
{
    static struct pollfd p = {.events = POLLOUT};
    sigset_t urgent;
    bool may;

    p.fd = fd;

    sigemptyset(&urgent);
    sigaddset(&urgent, SIGURG);
    sigprocmask(SIG_BLOCK, &urgent, NULL);
    may = poll(&p, 1, -1) == 1;
    sigprocmask(SIG_UNBLOCK, &urgent, NULL);
    may = may && poll(&p, 1, -1) == 1;
    p.revents = 0;
    return may;
}

static int return_again_and_again(void)
{
    char more;
    int fd;

    while ((fd = dial()) >= 0) {
        while (recv(fd, &more, 1, 0) > 0)
            ;
        close(fd);
    }
    return 0;
}

static int tell(void)
{
    int fd = dial();

    return fd >= 0 && give(fd, "line\n", 5) ? 0 : 1;
}

static bool comes_to_end(int fd)
{
    char more;
    ssize_t n;

    do
        n = recv(fd, &more, 1, 0);
    while (n < 0 && errno == EINTR);
    return n == 0;
}

/* Whether that can be said any more is no matter. */
static void take_leave(int fd)
{
    if (fd >= 0 && is("lines"))
        give(fd, "quit\n", 5);
}

static bool is_paged(void)
{
    return is("pages") || is("slowly");
}

/* How much of a line came. */
static size_t ask(char text[SIZE])
{
    int fd = dial();
    size_t got = 0;

    if (fd >= 0 && is("asks"))
        must(is_there(fd));
    if (fd >= 0 && (!is("gives-up") || may_send(fd)) && give(fd, "line?\n", 6))
        got = take(fd, text);
    if (got && (is("waits") || is("spins")))
        wait_for_more(fd);
    if (is_paged() && !(is_line(text, got) && comes_to_end(fd)))
        got = 0;
    take_leave(fd);
    if (fd >= 0)
        close(fd);
    return got;
}

static void look_at_nothing(int signo)
{
    (void)signo;
    must(close(socket(AF_INET, SOCK_STREAM, 0)) == 0);
}

/* What it has interrupted is below the handler's stack. */
static __attribute__((noinline)) void be_interrupted(void)
{
    volatile char mine[4096];

    for (size_t i = 0; i < sizeof mine; i++)
        mine[i] = 'm';
    raise(SIGUSR2);
    for (size_t i = 0; i < sizeof mine; i++)
        must(mine[i] == 'm');
}

static int print_line(void);

static int print_aside(void)
{
    char room[8192];
    stack_t stack = {.ss_sp = room, .ss_size = sizeof room};
    struct sigaction action = {.sa_handler = look_at_nothing,
                               .sa_flags = SA_ONSTACK};
    int fd = dial();

    must(sigaltstack(&stack, NULL) == 0);
    sigaction(SIGUSR2, &action, NULL);
    be_interrupted();
    close(fd);
    return print_line();
}

static int print_late(void)
{
    int fd = dial(), status;

    for (int i = 0; i < 30; i++)
        poll(NULL, 0, 10);
    status = print_line();
    close(fd);
    return status;
}

static bool tries_again(void)
{
    return is("again") || is("anew") || is("doubles") || is("insists");
}

/* … where it does so at all. */
static size_t ask_until_whole(char text[SIZE])
{
    size_t got = ask(text);

    for (int i = 0; tries_again() && !is_line(text, got) && i < AGAIN; i++) {
        if (is("doubles"))
            printf("%.*s", (int)got, text);
        sleep(is("again") || is("insists"));
        got = ask(text);
    }
    return got;
}

static int print_line(void)
{
    char text[SIZE];
    size_t got = ask_until_whole(text);

    if (is("gives-up") && !got) {
        ask(text);
        return 1;
    }
    must(!is("crash") || got == 0 || is_line(text, got));
    printf("%.*s", (int)got, text);
    keeps_tell();
    return is_line(text, got) || is("brief") || is("half") || is("anew") ? 0
                                                                         : 1;
}

static int print_lines(void)
{
    enum { LINES = 2 };
    char text[SIZE];

    for (int n = 0; n < LINES; n++) {
        size_t got = ask(text);

        for (int i = 0; !is_line(text, got) && i < AGAIN; i++) {
            sleep(is("slowly") ? 60 : 0);
            got = ask(text);
        }
        if (!is_line(text, got))
            return 1;
        printf("%.*s", (int)got, text);
    }
    return 0;
}

/* Who it is that has done so is no matter: it ends with status 127. */
static void have_child_close(void)
{
    int ends[2];
    char byte;

    must(pipe(ends) == 0);
    if (vfork() == 0) {
        close(ends[0]);
        execl("/", "/", NULL);
        _exit(127);
    }
    wait(NULL);
    close(ends[1]);
    must(read(ends[0], &byte, 1) == 0);
    close(ends[0]);
}

static void serve(int fd)
{
    char text[SIZE];
    size_t got;

    if (fd < 0)
        return;
    if (take(fd, text) > 0 && (got = ask_until_whole(text)) > 0)
        give(fd, text, got);
    close(fd);
}

static _Noreturn void leave(int status)
{
    fflush(stdout);
    _exit(status);
}

static int listen_at(in_port_t port)
{
    struct sockaddr_in here = {.sin_family = AF_INET,
                               .sin_port = htons(port),
                               .sin_addr.s_addr = htonl(INADDR_ANY)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    must(bind(fd, (struct sockaddr *)&here, sizeof here) == 0 &&
         listen(fd, 4) == 0);
    return fd;
}

static int be_proxy(void)
{
    int other = is("desks") ? listen_at(7001) : -1, listener;

    if (is("enters") || is("ends"))
        print_line();
    listener = listen_at(7000);
    do
        serve(accept(listener, NULL, NULL));
    while (!stopped && !is("ends"));
    close(listener);
    if (other >= 0)
        close(other);
    return 0;
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = ignore};

    begin_server(argc, argv);
    keeps_begin(how);
    sigaction(SIGURG, &action, NULL); /* calls can be interrupted */
    where = argc > 2 ? argv[2] : where;
    if (is("proxy") || is("insists") || is("desks") || is("enters") ||
        is("ends"))
        return be_proxy();
    if (is("returns"))
        return return_again_and_again();
    if (is("tells"))
        return tell();
    if (is("begins"))
        say("asking ");
    if (is("asks-by"))
        have_child_close();
    if (is("twice"))
        come_and_go();
    if (is("aside"))
        return print_aside();
    if (is("dawdles"))
        return print_late();
    if (is("lines") || is_paged())
        return print_lines();
    if (is("leaves"))
        leave(print_line());
    return is("idle") ? 0 : print_line();
}
