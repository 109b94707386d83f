/* noted.c: see noted.h */
#include "faultinject/simulate/noted.h"

#include "faultinject/inject/sanitizer.h"
#include "faultinject/simnet/simnet.h"

#include <stdio.h>
#include <unistd.h>

static struct sf_served *served;
static bool real_pair;

bool sf_noted_real_pair(void)
{
    return real_pair;
}

/* The pipes to who knows the names of its functions are not the program's, and
 * their other ends are in a process that the world is not for. */
static int pipe_unless_reporting(int fds[2])
{
    return sf_sanitized_reports() ? sf_libc.pipe(fds) : sf_simnet()->pipe(fds);
}

static int pair_noted(int domain, int type, int protocol, int fds[2])
{
    int r = sf_simnet()->socketpair(domain, type, protocol, fds);

    real_pair |= r == 0 && fds[0] < SF_SIM_FD;
    return r;
}

static int socket_noted(int domain, int type, int protocol)
{
    served->met = true;
    return sf_simnet()->socket(domain, type, protocol);
}

/* Whichever of its processes does. */
static int accept_noted(int fd, struct sockaddr *addr, socklen_t *addrlen)
{
    int r = sf_simnet()->accept(fd, addr, addrlen);

    served->accepted += r >= 0;
    return r;
}

static int accept4_noted(int fd, struct sockaddr *addr, socklen_t *addrlen,
                         int flags)
{
    int r = sf_simnet()->accept4(fd, addr, addrlen, flags);

    served->accepted += r >= 0;
    return r;
}

/* What libc prints or reads by these names goes past our names. */
static void onto_standard(int fd)
{
    FILE **const files[] = {&stdin, &stdout, &stderr};
    FILE *file = fdopen(fd, fd == STDIN_FILENO ? "r" : "w");

    if (!file)
        return;
    if (fd == STDERR_FILENO)
        setvbuf(file, NULL, _IONBF, 0);
    *files[fd] = file;
}

const struct sf_world *sf_noted_world(struct sf_served *report)
{
    static struct sf_world world;

    served = report;
    sf_sim_onto_low = onto_standard;
    world = *sf_simnet();
    world.pipe = pipe_unless_reporting;
    world.socket = socket_noted;
    world.socketpair = pair_noted;
    world.accept = accept_noted;
    world.accept4 = accept4_noted;
    return &world;
}
