/* own_malloc.c: the allocator of a program that brings one along: it never
 * gives back. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { HEAP = 1 << 26, HEAD = 16 };

static _Alignas(HEAD) char heap[HEAP];
static size_t used;

static size_t size_of(const char *block)
{
    size_t size;

    memcpy(&size, block - HEAD, sizeof size);
    return size;
}

void *malloc(size_t size)
{
    size_t room = (size + 2 * HEAD - 1) / HEAD * HEAD;
    char *block = heap + used + HEAD;

    if (size > HEAP || room > HEAP - used) {
        errno = ENOMEM;
        return NULL;
    }
    used += room;
    memcpy(block - HEAD, &size, sizeof size);
    return block;
}

void free(void *block)
{
    (void)block;
}

void *calloc(size_t n, size_t size)
{
    void *block = size && n > SIZE_MAX / size ? NULL : malloc(n * size);

    return block ? memset(block, 0, n * size) : NULL;
}

void *realloc(void *block, size_t size)
{
    char *grown = malloc(size);

    if (grown && block)
        memcpy(grown, block, size_of(block) < size ? size_of(block) : size);
    return grown;
}
