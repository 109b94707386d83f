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
static uint64_t askers[PLACES];
static unsigned times[PLACES];

/* Where the key, which is not 0, has its place in the table, as long as it has
 * one or finds one; *is_new: it has found it.  -1: there is no room. */
static ssize_t place(uint64_t *table, size_t size, uint64_t key, bool *is_new)
{
    size_t at = (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32);

    for (size_t i = at; i < at + PROBES; i++) {
        uint64_t there = 0;

        *is_new =
            __atomic_compare_exchange_n(&table[i % size], &there, key, false,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED);
        if (*is_new || there == key)
            return (ssize_t)(i % size);
    }
    return -1;
}

/* The n-th there since the program began, which is the same whenever it comes
 * to use sockets; 0: there is no room. */
static unsigned count(uintptr_t asker)
{
    bool is_new;
    ssize_t at = place(askers, PLACES, asker, &is_new);

    return at < 0 ? 0 : __atomic_add_fetch(&times[at], 1, __ATOMIC_RELAXED);
}

static void find_no_room(void)
{
    __atomic_fetch_add(&sf_control->n_unplaced, 1, __ATOMIC_RELAXED);
}

static bool is_new_way(uint64_t stack)
{
    bool is_new;

    if (place(sf_control->stacks, SF_STACKS_MAX, stack, &is_new) < 0)
        find_no_room();
    return is_new;
}

/* --- failing --- */

/* A survey is of one allocation for each way that leads to one. */
static bool is_of_interest(struct sf_chooser *chooser,
                           const struct sf_point *at)
{
    if (at->nth == 0)
        find_no_room();
    if (sf_control->surveying)
        return at->nth > 0 && is_new_way(sf_stack());
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
