/* fuzz.c: see fuzz.h */
#include "fuzzers/fuzz.h"

struct fuzz_memory fuzz_memory;

/* Where a sanitizer counts them. */
extern size_t __sanitizer_get_current_allocated_bytes(void)
    __attribute__((weak));

size_t fuzz_allocated(void)
{
    return __sanitizer_get_current_allocated_bytes
               ? __sanitizer_get_current_allocated_bytes()
               : 0;
}
