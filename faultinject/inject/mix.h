/*
 * mix.h: SplitMix64's finisher: every bit of what goes in reaches every bit of
 * what comes out.
 */
#ifndef SF_MIX_H
#define SF_MIX_H

#include <stdint.h>

#define SF_GOLDEN UINT64_C(0x9e3779b97f4a7c15) /* its step: 2^64 / phi */

static inline uint64_t sf_mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

#endif
