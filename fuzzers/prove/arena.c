/* arena.c: see arena.h */
#include "fuzzers/prove/arena.h"

#include "fuzzers/prove/image.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA = 1 << 26, UNIT = 64, PAGE = 4096 };

/* In the order of their places, each with what is before it. */
struct block {
    struct block *next;
    size_t room;
};

static _Alignas(UNIT) char arena[ARENA];
static struct block *first;

bool arena_has(const void *block)
{
    return (const char *)block >= arena && (const char *)block < arena + ARENA;
}

static char *end_of(struct block *b)
{
    return (char *)(b + 1) + b->room;
}

static size_t whole_of(size_t size)
{
    return (size + sizeof(struct block) + UNIT - 1) / UNIT * UNIT;
}

/* The first head from there on behind which a block is aligned. */
static char *head_at(char *from, size_t align)
{
    uintptr_t block = (uintptr_t)from + sizeof(struct block);

    return from + (-block & (align - 1));
}

/* The kernel may be asked to write there, and cannot fault where a page is
 * watched. */
static void touch(struct block *b)
{
    volatile char *at = (char *)(b + 1), *last = at + b->room - 1;

    for (; at < last; at += PAGE)
        *at = 0;
    *last = 0;
}

/* The link to the first gap of so many bytes, and where that begins. */
static struct block **find_gap(size_t align, size_t whole, char **at)
{
    struct block **link = &first;

    *at = head_at(arena, align);
    while (*link && *at + whole > (char *)*link) {
        *at = head_at(end_of(*link), align);
        link = &(*link)->next;
    }
    return link;
}

void *arena_take(size_t align, size_t size)
{
    size_t whole = whole_of(size);
    struct block **link, *b;
    char *at;

    if (whole < size || whole > ARENA || align > ARENA)
        return NULL;
    link = find_gap(align, whole, &at);
    if (at + whole > arena + ARENA)
        return NULL;
    b = (struct block *)at;
    b->next = *link;
    b->room = whole - sizeof *b;
    *link = b;
    touch(b);
    return b + 1;
}

void *arena_next(const void *block, size_t size)
{
    struct block *b = block ? ((const struct block *)block)[-1].next : first;

    while (b && b->room + sizeof *b != whole_of(size))
        b = b->next;
    return b ? b + 1 : NULL;
}

size_t arena_room(const void *block)
{
    return ((const struct block *)block - 1)->room;
}

void arena_give(void *block)
{
    struct block *b = (struct block *)block - 1, **link = &first;

    while (*link && *link != b)
        link = &(*link)->next;
    if (!*link)
        abort(); /* freed twice, or never allocated */
    *link = b->next;
    image_clear(b, sizeof *b + b->room);
}

void *arena_move(void *block, size_t size)
{
    void *moved;

    if (size <= arena_room(block))
        return block;
    moved = arena_take(1, size);
    if (moved) {
        memcpy(moved, block, arena_room(block));
        arena_give(block);
    }
    return moved;
}
