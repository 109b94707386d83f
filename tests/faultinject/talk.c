/*
 * talk.c: a server and a client, for rules to choose from.
 *
 *     talk PORT PATH
 *
 * Process 1 serves, and is process 2's peer in two connections over TCP and
 * one over AF_UNIX, one after the other.  In each, two messages go there and
 * back, so that both ends make the same calls every time.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LENGTH = 10, MESSAGES = 2, CALLS = 2 };

static void check(bool good)
{
    if (!good)
        _exit(3);
}

__attribute__((noinline)) static void say(int fd)
{
    static const char message[LENGTH];

    for (size_t done = 0; done < LENGTH;) {
        ssize_t n = send(fd, message + done, LENGTH - done, 0);
        check(n > 0 || errno == EINTR);
        done += n > 0 ? (size_t)n : 0;
    }
}

__attribute__((noinline)) static void hear(int fd)
{
    char message[LENGTH];

    for (size_t done = 0; done < LENGTH;) {
        ssize_t n = recv(fd, message + done, LENGTH - done, 0);
        check(n > 0 || (n < 0 && errno == EINTR));
        done += n > 0 ? (size_t)n : 0;
    }
}

static void serve(int listener)
{
    int fd = accept(listener, NULL, NULL);

    for (int i = 0; i < MESSAGES; i++) {
        hear(fd);
        say(fd);
    }
    close(fd);
}

static void call(const struct sockaddr *addr, socklen_t len)
{
    int fd = socket(addr->sa_family, SOCK_STREAM, 0);

    check(connect(fd, addr, len) == 0);
    for (int i = 0; i < MESSAGES; i++) {
        say(fd);
        hear(fd);
    }
    close(fd);
}

static int listen_on(const struct sockaddr *addr, socklen_t len)
{
    int fd = socket(addr->sa_family, SOCK_STREAM, 0);

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    check(bind(fd, addr, len) == 0 && listen(fd, 4) == 0);
    return fd;
}

int main(int argc, char **argv)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int tcp, local;

    check(argc == 3 && strlen(argv[2]) < sizeof un.sun_path);
    in.sin_port = htons((unsigned short)atoi(argv[1]));
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    strcpy(un.sun_path, argv[2]);
    unlink(argv[2]);
    tcp = listen_on((struct sockaddr *)&in, sizeof in);
    local = listen_on((struct sockaddr *)&un, sizeof un);
    if (fork() == 0) {
        close(tcp);
        close(local);
        for (int i = 0; i < CALLS; i++)
            call((struct sockaddr *)&in, sizeof in);
        call((struct sockaddr *)&un, sizeof un);
        return 0;
    }
    for (int i = 0; i < CALLS; i++)
        serve(tcp);
    serve(local);
    unlink(argv[2]);
    return wait(NULL) < 0;
}
