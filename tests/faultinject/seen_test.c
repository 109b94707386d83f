/*
 * seen_test.c: a state of the prover counts as seen only where that cuts
 * nothing off: met in this round, by another way, with as many faults left.
 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "faultinject/session/seen.h"

static struct sf_seen *seen;

static bool meet(uint64_t a, uint64_t b, uint64_t who, unsigned left)
{
    const struct sf_print print = {a, b};

    return sf_seen(seen, &print, who, left);
}

static int begin(void **state)
{
    (void)state;
    if (!seen)
        seen = sf_seen_new();
    sf_seen_forget(seen);
    return 0;
}

static void by_another_way(void **state)
{
    (void)state;
    assert_false(meet(1, 1, 1, 2));
    assert_false(meet(1, 1, 1, 2)); /* its own way, once more */
    assert_true(meet(1, 1, 2, 2));
    assert_true(meet(1, 1, 3, 1));
}

/* More can come after it than was tried. */
static void with_as_many_left(void **state)
{
    (void)state;
    assert_false(meet(1, 1, 1, 1));
    assert_false(meet(1, 1, 2, 2));
    assert_true(meet(1, 1, 3, 2));
    assert_true(meet(1, 1, 1, 1));
    assert_false(meet(1, 1, 3, 3));
}

/* All of the fingerprint, whichever entry of the table it is sent to. */
static void the_same_state(void **state)
{
    (void)state;
    assert_false(meet(1, 1, 1, 1));
    assert_false(meet(1, 2, 2, 1));
    assert_false(meet((UINT64_C(1) << 40) + 1, 1, 3, 1));
    assert_true(meet(1, 2, 4, 1));
}

static void in_this_round(void **state)
{
    uint64_t before = sf_seen_states(seen);

    (void)state;
    assert_false(meet(1, 1, 1, 1));
    sf_seen_forget(seen);
    assert_false(meet(1, 1, 2, 1));
    assert_true(meet(1, 1, 3, 1));
    assert_int_equal(sf_seen_states(seen) - before, 2);
}

/* A table that is full remembers less, and makes nothing up. */
static void where_there_is_no_room(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 100; i++)
        assert_false(meet(7, i, 1, 1));
    assert_true(meet(7, 1, 2, 1));
    assert_false(meet(7, 100, 2, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(by_another_way, begin),
        cmocka_unit_test_setup(with_as_many_left, begin),
        cmocka_unit_test_setup(the_same_state, begin),
        cmocka_unit_test_setup(in_this_round, begin),
        cmocka_unit_test_setup(where_there_is_no_room, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
