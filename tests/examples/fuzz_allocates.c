/* fuzz_allocates.c: asks for memory in each of the ways that can be refused. */
#include "faultinject/session/target.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The compiler knows nothing of it, so none is left out. */
static char *volatile kept;

static void give_back(char *block)
{
    kept = block;
    free(kept);
}

static void run(void *arg, int fd)
{
    char *grown;
    void *aligned;

    (void)arg;
    give_back(malloc(1));
    give_back(calloc(1, 1));
    kept = NULL;
    grown = realloc(kept, 1);
    give_back(grown);
    give_back(memalign(64, 1));
    give_back(aligned_alloc(64, 64));
    give_back(posix_memalign(&aligned, 64, 1) == 0 ? aligned : NULL);
    give_back(strdup("all"));
    give_back(strndup("some", 2));
    close(fd);
}

SF_FUZZ_TARGET(.name = "allocates", .side = SF_GIVEN, .run = run)
