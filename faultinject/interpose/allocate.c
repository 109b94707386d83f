/*
 * allocate.c: the program's allocations as calls that can fail: in
 * libsockfault-memory.so, which is loaded where somebody asks for that.
 *
 * There are so many that they do not go the way of the other calls: none is
 * recorded but one that fails, and no monitor looks at them.  None fails before
 * the process comes to use sockets.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "faultinject/inject/control.h"
#include "faultinject/inject/injector.h"
#include "faultinject/interpose/site.h"

/* --- counting --- */

/* Places are found by looking at no more than so many: what finds no room is
 * left alone. */
enum { PLACES = 4096, PROBES = 64 };

/* Who asks, as rules name it: what libc allocates for a call is of that call,
 * or one rule would be for several. */
static struct {
    uintptr_t asker;
    unsigned n;
} places[PLACES];

static size_t scatter(uint64_t key)
{
    return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

/* The n-th there since the program began, which is the same whenever it comes
 * to use sockets; 0: there is no room. */
static unsigned count(uintptr_t asker)
{
    size_t at = scatter(asker);

    for (size_t i = at; i < at + PROBES; i++) {
        uintptr_t *place = &places[i % PLACES].asker;
        uintptr_t there = 0;

        if (__atomic_compare_exchange_n(place, &there, asker, false,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED) ||
            there == asker)
            return __atomic_add_fetch(&places[i % PLACES].n, 1,
                                      __ATOMIC_RELAXED);
    }
    return 0;
}

static bool finds_no_room(void)
{
    __atomic_fetch_add(&sf_control->n_unplaced, 1, __ATOMIC_RELAXED);
    return false;
}

static bool is_new(uint64_t stack)
{
    size_t at = scatter(stack);

    for (size_t i = at; i < at + PROBES; i++) {
        uint64_t *place = &sf_control->stacks[i % SF_STACKS_MAX];
        uint64_t there = 0;

        if (__atomic_compare_exchange_n(place, &there, stack, false,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            return true;
        if (there == stack)
            return false;
    }
    return finds_no_room();
}

/* --- failing --- */

/* A survey is of one allocation for each way that leads to one. */
static bool is_of_interest(struct sf_chooser *chooser,
                           const struct sf_point *at)
{
    if (at->nth == 0)
        finds_no_room();
    if (sf_control->surveying)
        return at->nth > 0 && is_new(sf_stack());
    return !chooser->cares || chooser->cares(chooser, at);
}

/* The rest of the op is nobody's here. */
static void note(const struct sf_point *at)
{
    struct sf_op op = {.call = SF_CALL_malloc, .fd = -1, .at = *at};

    op.fault = SF_NO_MEMORY;
    op.counted = sf_thread.counted;
    op.result = -1;
    sf_control_fault(&op);
    sf_control_call(&op, ENOMEM);
}

/* Its offset is the ordinal in the process, for a place that has no name. */
static bool choose(struct sf_chooser *chooser, unsigned nth)
{
    static const struct sf_outcome outcomes[] = {{.fault = SF_NONE},
                                                 {.fault = SF_NO_MEMORY}};
    unsigned all = __atomic_add_fetch(&sf_injector.total[SF_CALL_malloc], 1,
                                      __ATOMIC_RELAXED);
    struct sf_point at = {.call = SF_CALL_malloc,
                          .fd = -1,
                          .process = sf_injector.process,
                          .total = all,
                          .kind_total = all,
                          .nth = nth,
                          .offset = all};
    size_t amount = 0;

    if (!is_of_interest(chooser, &at))
        return false;
    sf_thread.counted = NULL;
    if (chooser->choose(chooser, &at, outcomes, 2, &amount) == 0)
        return false;
    note(&at);
    return true;
}

static bool refuses(const void *caller)
{
    struct sf_chooser *chooser = sf_injector.chooser;
    int saved = errno;
    bool refused;
    unsigned nth;

    if (!sf_on || sf_thread.busy || sf_thread.lent || !chooser ||
        !chooser->names || !chooser->wants(chooser, SF_CALL_malloc))
        return false;
    sf_thread.busy = true; /* who walks up the stack may allocate */
    nth = count(sf_asker(caller));
    refused = sf_injector.process != 0 && choose(chooser, nth);
    sf_thread.busy = false;
    errno = refused ? ENOMEM : saved;
    return refused;
}

/* --- beginning --- */

static bool asked;

static bool is_asked(const void *caller)
{
    (void)caller;
    asked = true;
    return false;
}

/* What the program calls so is ours, or else we are never asked. */
static bool sees(void)
{
    void *(*volatile make)(size_t) = malloc;

    sf_inject_refuses = is_asked;
    free(make(1));
    return asked;
}

/* After the rest of the library (preload.c). */
__attribute__((constructor(103))) static void begin(void)
{
    if (!sf_control)
        return;
    if (!sees() &&
        __atomic_fetch_add(&sf_control->n_blind, 1, __ATOMIC_RELAXED) == 0)
        strncpy(sf_control->blind, program_invocation_short_name,
                sizeof sf_control->blind - 1);
    sf_inject_refuses = refuses;
}
