/*
 * mutate.c: whatever the mutator makes of sessions, long ones too, are
 * sessions, and the same each time.
 */
#include "fuzzers/mutate.h"

#include "faultinject/session/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { SEEDS = 3000 };

/* As long as a session can be; its faults are all the same. */
static const struct sf_fault_step fault = {7, 9, 11};

static size_t longest(uint8_t bytes[SF_SESSION_MAX])
{
    static struct sf_session s;

    sf_session_decode(&s, NULL, 0);
    s.acts_n = SF_ACTS_MAX;
    for (unsigned i = 0; i < SF_ACTS_MAX; i++)
        s.acts[i] = (struct sf_act){
            .kind = SF_ACT_FRAME, .peer = 1 + i % SF_PEERS, .amount = i};
    s.faults_n = SF_FAULTS_MAX;
    for (unsigned i = 0; i < SF_FAULTS_MAX; i++)
        s.faults[i] = fault;
    return sf_session_encode(&s, bytes, SF_SESSION_MAX);
}

/* The shortest form of a session; some of the parent's faults are in it, as
 * nobody changes five of them at once. */
static void is_child(const uint8_t *bytes, size_t len)
{
    static struct sf_session s;
    uint8_t again[SF_SESSION_MAX];
    unsigned kept = 0;

    assert_in_range(len, 1, SF_SESSION_MAX);
    sf_session_decode(&s, bytes, len);
    assert_int_equal(sf_session_encode(&s, again, sizeof again), len);
    assert_memory_equal(again, bytes, len);
    for (unsigned i = 0; i < s.faults_n; i++)
        kept += memcmp(&s.faults[i], &fault, sizeof fault) == 0;
    assert_true(kept > 0);
}

static void children_are_sessions(void **state)
{
    uint8_t parent[SF_SESSION_MAX], a[SF_SESSION_MAX], b[SF_SESSION_MAX];
    size_t size = longest(parent), len;

    (void)state;
    for (unsigned seed = 0; seed < SEEDS; seed++) {
        memcpy(a, parent, size);
        memcpy(b, parent, size);
        len = sf_mutate(a, size, sizeof a, seed);
        is_child(a, len);
        assert_int_equal(sf_mutate(b, size, sizeof b, seed), len);
        assert_memory_equal(a, b, len);
    }
}

static void children_of_two_are_sessions(void **state)
{
    uint8_t parent[SF_SESSION_MAX], a[SF_SESSION_MAX], b[SF_SESSION_MAX];
    size_t size = longest(parent), len;

    (void)state;
    for (unsigned seed = 0; seed < SEEDS; seed++) {
        len = sf_cross(parent, size, parent, size, a, sizeof a, seed);
        is_child(a, len);
        assert_int_equal(
            sf_cross(parent, size, parent, size, b, sizeof b, seed), len);
        assert_memory_equal(a, b, len);
    }
}

/* Its children's children, in as little room as there may be. */
static void there_is_room_for_all(void **state)
{
    uint8_t bytes[SF_SESSION_MAX];
    size_t len = longest(bytes);

    (void)state;
    for (unsigned seed = 0; seed < SEEDS; seed++) {
        size_t max = 40 + seed % 200;

        len = sf_mutate(bytes, len, max, seed);
        assert_in_range(len, 1, max);
        len = sf_mutate_tidy(bytes, len, max);
        assert_in_range(len, 1, max);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(children_are_sessions),
        cmocka_unit_test(children_of_two_are_sessions),
        cmocka_unit_test(there_is_room_for_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
