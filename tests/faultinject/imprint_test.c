/*
 * imprint_test.c: two forks that differ anywhere in what they can write have
 * different fingerprints, and those that do not have the same one.
 *
 * A fork that is taken for another ends, and the proof says that all was seen.
 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "faultinject/simulate/imprint.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum place {
    NOWHERE,
    DATA,
    HEAP,
    ON_STACK,
    OF_THREAD,
    OF_LIBC,
    MAPPED, /* since it was forked */
    CALL,
    FD,
    LEN,
    PLACES, /* … and what is no difference: */
    ERRNO = PLACES,
    HIDDEN,
    GIVEN_BACK, /* a page that is again as it was */
    BELOW,      /* … nor what is used of a stack, in the same line as it */
    ALL
};

static struct shared {
    volatile enum place place;
    struct sf_print prints[ALL];
    bool told[ALL];
} * shared;

static bool is(enum place place)
{
    return shared->place == place;
}

long sf_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    return syscall(number, a, b, c, d, e, f);
}

static volatile char data[3 * 4096], hidden;
static __thread volatile char of_thread;
static volatile char *heap;
static volatile char *in_use; /* of a stack: from here on */

enum sf_verdict __wrap_sf_ask(struct sf_op *op);

static unsigned only_own(const char *own, struct sf_unused *stacks,
                         unsigned most)
{
    (void)most;
    *stacks = (struct sf_unused){own - (1 << 16), (const char *)in_use};
    return 1;
}

enum sf_verdict sf_ask(struct sf_op *op)
{
    (void)op;
    sf_hide(sf_imprint_hidden(), (void *)&hidden, sizeof hidden);
    shared->told[shared->place] =
        sf_imprint_take(&shared->prints[shared->place], only_own);
    sf_show_again(sf_imprint_hidden());
    return SF_PASS;
}

/* Of which nothing is left in a register. */
static __attribute__((noinline)) void change(void)
{
    volatile char *map;

    in_use[0] = is(ON_STACK);
    in_use[-1] = is(BELOW);
    data[4096] = is(DATA);
    heap[1] = is(HEAP);
    of_thread = is(OF_THREAD);
    hidden = is(HIDDEN);
    data[0] = 1;
    data[0] = 0;
    if (is(OF_LIBC))
        random();
    if (is(MAPPED)) {
        map = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        map[7] = 1;
    }
    if (is(GIVEN_BACK)) {
        data[2 * 4096] = 1;
        data[2 * 4096] = 0;
    }
    errno = is(ERRNO) ? EINTR : 0;
}

static __attribute__((noinline)) void run(void)
{
    volatile char on_stack[256] = {0};
    struct sf_op op = {.call = is(CALL) ? SF_CALL_send : SF_CALL_recv,
                       .fd = is(FD) ? 4 : 3,
                       .len = is(LEN) ? 8 : 7};

    in_use = on_stack + 128 - (uintptr_t)on_stack % 64 + 32;
    change();
    __wrap_sf_ask(&op);
    op.len = (size_t)on_stack[0]; /* it is needed until here */
}

static void fork_all(void)
{
    for (shared->place = NOWHERE; !is(ALL); shared->place++) {
        pid_t pid = fork();

        if (pid == 0 && sf_imprint_can_tell())
            run();
        if (pid == 0)
            _exit(0);
        waitpid(pid, NULL, 0);
    }
}

static bool is_same(int a, int b)
{
    return shared->prints[a].a == shared->prints[b].a &&
           shared->prints[a].b == shared->prints[b].b;
}

static void every_place_counts(void **state)
{
    (void)state;
    heap = calloc(1, 4096);
    data[0] = data[4096] = data[2 * 4096] = heap[0] = 0;
    srandom(1);
    if (!sf_imprint_begin(false))
        skip();
    fork_all();
    if (!shared->told[NOWHERE])
        skip();
    for (int i = 0; i < PLACES; i++)
        for (int j = 0; j < i; j++)
            if (is_same(i, j))
                fail_msg("places %d and %d: one fingerprint", j, i);
    for (int i = PLACES; i < ALL; i++)
        if (!is_same(i, NOWHERE))
            fail_msg("place %d: the same state, and another fingerprint", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_place_counts)};

    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
