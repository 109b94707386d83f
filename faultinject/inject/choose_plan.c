/* choose_plan.c: rules decide; see plan.h. */
#include <string.h>

#include "faultinject/inject/injector.h"
#include "faultinject/inject/model.h"
#include "faultinject/inject/plan.h"
#include "faultinject/inject/seed.h"

static bool in_range(const struct sf_range *r, uint64_t n)
{
    if (r->first == 0)
        return true;
    return n >= r->first && n <= r->last && (n - r->first) % r->step == 0;
}

/* Does the call touch a byte that the rule names?  Offsets count from 0. */
static bool at_offset(const struct sf_rule *r, const struct sf_point *at)
{
    return at->len > 0 && at->offset <= r->when.last - 1 &&
           at->offset + at->len > r->when.first - 1;
}

static bool is_group(const struct sf_rule *r)
{
    return r->call == SF_ANY_CALL;
}

/*
 * Counted on the connection where the rule names connections, else in the
 * process; a group of calls (`in`, `wait`) is counted together.
 */
static uint64_t ordinal(const struct sf_rule *r, const struct sf_point *at)
{
    if (r->conn.first || r->of_role.first || sf_rule_counts_there(r))
        return is_group(r) ? at->kind_nth : at->nth;
    return is_group(r) ? at->kind_total : at->total;
}

static bool what_matches(const struct sf_rule *r, const struct sf_point *at)
{
    if (!is_group(r))
        return r->call == (int)at->call;
    return (r->kinds & sf_calls[at->call].kind) != 0;
}

static bool conn_matches(const struct sf_rule *r, const struct sf_point *at)
{
    return in_range(&r->conn, at->conn) &&
           (r->role == SF_ROLE_NONE ||
            (r->role == at->role && in_range(&r->of_role, at->role_ordinal))) &&
           in_range(&r->port, at->peer ? at->peer->port : 0);
}

static bool who_matches(const struct sf_rule *r, const struct sf_point *at)
{
    return conn_matches(r, at) && in_range(&r->fd, (uint64_t)at->fd + 1) &&
           in_range(&r->process, at->process);
}

static bool is_for(const struct sf_planned *planned, const struct sf_rule *r)
{
    return !r->program[0] || strcmp(r->program, planned->program) == 0;
}

static bool peer_matches(const struct sf_rule *r, const struct sf_point *at)
{
    return r->peer[0] == '\0' ||
           (at->peer && memcmp(r->peer_key.bytes, at->peer->bytes,
                               sizeof at->peer->bytes) == 0);
}

/* Last of all, since it means walking up the stack. */
static bool site_matches(const struct sf_planned *planned,
                         const struct sf_rule *r)
{
    return r->site[0] == '\0' ||
           (planned->at_site && planned->at_site(r->site));
}

static bool matches(const struct sf_planned *planned, const struct sf_rule *r,
                    const struct sf_point *at)
{
    if (!what_matches(r, at) || !who_matches(r, at))
        return false;
    if (!is_for(planned, r))
        return false;
    if (r->by_offset ? !at_offset(r, at) : !in_range(&r->when, ordinal(r, at)))
        return false;
    if (r->p > 0 &&
        (at->streak >= SF_SEED_STREAK || !sf_seed_fires(r->seed, r->p, at)))
        return false;
    return peer_matches(r, at) && site_matches(planned, r);
}

/* The next rule of the walk that matches, NULL for none. */
static struct sf_rule *next_match(const struct sf_planned *planned,
                                  struct sf_walk *walk,
                                  const struct sf_point *at)
{
    size_t i;

    while (sf_walk_next(walk, &i))
        if (matches(planned, &planned->rules[i], at))
            return &planned->rules[i];
    return NULL;
}

/* A rule for another program, or for calls of other names, stays asleep. */
static bool planned_wants(struct sf_chooser *self, enum sf_call call)
{
    return ((const struct sf_planned *)self)->named[call];
}

static bool planned_cares(struct sf_chooser *self, const struct sf_point *at)
{
    const struct sf_planned *planned = (struct sf_planned *)self;
    struct sf_walk walk;

    sf_walk_begin(&walk, &planned->index, at);
    return next_match(planned, &walk, at) != NULL;
}

static unsigned kinds_of(const struct sf_rule *r)
{
    return is_group(r) ? r->kinds : sf_calls[r->call].kind;
}

/* Rules that name one call of each kind that is left, on this connection. */
static unsigned kinds_named(const struct sf_index *index, unsigned conn,
                            unsigned kinds)
{
    unsigned named = 0;

    for (int call = 0; index->keyed && call < SF_CALL_COUNT; call++) {
        unsigned kind = sf_calls[call].kind & kinds & ~named;

        if (kind && sf_index_has(index, conn, call))
            named |= kind;
    }
    return named;
}

