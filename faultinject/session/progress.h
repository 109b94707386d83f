/*
 * progress.h: how far something long has come, on standard error: now and then
 * a line, or on a terminal always the same one.
 */
#ifndef SF_SESSION_PROGRESS_H
#define SF_SESSION_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* In seconds, of the monotonic clock. */
struct sf_progress {
    bool quiet, tty;
    double since, said;
    unsigned bound; /* of a walk: the time that is left is judged by it */
    double bound_since, part; /* at the beginning of this bound */
};

double sf_seconds(void);

void sf_progress_begin(struct sf_progress *p, bool quiet);
/* Is it time for a line?  Then it is begun, for the caller to say and end. */
bool sf_progress_due(struct sf_progress *p);
void sf_progress_end_line(const struct sf_progress *p);
/* So many a second since the beginning. */
double sf_progress_rate(const struct sf_progress *p, uint64_t n);
/* It is over: the terminal is as it was. */
void sf_progress_wipe(const struct sf_progress *p);

#endif
