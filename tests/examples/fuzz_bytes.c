/* fuzz_bytes.c: takes what it is fed for bytes, whatever they say. */
#include "fuzzers/pieces.h"

static size_t sum;

static void *begin(void)
{
    return &sum;
}

static bool feed(void *parser, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        *(size_t *)parser += bytes[i];
    return true;
}

static void end(void *parser)
{
    *(size_t *)parser = 0;
}

SF_FUZZ_PIECES(begin, feed, end)
