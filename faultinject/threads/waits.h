/*
 * waits.h: threads that wait to be woken, by a key: a condition, a futex.
 */
#ifndef SF_WAITS_H
#define SF_WAITS_H

#include <limits.h>
#include <stdint.h>

enum { SF_WAKE_ALL = INT_MAX };

/* 0: woken; ETIMEDOUT.  With `leave` it is a cancellation point, and where the
 * thread is cancelled that is called with `arg`. */
int sf_wait_for(const void *key, int64_t until, void (*leave)(void *),
                void *arg);
/* Those that have waited longest; how many there were. */
int sf_wake(const void *key, int most);

#endif
