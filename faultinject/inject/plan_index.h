/*
 * plan_index.h: which rules of a plan are about this very call.
 *
 * A trace names each of its calls by number: `conn 2 recv 731: short 1`.  To
 * look at all of its rules at every call would take as long as there are
 * both.  So these rules are sorted by what they name, once and by the command,
 * and the library finds those of a call in O(log n), with nothing to make or
 * to free.  Rules that name no single call are looked at one by one, as ever.
 */
#ifndef SF_PLAN_INDEX_H
#define SF_PLAN_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sf_rule;
struct sf_point;

/* What a rule names; conn and process are 0 where it does not name them. */
enum sf_key { SF_KEY_CONN, SF_KEY_CALL, SF_KEY_NTH, SF_KEY_PROCESS, SF_KEYS };

struct sf_entry {
    uint32_t key[SF_KEYS];
    uint32_t rule; /* its place in the plan */
};

/* An entry a rule: the first `keyed` ones by what they name, the others behind
 * them in the order of the plan. */
struct sf_index {
    const struct sf_entry *entries;
    size_t n;
    size_t keyed;
};

/* Fill n entries; answers how many are keyed. */
size_t sf_index_make(struct sf_entry *entries, const struct sf_rule *rules,
                     size_t n);

/* A walk over the rules that may be about a call, in the order of the plan:
 * those found in one of the four ways to name it, and the others. */
enum { SF_WAYS = 4 };
struct sf_walk {
    const struct sf_index *index;
    size_t other; /* the entry of these that comes next */
    unsigned n;   /* ways in which there are any        */
    struct sf_way {
        uint32_t key[SF_KEYS];
        size_t at;
    } ways[SF_WAYS];
};
void sf_walk_begin(struct sf_walk *walk, const struct sf_index *index,
                   const struct sf_point *at);
/* The place of the next one; false: there is none. */
bool sf_walk_next(struct sf_walk *walk, size_t *rule);

/* Is a keyed rule about this call on this connection, whichever it is? */
bool sf_index_has(const struct sf_index *index, unsigned conn, int call);

#endif
