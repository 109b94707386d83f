/*
 * counter.h: what grows with every call and decides nothing.
 *
 * Two sessions can be in the same state although one made more calls to get
 * there.  Each part of the pipe names the fields that only count, so that
 * what compares states can leave them out.
 */
#ifndef SF_COUNTER_H
#define SF_COUNTER_H

#include <stddef.h>

/* `len` bytes at `at` only count. */
typedef void sf_counter(void *arg, void *at, size_t len);

/* What one connection has counted: of the first so many. */
enum { SF_COUNTED = 64 };

#endif
