/*
 * hash.h: FNV-1a, of 64 bits: for what is told apart, not for what is hidden.
 */
#ifndef SF_HASH_H
#define SF_HASH_H

#include <stddef.h>
#include <stdint.h>

#define SF_HASH UINT64_C(0xcbf29ce484222325) /* what it begins with */

static inline uint64_t sf_hash(uint64_t h, const void *at, size_t len)
{
    const uint8_t *bytes = (const uint8_t *)at;

    for (size_t i = 0; i < len; i++)
        h = (h ^ bytes[i]) * UINT64_C(0x100000001b3);
    return h;
}

#endif
