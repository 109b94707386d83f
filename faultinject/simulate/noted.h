/*
 * noted.h: simnet, as far as somebody notes what the program asks of it.
 */
#ifndef SF_NOTED_H
#define SF_NOTED_H

#include "faultinject/simulate/served.h"

/* What it was given and whom it has accepted is noted there. */
const struct sf_world *sf_noted_world(struct sf_served *served);

/* A pair that is no stream is the real kernel's, and all forks would have it in
 * common. */
bool sf_noted_real_pair(void);

#endif
