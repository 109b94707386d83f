/*
 * fuzz_plan.c: a plan that parses is printed and parses to itself; one that
 * does not is refused at a place that it has.
 *
 *     input: the text of a plan
 */
#include "faultinject/inject/plan.h"
#include "fuzzers/fuzz.h"

#include <string.h>

/* --- the oracle of a plan that parses --- */

static bool same_range(const struct sf_range *a, const struct sf_range *b)
{
    return a->first == b->first && a->last == b->last && a->step == b->step;
}

static bool same_who(const struct sf_rule *a, const struct sf_rule *b)
{
    return same_range(&a->process, &b->process) && a->role == b->role &&
           same_range(&a->of_role, &b->of_role) &&
           same_range(&a->conn, &b->conn) && same_range(&a->fd, &b->fd) &&
           same_range(&a->port, &b->port) &&
           strcmp(a->program, b->program) == 0 &&
           strcmp(a->peer, b->peer) == 0 && strcmp(a->site, b->site) == 0 &&
           memcmp(a->peer_key.bytes, b->peer_key.bytes, 16) == 0;
}

static bool same_rule(const struct sf_rule *a, const struct sf_rule *b)
{
    return same_who(a, b) && a->p == b->p && a->seed == b->seed &&
           a->call == b->call && a->kinds == b->kinds &&
           same_range(&a->when, &b->when) && a->by_offset == b->by_offset &&
           a->fault == b->fault && a->cls == b->cls && a->amount == b->amount &&
           a->target_role == b->target_role && a->target == b->target;
}

static bool same_command(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void compare(const struct sf_plan *a, const struct sf_plan *b)
{
    if (a->n != b->n || a->profile != b->profile ||
        !same_command(a->command, b->command))
        FUZZ_FAIL("wrong-data: %zu rules were printed and are %zu", a->n, b->n);
    for (size_t i = 0; i < a->n; i++)
        if (!same_rule(&a->rules[i], &b->rules[i]))
            FUZZ_FAIL("wrong-data: rule %zu was printed and is another", i + 1);
}

static char *print(const struct sf_plan *plan, size_t *len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, len);

    if (!out)
        abort();
    sf_plan_print(plan, out);
    fclose(out);
    return text;
}

static void check_plan(const struct sf_plan *plan)
{
    struct sf_plan_error error;
    struct sf_plan copy;
    size_t len, again_len;
    char *text = print(plan, &len);
    char *again;

    if (fuzz_verbose())
        fputs(text, stdout);
    sf_plan_init(&copy);
    if (sf_plan_parse(&copy, text, len, &error) < 0)
        FUZZ_FAIL("wrong-data: what was printed is refused: %u:%u: %s",
                  error.line, error.column, error.text);
    compare(plan, &copy);
    again = print(&copy, &again_len);
    if (again_len != len || memcmp(again, text, len) != 0)
        FUZZ_FAIL("wrong-data: printed again it is another text");
    sf_plan_fini(&copy);
    free(again);
    free(text);
}

/* --- the oracle of one that does not --- */

/* The line of that number, from 1; NULL: there are not so many. */
static const char *find_line(const char *text, size_t len, unsigned number,
                             size_t *length)
{
    const char *end = text + len;
    const char *newline;

    while (--number > 0) {
        newline = memchr(text, '\n', (size_t)(end - text));
        if (!newline)
            return NULL;
        text = newline + 1;
    }
    newline = memchr(text, '\n', (size_t)(end - text));
    *length = (size_t)((newline ? newline : end) - text);
    return text;
}

static void check_error(const char *text, size_t len,
                        const struct sf_plan_error *error)
{
    size_t length = 0;

    if (fuzz_verbose())
        printf("%u:%u: %s\n", error->line, error->column, error->text);
    if (error->line == 0 || !find_line(text, len, error->line, &length) ||
        error->column == 0 || error->column > length + 1)
        FUZZ_FAIL("wrong-data: an error at %u:%u, where nothing is",
                  error->line, error->column);
    if (!memchr(error->text, '\0', sizeof error->text) || !error->text[0])
        FUZZ_FAIL("wrong-data: an error without words");
    for (const char *c = error->text; *c; c++)
        if (*c < ' ' || *c > '~')
            FUZZ_FAIL("wrong-data: an error with the byte 0x%02x in it",
                      (unsigned char)*c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sf_plan_error error;
    struct sf_plan plan;

    sf_plan_init(&plan);
    memset(&error, 0, sizeof error);
    if (sf_plan_parse(&plan, (const char *)data, size, &error) < 0)
        check_error((const char *)data, size, &error);
    check_plan(&plan); /* the rules before the error are a plan, too */
    sf_plan_fini(&plan);
    return 0;
}
