/* plan.c: plans printed and read with a bug for each judge of fuzz_plan. */
#include "tests/judges/judges.h"

#include "faultinject/inject/plan.h"

#include <stdio.h>
#include <string.h>

int __real_sf_plan_parse(struct sf_plan *plan, const char *text, size_t len,
                         struct sf_plan_error *error);
int __wrap_sf_plan_parse(struct sf_plan *plan, const char *text, size_t len,
                         struct sf_plan_error *error);

static void change(struct sf_plan *plan)
{
    struct sf_rule *rule = plan->rules;

    if (is("loses-the-site"))
        rule->site[0] = '\0';
    rule->amount += is("another-amount");
    plan->n -= is("loses-a-rule");
}

int __wrap_sf_plan_parse(struct sf_plan *plan, const char *text, size_t len,
                         struct sf_plan_error *error)
{
    static int times;
    int r = __real_sf_plan_parse(plan, text, len, error);

    if (r < 0) {
        error->column += 50 * is("far-away");
        if (is("odd-words"))
            error->text[0] = '\1';
    } else if (times++ > 0 && plan->n > 0) {
        change(plan);
    }
    return r;
}

void __real_sf_plan_print(const struct sf_plan *plan, FILE *out);
void __wrap_sf_plan_print(const struct sf_plan *plan, FILE *out);

void __wrap_sf_plan_print(const struct sf_plan *plan, FILE *out)
{
    static int times;

    __real_sf_plan_print(plan, out);
    if (is("prints-another") && times++ > 0)
        fputs("# again\n", out);
}

#define TEXT(text) text, sizeof text - 1

#define RULE TEXT("sockfault-plan 1\nrecv 1: short 3\n")

const struct row rows[] = {
    {"loses-the-site", TEXT("sockfault-plan 1\nsite main recv 1: short 3\n"),
     "rule 1 was printed and is another"},
    {"another-amount", RULE, "rule 1 was printed and is another"},
    {"loses-a-rule", RULE, "1 rules were printed and are 0"},
    {"prints-another", RULE, "printed again it is another text"},
    {"far-away", TEXT("sockfault-plan 1\nnonsense\n"), "where nothing is"},
    {"odd-words", TEXT("sockfault-plan 1\nnonsense\n"), "the byte 0x01"},
};
const unsigned rows_n = sizeof rows / sizeof *rows;
