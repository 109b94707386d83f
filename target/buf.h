/*
 * buf.h: a bounded queue of bytes in one piece of memory.
 *
 *        0          pos               end            cap
 *        | consumed |  bytes in use   |  room        |
 *
 * Bytes are added at the end (append, or reserve and commit) and taken from
 * the front (peek and consume).  Each byte is moved a constant number of
 * times over the buffer's life, whatever the pieces.
 *
 * Room that was not reserved is poisoned (poison.h).
 *
 * Pure: no errno, no clock, no descriptor.  A zeroed struct fm_buf is an
 * empty buffer whose limit is 0; fm_buf_init() sets another.
 */
#ifndef FM_BUF_H
#define FM_BUF_H

#include "target/poison.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fm_buf {
    uint8_t *data;  /* NULL until the first byte                            */
    size_t pos;     /* first byte in use                                    */
    size_t end;     /* after the last one                                   */
    size_t cap;     /* bytes allocated, at most max                         */
    size_t max;     /* no more than this in use, ever                       */
    uint64_t moved; /* bytes copied inside so far; for tests of linearity   */
};

/* An empty buffer that will hold at most max bytes.  Allocates nothing. */
void fm_buf_init(struct fm_buf *b, size_t max);

/* Give back the memory; the buffer is empty and can be used again. */
void fm_buf_fini(struct fm_buf *b);

/* Bytes in use, and the first of them; never NULL, even when there are 0.
 * Valid until the next call that adds, consumes or ends. */
static inline size_t fm_buf_len(const struct fm_buf *b)
{
    return b->end - b->pos;
}

static inline const uint8_t *fm_buf_peek(const struct fm_buf *b)
{
    return b->data ? b->data + b->pos : (const uint8_t *)"";
}

/* Where the room begins. */
static inline uint8_t *fm_buf_end(const struct fm_buf *b)
{
    return b->data + b->end;
}

/* All room is nobody's again. */
static inline void fm_buf_shut(struct fm_buf *b)
{
    if (b->data)
        fm_poison(fm_buf_end(b), b->cap - b->end);
}

/* Forget the first n bytes; n is at most fm_buf_len(). */
static inline void fm_buf_consume(struct fm_buf *b, size_t n)
{
    b->pos += n;
    if (b->pos != b->end)
        return;
    b->pos = b->end = 0;
    fm_buf_shut(b);
}

/* For fm_buf_reserve(), and for those who have something else to do when it
 * is not that easy: is there room as things are?  It is reserved then. */
static inline bool fm_buf_reserve_here(struct fm_buf *b, size_t n)
{
    if (n >= b->cap - b->end)
        return false;
    fm_unpoison(fm_buf_end(b), n);
    return true;
}

/* For fm_buf_reserve(), when there may be less room than that. */
uint8_t *fm_buf_make_room(struct fm_buf *b, size_t n);

/* Room for n more bytes at the end, or NULL: no memory, or more than max.
 * The buffer's bytes are unchanged either way. */
static inline uint8_t *fm_buf_reserve(struct fm_buf *b, size_t n)
{
    return fm_buf_reserve_here(b, n) ? fm_buf_end(b) : fm_buf_make_room(b, n);
}

/* Would fm_buf_reserve(b, n) do without more memory? */
bool fm_buf_has_room(const struct fm_buf *b, size_t n);

/* The first n bytes of the reserved room are now in use. */
static inline void fm_buf_commit(struct fm_buf *b, size_t n)
{
    b->end += n;
    fm_buf_shut(b);
}

/* Both at once: n more bytes in use, which the caller is about to write.
 * Returns the first of them, or NULL as fm_buf_reserve(). */
static inline uint8_t *fm_buf_add(struct fm_buf *b, size_t n)
{
    uint8_t *room = fm_buf_reserve(b, n);

    if (room)
        fm_buf_commit(b, n);
    return room;
}

/* The same, and write them.  Returns false, and changes nothing, when there is
 * no room. */
bool fm_buf_append(struct fm_buf *b, const void *bytes, size_t n);

/*
 * If b is empty, let it have spare's memory and spare its own; where both have
 * some, spare keeps the larger and b has none.  A spare is memory only: a
 * zeroed struct fm_buf to begin with, never filled, traded with buffers of the
 * same limit, and ended with fm_buf_fini().
 */
void fm_buf_trade(struct fm_buf *b, struct fm_buf *spare);

/* Do the fields fit together?  For tests and fuzz targets. */
bool fm_buf_check(const struct fm_buf *b);

#endif
