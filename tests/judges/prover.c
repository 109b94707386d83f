/*
 * prover.c: what a prover has to see, by the session's variant:
 *
 *     1 … 3   it aborts when this one of its three allocations fails
 *     4       it keeps something for later, and then loses a block where a
 *             receive is short
 *     5       it ends with a status of its own
 *     6       it does in one run what it does not in the next
 *     7       it aborts where the sixth byte ends a piece
 */
#include "faultinject/session/target.h"

#include <stdlib.h>
#include <unistd.h>

/* The compiler knows nothing of it, so none is left out. */
static void *volatile kept;
static void *volatile cache;

static void allocate(unsigned nth)
{
    kept = malloc(1);
    if (!kept && nth == sf_session_now()->variant)
        abort();
    free(kept);
    kept = NULL;
}

static void keep_and_lose(int fd)
{
    char bytes[4];

    if (!cache)
        cache = malloc(100);
    if (recv(fd, bytes, sizeof bytes, 0) < (ssize_t)sizeof bytes)
        kept = malloc(10);
    kept = NULL;
}

static void receive_at_times(int fd)
{
    static unsigned times;
    char bytes[4];

    if (times++ % 2)
        recv(fd, bytes, sizeof bytes, 0);
}

static void trust_in_six(int fd)
{
    char bytes[16];

    if (recv(fd, bytes, sizeof bytes, 0) == 6)
        abort();
}

static void run(void *arg, int fd)
{
    (void)arg;
    for (unsigned nth = 1; nth <= 3; nth++)
        allocate(nth);
    if (sf_session_now()->variant == 4)
        keep_and_lose(fd);
    if (sf_session_now()->variant == 5)
        _exit(3);
    if (sf_session_now()->variant == 6)
        receive_at_times(fd);
    if (sf_session_now()->variant == 7)
        trust_in_six(fd);
    close(fd);
}

SF_FUZZ_TARGET(.name = "prover", .side = SF_GIVEN, .run = run)
