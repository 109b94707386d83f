/* fuzz_simple_echo.c: a server of one's own in whole sessions.  It is correct;
 * leave out any one line that looks fussy and see how soon it is found. */
#include "faultinject/session/target.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

static volatile bool stopping;

/* Echo one piece; false when the connection is over. */
static bool echo(int fd)
{
    char bytes[512];
    ssize_t n = recv(fd, bytes, sizeof bytes, 0), done = 0;

    if (n < 0)
        return errno == EINTR || errno == EAGAIN || errno == ENOBUFS ||
               errno == ENOMEM;
    while (done < n) {
        ssize_t r = send(fd, bytes + done, (size_t)(n - done), MSG_NOSIGNAL);

        if (r > 0)
            done += r;
        else if (errno != EINTR && errno != ENOBUFS && errno != ENOMEM)
            return false;
    }
    return n > 0;
}

/* One client at a time, blocking: the simplest server there is. */
static void run(void *arg, int unused)
{
    socklen_t len;
    const struct sockaddr *addr = sf_session_addr(&len);
    int listener = socket(addr->sa_family, SOCK_STREAM, 0), fd;

    (void)arg, (void)unused;
    bind(listener, addr, len);
    listen(listener, 8);
    for (stopping = false; !stopping;) {
        fd = accept(listener, NULL, NULL);
        if (fd < 0) { /* perhaps out of descriptors: leave it alone */
            nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
            continue;
        }
        while (!stopping && echo(fd))
            ;
        close(fd);
    }
    close(listener);
}

static void stop(void *arg)
{
    (void)arg;
    stopping = true;
}

SF_FUZZ_TARGET(.name = "simple echo", .side = SF_SERVE, .run = run,
               .stop = stop, .received = sf_peer_echo, .no_dead_fd = true,
               .no_control = true)
