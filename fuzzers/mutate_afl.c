/*
 * mutate_afl.c: the same for AFL++, as a library of its own.
 *
 *     AFL_CUSTOM_MUTATOR_LIBRARY=build/lib/libmutate_session.so afl-fuzz …
 *
 * The functions are those that afl-fuzz looks for; see custom_mutators.md of
 * AFL++.  Its own havoc goes on beside them.
 */
#include "fuzzers/mutate.h"

#include "faultinject/session/session.h"

#include <stdlib.h>
#include <string.h>

struct mutator {
    unsigned seed;
    uint8_t out[SF_SESSION_MAX];
};

void *afl_custom_init(void *afl, unsigned seed);
size_t afl_custom_fuzz(void *data, uint8_t *in, size_t size, uint8_t **out,
                       uint8_t *other, size_t other_size, size_t max);
void afl_custom_deinit(void *data);

void *afl_custom_init(void *afl, unsigned seed)
{
    struct mutator *m = calloc(1, sizeof *m);

    (void)afl;
    if (m)
        m->seed = seed;
    return m;
}

/* A quarter of the time from two parents. */
size_t afl_custom_fuzz(void *data, uint8_t *in, size_t size, uint8_t **out,
                       uint8_t *other, size_t other_size, size_t max)
{
    struct mutator *m = data;
    size_t limit = max < sizeof m->out ? max : sizeof m->out;

    m->seed++;
    *out = m->out;
    if (other && m->seed % 4 == 0)
        return sf_cross(in, size, other, other_size, m->out, limit, m->seed);
    if (size > limit)
        size = limit;
    memcpy(m->out, in, size);
    return sf_mutate(m->out, size, limit, m->seed);
}

void afl_custom_deinit(void *data)
{
    free(data);
}
