/*
 * apart.c: processes in one world, each with a table of descriptors.
 */
#include "faultinject/simnet/sim.h"

void sf_sim_areas(sf_area *each, void *arg)
{
    each(arg, &sim, sizeof sim, sizeof sim);
    sim_queue_areas(each, arg);
}

struct sim_own *sf_sim_own(size_t *size)
{
    *size = sizeof sim_own;
    return &sim_own;
}

void sf_sim_inherit(void)
{
    sim.apart = sim_own.child = true;
    for (unsigned i = 0; i < SIM_SLOTS; i++) {
        sim_own.slots[i].back = false;
        if (sim_own.slots[i].end)
            sim_own.slots[i].end->refs++;
    }
    sim_own.bell = SF_SIM_NEVER;
    sim_own.bell_period = 0;
}

void sf_sim_abandon(struct sim_own *own, bool all)
{
    for (unsigned i = 0; i < SIM_SLOTS; i++) {
        if (own->slots[i].end && (all || own->slots[i].cloexec))
            sim_slot_clear(own, i);
        own->slots[i].back = false;
    }
    if (all)
        own->bell = SF_SIM_NEVER;
}

unsigned sf_sim_connections_of(const struct sim_own *own, int *last)
{
    unsigned n = 0;

    *last = -1;
    for (unsigned i = 0; i < SIM_SLOTS; i++)
        if (own->slots[i].end && own->slots[i].end->was_connected) {
            *last = sim_number_of(i);
            n++;
        }
    return n;
}
