/*
 * nearest.h: which of the words that would have been right was meant.
 *
 * Begin with SF_NOTHING_NEAR, and consider each.
 */
#ifndef SF_NEAREST_H
#define SF_NEAREST_H

#include <ctype.h>
#include <stddef.h>
#include <string.h>

enum { SF_NEAREST_MAX = 128 }; /* bytes of a word; a longer one is not near */

struct sf_nearest {
    const char *word; /* NULL: none is near */
    size_t distance;
};
#define SF_NOTHING_NEAR      \
    {                        \
        NULL, SF_NEAREST_MAX \
    }

static inline size_t sf_least(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

/* Edit distance, letters compared without case. */
static inline size_t sf_distance(const char *a, size_t n, const char *b)
{
    size_t row[SF_NEAREST_MAX];
    size_t m = strlen(b);

    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t above = row[j];
            size_t same = tolower((unsigned char)a[i - 1]) ==
                          tolower((unsigned char)b[j - 1]);
            row[j] = sf_least(above + 1, row[j - 1] + 1, diagonal + !same);
            diagonal = above;
        }
    }
    return row[m];
}

/* `word`, where the n bytes at `found` stand. */
static inline void sf_nearest_of(struct sf_nearest *best, const char *found,
                                 size_t n, const char *word)
{
    size_t d;

    if (n >= SF_NEAREST_MAX || strlen(word) >= SF_NEAREST_MAX)
        return;
    d = sf_distance(found, n, word);
    if (d <= (n + 2) / 3 && d < best->distance)
        *best = (struct sf_nearest){word, d};
}

#endif
