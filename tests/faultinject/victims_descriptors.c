/* victims_descriptors.c: closed twice, or never; see victims.h. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "tests/faultinject/victims.h"

void stale_fd(void)
{
    int pair[2];

    make_pair(pair);
    close(pair[0]);
    for (int i = 0; i < 3 && !correct; i++)
        if (send(pair[0], "x", 1, MSG_NOSIGNAL) >= 0)
            exit(3);
    close(pair[1]);
}

/* A call on a number that was a socket's, and is closed. */
static void stale(int (*call)(int fd))
{
    int pair[2];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    make_pair(pair);
    close(pair[1]);
    if (!correct)
        close(fd);
    if (call(fd) == 0)
        exit(3);
    if (correct)
        close(fd);
}

static int accept_one(int fd)
{
    return accept(fd, NULL, NULL);
}

static int dial_nobody(int fd)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    addr.sin_port = htons(1);
    return connect(fd, (struct sockaddr *)&addr, sizeof addr);
}

void stale_accept(void)
{
    stale(accept_one);
}

void stale_connect(void)
{
    stale(dial_nobody);
}

void stale_shutdown(void)
{
    int pair[2];

    make_pair(pair);
    if (!correct)
        close(pair[0]);
    shutdown(pair[0], SHUT_WR);
    if (correct)
        close(pair[0]);
}

void double_close(void)
{
    int pair[2];

    make_pair(pair);
    close(pair[0]);
    close(pair[1]);
    if (!correct)
        close(pair[0]);
}

/* One of three that are closed in a row has been closed before. */
void double_in_row(void)
{
    int fds[3];

    for (int i = 0; i < 3; i++)
        fds[i] = socket(AF_UNIX, SOCK_STREAM, 0);
    if (!correct) {
        close(fds[0]);
        listen(fds[1], 1); /* the row has ended */
    }
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}

/* What was closed before it was made a child may close, not knowing; the bug
 * does so itself. */
void heirs_close(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    pid_t child;

    close(fd);
    child = fork();
    if (child == 0) {
        close(fd);
        exit(0);
    }
    if (waitpid(child, NULL, 0) != child)
        exit(3);
    if (!correct)
        close(fd);
}

/* What it has opened itself a child closes twice. */
void child_closes(void)
{
    pid_t child = fork();

    if (child == 0) {
        double_close();
        exit(0);
    }
    if (waitpid(child, NULL, 0) != child)
        exit(3);
}

/* Its descriptor dies while it waits; the bug closes it once more. */
void dead_close(void)
{
    int pair[2];

    make_pair(pair);
    if (wait_readable(pair[0]) || errno != EBADF)
        exit(3);
    if (fcntl(pair[0], F_GETFD) == -1 && !correct)
        close(pair[0]);
    close(pair[1]);
}

/* poll has said so; asking why, once, is no bug. */
void missed_close(void)
{
    struct pollfd p = {.events = POLLIN};
    int pair[2];
    char c;

    make_pair(pair);
    p.fd = pair[0];
    if (poll(&p, 1, 0) != 1 || p.revents != POLLNVAL)
        exit(3);
    if (!correct)
        close(pair[0]);
    else if (recv(pair[0], &c, 1, 0) != -1 || errno != EBADF)
        exit(3);
    close(pair[1]);
}

/* The number is a file's for a while, which closes it; the program, which was
 * not told, asks its own once, and the bug twice. */
void lent_number(void)
{
    char c;
    int pair[2];

    make_pair(pair);
    if (wait_readable(pair[0]) || open("/dev/null", O_RDONLY) != pair[0] ||
        read(pair[0], &c, 1) != 0 || close(pair[0]) != 0)
        exit(3);
    for (int all = correct ? 1 : 2; all > 0; all--)
        if (recv(pair[0], &c, 1, 0) != -1 || errno != EBADF)
            exit(3);
    close(pair[1]);
}

static void close_one(int fd)
{
    close(fd);
}

