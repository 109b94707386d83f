/* choose_exhaust.c: see choose_exhaust.h */
#include "faultinject/inject/choose_exhaust.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------- one run */

static void make_room(struct sf_exhaust_level *l)
{
    if (l->n < l->room)
        return;
    l->room = l->room ? 2 * l->room : 256;
    l->found = realloc(l->found, l->room * sizeof *l->found);
    if (!l->found)
        abort();
}

static void note(struct sf_exhaust *e, struct sf_choice choice)
{
    struct sf_exhaust_level *l = &e->levels[e->n];

    make_room(l);
    l->found[l->n++] = choice;
}

static void note_amounts(struct sf_exhaust *e, struct sf_choice choice,
                         size_t max)
{
    size_t some[] = {1, 2, max / 2, max - 1, max};
    bool all = max <= SF_EXHAUST_ALL;
    size_t n = all ? max : sizeof some / sizeof *some;

    for (size_t i = 0; i < n; i++) {
        choice.amount = (uint32_t)(all ? i + 1 : some[i]);
        note(e, choice);
    }
}

static bool exhaust_wants(struct sf_chooser *self, enum sf_call call)
{
    struct sf_exhaust *e = (struct sf_exhaust *)self;

    (void)call;
    e->asked++;
    if (e->taken < e->n)
        return e->asked > e->vector[e->taken].at;
    return e->noting;
}

static unsigned take(struct sf_exhaust *e, const struct sf_point *at,
                     const struct sf_outcome *outcomes, unsigned n,
                     size_t *amount)
{
    const struct sf_choice *c = &e->vector[e->taken++];

    if (e->asked != c->at + 1 || c->of != n || c->call != at->call ||
        c->fault != outcomes[c->which].fault ||
        c->max != outcomes[c->which].max) {
        e->diverged = true;
        return 0;
    }
    *amount = c->amount;
    return c->which;
}

static unsigned exhaust_choose(struct sf_chooser *self,
                               const struct sf_point *at,
                               const struct sf_outcome *outcomes, unsigned n,
                               size_t *amount)
{
    struct sf_exhaust *e = (struct sf_exhaust *)self;

    if (e->taken < e->n)
        return take(e, at, outcomes, n, amount);
    if (e->n == 0 && (e->asked - 1) % e->shards != e->shard)
        return 0;
    for (unsigned i = 1; i < n; i++) {
        struct sf_choice choice = {.at = e->asked - 1,
                                   .which = (uint8_t)i,
                                   .of = (uint8_t)n,
                                   .call = (uint8_t)at->call,
                                   .max = (uint32_t)outcomes[i].max,
                                   .fault = (uint8_t)outcomes[i].fault};

        if (e->allowed && !e->allowed(at, &outcomes[i]))
            continue;
        if (outcomes[i].max > 0)
            note_amounts(e, choice, outcomes[i].max);
        else
            note(e, choice);
    }
    return 0;
}

/* ------------------------------------------------------------ the walk */

void sf_exhaust_init(struct sf_exhaust *e, unsigned k)
{
    *e = (struct sf_exhaust){
        .chooser = {exhaust_wants, NULL, exhaust_choose},
        .k = k < SF_EXHAUST_MAX ? k : SF_EXHAUST_MAX,
        .shards = 1,
    };
}

void sf_exhaust_fini(struct sf_exhaust *e)
{
    for (unsigned i = 0; i < SF_EXHAUST_MAX; i++)
        free(e->levels[i].found);
    sf_exhaust_init(e, e->k);
}

/* The vector has e->n choices.  The first memory is taken here and not in a
 * run, so that a run which is watched for leaks leaks nothing of ours. */
static bool ready(struct sf_exhaust *e)
{
    e->taken = 0;
    e->asked = 0;
    e->diverged = false;
    e->counts = e->n == e->bound;
    e->noting = e->n < e->bound;
    if (e->noting) {
        e->levels[e->n].n = e->levels[e->n].next = 0;
        make_room(&e->levels[e->n]);
    }
    return true;
}

static bool next_bound(struct sf_exhaust *e)
{
    e->n = 0;
    if (e->bound == e->k)
        return false;
    e->bound++;
    return ready(e);
}

bool sf_exhaust_next(struct sf_exhaust *e)
{
    struct sf_exhaust_level *l;

    if (!e->begun) {
        e->begun = true;
        return e->bound <= e->k && ready(e);
    }
    if (e->n < e->bound && e->n < e->resume_n)
        e->levels[e->n].next = (size_t)e->resume[e->n];
    if (e->n + 1 >= e->resume_n)
        e->resume_n = 0;
    if (e->n == e->bound) {
        if (e->n == 0)
            return next_bound(e);
        e->n--;
    }
    for (l = &e->levels[e->n]; l->next >= l->n; l--)
        if (e->n-- == 0)
            return next_bound(e);
    e->vector[e->n++] = l->found[l->next++];
    return ready(e);
}

/* On the way to where it stands the choices before must be taken again. */
void sf_exhaust_tell(const struct sf_exhaust *e, struct sf_exhaust_place *p)
{
    /* The one schedule without a choice needs no place of its own. */
    *p = (struct sf_exhaust_place){.bound = e->bound ? e->bound : e->begun};
    for (unsigned i = 0; i < e->n; i++)
        p->next[i] = e->levels[i].next - (i + 1 < e->bound ? 1 : 0);
}

void sf_exhaust_seek(struct sf_exhaust *e, const struct sf_exhaust_place *p)
{
    e->begun = false;
    e->bound = p->bound;
    e->n = 0;
    memcpy(e->resume, p->next, sizeof e->resume);
    e->resume_n = p->bound;
}

bool sf_exhaust_diverged(const struct sf_exhaust *e)
{
    return e->diverged || e->taken < e->n;
}

double sf_exhaust_part(const struct sf_exhaust *e)
{
    double part = 0, share = 1;

    for (unsigned i = 0; i < e->n && e->levels[i].n; i++) {
        share /= (double)e->levels[i].n;
        part += share * (double)(e->levels[i].next - (i + 1 < e->n ? 1 : 0));
    }
    return part;
}
