/* progress.c: see progress.h */
#include "faultinject/session/progress.h"

#include <limits.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { SAY_EVERY_S = 10 }; /* where nobody watches */

double sf_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void sf_progress_begin(struct sf_progress *p, bool quiet)
{
    double t = sf_seconds();

    *p = (struct sf_progress){.quiet = quiet,
                              .tty = isatty(STDERR_FILENO),
                              .since = t,
                              .said = t,
                              .bound = UINT_MAX};
}

bool sf_progress_due(struct sf_progress *p)
{
    double t = sf_seconds();

    if (p->quiet || t - p->said <= (p->tty ? 0.5 : SAY_EVERY_S))
        return false;
    p->said = t;
    /* What is wider than the terminal is cut: \r goes back one line only. */
    fputs(p->tty ? "\r\033[K\033[?7l" : "sockfault: ", stderr);
    return true;
}

void sf_progress_end_line(const struct sf_progress *p)
{
    fputs(p->tty ? "\033[?7h" : "\n", stderr);
    fflush(stderr);
}

double sf_progress_rate(const struct sf_progress *p, uint64_t n)
{
    double took = sf_seconds() - p->since;

    return took > 0 ? (double)n / took : 0;
}

void sf_progress_wipe(const struct sf_progress *p)
{
    if (p->tty && !p->quiet)
        fputs("\r\033[K", stderr);
}
