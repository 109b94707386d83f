/*
 * asker.c: a client that makes something up, sends it, and expects it back.
 *
 *     asker random PORT  bytes that nobody can know
 *     asker stack PORT   where its stack is
 *     asker pid PORT     the number of its process
 *     asker much PORT    more than a session can have
 *     asker silent PORT  nothing: it waits for what the server says
 *
 * One frame of ascii:5.  Status 0 when it came back.
 */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PREFIX = 5, MUCH = 9000 };

static char frame[PREFIX + MUCH + 1], back[sizeof frame];

static size_t make_up(const char *how)
{
    size_t len = sizeof(int);
    int pid = getpid(), stack = (int)(intptr_t)&len;

    memset(frame, 'a', sizeof frame - 1);
    if (strcmp(how, "much") == 0)
        len = MUCH;
    else if (strcmp(how, "pid") == 0)
        memcpy(frame + PREFIX, &pid, sizeof pid);
    else if (strcmp(how, "stack") == 0)
        memcpy(frame + PREFIX, &stack, sizeof stack);
    else if (getrandom(frame + PREFIX, len, 0) != (ssize_t)len)
        exit(2);
    sprintf(back, "%05zu", len);
    memcpy(frame, back, PREFIX);
    return PREFIX + len;
}

static bool came_back(int fd, size_t len)
{
    size_t got = 0;
    ssize_t n;

    while (got < len && (n = recv(fd, back + got, len - got, 0)) > 0)
        got += (size_t)n;
    return got == len && memcmp(back, frame, len) == 0;
}

int main(int argc, char **argv)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    size_t len;

    if (argc != 3)
        return 2;
    addr.sin_port = htons((in_port_t)atoi(argv[2]));
    if (connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0)
        return 3;
    len = make_up(argv[1]);
    if (strcmp(argv[1], "silent") != 0 &&
        send(fd, frame, len, MSG_NOSIGNAL) != (ssize_t)len)
        return 1;
    return came_back(fd, len) ? 0 : 1;
}
