/*
 * world.h: the kernel, as another process sees it.
 *
 * The kernel's world with some calls replaced: what makes a descriptor gives
 * it to the program, what may sleep looks for the program's signals, and
 * what only the program itself can do is left to it.
 */
#ifndef SF_NOTIFY_WORLD_H
#define SF_NOTIFY_WORLD_H

#include "faultinject/world.h"

const struct sf_world *sf_remote_world(void);

#endif
