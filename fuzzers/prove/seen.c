/* seen.c: see snapshots.h */
#include "fuzzers/prove/snapshots.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { SEEN_BITS = 22, TRIES = 16 };

struct state {
    struct image_print print;
    uint32_t round; /* in which it was met; 0: free            */
    uint32_t left;  /* … with so many faults that could come   */
    uint64_t who;   /* … by this one                           */
};

struct prove_seen {
    uint32_t round;
    uint64_t states;
    struct state table[1 << SEEN_BITS];
};

struct prove_seen *prove_seen_new(void)
{
    struct prove_seen *s =
        mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (s == MAP_FAILED)
        abort();
    return s;
}

void prove_seen_forget(struct prove_seen *s)
{
    s->round++;
}

uint64_t prove_seen_states(const struct prove_seen *s)
{
    return s->states;
}

/* The entry of a state, or one that is free for it, or NULL. */
static struct state *find(struct prove_seen *s, const struct image_print *p)
{
    for (unsigned i = 0; i < TRIES; i++) {
        struct state *e = &s->table[(p->a + i) % (1 << SEEN_BITS)];

        if (e->round != s->round || (e->print.a == p->a && e->print.b == p->b))
            return e;
    }
    return NULL;
}

bool prove_seen(struct prove_seen *s, const struct image_print *p, uint64_t who,
                unsigned left)
{
    struct state *e = find(s, p);

    if (!e)
        return false;
    if (e->round != s->round)
        s->states++;
    else if (e->who == who)
        return false;
    else if (e->left >= left)
        return true;
    *e = (struct state){*p, s->round, left, who};
    return false;
}
