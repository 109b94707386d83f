/*
 * turn.h: how a program that measures takes turns with others.
 *
 * A line on standard input begins a turn; a line of two numbers on standard
 * output ends it.  Anything but an empty line ends the program.  Turns are
 * short and many, so that a machine that changes its speed changes it for
 * everyone.
 */
#ifndef BENCH_TURN_H
#define BENCH_TURN_H

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

static inline bool turn_begins(void)
{
    return getchar() == '\n';
}

static inline void turn_ends(double first, double second)
{
    printf("%.4f %.4f\n", first, second);
    fflush(stdout);
}

/* Seconds on that clock. */
static inline double turn_clock(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

#endif
