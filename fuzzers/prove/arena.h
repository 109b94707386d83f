/*
 * arena.h: blocks of memory among the variables of this program.
 *
 * A session whose memory is to be taken back with everything else (image.h)
 * has its blocks here.  What the arena holds depends on the blocks that there
 * are, not on those there were: a new one goes into the first gap, and a freed
 * one is cleared with its head.
 */
#ifndef SF_ARENA_H
#define SF_ARENA_H

#include <stdbool.h>
#include <stddef.h>

/* Cleared, at a multiple of `align`, which is a power of two; NULL: there is
 * no room for it. */
void *arena_take(size_t align, size_t size);
/* A longer one with what was in it, or NULL, and it stays. */
void *arena_move(void *block, size_t size);
void arena_give(void *block);

bool arena_has(const void *block);
/* Bytes that the program may use of it. */
size_t arena_room(const void *block);
/* The next block for which so many bytes were asked; NULL: the first, the end.
 */
void *arena_next(const void *block, size_t size);

#endif
