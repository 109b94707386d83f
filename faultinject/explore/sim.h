/*
 * sim.h: sockfault sim, a server over the kernel in memory.
 *
 * Functions that return a status mean the exit status of the command.
 */
#ifndef SF_EXPLORE_SIM_H
#define SF_EXPLORE_SIM_H

#include "faultinject/explore/explore.h"
#include "faultinject/session/served.h"

#include <limits.h>

struct sim {
    const char *scenario;
    bool verbose, quiet;
    unsigned allowed; /* monitors, as bits */
    /* With --prove: */
    bool proves;
    bool aloud;             /* what the program says is heard all the same */
    unsigned k;             /* at most so many faults       */
    unsigned shard, shards; /* shard 0 … shards - 1         */
    int budget_ms;          /* 0: none                      */
    const char *resume;     /* file, or NULL                */
    const char *out;        /* folder for a counterexample  */
    char library[PATH_MAX + 64], report[64];
    struct sf_served *served; /* what the library says */
    int killed;               /* the last run, by this signal; 0: it was not */
};
extern struct sim sim;

/* One run, to its end.  What it ended with, if that is not 0, is in
 * sim.served->line. */
int sf_sim_run(char **command, const struct sf_program *program);

/* sim_prove.c: a run for each combination of at most sim.k faults. */
int sf_sim_prove(char **command, const struct sf_program *program);

#endif
