/*
 * pingpong.c: what a socket call costs as things are.
 *
 * bench_pingpong ROUNDS
 *
 * Takes turns (turn.h): in each sends 64 bytes through a UNIX socket pair and
 * receives them, ROUNDS times, and says how long that took, a round:
 *
 *     CPU ns    wall ns
 *
 * Compiled with BENCH_IN_MEMORY, and linked as fuzz targets are, all of it
 * happens in simnet, with a tape that has run out.
 */
#include "bench/turn.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef BENCH_IN_MEMORY
#include "faultinject/inject/inject.h"
#include "faultinject/simnet/simnet.h"

static void enter_world(void)
{
    static struct sf_tape tape;

    sf_tape_init(&tape, NULL, 0);
    sf_sim_begin(NULL);
    sf_inject_begin(sf_simnet(), &tape.chooser, SF_LINUX);
}

static void leave_world(void)
{
    sf_inject_end();
    sf_sim_end();
}
#else
static void enter_world(void)
{
}

static void leave_world(void)
{
}
#endif

enum { BYTES = 64 };

static void die(const char *what)
{
    fprintf(stderr, "bench_pingpong: %s\n", what);
    exit(2);
}

static void pass(long rounds)
{
    char bytes[BYTES] = {0};
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
        die("no socket pair");
    for (long i = 0; i < rounds; i++)
        if (send(pair[0], bytes, BYTES, 0) != BYTES ||
            recv(pair[1], bytes, BYTES, 0) != BYTES)
            die("the bytes did not come");
    close(pair[0]);
    close(pair[1]);
}

static void turn(long rounds)
{
    double cpu = turn_clock(CLOCK_PROCESS_CPUTIME_ID);
    double wall = turn_clock(CLOCK_MONOTONIC);

    enter_world();
    pass(rounds);
    leave_world();
    cpu = turn_clock(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    wall = turn_clock(CLOCK_MONOTONIC) - wall;
    turn_ends(cpu / (double)rounds * 1e9, wall / (double)rounds * 1e9);
}

int main(int argc, char **argv)
{
    long rounds = argc == 2 ? atol(argv[1]) : 0;

    if (rounds <= 0)
        die("expected a number of rounds");
    while (turn_begins())
        turn(rounds);
    return 0;
}
