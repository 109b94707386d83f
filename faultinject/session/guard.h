/* guard.h: see guard.c; call before the first session of a process. */
#ifndef SF_GUARD_H
#define SF_GUARD_H

void sim_guard_signals(void);

#endif
