/* fuzz_empty.c: what an engine can do at best. */
#include "fuzzers/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    (void)bytes;
    (void)len;
    return 0;
}
