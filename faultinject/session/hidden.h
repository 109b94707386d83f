/*
 * hidden.h: bytes that are no part of a state, while its fingerprint is taken.
 */
#ifndef SF_HIDDEN_H
#define SF_HIDDEN_H

#include <stddef.h>

enum { SF_HIDDEN_MAX = 4096, SF_HIDDEN_BYTES = 1 << 17 };

/* Where it lies is the caller's affair: it is no part of a state either. */
struct sf_hidden {
    size_t n, len;
    struct {
        char *at;
        size_t len;
    } places[SF_HIDDEN_MAX];
    char bytes[SF_HIDDEN_BYTES];
};

/* An sf_counter (inject/counter.h): the bytes are 0, until all are shown again.
 * Where there is no room they stay, and are a part of the state. */
void sf_hide(void *hidden, void *at, size_t len);
void sf_show_again(struct sf_hidden *hidden);

#endif
