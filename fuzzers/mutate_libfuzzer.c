/* mutate_libfuzzer.c: where libFuzzer looks for mutate.c; weak, so that a
 * target's own is preferred. */
#include "fuzzers/mutate.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max)
    __attribute__((weak));
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
                               unsigned seed) __attribute__((weak));
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size,
                                 const uint8_t *b, size_t b_size, uint8_t *out,
                                 size_t max, unsigned seed)
    __attribute__((weak));

/* One time in eight the bytes themselves: comparisons and the dictionary. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
                               unsigned seed)
{
    if (&LLVMFuzzerMutate && seed % 8 == 0)
        return sf_mutate_tidy(data, LLVMFuzzerMutate(data, size, max), max);
    return sf_mutate(data, size, max, seed);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size,
                                 const uint8_t *b, size_t b_size, uint8_t *out,
                                 size_t max, unsigned seed)
{
    return sf_cross(a, a_size, b, b_size, out, max, seed);
}
