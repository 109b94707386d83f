/* choose_exhaust.c: see choose_exhaust.h */
#include "faultinject/inject/choose_exhaust.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ------------------------------------------------------------- one run */

static uint64_t mix(uint64_t way, uint64_t what)
{
    way = (way ^ what) * UINT64_C(0x9e3779b97f4a7c15);
    return way ^ way >> 32;
}

/* What can be chosen, and of how many bytes. */
static uint32_t look(const struct sf_point *at,
                     const struct sf_outcome *outcomes, unsigned n)
{
    uint64_t seen = mix(n, at->len);

    for (unsigned i = 1; i < n; i++)
        seen = mix(seen, (uint64_t)outcomes[i].fault << 32 ^ outcomes[i].max);
    return (uint32_t)seen;
}

static void note(struct sf_exhaust *e, struct sf_choice choice)
{
    struct sf_exhaust_level *l = &e->levels[e->n];

    if (l->n == SF_EXHAUST_ROOM)
        abort();
    l->found[l->n++] = choice;
}

static void note_amounts(struct sf_exhaust *e, struct sf_choice choice,
                         size_t max)
{
    size_t far[] = {max / 2, max - 1, max};
    size_t near = max <= SF_EXHAUST_ALL ? max : e->cuts ? e->cuts : 2;

    for (size_t i = 1; i <= near && i <= max; i++) {
        choice.amount = (uint32_t)i;
        note(e, choice);
    }
    for (unsigned i = 0; i < sizeof far / sizeof *far; i++) {
        choice.amount = (uint32_t)far[i];
        if (far[i] > near)
            note(e, choice);
    }
}

static bool exhaust_wants(struct sf_chooser *self, enum sf_call call)
{
    struct sf_exhaust *e = (struct sf_exhaust *)self;

    e->asked++;
    e->way = mix(e->way, call);
    if (e->taken < e->n)
        return e->asked > e->vector[e->taken].at;
    if (e->met && call != SF_CALL_sched_yield) /* who is at it is not known */
        e->met(e->bound - e->n);
    return e->noting;
}

/* The choice of the vector that comes next, if it is where it was noted. */
static unsigned take(struct sf_exhaust *e, const struct sf_point *at,
                     const struct sf_outcome *outcomes, unsigned n,
                     size_t *amount)
{
    const struct sf_choice *c = &e->vector[e->taken++];

    if (e->way != c->way || c->seen != look(at, outcomes, n) ||
        e->asked != c->at + 1 || c->of != n || c->call != at->call ||
        c->fault != outcomes[c->which].fault ||
        c->max != outcomes[c->which].max) {
        e->diverged = true;
        return 0;
    }
    *amount = c->amount;
    return c->which;
}

