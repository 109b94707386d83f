/* hidden.c: see hidden.h */
#include "faultinject/session/hidden.h"

#include <string.h>

void sf_hide(void *hidden, void *at, size_t len)
{
    struct sf_hidden *h = hidden;

    if (h->n == SF_HIDDEN_MAX || len > SF_HIDDEN_BYTES - h->len)
        return;
    memcpy(h->bytes + h->len, at, len);
    memset(at, 0, len);
    h->places[h->n].at = at;
    h->places[h->n++].len = len;
    h->len += len;
}

/* The last first: one may have been hidden twice. */
void sf_show_again(struct sf_hidden *h)
{
    while (h->n > 0) {
        size_t len = h->places[--h->n].len;

        h->len -= len;
        memcpy(h->places[h->n].at, h->bytes + h->len, len);
    }
}
