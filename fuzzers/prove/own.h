/* own.h: the prover as a part of a replayer (fuzzers/replay.c) */
#ifndef SF_PROVE_OWN_H
#define SF_PROVE_OWN_H

/* argv[1] is --prove and replaced, the rest are the prover's options and
 * scenarios.  The exit status: 0 proved, 1 a counterexample, 2 not, or not
 * completely.  Only in what plays sessions. */
int sf_prove_own(int argc, char **argv) __attribute__((weak));

#endif
