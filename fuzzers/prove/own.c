/*
 * own.c: somebody's own fuzz target, proved by the program that replays it.
 *
 * Each run is one from the start, since nothing is known of what the program
 * changes.
 */
#include "fuzzers/prove/own.h"

#include "faultinject/inject/inject.h"
#include "fuzzers/fuzz.h"
#include "fuzzers/prove/prove.h"

#include <errno.h>

static struct prove_target target = {.run = LLVMFuzzerTestOneInput};
const struct prove_target *const prove_targets = &target;
const unsigned prove_target_count = 1;
const struct prove_core *const prove_core = NULL;

int sf_prove_own(int argc, char **argv)
{
    sf_inject_refuses = prove_refused;
    target.name = program_invocation_short_name;
    return prove_main(argc, argv);
}
