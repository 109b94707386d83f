/*
 * planted.c: an echo server that is right as variant 0; as variant 1 it takes
 * it that what was sent as five bytes comes as five, as the next ones it ends
 * in ways that are no finding, and as the last it is right and has more
 * patience than nanoseconds can say.  Built with ARTEFACT the simulator is
 * wrong instead: a peer gets other bytes than the program sent.
 */
#include "faultinject/session/target.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static volatile bool stopping;

/* One piece; false when the connection is over. */
static bool echo(int fd, bool hopes)
{
    char bytes[512] = "";
    ssize_t n = recv(fd, bytes, sizeof bytes, 0);
    size_t len = n > 0 ? (size_t)n : 0;

    if (n < 0)
        return errno == EINTR;
    if (hopes && len && len < 5)
        len = 5;
    return n > 0 && send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* By a signal, by what a sanitizer sees, as if nothing had come of it. */
static void end_otherwise(unsigned variant)
{
    char *volatile block = malloc(1);

    if (variant == 2)
        raise(SIGUSR1);
    if (variant == 3)
        block[1] = 'x';
    if (variant == 4)
        raise(SIGALRM);
    free(block);
}

/* Where the time is up, or one that is none was waited for, it ends. */
static void wait_long(int listener)
{
    struct timespec longer = {INT64_C(18446744075), 0}, none = {0, -1};
    struct timeval long_time = {INT64_C(18446744075), 0};
    struct pollfd p = {.fd = listener, .events = POLLIN};
    fd_set set;

    FD_ZERO(&set);
    FD_SET(listener, &set);
    if (pselect(listener + 1, &set, NULL, NULL, &none, NULL) >= 0 ||
        errno != EINVAL || ppoll(&p, 1, &none, NULL) >= 0 || errno != EINVAL ||
        select(listener + 1, &set, NULL, NULL, &long_time) == 0 ||
        pselect(listener + 1, &set, NULL, NULL, &longer, NULL) == 0 ||
        ppoll(&p, 1, &longer, NULL) == 0)
        raise(SIGUSR1);
}

static void run(void *arg, int unused)
{
    socklen_t len;
    const struct sockaddr *addr = sf_session_addr(&len);
    int listener = socket(addr->sa_family, SOCK_STREAM, 0), fd;

    (void)arg, (void)unused;
    end_otherwise(sf_session_now()->variant);
    bind(listener, addr, len);
    listen(listener, 8);
    if (sf_session_now()->variant == 5)
        wait_long(listener);
    for (stopping = false; !stopping;) {
        fd = accept(listener, NULL, NULL);
        while (fd >= 0 && !stopping && echo(fd, sf_session_now()->variant == 1))
            ;
        if (fd >= 0)
            close(fd);
    }
    close(listener);
}

static void stop(void *arg)
{
    (void)arg;
    stopping = true;
}

#ifdef ARTEFACT
ssize_t __wrap_sf_end_recv(struct sf_end *end, void *bytes, size_t len);

ssize_t __wrap_sf_end_recv(struct sf_end *end, void *bytes, size_t len)
{
    ssize_t r = sf_end_recv(end, bytes, len);

    if (r > 0)
        *(char *)bytes ^= 1;
    return r;
}
#endif

SF_FUZZ_TARGET(.name = "planted", .side = SF_SERVE, .run = run, .stop = stop,
               .received = sf_peer_echo, .no_dead_fd = true, .no_emfile = true,
               .no_control = true)
