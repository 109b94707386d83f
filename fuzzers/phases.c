/* see phases.h */
#include "fuzzers/phases.h"

#include <stdbool.h>
#include <stddef.h>

__attribute__((
    section("__libfuzzer_extra_counters"))) static uint8_t counters[SF_PHASES];

/* AFL++ gives an edge to every guard that it is shown. */
void __sanitizer_cov_trace_pc_guard_init(uint32_t *start, uint32_t *stop)
    __attribute__((weak));
void __sanitizer_cov_trace_pc_guard(uint32_t *guard) __attribute__((weak));

#ifdef SF_GUARDS
static uint32_t guards[SF_PHASES];

__attribute__((constructor(101))) static void show_guards(void)
{
    if (&__sanitizer_cov_trace_pc_guard_init)
        __sanitizer_cov_trace_pc_guard_init(guards, guards + SF_PHASES);
}
#endif

static bool unheard;

void sf_phase_forget(void)
{
    unheard = true;
}

void sf_phase(uint32_t what)
{
    uint32_t i = (what * UINT32_C(2654435761)) >> 20;

    if (unheard)
        return;
#ifdef SF_GUARDS
    if (&__sanitizer_cov_trace_pc_guard)
        __sanitizer_cov_trace_pc_guard(&guards[i]);
#endif
    if (counters[i] < UINT8_MAX)
        counters[i]++;
}

unsigned sf_place(unsigned long at, unsigned long start, unsigned long end)
{
    if (at == start)
        return 0;
    if (at - start <= 3)
        return (unsigned)(at - start);
    return at + 1 == end ? 5 : 4;
}
