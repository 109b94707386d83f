/* own.c: somebody's own fuzz target, proved by the program that replays it */
#include "fuzzers/prove/own.h"

#include "faultinject/inject/inject.h"
#include "fuzzers/fuzz.h"
#include "fuzzers/prove/image.h"
#include "fuzzers/prove/prove.h"

#include <errno.h>
#include <unistd.h>

static struct prove_target target = {.run = LLVMFuzzerTestOneInput};
const struct prove_target *const prove_targets = &target;
const unsigned prove_target_count = 1;
const struct prove_core *const prove_core = NULL;

int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

/* A name that the loader looks up in the middle of a run is a change that has
 * nothing to do with it. */
static void bind_now(char **argv)
{
    static const char variable[] = "LD_BIND_NOW";
    const char *value = getenv(variable);

    if (!image_possible() || (value && *value))
        return;
    setenv(variable, "1", 1);
    execv("/proc/self/exe", argv);
    unsetenv(variable);
}

static bool refused(const void *caller)
{
    (void)caller;
    return prove_refused();
}

int sf_prove_own(int argc, char **argv)
{
    bind_now(argv);
    if (&LLVMFuzzerInitialize)
        LLVMFuzzerInitialize(&argc, &argv);
    sf_inject_refuses = refused;
    target.name = program_invocation_short_name;
    return prove_main(argc - 1, argv + 1);
}
