/*
 * lines.h: what image.c has learnt can change, for print.c.
 */
#ifndef SF_PROVE_LINES_H
#define SF_PROVE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINE = 64, WORDS = LINE / 8, LINES_MAX = 16384 };

/* What of a line counts in a fingerprint. */
struct mask {
    uint64_t words[WORDS];
};

struct image_lines {
    uint64_t *at[LINES_MAX]; /* the stack's first, from its top down; from
                              * `printed` on only counters */
    struct mask masks[LINES_MAX];
    unsigned n, printed, stack;
    char *thread; /* the thread's own variables */
    size_t thread_len;
    bool prints; /* fingerprints are wanted */
};

/* NULL as long as there is no image. */
extern struct image_lines *image_lines;

/* With care: what differs now may not when the run ends. */
void image_look_now(void);

/* So many lines of the stack, which come first, are not all below `low`. */
unsigned image_lines_above(const char *low);

#endif
