/*
 * phases.h: fault x protocol phase as feedback for the engine.
 *
 * The simulator is not instrumented, so an engine does not see that a fault
 * met the program somewhere new.  These counters say it: one for each
 * (fault, call, place in the frame, output pending or not).  libFuzzer reads
 * them as extra counters, AFL++ as edges of their own.
 */
#ifndef SF_PHASES_H
#define SF_PHASES_H

#include <stdint.h>

enum { SF_PHASES = 1 << 12 };

/* This combination was met; any number is good. */
void sf_phase(uint32_t what);

/* No engine is here to be told: the prover, which has to put all back that a
 * run has changed. */
void sf_phase_forget(void);

/* Where in a frame a stream stands: 0 between two, 1-3 in the first bytes,
 * 4 inside, 5 before the last byte. */
unsigned sf_place(unsigned long at, unsigned long start, unsigned long end);

#endif
