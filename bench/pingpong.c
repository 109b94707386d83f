/*
 * pingpong.c: what a socket call costs as things are.
 *
 * bench_pingpong ROUNDS
 *
 * Takes turns (turn.h): in each sends 64 bytes through a UNIX socket pair and
 * receives them, ROUNDS times, and says how long that took, a round:
 *
 *     CPU ns    wall ns
 */
#include "bench/turn.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { BYTES = 64 };

static void pass(const int pair[2], long rounds)
{
    char bytes[BYTES] = {0};

    for (long i = 0; i < rounds; i++)
        if (send(pair[0], bytes, BYTES, 0) != BYTES ||
            recv(pair[1], bytes, BYTES, 0) != BYTES) {
            perror("bench_pingpong");
            exit(2);
        }
}

int main(int argc, char **argv)
{
    long rounds = argc == 2 ? atol(argv[1]) : 0;
    int pair[2];

    if (rounds <= 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1) {
        fprintf(stderr, "bench_pingpong: expected a number of rounds\n");
        return 2;
    }
    while (turn_begins()) {
        double cpu = turn_clock(CLOCK_PROCESS_CPUTIME_ID);
        double wall = turn_clock(CLOCK_MONOTONIC);

        pass(pair, rounds);
        cpu = turn_clock(CLOCK_PROCESS_CPUTIME_ID) - cpu;
        wall = turn_clock(CLOCK_MONOTONIC) - wall;
        turn_ends(cpu / (double)rounds * 1e9, wall / (double)rounds * 1e9);
    }
    return 0;
}
