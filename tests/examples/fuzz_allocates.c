/* fuzz_allocates.c: asks for memory in each of the ways that can be refused. */
#include "faultinject/session/target.h"

#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* C++, if it is linked to that. */
void asks_new(void) __attribute__((weak));

/* The compiler knows nothing of it, so none is left out. */
static char *volatile kept;

static void give_back(char *block)
{
    kept = block;
    free(kept);
}

/* Not as often as in another run. */
static __attribute__((unused)) void ask_by_chance(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used); /* no two are the same */
    for (uint16_t i = 0; i < (uint16_t)used.tv_nsec; i++)
        give_back(malloc(1));
}

static __attribute__((unused)) int overflow(void)
{
    volatile int most = INT_MAX;

    return most + 1;
}

/* And forgets itself where there is no memory. */
static __attribute__((unused)) bool is_loud(void)
{
    bool fails = !(kept = malloc(1));

    free(kept);
    for (int i = 0; i < 2000; i++) {
        fputs("out ", stdout);
        fputs("loud ", stderr);
    }
    return fails;
}

static __attribute__((unused)) void *receive(void *fd)
{
    char byte;

    recv(*(int *)fd, &byte, 1, MSG_DONTWAIT);
    return NULL;
}

/* Without memory a thread does what was to be done. */
static __attribute__((unused)) void fall_back(int fd)
{
    pthread_t thread;

    kept = malloc(1);
    if (!kept && pthread_create(&thread, NULL, receive, &fd) == 0)
        pthread_join(thread, NULL);
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
#ifdef ALLOCATES_OR_THREADS
    fall_back(fd);
#endif
#ifdef ALLOCATES_BY_CHANCE
    ask_by_chance();
#elif defined ALLOCATES_LOUDLY
    if (is_loud())
        return;
#elif defined ALLOCATES_AND_OVERFLOWS
    overflow();
#endif
    if (&asks_new)
        asks_new();
    close(fd);
}

SF_FUZZ_TARGET(.name = "allocates", .side = SF_GIVEN, .run = run)
