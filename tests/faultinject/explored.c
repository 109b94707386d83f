/*
 * explored.c: a server on a thread, a client, and bugs that one fault shows.
 *
 *   explored WAY
 *
 * The client asks for a line, in two pieces, and prints the answer.
 *
 *   right     whatever happens it prints it all, or says so and ends with 1
 *   fifth     a piece that ends behind the fifth byte is misread
 *   short     one recv is taken for the whole answer
 *   brief     … and that is no failure
 *   crash     … and the server, a process then, aborts at half a question
 *   silent    an answer that ends too early is printed all the same
 *   hang      whoever has got nothing waits for ever
 *   now-then  there is a second question in every fourth run: ./count
 *   untidy    a descriptor is closed twice, without any fault
 *   talks     it prints another thing each time
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/faultinject/foreign.h"

enum { SIZE = 8 };

static const char *way;

static int is(const char *name)
{
    return strcmp(way, name) == 0;
}

/* All of it, unless the way is to trust one call; how many came. */
static size_t take(int fd, char *to, int trusts)
{
    size_t got = 0;
    ssize_t n;

    do {
        n = recv(fd, to + got, SIZE - got, 0);
        got += n > 0 ? (size_t)n : 0;
        if (got == 5 && is("fifth"))
            to[4] = '?';
    } while ((n < 0 && errno == EINTR) || (n > 0 && got < SIZE && !trusts));
    return got;
}

static int give(int fd, const char *from)
{
    size_t sent = 0;
    ssize_t n;

    while (sent < SIZE) {
        n = send(fd, from + sent, SIZE - sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return -1;
        sent += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static void *serve(void *arg)
{
    int fd = *(int *)arg;
    char text[SIZE];
    size_t n;

    while ((n = take(fd, text, is("crash"))) == SIZE)
        if (give(fd, text) < 0)
            break;
    if (n > 0 && is("crash"))
        abort();
    close(fd);
    return NULL;
}

static int ask(int fd)
{
    char text[SIZE] = {0};
    size_t n = 0;

    if (give(fd, "question") == 0)
        n = take(fd, text, is("short") || is("brief"));
    if (n == 0 && is("hang"))
        for (;;)
            pause();
    printf("%.*s\n", (int)n, text);
    return n == SIZE || is("silent") || is("brief") ? 0 : 1;
}

static int is_fourth_time(void)
{
    FILE *count = fopen("count", "a");

    if (!count)
        return 0;
    fputc('x', count);
    fclose(count);
    count = fopen("count", "r");
    if (!count || fseek(count, 0, SEEK_END) < 0)
        return 0;
    return ftell(count) % 4 == 0;
}

static int talk(int fd)
{
    int bad = ask(fd);

    if (is("now-then") && is_fourth_time())
        bad |= ask(fd);
    if (is("talks"))
        printf("%d\n", (int)getpid());
    if (is("untidy"))
        close(fd);
    close(fd);
    return bad;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    int pair[2], bad;
    pid_t child = -1;

    way = argc > 1 ? argv[1] : "right";
    if (foreign_pair(SOCK_STREAM, pair) < 0)
        return 1;
    if (is("crash") && (child = fork()) == 0) {
        close(pair[0]);
        serve(&pair[1]);
        return 0;
    }
    if (child > 0)
        close(pair[1]);
    else if (pthread_create(&thread, NULL, serve, &pair[1]) != 0)
        return 1;
    bad = talk(pair[0]);
    if (child > 0)
        waitpid(child, NULL, 0);
    else
        pthread_join(thread, NULL);
    return is("crash") ? 0 : bad;
}
