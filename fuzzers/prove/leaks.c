/*
 * leaks.c: memory that somebody's own program has not given back; see prove.h
 *
 * A sanitizer that is there is asked.  That takes milliseconds, so only where
 * a run took more blocks than it gave; and a program that caches is not asked
 * about for ever.
 */
#include "fuzzers/prove/prove.h"

#include "faultinject/inject/finding.h"
#include "faultinject/session/run.h"
#include "fuzzers/fuzz.h"

enum { ASK_MAX = 1000 };

/* <sanitizer/allocator_interface.h>, <sanitizer/lsan_interface.h> */
int __sanitizer_install_malloc_and_free_hooks(
    void (*on_malloc)(const volatile void *, size_t),
    void (*on_free)(const volatile void *)) __attribute__((weak));
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

static long blocks;
static uint64_t made;

static void on_malloc(const volatile void *block, size_t size)
{
    (void)block, (void)size;
    blocks++;
    made += !sf_session_acting() && !fuzz_memory.own;
}

static void on_free(const volatile void *block)
{
    (void)block;
    blocks--;
}

long prove_blocks(void)
{
    static bool counts;

    if (!counts && &__sanitizer_install_malloc_and_free_hooks)
        __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
    counts = true;
    return blocks;
}

uint64_t prove_made(void)
{
    return made;
}

void prove_check_blocks(long before)
{
    static unsigned asked;

    if (blocks <= before || !&__lsan_do_recoverable_leak_check ||
        asked == ASK_MAX)
        return;
    asked++;
    if (__lsan_do_recoverable_leak_check())
        sf_finding(SF_MON_MEMORY,
                   "%ld blocks of memory were not given back; the sanitizer "
                   "has said which are lost",
                   blocks - before);
}
