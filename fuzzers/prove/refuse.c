/* refuse.c: allocations of a fuzz target that fail; see prove.h */
#include "faultinject/session/refuse.h"

#include "fuzzers/fuzz.h"
#include "fuzzers/prove/prove.h"

#include <inttypes.h>

/* <sanitizer/common_interface_defs.h> */
void __sanitizer_print_stack_trace(void) __attribute__((weak));
void __sanitizer_symbolize_pc(void *pc, const char *format, char *out,
                              size_t size) __attribute__((weak));

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
    sf_refuse(nth);
}

/* For whoever sees it happen: whose it is. */
static void tell(void)
{
    if (!tells())
        return;
    printf("allocation %" PRIu64 ", which fails:\n", sf_refuse_asked());
    fflush(stdout);
    __sanitizer_print_stack_trace();
}

/* What an oracle makes for itself while the program runs is not the program's.
 */
bool prove_refused(void)
{
    if (fuzz_memory.own || !sf_refused())
        return false;
    tell();
    fuzz_memory.refused = true;
    return true;
}
