/* plan_print.c: a plan as text; what is printed parses to itself. */
#include <inttypes.h>
#include <string.h>

#include "faultinject/inject/plan_read.h"

struct printer {
    FILE *out;
    bool begun; /* something stands on the line */
};

static void space(struct printer *p)
{
    if (p->begun)
        fputc(' ', p->out);
    p->begun = true;
}

static void word(struct printer *p, const char *text)
{
    space(p);
    fputs(text, p->out);
}

static bool everything(const struct sf_range *r)
{
    return r->first == 1 && r->last == UINT64_MAX && r->step == 1;
}

static void range(FILE *out, const struct sf_range *r, uint64_t base)
{
    if (everything(r)) {
        fputc('*', out);
        return;
    }
    fprintf(out, "%" PRIu64, r->first - 1 + base);
    if (r->last == UINT64_MAX && r->step == 1)
        fputc('+', out);
    else if (r->last != UINT64_MAX && r->last != r->first)
        fprintf(out, "..%" PRIu64, r->last - 1 + base);
    if (r->step != 1)
        fprintf(out, "+%" PRIu64, r->step);
}

static void selector(struct printer *p, const char *name,
                     const struct sf_range *r, uint64_t base)
{
    if (r->first == 0)
        return;
    word(p, name);
    fputc(' ', p->out);
    range(p->out, r, base);
}

typedef size_t length_of(const char *s, const char *end);

static bool is_word(const char *value, length_of *length)
{
    size_t n = strlen(value);

    return value[0] != '"' && length(value, value + n) == n;
}

static void quoted(FILE *out, const char *value)
{
    fputc('"', out);
    for (; *value; value++) {
        if (*value == '"' || *value == '\\' || *value == '\n')
            fputc('\\', out);
        fputc(*value == '\n' ? 'n' : *value, out);
    }
    fputc('"', out);
}

static void named(struct printer *p, const char *name, const char *value,
                  length_of *length)
{
    if (!value[0])
        return;
    word(p, name);
    space(p);
    if (is_word(value, length))
        fputs(value, p->out);
    else
        quoted(p->out, value);
}

/* One in brackets is a word although there are colons in it. */
static void address(struct printer *p, const char *value)
{
    if (value[0] != '[') {
        named(p, "peer", value, sf_word_length);
        return;
    }
    word(p, "peer");
    word(p, value);
}

/* With as many decimals as it needs. */
static void probability(FILE *out, uint32_t p)
{
    int decimals = 9;

    if (p == SF_CERTAIN) {
        fputc('1', out);
        return;
    }
    for (; p % 10 == 0; p /= 10)
        decimals--;
    fprintf(out, "0.%0*" PRIu32, decimals, p);
}

static const char *group_word(unsigned kinds)
{
    int i = 0;

    while (sf_groups[i].kinds != kinds)
        i++;
    return sf_groups[i].word;
}

static void selectors(struct printer *p, const struct sf_rule *r)
{
    if (r->p > 0) {
        word(p, "p ");
        probability(p->out, r->p);
    }
    if (r->seed > 0) {
        word(p, "seed ");
        fprintf(p->out, "%" PRIu64, r->seed);
    }
    selector(p, "process", &r->process, 1);
    named(p, "program", r->program, sf_word_length);
    if (r->role != SF_ROLE_NONE)
        word(p, sf_role_names[r->role]);
    if (r->of_role.first) {
        fputc(' ', p->out);
        range(p->out, &r->of_role, 1);
    }
    selector(p, "conn", &r->conn, 1);
    selector(p, "fd", &r->fd, 0);
    selector(p, "port", &r->port, 1);
    address(p, r->peer);
    named(p, "site", r->site, sf_site_length);
}

static void calls(struct printer *p, const struct sf_rule *r)
{
    if (r->call == SF_ANY_CALL && r->kinds == K_ANY && r->when.first == 0)
        return;
    word(p, r->call == SF_ANY_CALL ? group_word(r->kinds)
                                   : sf_calls[r->call].name);
    if (r->when.first == 0)
        return;
    fputs(r->by_offset ? " @" : " ", p->out);
    range(p->out, &r->when, r->by_offset ? 0 : 1);
}

void sf_rule_print(const struct sf_rule *r, FILE *out)
{
    struct printer p = {.out = out};

    selectors(&p, r);
    calls(&p, r);
    fprintf(out, ": %s",
            r->fault == SF_ANY_FAULT ? sf_class_names[r->cls]
                                     : sf_faults[r->fault].word);
    if (sf_fault_has_amount((enum sf_fault)r->fault))
        fprintf(out, " %" PRIu64, r->amount);
    if (r->target)
        fprintf(out, " %s %u",
                r->target_role ? sf_role_names[r->target_role] : "conn",
                r->target);
}

void sf_plan_print(const struct sf_plan *plan, FILE *out)
{
    fprintf(out, "sockfault-plan 1\n");
    if (plan->profile != SF_LINUX)
        fprintf(out, "profile %s\n", sf_profile_names[plan->profile]);
    if (plan->command)
        fprintf(out, "run %s\n", plan->command);
    if (plan->directory)
        fprintf(out, "# in %s\n", plan->directory);
    for (size_t i = 0; i < plan->n; i++) {
        sf_rule_print(&plan->rules[i], out);
        fputc('\n', out);
    }
}
