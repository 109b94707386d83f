/* seed.c: see seed.h. */
#include "faultinject/inject/seed.h"

#include "faultinject/inject/mix.h"

enum { CAREFUL_BYTES = 512 };

enum draw { FIRES = 1, PICKS, CUTS };

static uint64_t draw(uint64_t seed, const struct sf_point *at, enum draw what)
{
    uint64_t x = sf_mix(seed + SF_GOLDEN);

    x = sf_mix(x ^ ((uint64_t)at->conn << 32 | (uint64_t)at->call << 8 | what));
    return sf_mix(x ^ at->nth);
}

bool sf_seed_fires(uint64_t seed, uint32_t p, const struct sf_point *at)
{
    return draw(seed, at, FIRES) % 1000000000 < p;
}

unsigned sf_seed_pick(uint64_t seed, enum sf_class cls,
                      const struct sf_point *at,
                      const struct sf_outcome *outcomes, unsigned n)
{
    enum sf_fault candidates[SF_FAULT_COUNT];
    uint64_t x = draw(seed, at, PICKS);
    unsigned count = 0;
    enum sf_fault fault;
    unsigned first;

    for (int i = 1; i < SF_FAULT_COUNT; i++)
        if (sf_fault_fits((enum sf_fault)i, at->call) &&
            sf_faults[i].cls == cls && sf_faults[i].how == SF_DRAWN)
            candidates[count++] = (enum sf_fault)i;
    if (count == 0)
        return 0;
    fault = candidates[x % count];
    /* Targets of one fault stand together: begin at any of them. */
    first = (unsigned)(x >> 32) % n;
    for (unsigned i = 0; i < n; i++)
        if (outcomes[(first + i) % n].fault == fault)
            return (first + i) % n;
    return 0;
}

size_t sf_seed_amount(uint64_t seed, const struct sf_point *at, size_t max)
{
    uint64_t x = draw(seed, at, CUTS);
    size_t small = 1 + (size_t)(x >> 8) % 16;

    if (at->offset >= CAREFUL_BYTES)
        return 1 + (size_t)(x >> 8) % max;
    if (x & 1)
        return 1;
    return small < max ? small : max;
}
