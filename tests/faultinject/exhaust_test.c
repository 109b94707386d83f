/* exhaust_test.c: the exhaust chooser over a session that is a toy. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "faultinject/inject/choose_exhaust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHORT_MAX = 3, BIG_MAX = 100, SEEN_MAX = 1 << 16, TRACE_MAX = 128 };

/* What a run looked like from outside: its choices in order. */
static char trace[TRACE_MAX];
static char seen[SEEN_MAX][TRACE_MAX];
static unsigned seen_n;
static unsigned wobble; /* adds an outcome: not deterministic */
static unsigned position;

static unsigned ask(struct sf_chooser *c, const struct sf_outcome *outcomes,
                    unsigned n)
{
    struct sf_point at = {.call = SF_CALL_recv, .fd = 32};
    size_t amount = 0;
    unsigned which;

    if (!c->wants(c, at.call))
        which = 0;
    else
        which = c->choose(c, &at, outcomes, n, &amount);
    snprintf(trace + strlen(trace), sizeof trace - strlen(trace), " %u",
             which * 1000 + (unsigned)amount);
    return which;
}

/* Three reads; SHORT makes one more necessary, EOF is the end. */
static void toy(struct sf_chooser *c)
{
    const struct sf_outcome outcomes[] = {{SF_NONE, 0, 0},
                                          {SF_SHORT, 0, SHORT_MAX},
                                          {SF_EOF, 0, 0},
                                          {SF_EAGAIN, 0, 0}};
    unsigned left = 3;

    trace[0] = '\0';
    for (position = 0; left; position++) {
        unsigned which = ask(c, outcomes, 3 + (wobble && wobble-- == 1));

        left -= which != 1;
        if (which == 2)
            return;
    }
}

static bool note_trace(void)
{
    for (unsigned i = 0; i < seen_n; i++)
        if (!strcmp(seen[i], trace))
            return false;
    assert_true(seen_n < SEEN_MAX);
    strcpy(seen[seen_n++], trace);
    return true;
}

/* Walks on; every schedule that counts is a new one.  At most `runs`. */
static unsigned walk(struct sf_exhaust *e, unsigned runs)
{
    unsigned n = 0;

    while (runs-- && sf_exhaust_next(e)) {
        toy(&e->chooser);
        assert_false(sf_exhaust_diverged(e));
        if (!e->counts)
            continue;
        assert_true(note_trace());
        n++;
    }
    return n;
}

/* The same by recursion: sequences with exactly k faults from here. */
static unsigned count(unsigned left, unsigned k)
{
    if (left == 0)
        return k == 0;
    return count(left - 1, k) +
           (k ? SHORT_MAX * count(left, k - 1) + (k == 1) : 0);
}

static unsigned count_up_to(unsigned k)
{
    unsigned n = 0;

    for (unsigned i = 0; i <= k; i++)
        n += count(3, i);
    return n;
}

static void every_schedule_once(void **unused)
{
    (void)unused;
    for (unsigned k = 0; k <= 4; k++) {
        struct sf_exhaust e;

        seen_n = 0;
        sf_exhaust_init(&e, k);
        assert_int_equal(walk(&e, UINT32_MAX), count_up_to(k));
        sf_exhaust_fini(&e);
    }
}

static void small_ones_first(void **unused)
{
    unsigned before = 0;
    struct sf_exhaust e;

    (void)unused;
    sf_exhaust_init(&e, 3);
    while (sf_exhaust_next(&e)) {
        toy(&e.chooser);
        if (!e.counts)
            continue;
        assert_in_range(e.n, before, before + 1);
        before = e.n;
    }
    assert_int_equal(before, 3);
    sf_exhaust_fini(&e);
}

static void shards_are_a_partition(void **unused)
{
    unsigned n = 0;

    (void)unused;
    seen_n = 0;
    for (unsigned i = 0; i < 3; i++) {
        struct sf_exhaust e;

        sf_exhaust_init(&e, 3);
        e.shard = i;
        e.shards = 3;
        while (sf_exhaust_next(&e)) {
            toy(&e.chooser);
            if (e.counts && (e.n || i == 0)) {
                assert_true(note_trace());
                n++;
            }
        }
        sf_exhaust_fini(&e);
    }
    assert_int_equal(n, count_up_to(3));
}

/* Broken off after any number of runs, it goes on with the next first choice
 * whose schedules are not all done. */
static void goes_on_where_it_stood(void **unused)
{
    (void)unused;
    for (unsigned runs = 1; runs < 400; runs += 7) {
        struct sf_exhaust_place place;
        struct sf_exhaust e;
        unsigned n;

        seen_n = 0;
        sf_exhaust_init(&e, 3);
        n = walk(&e, runs);
        while (!sf_exhaust_tell(&e, &place))
            n += walk(&e, 1);
        sf_exhaust_fini(&e);
        sf_exhaust_init(&e, 3);
        sf_exhaust_seek(&e, &place);
        assert_int_equal(n + walk(&e, UINT32_MAX), count_up_to(3));
        sf_exhaust_fini(&e);
    }
}

static void tells_of_another_decision(void **unused)
{
    struct sf_exhaust e;

    (void)unused;
    sf_exhaust_init(&e, 1);
    wobble = 0;
    for (int i = 0; i < 3; i++) {
        assert_true(sf_exhaust_next(&e));
        wobble = i == 2; /* the first decision of the run that takes it */
        toy(&e.chooser);
    }
    assert_true(sf_exhaust_diverged(&e));
    wobble = 0;
    sf_exhaust_fini(&e);
}

static bool no_eof(const struct sf_point *at, const struct sf_outcome *what)
{
    (void)at;
    return what->fault != SF_EOF;
}

static void leaves_out_what_is_not_allowed(void **unused)
{
    struct sf_exhaust e;

    (void)unused;
    seen_n = 0;
    sf_exhaust_init(&e, 1);
    e.allowed = no_eof;
    assert_int_equal(walk(&e, UINT32_MAX), 1 + 3 * SHORT_MAX);
    sf_exhaust_fini(&e);
}

static void some_amounts_of_many(void **unused)
{
    const struct sf_outcome outcomes[] = {{SF_NONE, 0, 0},
                                          {SF_SHORT, 0, BIG_MAX}};
    unsigned amounts[] = {0, 1, 2, 50, 99, 100}, n = 0;
    struct sf_exhaust e;

    (void)unused;
    sf_exhaust_init(&e, 1);
    while (sf_exhaust_next(&e)) {
        trace[0] = '\0';
        ask(&e.chooser, outcomes, 2);
        if (e.counts)
            assert_int_equal(e.n ? e.vector[0].amount : 0, amounts[n++]);
    }
    assert_int_equal(n, 6);
    sf_exhaust_fini(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_schedule_once),
        cmocka_unit_test(small_ones_first),
        cmocka_unit_test(shards_are_a_partition),
        cmocka_unit_test(goes_on_where_it_stood),
        cmocka_unit_test(tells_of_another_decision),
        cmocka_unit_test(leaves_out_what_is_not_allowed),
        cmocka_unit_test(some_amounts_of_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