static unsigned planned_spares(struct sf_chooser *self,
                               const struct sf_point *at)
{
    const struct sf_planned *planned = (struct sf_planned *)self;
    const struct sf_index *index = &planned->index;
    unsigned spared = (K_READ | K_WRITE) & ~planned->kinds;

    for (size_t i = index->keyed; i < index->n; i++) {
        const struct sf_rule *r = &planned->rules[index->entries[i].rule];
        if (is_for(planned, r) && conn_matches(r, at) && peer_matches(r, at))
            spared &= ~kinds_of(r);
    }
    return spared & ~kinds_named(index, at->conn, spared);
}

/* Bytes until the first one the rule names; 0: the call begins there. */
static uint64_t to_go(const struct sf_rule *r, const struct sf_point *at)
{
    uint64_t offset = r->when.first - 1;

    return r->by_offset && at->offset < offset ? offset - at->offset : 0;
}

static bool is_target(const struct sf_rule *r, unsigned target)
{
    const struct sf_conn *conn;

    if (r->target == 0)
        return true;
    if (r->target_role == SF_ROLE_NONE)
        return r->target == target;
    conn = sf_fd_conn(sf_conn_fd(target));
    return conn && conn->role == r->target_role &&
           conn->role_ordinal == r->target;
}

/* 0: none of them. */
static unsigned find(const struct sf_outcome *outcomes, unsigned n,
                     enum sf_fault fault, const struct sf_rule *r)
{
    for (unsigned i = 1; i < n; i++)
        if (outcomes[i].fault == fault &&
            (!r || is_target(r, outcomes[i].target)))
            return i;
    return 0;
}

static size_t at_most(uint64_t amount, size_t max)
{
    return amount < max ? (size_t)amount : max;
}

/* Chance ends a connection once: what a program does then, it shall show. */
static bool is_over(const struct sf_point *at)
{
    const struct sf_conn *conn = sf_fd_conn(at->fd);

    return conn && (conn->over[SF_IN] || conn->over[SF_OUT]);
}

/* What the rule wants among what is possible; 0: not possible. */
static unsigned wish(const struct sf_rule *r, const struct sf_point *at,
                     const struct sf_outcome *outcomes, unsigned n,
                     size_t *amount)
{
    uint64_t before = to_go(r, at);
    unsigned i;

    if (before > 0) {
        i = find(outcomes, n, SF_SHORT, NULL);
        *amount = (size_t)before;
        return before < at->len ? i : 0; /* more may arrive than is there */
    }
    if (r->fault == SF_ANY_FAULT) {
        if (r->cls == SF_FATAL && is_over(at))
            return 0;
        i = sf_seed_pick(r->seed, r->cls, at, outcomes, n);
        if (outcomes[i].fault == SF_SHORT)
            *amount = sf_seed_amount(r->seed, at, outcomes[i].max);
        return i;
    }
    i = find(outcomes, n, (enum sf_fault)r->fault, r);
    if (outcomes[i].max > 0)
        *amount = at_most(r->amount, outcomes[i].max);
    return i;
}

static unsigned planned_choose(struct sf_chooser *self,
                               const struct sf_point *at,
                               const struct sf_outcome *outcomes, unsigned n,
                               size_t *amount)
{
    struct sf_planned *planned = (struct sf_planned *)self;
    struct sf_walk walk;
    struct sf_rule *r;

    sf_walk_begin(&walk, &planned->index, at);
    while ((r = next_match(planned, &walk, at))) {
        unsigned wanted = wish(r, at, outcomes, n, amount);
        if (to_go(r, at) == 0) {
            __atomic_fetch_add(&r->matched, 1, __ATOMIC_RELAXED);
            __atomic_fetch_add(&r->done, wanted != 0, __ATOMIC_RELAXED);
            sf_thread.counted = wanted ? &r->done : NULL;
        }
        if (wanted || r->fault == SF_NONE) {
            /* A rule that names whom it is done to leaves the others. */
            sf_thread.again = wanted && r->target > 0;
            return wanted;
        }
    }
    return 0;
}

static void note_names(struct sf_planned *planned)
{
    unsigned kinds = 0;

    for (size_t i = 0; i < planned->index.keyed; i++)
        if (planned->index.entries[i].key[SF_KEY_CONN] == 0)
            planned->kinds |=
                kinds_of(&planned->rules[planned->index.entries[i].rule]);
    for (size_t i = 0; i < planned->index.n; i++) {
        const struct sf_rule *r = &planned->rules[i];

        if (!is_for(planned, r))
            continue;
        planned->chooser.names |=
            r->fault > SF_NONE && sf_faults[r->fault].how == SF_NAMED;
        if (is_group(r))
            kinds |= r->kinds;
        else
            planned->named[r->call] = true;
    }
    for (int call = 0; call < SF_CALL_COUNT; call++)
        planned->named[call] |= (sf_calls[call].kind & kinds) != 0;
}

void sf_planned_init(struct sf_planned *planned, struct sf_rule *rules,
                     const struct sf_index *index, const char *program)
{
    *planned = (struct sf_planned){
        .chooser = {.wants = planned_wants,
                    .cares = planned_cares,
                    .spares = planned_spares,
                    .choose = planned_choose},
        .rules = rules,
        .index = *index,
        .program = program,
    };
    note_names(planned);
}
