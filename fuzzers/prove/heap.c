/* heap.c: the allocator of somebody's own fuzz target, whose sessions are to be
 * gone on with from their middle; see arena.h */
#include "fuzzers/prove/arena.h"
#include "fuzzers/prove/process.h"
#include "fuzzers/prove/snapshots.h"

#include "faultinject/inject/inject.h"
#include "faultinject/session/refuse.h"

#include <errno.h>

enum { LARGEST = 1 << 30 };

/* A block that nobody could have is the program's own affair. */
static void *taken(void *block, size_t size)
{
    if (!block && size < LARGEST)
        process_cannot("it asks for more memory than can be taken back");
    if (!block)
        errno = ENOMEM;
    return block;
}

static void *take(size_t align, size_t size)
{
    return taken(arena_take(align, size), size);
}

static void *move(void *block, size_t size)
{
    return taken(arena_move(block, size), size);
}

bool prove_use_arena(void)
{
    static const struct sf_heap heap = {.take = take,
                                        .move = move,
                                        .give = arena_give,
                                        .has = arena_has,
                                        .room = arena_room};

    if (!sf_refuse_sees())
        return process_cannot("it has a malloc() of its own");
    sf_inject_heap = &heap;
    return true;
}
