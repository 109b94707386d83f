/* refuse.c: which allocation of the program fails; see prove.h */
#include "fuzzers/prove/prove.h"

#include "faultinject/session/run.h"
#include "fuzzers/fuzz.h"

#include <errno.h>
#include <inttypes.h>

/* <sanitizer/common_interface_defs.h> */
void __sanitizer_print_stack_trace(void) __attribute__((weak));
void __sanitizer_symbolize_pc(void *pc, const char *format, char *out,
                              size_t size) __attribute__((weak));

static uint64_t allocations, fails;

static bool tells(void)
{
    return &__sanitizer_print_stack_trace && fuzz_verbose();
}

/* In the middle of a session it could not start what knows names. */
static void prepare(void)
{
    char name[64];

    if (tells() && &__sanitizer_symbolize_pc)
        __sanitizer_symbolize_pc((void *)prepare, "%f", name, sizeof name);
}

void prove_fail(uint64_t nth)
{
    prepare();
    allocations = 0;
    fails = nth;
}

uint64_t prove_allocations(void)
{
    return allocations;
}

void prove_memory_counters(sf_counter *each, void *arg)
{
    each(arg, &allocations, sizeof allocations);
}

/* For whoever sees it happen: whose it is. */
static void tell(void)
{
    if (!tells())
        return;
    printf("allocation %" PRIu64 ", which fails:\n", allocations);
    fflush(stdout);
    __sanitizer_print_stack_trace();
}

/* What peers and the harness allocate is not the program's. */
bool prove_refused(void)
{
    if (sf_session_acting() || fuzz_memory.own || ++allocations != fails)
        return false;
    tell();
    fuzz_memory.refused = true;
    errno = ENOMEM;
    return true;
}
