/*
 * fuzz.h: what the fuzz targets of this folder share.
 */
#ifndef SF_FUZZ_H
#define SF_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What an engine calls with each input; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Where there is something to do once, before the first input. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

/*
 * Set by the replayer's -v: the target prints what it does with the input.
 * Engines do not define it.
 */
extern bool sf_verbose __attribute__((weak));

/*
 * The prover (prove/memory.c) makes allocations of the program fail.
 */
struct fuzz_memory {
    volatile bool own; /* those that are made now are the target's own; the
                        * compiler takes it that malloc() does not look */
    bool refused;      /* one has failed                                */
};
extern struct fuzz_memory fuzz_memory;

/* Bytes of memory in use; 0: nobody counts them. */
size_t fuzz_allocated(void);

#ifdef __cplusplus
}
#endif

static inline bool fuzz_verbose(void)
{
    return &sf_verbose && sf_verbose;
}

/* clang-format off */
/* An oracle was violated: one line, then abort, which every engine sees. */
#define FUZZ_FAIL(...)                                                         \
    do {                                                                       \
        fflush(stdout);                                                        \
        fprintf(stderr, "sockfault: finding: " __VA_ARGS__);                   \
        fputc('\n', stderr);                                                   \
        abort();                                                               \
    } while (0)
/* clang-format on */

#endif
