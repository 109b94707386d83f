/* birth.c: see birth.h */
#include "faultinject/forks/birth.h"

#include "faultinject/world.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int birth[2] = {-1, -1};

bool sf_birth_begin(void)
{
    if (sf_libc.pipe2(birth, O_CLOEXEC) == 0)
        return true;
    birth[0] = birth[1] = -1;
    return false;
}

static void close_side(int side)
{
    if (birth[side] >= 0)
        sf_libc.close(birth[side]);
    birth[side] = -1;
}

void sf_birth_in_child(void)
{
    close_side(0);
}

void sf_birth_say(void)
{
    sf_libc.write(birth[1], "", 1);
    close_side(1);
}

bool sf_birth_await(int ms)
{
    struct pollfd child = {.fd = birth[0], .events = POLLIN};
    ssize_t n = 0;
    char said;

    close_side(1);
    while (child.fd >= 0 && sf_libc.poll(&child, 1, ms) < 0 && errno == EINTR &&
           ms < 0)
        ;
    if (child.revents)
        n = sf_libc.read(birth[0], &said, 1);
    close_side(0);
    return n == 1;
}
