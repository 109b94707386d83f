/*
 * see buf.h
 *
 * Why it is linear.  Bytes are copied in two places only.  slide() runs when
 * at least as many bytes were consumed as it copies, so the consumed bytes
 * pay for it.  grow() makes the memory at least half as large again, so the
 * bytes that filled the old memory pay for it.
 */
#include "target/buf.h"

#include <stdlib.h>
#include <string.h>

enum { CAP_MIN = 256 };

void fm_buf_init(struct fm_buf *b, size_t max)
{
    *b = (struct fm_buf){.max = max};
}

void fm_buf_fini(struct fm_buf *b)
{
    free(b->data);
    fm_buf_init(b, b->max);
}

/* Move the bytes in use to the front of the memory. */
static void slide(struct fm_buf *b)
{
    size_t len = fm_buf_len(b);

    memmove(b->data, b->data + b->pos, len);
    b->moved += len;
    b->pos = 0;
    b->end = len;
    fm_buf_shut(b);
}

static bool fits_at_end(const struct fm_buf *b, size_t n)
{
    return b->data && n <= b->cap - b->end;
}

/* Would n bytes fit after slide(), and may it run? */
static bool fits_after_slide(const struct fm_buf *b, size_t n)
{
    size_t len = fm_buf_len(b);

    return b->pos > 0 && b->pos >= len && n <= b->cap - len;
}

bool fm_buf_has_room(const struct fm_buf *b, size_t n)
{
    return fits_at_end(b, n) || fits_after_slide(b, n);
}

/* Move the bytes in use to new memory with room for n more. */
static bool grow(struct fm_buf *b, size_t n)
{
    size_t len = fm_buf_len(b);
    size_t cap = b->cap + b->cap / 2;
    uint8_t *data;

    if (cap < CAP_MIN)
        cap = CAP_MIN;
    if (cap > b->max)
        cap = b->max;
    if (cap < len + n)
        cap = len + n;
    data = malloc(cap > 0 ? cap : 1);
    if (!data)
        return false;
    memcpy(data, fm_buf_peek(b), len);
    free(b->data);
    b->moved += len;
    b->data = data;
    b->pos = 0;
    b->end = len;
    b->cap = cap;
    fm_buf_shut(b);
    return true;
}

uint8_t *fm_buf_make_room(struct fm_buf *b, size_t n)
{
    size_t limit = b->max < PTRDIFF_MAX ? b->max : PTRDIFF_MAX;

    if (n > limit - fm_buf_len(b))
        return NULL;
    if (!fits_at_end(b, n)) {
        if (fits_after_slide(b, n))
            slide(b);
        else if (!grow(b, n))
            return NULL;
    }
    fm_unpoison(fm_buf_end(b), n);
    return fm_buf_end(b);
}

bool fm_buf_append(struct fm_buf *b, const void *bytes, size_t n)
{
    uint8_t *room = fm_buf_add(b, n);

    if (room && n > 0)
        memcpy(room, bytes, n);
    return room != NULL;
}

static void swap_memory(struct fm_buf *b, struct fm_buf *spare)
{
    struct fm_buf own = *b;

    b->data = spare->data;
    b->cap = spare->cap;
    spare->data = own.data;
    spare->cap = own.cap;
}

void fm_buf_trade(struct fm_buf *b, struct fm_buf *spare)
{
    bool both = b->data && spare->data;

    if (fm_buf_len(b) > 0)
        return;
    if (!both || b->cap > spare->cap)
        swap_memory(b, spare);
    if (!both)
        return;
    free(b->data);
    b->data = NULL;
    b->cap = 0;
}

bool fm_buf_check(const struct fm_buf *b)
{
    return b->pos <= b->end && b->end <= b->cap && (b->data || b->cap == 0) &&
           b->cap <= b->max;
}
