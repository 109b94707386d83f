/*
 * fidelity.c: random call sequences on simnet and on the real kernel.
 *
 *     fidelity [CALLS [SEED]]
 *
 * Random inputs for fuzzers/fuzz_fidelity.c, some CALLS in all.  A difference
 * ends it with the number of the sequence, which is the seed from which it
 * replays alone.
 */
#include "fuzzers/fuzz.h"

#include <signal.h>

enum { CALLS_PER_RUN = 24, DECISIONS = 8 * CALLS_PER_RUN };

static unsigned seed;

/* The process is ending; nothing else writes there meanwhile. */
static void name_the_seed(int signo)
{
    (void)signo;
    fprintf(stderr, "fidelity: the seed was %u\n", seed);
}

/* splitmix64: neighbouring seeds have nothing in common. */
static void fill(uint8_t *bytes, size_t len)
{
    uint64_t state = seed;

    for (size_t i = 0; i < len; i++) {
        uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        bytes[i] = (uint8_t)(z ^ z >> 31);
    }
}

int main(int argc, char **argv)
{
    unsigned long calls = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
    unsigned long runs = (calls + CALLS_PER_RUN - 1) / CALLS_PER_RUN;
    uint8_t bytes[DECISIONS];

    seed = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1;
    signal(SIGABRT, name_the_seed);
    for (unsigned long i = 0; i < runs; i++, seed++) {
        fill(bytes, sizeof bytes);
        LLVMFuzzerTestOneInput(bytes, sizeof bytes);
    }
    printf("%lu calls on both kernels: no difference\n", runs * CALLS_PER_RUN);
    return 0;
}
