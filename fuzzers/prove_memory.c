/*
 * prove_memory.c: counts the blocks of memory that are held.
 *
 * The linker sends every call of the allocator in this program here
 * (--wrap), so that a leak is seen in the very run that leaks, without a
 * sanitizer.
 */
#include "fuzzers/prove.h"

#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);

static long blocks;

long prove_blocks(void)
{
    return blocks;
}

void *__wrap_malloc(size_t size)
{
    void *block = __real_malloc(size);

    blocks += block != NULL;
    return block;
}

void *__wrap_calloc(size_t n, size_t size)
{
    void *block = __real_calloc(n, size);

    blocks += block != NULL;
    return block;
}

void *__wrap_realloc(void *block, size_t size)
{
    void *moved = __real_realloc(block, size);

    blocks += !block && moved;
    return moved;
}

void __wrap_free(void *block)
{
    blocks -= block != NULL;
    __real_free(block);
}
