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
           !r->program[0] && !sf_rule_counts_there(r);
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

/* What comes next in this way, NULL: nothing. */
static const struct sf_entry *head(const struct sf_index *index,
                                   const struct sf_way *way)
{
    const struct sf_entry *e = &index->entries[way->at];

    return way->at < index->keyed && compare(e->key, way->key) == 0 ? e : NULL;
}

static void add_way(struct sf_walk *walk, const struct sf_point *at,
                    unsigned conn, unsigned process)
{
    struct sf_way *way = &walk->ways[walk->n];

    way->key[SF_KEY_CONN] = conn;
    way->key[SF_KEY_CALL] = at->call;
    way->key[SF_KEY_NTH] = conn ? at->nth : at->total;
    way->key[SF_KEY_PROCESS] = process;
    way->at = lower(walk->index, way->key);
    walk->n += head(walk->index, way) != NULL;
}

/* Counted on the connection or in the process; for this process or for any. */
void sf_walk_begin(struct sf_walk *walk, const struct sf_index *index,
                   const struct sf_point *at)
{
    walk->index = index;
    walk->other = index->keyed;
    walk->n = 0;
    if (index->keyed == 0)
        return;
    add_way(walk, at, 0, 0);
    if (at->conn)
        add_way(walk, at, at->conn, 0);
    if (at->process)
        add_way(walk, at, 0, at->process);
    if (at->conn && at->process)
        add_way(walk, at, at->conn, at->process);
}

bool sf_walk_next(struct sf_walk *walk, size_t *rule)
{
    const struct sf_index *index = walk->index;
    const struct sf_entry *first = NULL;
    size_t *from = &walk->other;

    if (walk->other < index->n)
        first = &index->entries[walk->other];
    for (unsigned i = 0; i < walk->n; i++) {
        const struct sf_entry *e = head(index, &walk->ways[i]);

        if (e && (!first || e->rule < first->rule)) {
            first = e;
            from = &walk->ways[i].at;
        }
    }
    if (!first)
        return false;
    ++*from;
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
