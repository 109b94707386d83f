/* plan_index.c: see plan_index.h. */
#include "faultinject/inject/plan_index.h"

#include <stdlib.h>
#include <string.h>

#include "faultinject/inject/plan.h"

/* --- making it --- */

static bool is_one(const struct sf_range *r)
{
    return r->first > 0 && r->first == r->last && r->first <= UINT32_MAX;
}

/* By its numbers alone: a connection's role, its peer and the program have
 * none. */
static bool names_one_call(const struct sf_rule *r)
{
    return r->call != SF_ANY_CALL && !r->by_offset && is_one(&r->when) &&
           (r->conn.first == 0 || is_one(&r->conn)) &&
           r->role == SF_ROLE_NONE && r->port.first == 0 && !r->peer[0] &&
           !r->program[0];
}

static void name(struct sf_entry *e, const struct sf_rule *r)
{
    e->key[SF_KEY_CONN] = (uint32_t)r->conn.first;
    e->key[SF_KEY_CALL] = (uint32_t)r->call;
    e->key[SF_KEY_NTH] = (uint32_t)r->when.first;
    e->key[SF_KEY_PROCESS] =
        is_one(&r->process) ? (uint32_t)r->process.first : 0;
}

static int compare(const uint32_t *a, const uint32_t *b)
{
    for (int i = 0; i < SF_KEYS; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return 0;
}

static int by_key(const void *a, const void *b)
{
    const struct sf_entry *x = a, *y = b;
    int order = compare(x->key, y->key);

    return order ? order : x->rule < y->rule ? -1 : 1;
}

size_t sf_index_make(struct sf_entry *entries, const struct sf_rule *rules,
                     size_t n)
{
    size_t keyed = 0, other;

    memset(entries, 0, n * sizeof *entries);
    for (size_t i = 0; i < n; i++)
        keyed += names_one_call(&rules[i]);
    other = keyed;
    keyed = 0;
    for (size_t i = 0; i < n; i++) {
        bool named = names_one_call(&rules[i]);
        struct sf_entry *e = &entries[named ? keyed++ : other++];

        e->rule = (uint32_t)i;
        if (named)
            name(e, &rules[i]);
    }
    qsort(entries, keyed, sizeof *entries, by_key);
    return keyed;
}

/* --- looking into it --- */

/* The first entry that does not come before this. */
static size_t lower(const struct sf_index *index, const uint32_t *key)
{
    size_t from = 0, to = index->keyed;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (compare(index->entries[middle].key, key) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* Counted on the connection or in the process; for this process or for any. */
static void way(struct sf_walk *walk, int i, const struct sf_point *at)
{
    unsigned conn = i & 1 ? at->conn : 0, process = i & 2 ? at->process : 0;
    uint32_t *key = walk->keys[i];

    walk->at[i] = walk->index->keyed;
    if ((i & 1 && !conn) || (i & 2 && !process))
        return; /* that way is another one, too */
    key[SF_KEY_CONN] = conn;
    key[SF_KEY_CALL] = at->call;
    key[SF_KEY_NTH] = conn ? at->nth : at->total;
    key[SF_KEY_PROCESS] = process;
    walk->at[i] = lower(walk->index, key);
}

void sf_walk_begin(struct sf_walk *walk, const struct sf_index *index,
                   const struct sf_point *at)
{
    walk->index = index;
    for (int i = 0; i < SF_WAYS; i++)
        way(walk, i, at);
    walk->at[SF_WAYS] = index->keyed;
}

/* What comes next in this way, NULL: nothing. */
static const struct sf_entry *head(const struct sf_walk *walk, int i)
{
    const struct sf_index *index = walk->index;
    size_t end = i == SF_WAYS ? index->n : index->keyed;
    const struct sf_entry *e = &index->entries[walk->at[i]];

    if (walk->at[i] == end)
        return NULL;
    return i == SF_WAYS || compare(e->key, walk->keys[i]) == 0 ? e : NULL;
}

bool sf_walk_next(struct sf_walk *walk, size_t *rule)
{
    const struct sf_entry *first = NULL;
    int from = 0;

    for (int i = 0; i <= SF_WAYS; i++) {
        const struct sf_entry *e = head(walk, i);

        if (e && (!first || e->rule < first->rule)) {
            first = e;
            from = i;
        }
    }
    if (!first)
        return false;
    walk->at[from]++;
    *rule = first->rule;
    return true;
}

bool sf_index_has(const struct sf_index *index, unsigned conn, int call)
{
    uint32_t key[SF_KEYS] = {
        [SF_KEY_CONN] = conn, [SF_KEY_CALL] = (uint32_t)call};
    size_t i = lower(index, key);
    const struct sf_entry *e = &index->entries[i];

    return i < index->keyed && e->key[SF_KEY_CONN] == conn &&
           e->key[SF_KEY_CALL] == (uint32_t)call;
}
