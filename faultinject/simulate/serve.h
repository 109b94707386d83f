/* serve.h: see serve.c */
#ifndef SF_SERVE_H
#define SF_SERVE_H

#include "faultinject/simulate/served.h"

#include <sys/types.h>

/* Returns once for each run that is asked for, in a process of its own, which
 * `fork_run` makes; at once where nobody asks. */
void sf_serve_runs(struct sf_serving *serving, pid_t (*fork_run)(void));

#endif
