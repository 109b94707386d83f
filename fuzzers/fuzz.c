/* fuzz.c: see fuzz.h */
#include "fuzzers/fuzz.h"

struct fuzz_memory fuzz_memory;
