/* guard.h: bytes that end where the memory ends. */
#ifndef TESTS_TARGET_GUARD_H
#define TESTS_TARGET_GUARD_H

#include <stddef.h>

/* A copy of n bytes, at most a page, whose end is the start of a page that
 * nobody may touch: reading past it kills, with or without a sanitizer.
 * Valid until the next call. */
const void *guarded(const void *bytes, size_t n);

#endif
