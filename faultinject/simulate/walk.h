/*
 * walk.h: a run that is one of a walk (sockfault sim --prove): what may be
 * chosen in it, and where it ends because another one was in the same state.
 */
#ifndef SF_WALK_H
#define SF_WALK_H

#include "faultinject/simulate/served.h"

/* Before the first fork: states are to be recognised, if that is wanted. */
void sf_walk_states(const struct sf_serving *serving);

/* In the run, before its session begins.  Where it ends early it counts first.
 */
void sf_walk_join(struct sf_served *served, void (*count)(void));

#endif
