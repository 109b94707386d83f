/*
 * births.h: processes that the program forks, and runs that are forks of it.
 */
#ifndef SF_BIRTHS_H
#define SF_BIRTHS_H

#include "faultinject/simulate/served.h"

/* What is forked meanwhile is a run, and goes on in a world that is its own. */
extern bool sf_births_are_runs;

/* Can a child of the calling process share its world? */
bool sf_births_may_share(void);

/* From now on children of the program share its world, where they can, or have
 * none.  `fuzzing`: afl-fuzz has forked the program. */
void sf_births_watch(struct sf_served *served, bool fuzzing);

#endif
