/*
 * index_test.c: a plan means the same whether its rules are looked up or looked
 * at one by one, in their order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "faultinject/inject/plan.h"

enum { RULES = 24, PLANS = 400, POINTS = 300 };

static unsigned below(unsigned n)
{
    return (unsigned)rand() % n;
}

/* Small numbers, so that many rules are about the same calls. */
static void make_rule(struct sf_plan *plan)
{
    static const char *const who[] = {"",
                                      "",
                                      "conn 1",
                                      "conn 2",
                                      "conn *",
                                      "conn 1..2",
                                      "client",
                                      "server 1",
                                      "process 1",
                                      "process 2 conn 1",
                                      "process 1..2",
                                      "fd 3",
                                      "port 80",
                                      "program test conn 1",
                                      "program other conn 1",
                                      "peer 127.0.0.1"};
    static const char *const calls[] = {"recv", "recv", "send", "in", "any"};
    static const char *const what[] = {"EINTR", "none", "ENOMEM"};
    struct sf_plan_error error;
    char when[16] = "", text[128];

    if (below(6) > 0)
        sprintf(when, below(4) > 0 ? " %u" : " %u+", 1 + below(4));
    sprintf(text, "%s %s%s: %s", who[below(sizeof who / sizeof *who)],
            calls[below(5)], when, what[below(3)]);
    if (sf_plan_parse_rule(plan, text, &error) < 0)
        fail_msg("%s: %s", text, error.text);
}

static struct sf_point make_point(void)
{
    static struct sf_address peer = {.port = 80};
    struct sf_point at = {
        .call = below(2) ? SF_CALL_recv : SF_CALL_send,
        .fd = 3 + (int)below(2),
        .conn = below(3),
        .process = 1 + below(2),
        .total = 1 + below(5),
        .kind_nth = 1 + below(5),
        .kind_total = 1 + below(5),
        .len = 10,
    };

    at.nth = at.conn ? 1 + below(5) : at.total;
    at.role = at.conn ? 1 + below(2) : SF_ROLE_NONE;
    at.role_ordinal = at.conn;
    at.peer = at.conn ? &peer : NULL;
    return at;
}

static void compare_at(struct sf_chooser *a, struct sf_chooser *b,
                       const struct sf_point *at)
{
    static const struct sf_outcome outcomes[] = {{SF_NONE, 0, 0},
                                                 {SF_EINTR, 1, 0}};
    size_t amount = 1;

    assert_int_equal(a->wants(a, at->call), b->wants(b, at->call));
    assert_int_equal(a->cares(a, at), b->cares(b, at));
    assert_int_equal(a->spares(a, at), b->spares(b, at));
    assert_int_equal(a->choose(a, at, outcomes, 2, &amount),
                     b->choose(b, at, outcomes, 2, &amount));
}

static size_t compare_plan(void)
{
    static struct sf_rule copy[RULES];
    static struct sf_entry looked_up[RULES], one_by_one[RULES];
    struct sf_index up = {looked_up, RULES, 0}, by = {one_by_one, RULES, 0};
    struct sf_planned a, b;
    struct sf_plan plan;

    sf_plan_init(&plan);
    while (plan.n < RULES)
        make_rule(&plan);
    memcpy(copy, plan.rules, sizeof copy);
    for (uint32_t i = 0; i < RULES; i++)
        one_by_one[i].rule = i;
    up.keyed = sf_index_make(looked_up, plan.rules, RULES);
    sf_planned_init(&a, plan.rules, &up, "test");
    sf_planned_init(&b, copy, &by, "test");
    for (int i = 0; i < POINTS; i++) {
        struct sf_point at = make_point();
        compare_at(&a.chooser, &b.chooser, &at);
    }
    assert_memory_equal(copy, plan.rules, sizeof copy); /* the counts, too */
    sf_plan_fini(&plan);
    return up.keyed;
}

static void same_as_one_by_one(void **state)
{
    size_t keyed = 0;

    (void)state;
    srand(1);
    for (int i = 0; i < PLANS; i++)
        keyed += compare_plan();
    assert_true(keyed > PLANS * RULES / 8); /* it was tried at all */
    assert_true(keyed < PLANS * RULES / 2);
}

/* Names no single call: a number that no call has. */
static void numbers_beyond_all(void **state)
{
    struct sf_entry entries[2];
    struct sf_plan_error error;
    struct sf_plan plan;

    (void)state;
    sf_plan_init(&plan);
    assert_int_equal(
        sf_plan_parse_rule(&plan, "conn 1 recv 4294967297: EINTR", &error), 0);
    assert_int_equal(
        sf_plan_parse_rule(&plan, "conn 1 recv 4294967295: EINTR", &error), 0);
    assert_int_equal(sf_index_make(entries, plan.rules, 2), 1);
    assert_int_equal(entries[0].rule, 1);
    assert_int_equal(entries[1].rule, 0);
    sf_plan_fini(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_one_by_one),
        cmocka_unit_test(numbers_beyond_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
