/*
 * area.h: variables that all processes of a simulated program have in common.
 *
 * They lie in pages of their own, by _Alignas(SF_AREA_PAGE) at the first member
 * of a struct, so that these can become memory that processes share, in the
 * same place, when the program first forks (forks/shared.h).
 */
#ifndef SF_AREA_H
#define SF_AREA_H

#include <stddef.h>

enum { SF_AREA_PAGE = 4096 };

/* Called for each area; from `used` on nothing was written to it yet. */
typedef void sf_area(void *arg, void *at, size_t size, size_t used);

#endif
