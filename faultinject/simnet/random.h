/*
 * random.h: what a program in memory gets for random bytes.
 *
 * SplitMix64, from 0 on when a session begins: the same bytes on any machine,
 * and one number is all of its state.  They are as good as any for hash seeds,
 * names and keys, and no secret at all.
 */
#ifndef SF_RANDOM_H
#define SF_RANDOM_H

#include "faultinject/inject/mix.h"

#include <stddef.h>

/* Of the last word what is left over is lost. */
static inline void sf_random(uint64_t *state, void *to, size_t len)
{
    uint8_t *bytes = (uint8_t *)to;
    uint64_t word = 0;

    for (size_t i = 0; i < len; i++, word >>= 8) {
        if (i % sizeof word == 0)
            word = sf_mix(*state += SF_GOLDEN);
        bytes[i] = (uint8_t)word;
    }
}

#endif
