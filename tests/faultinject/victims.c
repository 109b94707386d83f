/* victims.c: see victims.h. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "tests/faultinject/victims.h"

bool correct;

void make_pair(int pair[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
        exit(3);
}

bool wait_readable(int fd)
{
    fd_set rd;

    FD_ZERO(&rd);
    FD_SET(fd, &rd);
    return select(fd + 1, &rd, NULL, NULL, NULL) == 1 && FD_ISSET(fd, &rd);
}

int bind_loopback(struct sockaddr_in *addr, int backlog)
{
    socklen_t len = sizeof *addr;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    *addr = (struct sockaddr_in){.sin_family = AF_INET};
    addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)addr, len) < 0 ||
        (backlog >= 0 && listen(fd, backlog) < 0) ||
        getsockname(fd, (struct sockaddr *)addr, &len) < 0)
        exit(3);
    return fd;
}

void stall(void)
{
    int pair[2];

    make_pair(pair);
    if (correct)
        close(pair[1]);
    wait_readable(pair[0]);
}

void died(void)
{
    int pair[2];

    make_pair(pair);
    if (!correct)
        abort();
}

static void write_all(int fd, const char *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = send(fd, bytes + done, len - done, MSG_NOSIGNAL);
        done += n > 0 ? (size_t)n : 0;
    }
}

/* The bug takes the first count for the whole. */
static void read_all(int fd, char *bytes, size_t len)
{
    size_t done = 0;

    do {
        ssize_t n = recv(fd, bytes + done, len - done, 0);
        done += n > 0 ? (size_t)n : 0;
    } while (done < len && (correct || done == 0));
}

static void talk(const int pair[2], int rounds)
{
    for (int i = 0; i < rounds; i++) {
        char sent[32], got[32] = "";
        snprintf(sent, sizeof sent, "message number %015d", i);
        write_all(pair[1], sent, sizeof sent - 1);
        read_all(pair[0], got, sizeof got - 1);
        if (memcmp(sent, got, sizeof sent - 1) != 0)
            abort();
    }
}

void frames(void)
{
    int pair[2];

    make_pair(pair);
    talk(pair, 500);
}

static void *talk_alone(void *arg)
{
    talk(arg, 100);
    return NULL;
}

/* Made in order, so that each has its connections; they run as they like. */
void threads(void)
{
    enum { THREADS = 16 };
    static int pairs[THREADS][2];
    pthread_t thread[THREADS];

    for (int i = 0; i < THREADS; i++)
        make_pair(pairs[i]);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&thread[i], NULL, talk_alone, pairs[i]) != 0)
            exit(3);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
}

/* A signal interrupts its wait for a child; the bug does not wait again. */
void zombie(void)
{
    int pair[2];
    pid_t child;

    make_pair(pair);
    child = fork();
    if (child == 0)
        _exit(0);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR && correct)
        ;
}

/* As above; meanwhile another child is waited for, and one, which says nothing
 * of what its parent has still to do, ends. */
void zombie_of_two(void)
{
    int pair[2];
    pid_t missed, other;

    make_pair(pair);
    missed = fork();
    if (missed == 0)
        _exit(0);
    if (waitpid(missed, NULL, 0) >= 0 || errno != EINTR)
        exit(3);
    other = fork();
    if (other == 0)
        exit(0);
    if (waitpid(other, NULL, 0) != other)
        exit(3);
    if (correct && waitpid(missed, NULL, 0) != missed)
        exit(3);
}

static const struct {
    const char *name;
    void (*run)(void);
} victims[] = {
#define X(function, word) {word, function},
    VICTIMS(X)
#undef X
};

int main(int argc, char **argv)
{
    char *minus = argc == 2 ? strstr(argv[1], "-not") : NULL;

    if (argc != 2)
        return 3;
    correct = minus != NULL;
    if (minus)
        *minus = '\0';
    for (size_t i = 0; i < sizeof victims / sizeof *victims; i++)
        if (strcmp(argv[1], victims[i].name) == 0) {
            victims[i].run();
            return 0;
        }
    return 3;
}
