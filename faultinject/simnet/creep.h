/*
 * creep.h: time for those who wait by asking what it is.
 *
 * Where calls take none, who rounds the rest of a time limit down and asks
 * again would ask for ever.  After so many questions in a row at which nothing
 * was new the clock goes on a little, and then faster, but not so fast that who
 * waits for long in this way is no longer found to spin; or, where it
 * `hastens`, sooner, as slowly as on a machine, and in the end fast enough for
 * him as well.  It is nothing new either: who asks between calls spins.
 */
#ifndef SF_CREEP_H
#define SF_CREEP_H

#include <stdbool.h>
#include <stdint.h>

struct sf_creep {
    uint64_t at;   /* changes of the world when it was asked last */
    unsigned asks; /* … and how often in a row                    */
};

/* It is asked again; how far time goes on, in ns. */
static inline int64_t sf_creep(struct sf_creep *c, uint64_t changes,
                               bool hastens)
{
    enum { CREEP_NS = 1000 };
    static const struct {
        unsigned first, patience, haste, most;
    } paces[] = {{512, 512, 64, 3}, {64, 1 << 14, 1 << 10, 10}};
    unsigned times = 0;

    if (changes != c->at)
        c->asks = 0;
    c->at = changes;
    if (++c->asks < paces[hastens].first)
        return 0;
    if (c->asks >= paces[hastens].patience)
        times = (c->asks - paces[hastens].patience) / paces[hastens].haste + 1;
    return (int64_t)CREEP_NS
           << (times < paces[hastens].most ? times : paces[hastens].most);
}

#endif
