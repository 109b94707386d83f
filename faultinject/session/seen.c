/* seen.c: see seen.h */
#include "faultinject/session/seen.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { SEEN_BITS = 22, TRIES = 16 };

struct state {
    struct sf_print print;
    uint32_t round; /* in which it was met; 0: free            */
    uint32_t left;  /* … with so many faults that could come   */
    uint64_t who;   /* … by this one                           */
};

struct sf_seen {
    uint32_t round;
    uint64_t states;
    struct state table[1 << SEEN_BITS];
};

struct sf_seen *sf_seen_new(void)
{
    struct sf_seen *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (s == MAP_FAILED)
        abort();
    return s;
}

void sf_seen_forget(struct sf_seen *s)
{
    s->round++;
}

void sf_seen_round(struct sf_seen *s, uint32_t round)
{
    s->round = round;
}

uint64_t sf_seen_states(const struct sf_seen *s)
{
    return s->states;
}

/* The entry of a state, or one that is free for it, or NULL. */
static struct state *find(struct sf_seen *s, const struct sf_print *p)
{
    for (unsigned i = 0; i < TRIES; i++) {
        struct state *e = &s->table[(p->a + i) % (1 << SEEN_BITS)];

        if (e->round != s->round || (e->print.a == p->a && e->print.b == p->b))
            return e;
    }
    return NULL;
}

bool sf_seen(struct sf_seen *s, const struct sf_print *p, uint64_t who,
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