/* A connection that is over. */
static int hear_the_end(void (*give_back)(int fd))
{
    int pair[2];

    make_pair(pair);
    give_back(pair[1]);
    if (!wait_readable(pair[0]) || recv(pair[0], &pair[1], 1, 0) != 0)
        exit(3);
    return pair[0];
}

/* Two connections one after the other; the bug forgets the first. */
static void leak(void (*give_back)(int fd))
{
    int fd = hear_the_end(give_back);

    if (correct)
        give_back(fd);
    give_back(hear_the_end(give_back));
}

static void close_row(int fd)
{
    close_range((unsigned)fd, (unsigned)fd, 0);
}

void fd_leak(void)
{
    leak(close_one);
}

void fd_leak_row(void)
{
    leak(close_row);
}

/* What is shut down is not closed. */
void fd_leak_shut(void)
{
    int fd = hear_the_end(close_one);

    shutdown(fd, SHUT_RDWR);
    if (correct)
        close(fd);
    close(hear_the_end(close_one));
}

static void *pause_for_ever(void *arg)
{
    pause();
    return arg;
}

/* The one that it shuts down another thread would close soon; what nobody has
 * looked at since it was over nobody will. */
void fd_leak_threads(void)
{
    int fd = hear_the_end(close_one);
    pthread_t other;

    if (pthread_create(&other, NULL, pause_for_ever, NULL) != 0)
        exit(3);
    if (correct)
        shutdown(fd, SHUT_WR);
    close(hear_the_end(close_one));
}

static void *hear_late(void *fd)
{
    char c;

    recv((int)(intptr_t)fd, &c, 1, 0);
    return NULL;
}

/* Who is late to hear of the end could not close it yet; the bug has heard. */
void fd_leak_late(void)
{
    const struct timespec moment = {.tv_nsec = 100000000};
    pthread_t other;
    int pair[2];

    make_pair(pair);
    close(pair[1]);
    if (pthread_create(&other, NULL, hear_late, (void *)(intptr_t)pair[0]) != 0)
        exit(3);
    nanosleep(&moment, NULL);
    if (!correct)
        pthread_join(other, NULL);
    close(hear_the_end(close_one));
}

/* Used after its number was given back in a row. */
void stale_row(void)
{
    int pair[2];

    make_pair(pair);
    if (!correct)
        close_row(pair[0]);
    send(pair[0], "x", 1, MSG_NOSIGNAL);
}

/* It closes nothing.  What is over is lost when others come after it, and only
 * then: at its end a program need not close. */
void fd_leaks(void)
{
    for (int i = 0; i < 4; i++) {
        char c;
        int pair[2];

        make_pair(pair);
        shutdown(pair[1], SHUT_WR);
        if (!correct || i > 2)
            recv(pair[0], &c, 1, 0);
    }
}

/* It closes nothing, and dials for something else, again and again. */
void fd_leak_several(void)
{
    struct sockaddr_in addr;

    bind_loopback(&addr, 4);
    hear_the_end(close_one);
    for (int i = 0; i < (correct ? 2 : 3); i++)
        if (connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&addr,
                    sizeof addr) < 0)
            exit(3);
}

/* It dials again, and has forgotten the socket that was refused. */
void fd_leak_refused(void)
{
    struct sockaddr_in addr;
    int listener = bind_loopback(&addr, -1);

    for (int i = 0; i < 2; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        if ((connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0) != i)
            exit(3);
        if (correct || i == 1)
            close(fd);
        listen(listener, 1);
    }
}

/* Who cannot have the connection that waits asks for it again and again. */
void insists(void)
{
    struct sockaddr_in addr;
    int listener = bind_loopback(&addr, 1);
    int client = socket(AF_INET, SOCK_STREAM, 0);

    if (connect(client, (struct sockaddr *)&addr, sizeof addr) < 0)
        exit(3);
    while (accept(listener, NULL, NULL) < 0)
        if (correct)
            usleep(10000);
}
