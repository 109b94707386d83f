/* session.c: a core as a fuzz target, proved by its replayer. */
#include "core.h"

#include "examples/framed_echo.h"

#include <sys/socket.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;

static void run(void *arg, int unused)
{
    socklen_t len;
    const struct sockaddr *addr = sf_session_addr(&len);
    int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    sigset_t none;

    (void)arg, (void)unused;
    sigemptyset(&none);
    stopped = 0;
    bind(fd, addr, len);
    listen(fd, 8);
    core_serve(fd, &stopped, &none);
    close(fd);
}

static void stop(void *arg)
{
    (void)arg;
    stopped = 1;
}

SF_FUZZ_TARGET(.name = "core", .side = SF_SERVE, .run = run, .stop = stop,
               .frame = echo_frame, .received = sf_peer_echo,
               .finished = sf_peer_echoed, .invariant = true,
               .no_dead_fd = CORE_IS_BLIND)
