/*
 * memory.c: the allocator of the sessions that are proved.
 *
 * The linker sends every call of the allocator in this program here
 * (--wrap).  Blocks are counted, so that a leak is seen in the very run that
 * leaks, without a sanitizer.  Once somebody wants the arena (arena.h) they are
 * there.
 */
#include "fuzzers/prove/arena.h"
#include "fuzzers/prove/snapshots.h"

#include "faultinject/inject/finding.h"
#include "faultinject/session/run.h"
#include "fuzzers/fuzz.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);

int __real_getaddrinfo(const char *host, const char *service,
                       const struct addrinfo *hints, struct addrinfo **list);
void __real_freeaddrinfo(struct addrinfo *list);

int __wrap_getaddrinfo(const char *host, const char *service,
                       const struct addrinfo *hints, struct addrinfo **list);
void __wrap_freeaddrinfo(struct addrinfo *list);

static bool arena_on;
static long blocks;

bool prove_use_arena(void)
{
    arena_on = true;
    return true;
}

long prove_blocks(void)
{
    return blocks;
}

/* All of them are asked for here. */
uint64_t prove_made(void)
{
    return 0;
}

void prove_check_blocks(long before)
{
    if (blocks != before)
        sf_finding(SF_MON_MEMORY, "%ld blocks of memory were not given back",
                   blocks - before);
}

void *__wrap_malloc(size_t size)
{
    void *block = prove_refused() ? NULL
                  : arena_on      ? arena_take(1, size)
                                  : __real_malloc(size);

    blocks += block != NULL;
    return block;
}

void *__wrap_calloc(size_t n, size_t size)
{
    void *block;

    if (prove_refused())
        block = NULL;
    else if (!arena_on)
        block = __real_calloc(n, size);
    else if (size && n > SIZE_MAX / size)
        block = NULL;
    else
        block = arena_take(1, n * size); /* which is clear */
    blocks += block != NULL;
    return block;
}

void *__wrap_realloc(void *block, size_t size)
{
    void *moved;

    if (!block)
        return __wrap_malloc(size);
    if (prove_refused())
        return NULL;
    moved = arena_has(block) ? arena_move(block, size)
                             : __real_realloc(block, size);
    return moved;
}

void __wrap_free(void *block)
{
    blocks -= block != NULL;
    if (arena_has(block))
        arena_give(block);
    else
        __real_free(block);
}

/* --- addresses: the C library's heap no run takes back, so lists of them are
 * copied to where everything else is */

struct address {
    struct addrinfo info; /* first: it is what the program has */
    struct sockaddr_storage addr;
};

void __wrap_freeaddrinfo(struct addrinfo *list)
{
    while (list) {
        struct addrinfo *next = list->ai_next;

        __wrap_free(list);
        list = next;
    }
}

static bool copy_address(const struct addrinfo *from, struct addrinfo **to)
{
    struct address *copy = __wrap_calloc(1, sizeof *copy);

    if (!copy)
        return false;
    copy->info = *from;
    copy->info.ai_addr = (struct sockaddr *)&copy->addr;
    copy->info.ai_canonname = NULL;
    copy->info.ai_next = NULL;
    memcpy(&copy->addr, from->ai_addr, from->ai_addrlen);
    *to = &copy->info;
    return true;
}

int __wrap_getaddrinfo(const char *host, const char *service,
                       const struct addrinfo *hints, struct addrinfo **list)
{
    struct addrinfo *theirs, **end = list;
    int r = __real_getaddrinfo(host, service, hints, &theirs);

    *list = NULL;
    if (r != 0)
        return r;
    for (struct addrinfo *a = theirs; a && r == 0; a = a->ai_next) {
        if (!copy_address(a, end))
            r = EAI_MEMORY;
        else
            end = &(*end)->ai_next;
    }
    __real_freeaddrinfo(theirs);
    if (r != 0)
        __wrap_freeaddrinfo(*list);
    return r;
}