static void note_all(struct sf_exhaust *e, const struct sf_point *at,
                     const struct sf_outcome *outcomes, unsigned n)
{
    uint32_t seen = look(at, outcomes, n);

    for (unsigned i = 1; i < n; i++) {
        struct sf_choice choice = {.way = e->way,
                                   .seen = seen,
                                   .at = e->asked - 1,
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
}

/* A run that was kept here is gone on with: its last choice comes now. */
static unsigned go_on(struct sf_exhaust *e, const struct sf_point *at,
                      const struct sf_outcome *outcomes, unsigned n,
                      size_t *amount)
{
    e->taken = e->n - 1;
    e->asked = e->vector[e->taken].at + 1;
    e->way = e->vector[e->taken].way;
    return take(e, at, outcomes, n, amount);
}

static unsigned exhaust_choose(struct sf_chooser *self,
                               const struct sf_point *at,
                               const struct sf_outcome *outcomes, unsigned n,
                               size_t *amount)
{
    struct sf_exhaust *e = (struct sf_exhaust *)self;
    struct sf_exhaust_level *l;
    size_t before;
    void *mark;

    if (e->taken < e->n)
        return take(e, at, outcomes, n, amount);
    if (e->n == 0 && (e->asked - 1) % e->shards != e->shard)
        return 0;
    l = &e->levels[e->n];
    before = l->n;
    note_all(e, at, outcomes, n);
    if (!e->keep || l->n == before)
        return 0;
    if (e->keep(&mark))
        return go_on(e, at, outcomes, n, amount);
    for (; before < l->n; before++)
        l->found[before].mark = mark;
    return 0;
}

/* ------------------------------------------------------------ the walk */

void sf_exhaust_init(struct sf_exhaust *e, unsigned k)
{
    *e = (struct sf_exhaust){
        .chooser = {.wants = exhaust_wants, .choose = exhaust_choose},
        .k = k < SF_EXHAUST_MAX ? k : SF_EXHAUST_MAX,
        .shards = 1,
    };
    /* Shared, so that who takes back what a process has changed (prove/) leaves
     * it alone. */
    for (unsigned i = 0; i < e->k; i++) {
        e->levels[i].found =
            mmap(NULL, SF_EXHAUST_ROOM * sizeof(struct sf_choice),
                 PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (e->levels[i].found == MAP_FAILED)
            abort();
    }
}

void sf_exhaust_fini(struct sf_exhaust *e)
{
    for (unsigned i = 0; i < e->k; i++)
        munmap(e->levels[i].found, SF_EXHAUST_ROOM * sizeof(struct sf_choice));
    *e = (struct sf_exhaust){.k = 0};
}

/* The vector has e->n choices. */
static bool ready(struct sf_exhaust *e)
{
    e->taken = 0;
    e->asked = 0;
    e->way = 0;
    e->diverged = false;
    e->counts = e->n == e->bound;
    e->noting = e->n < e->bound;
    if (e->noting)
        e->levels[e->n].n = e->levels[e->n].next = 0;
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
    if (e->n == 0 && e->noting) {
        e->levels[0].next = (size_t)e->resume;
        e->resume = 0;
    }
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

void sf_exhaust_again(struct sf_exhaust *e)
{
    e->met = NULL;
    e->keep = NULL;
    e->taken = e->asked = 0;
    e->way = 0;
    e->noting = false;
}

void sf_exhaust_adopt(struct sf_exhaust *copy, struct sf_choice *found)
{
    copy->chooser =
        (struct sf_chooser){.wants = exhaust_wants, .choose = exhaust_choose};
    copy->allowed = NULL;
    copy->keep = NULL;
    copy->met = NULL;
    copy->levels[copy->n].found = found;
    ready(copy);
}

void sf_exhaust_take_back(struct sf_exhaust *e, const struct sf_exhaust *copy,
                          const struct sf_choice *found)
{
    e->asked = copy->asked;
    e->way = copy->way;
    e->taken = copy->taken;
    e->diverged = copy->diverged;
    if (!e->noting)
        return;
    e->levels[e->n].n = copy->levels[e->n].n;
    memcpy(e->levels[e->n].found, found, e->levels[e->n].n * sizeof *found);
}

uint64_t sf_exhaust_name(const struct sf_exhaust *e)
{
    uint64_t name = e->n;

    for (unsigned i = 0; i < e->n; i++) {
        const struct sf_choice *c = &e->vector[i];

        name = mix(mix(mix(name, c->at), c->which), c->amount);
    }
    return name;
}

void *sf_exhaust_mark(const struct sf_exhaust *e)
{
    return e->n ? e->vector[e->n - 1].mark : NULL;
}

bool sf_exhaust_tell(const struct sf_exhaust *e, struct sf_exhaust_place *p)
{
    /* The one schedule without a choice needs no place of its own. */
    *p = (struct sf_exhaust_place){.bound = e->bound ? e->bound : e->begun};
    for (unsigned i = 1; i < e->bound && i <= e->n; i++)
        if (i == e->n ? e->noting && e->levels[i].n
                      : e->levels[i].next < e->levels[i].n)
            return false;
    p->first = e->n ? e->levels[0].next : e->resume;
    return true;
}

void sf_exhaust_seek(struct sf_exhaust *e, const struct sf_exhaust_place *p)
{
    e->begun = false;
    e->bound = p->bound;
    e->n = 0;
    e->resume = p->first;
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
