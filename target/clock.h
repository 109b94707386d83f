/*
 * clock.h: points in time, in milliseconds of CLOCK_MONOTONIC.
 *
 * A time limit is always kept as the point when it ends, so that neither a
 * signal nor a short count ever starts it anew.
 */
#ifndef FM_CLOCK_H
#define FM_CLOCK_H

#include <stdint.h>

#define FM_NEVER INT64_MAX

int64_t fm_now_ms(void);

/* The deadline ms after a point in time, or from now; FM_NEVER when ms < 0. */
int64_t fm_deadline_after(int64_t now_ms, int64_t ms);
int64_t fm_deadline_in(int64_t ms);

static inline int64_t fm_earliest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Milliseconds from now to the deadline: 0 when it has passed, at most
 * INT_MAX, and -1 for FM_NEVER, as poll() wants it. */
int fm_remaining_ms(int64_t now_ms, int64_t deadline_ms);

#endif
