/*
 * image_test.c: two states of a program that differ anywhere have different
 * fingerprints, and the same state has the same one.
 *
 * What is not in the fingerprint is merged with what it is not, and the prover
 * says that it has seen all.
 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "faultinject/inject/inject.h"
#include "fuzzers/prove/image.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* Where it can differ: a byte, or what the call is. */
enum { BYTES = 192, STACK_BYTES = 64, THREAD_BYTES = 32 };
enum {
    NOWHERE,
    DATA = 1,
    ON_STACK = DATA + BYTES,
    OF_THREAD = ON_STACK + STACK_BYTES,
    ERRNO = OF_THREAD + THREAD_BYTES,
    CALL,
    FD,
    FLAGS,
    LEN,
    FOR_A_WHILE,
    PLACES
};

/* Outside of what is watched. */
static struct outside {
    int place;
    struct sf_print prints[PLACES], before[PLACES];
} * outside;

static volatile char data[BYTES] __attribute__((aligned(64)));
static volatile char for_a_while[64] __attribute__((aligned(64)));
static __thread volatile char of_thread[THREAD_BYTES]
    __attribute__((tls_model("initial-exec")));

enum sf_verdict __wrap_sf_ask(struct sf_op *op);

/* What the injector would do with a call is to look at all that is. */
enum sf_verdict sf_ask(struct sf_op *op)
{
    (void)op;
    outside->prints[outside->place] = image_print();
    return SF_PASS;
}

long sf_tell(struct sf_op *op)
{
    (void)op;
    return 0;
}

static bool is_within(int first, int n)
{
    return outside->place >= first && outside->place < first + n;
}

/* Of which nothing is left in a register. */
static __attribute__((noinline)) void set_errno(void)
{
    errno = outside->place == ERRNO ? EINTR : 0;
}

static __attribute__((noinline)) void program(void *arg)
{
    int place = outside->place;
    volatile char on_stack[STACK_BYTES];
    struct sf_op op = {.call = place == CALL ? SF_CALL_send : SF_CALL_recv,
                       .fd = place == FD ? 4 : 3,
                       .flags = place == FLAGS,
                       .len = place == LEN ? 8 : 7};

    (void)arg;
    for (int i = 0; i < STACK_BYTES; i++)
        on_stack[i] = (char)(ON_STACK + i == place);
    if (is_within(DATA, BYTES))
        data[place - DATA] = 1;
    if (is_within(OF_THREAD, THREAD_BYTES))
        of_thread[place - OF_THREAD] = 1;
    for_a_while[0] = place == FOR_A_WHILE;
    set_errno();
    __wrap_sf_ask(&op);
    for_a_while[0] = 0;           /* as at first */
    op.len = (size_t)on_stack[0]; /* it is needed until here */
    image_leave();
}

/* True: something was met that nobody knew of. */
static bool run_all(void)
{
    bool news = false;

    for (outside->place = 0; outside->place < PLACES; outside->place++) {
        image_run(NULL);
        news |= image_learnt() != IMAGE_NOTHING;
    }
    return news;
}

static bool is_same(const struct sf_print *a, const struct sf_print *b)
{
    return a->a == b->a && a->b == b->b;
}

static void every_byte_counts(void **state)
{
    const struct sf_print *now = outside->prints, *then = outside->before;

    (void)state;
    if (!image_possible())
        skip();
    image_be_careful();
    image_begin(program, NULL, true);
    while (run_all())
        ;
    memcpy(outside->before, outside->prints, sizeof outside->before);
    assert_false(run_all());
    for (int i = 0; i < PLACES; i++) {
        if (!is_same(&then[i], &now[i]))
            fail_msg("place %d: the same state, and another fingerprint", i);
        for (int j = 0; j < i; j++)
            if (is_same(&now[i], &now[j]))
                fail_msg("places %d and %d: one fingerprint", j, i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_byte_counts)};

    outside = mmap(NULL, sizeof *outside, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (outside == MAP_FAILED)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
