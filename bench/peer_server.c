/*
 * peer_server.c: how a server is fuzzed with its sockets taken away.
 *
 *     input: format, what one client sends
 *
 * As the preload libraries that put a file in place of a client do it: a
 * connection that has everything to read from the first moment, and at its
 * end; what the server sends is taken by a thread and thrown away.  Nothing
 * but a crash or a hang is wrong.
 */
#include "fuzzers/fuzz.h"
#include "fuzzers/reference.h"
#include "target/server.h"

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { STREAM_MAX = 4096 };

struct client {
    struct sockaddr_un addr;
    socklen_t addrlen;
    const uint8_t *bytes;
    size_t len;
    int wake;
    volatile sig_atomic_t stop;
};

static void talk(struct client *c, int fd)
{
    char buf[4096];

    for (size_t at = 0; at < c->len;) {
        ssize_t n = send(fd, c->bytes + at, c->len - at, MSG_NOSIGNAL);

        if (n <= 0)
            return;
        at += (size_t)n;
    }
    shutdown(fd, SHUT_WR);
    while (recv(fd, buf, sizeof buf, 0) > 0)
        continue;
}

static void *run_client(void *arg)
{
    struct client *c = arg;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    if (connect(fd, (struct sockaddr *)&c->addr, c->addrlen) == 0)
        talk(c, fd);
    close(fd);
    c->stop = 1;
    if (write(c->wake, "", 1) < 0)
        abort();
    return NULL;
}

/* At an address that the kernel chooses; it has no file. */
static int listen_for(struct client *c)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    c->addr.sun_family = AF_UNIX;
    c->addrlen = sizeof c->addr;
    if (bind(fd, (struct sockaddr *)&c->addr, sizeof(sa_family_t)) < 0 ||
        getsockname(fd, (struct sockaddr *)&c->addr, &c->addrlen) < 0 ||
        listen(fd, 1) < 0)
        abort();
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct client c = {.bytes = bytes + 1, .len = len - 1};
    struct fm_server_options options = {0};
    pthread_t thread;
    int wake[2], listener;

    if (len < 1 || len > STREAM_MAX || pipe(wake) < 0)
        return 0;
    listener = listen_for(&c);
    c.wake = wake[1];
    options.format = *ref_format(bytes[0]);
    options.wake = wake[0];
    if (pthread_create(&thread, NULL, run_client, &c) != 0)
        abort();
    fm_select_server(listener, &options, &c.stop);
    c.stop = 1;
    pthread_join(thread, NULL);
    close(wake[0]);
    close(wake[1]);
    return 0;
}
