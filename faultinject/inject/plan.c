/* plan.c: the plan's text, line by line; see plan.h. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "faultinject/inject/model.h"
#include "faultinject/inject/plan_read.h"

static const char header[] = "sockfault-plan 1";

const struct sf_group sf_groups[SF_GROUPS] = {
    {"in", K_READ},   {"out", K_WRITE},   {"wait", K_WAIT}, {"any", K_ANY},
    {"open", K_OPEN}, {"spawn", K_SPAWN}, {"reap", K_REAP},
};

void sf_plan_init(struct sf_plan *plan)
{
    *plan = (struct sf_plan){.profile = SF_LINUX};
}

void sf_plan_fini(struct sf_plan *plan)
{
    free(plan->rules);
    free(plan->command);
    free(plan->directory);
    sf_plan_init(plan);
}

/* --- which calls --- */

static bool take_call(struct sf_reader *r, struct sf_rule *rule)
{
    for (int i = 0; i < SF_GROUPS; i++)
        if (sf_take_word(r, sf_groups[i].word)) {
            rule->kinds = sf_groups[i].kinds;
            return true;
        }
    for (int i = 0; i < SF_CALL_COUNT; i++)
        if (sf_calls[i].kind != K_TURN && sf_take_word(r, sf_calls[i].name)) {
            rule->call = i;
            rule->kinds = sf_calls[i].kind;
            return true;
        }
    return false;
}

static int unknown_call(struct sf_reader *r)
{
    struct sf_nearest best = SF_NOTHING_NEAR;
    const char *word = r->at;

    if (sf_take_word(r, "profile") || sf_take_word(r, "run")) {
        r->at = word;
        return sf_fail(r, *word == 'p'
                              ? "'profile' is no rule but a line of a plan, as "
                                "--profile is an option"
                              : "'run' is no rule but a line of a trace");
    }
    sf_consider_selectors(&best, r);
    for (int i = 0; i < SF_GROUPS; i++)
        sf_consider(&best, r, sf_groups[i].word);
    for (int i = 0; i < SF_CALL_COUNT; i++)
        sf_consider(&best, r, sf_calls[i].name);
    sf_consider(&best, r, "profile");
    sf_consider(&best, r, "run");
    return sf_unknown_word(r, "a call, a selector or ':'", &best);
}

static int take_when(struct sf_reader *r, struct sf_rule *rule)
{
    if (!sf_take_char(r, '@'))
        return sf_take_range(r, &rule->when, 1, "which call it is: a number");
    if (rule->kinds & ~(unsigned)(K_READ | K_WRITE)) {
        r->at--;
        return sf_fail(r,
                       "'@' counts bytes: only calls that read or write have "
                       "them");
    }
    rule->by_offset = true;
    return sf_take_range(r, &rule->when, 0, "an offset in the stream");
}

static int take_calls(struct sf_reader *r, struct sf_rule *rule)
{
    int more;

    while ((more = sf_take_selector(r, rule)) > 0)
        ;
    if (more < 0)
        return -1;
    sf_skip_space(r);
    if (sf_at_end(r))
        return sf_expected(r, "':' and what happens");
    if (*r->at == ':')
        return 0;
    if (!take_call(r, rule))
        return unknown_call(r);
    sf_skip_space(r);
    if (r->at < r->end && *r->at != ':' && take_when(r, rule) < 0)
        return -1;
    return 0;
}

/* --- what happens --- */

static int unknown_fault(struct sf_reader *r)
{
    struct sf_nearest best = SF_NOTHING_NEAR;

    for (int i = 0; i < SF_FAULT_COUNT; i++)
        sf_consider(&best, r, sf_faults[i].word);
    for (int i = 0; i < SF_CLASS_COUNT; i++)
        sf_consider(&best, r, sf_class_names[i]);
    return sf_unknown_word(r, "a fault", &best);
}

static bool take_fault(struct sf_reader *r, struct sf_rule *rule)
{
    for (int i = 0; i < SF_FAULT_COUNT; i++)
        if (sf_take_word(r, sf_faults[i].word)) {
            rule->fault = i;
            return true;
        }
    for (int i = 0; i < SF_CLASS_COUNT; i++)
        if (sf_take_word(r, sf_class_names[i])) {
            rule->fault = SF_ANY_FAULT;
            rule->cls = (enum sf_class)i;
            return true;
        }
    return false;
}

/* A rule that can never fire is a mistake. */
static int check_fault(struct sf_reader *r, const char *word,
                       const struct sf_rule *rule)
{
    if (rule->fault == SF_ANY_FAULT) {
        if (rule->p > 0)
            return 0;
        r->at = word;
        return sf_fail(r, "a class is drawn by chance: say 'p PROBABILITY'");
    }
    if (rule->call == SF_ANY_CALL
            ? rule->kinds & sf_faults[rule->fault].kinds
            : sf_fault_fits(rule->fault, (enum sf_call)rule->call))
        return 0;
    r->at = word;
    return sf_fail(r, "%s never happens at %s", sf_faults[rule->fault].word,
                   rule->call == SF_ANY_CALL ? "calls of that kind"
                                             : sf_calls[rule->call].name);
}

/* "conn", "client" or the like: whose number follows. */
static bool take_target(struct sf_reader *r, struct sf_rule *rule)
{
    for (int i = SF_ROLE_NONE + 1; i < SF_ROLE_COUNT; i++)
        if (sf_take_word(r, sf_role_names[i])) {
            rule->target_role = (enum sf_role)i;
            return true;
        }
    return sf_take_word(r, "conn");
}

static int take_delay(struct sf_reader *r, struct sf_rule *rule)
{
    const char *start = r->at;

    if (sf_take_number(r, &rule->amount, "how many milliseconds it takes") < 0)
        return -1;
    if (rule->amount > 0 && rule->amount <= SF_DELAY_MAX_MS)
        return 0;
    r->at = start;
    return sf_fail(r, "a delay is 1 to %d milliseconds", SF_DELAY_MAX_MS);
}

static int take_victim(struct sf_reader *r, struct sf_rule *rule)
{
    const char *start = r->at;

    if (sf_take_number(r, &rule->amount, "the number of a descriptor") < 0)
        return -1;
    if (rule->amount > 0 && rule->amount <= SF_VICTIM_MAX)
        return 0;
    r->at = start;
    return sf_fail(r, "a descriptor that dies is 1 to %d", SF_VICTIM_MAX);
}

static int take_argument(struct sf_reader *r, struct sf_rule *rule)
{
    struct sf_range target = {0, 0, 0};

    sf_skip_space(r);
    if (rule->fault == SF_OTHER_DEAD)
        return take_victim(r, rule);
    if (sf_fault_takes_time((enum sf_fault)rule->fault))
        return take_delay(r, rule);
    if (rule->fault == SF_SHORT) {
        if (sf_take_number(r, &rule->amount, "how many bytes are moved") < 0)
            return -1;
        if (rule->amount == 0)
            return sf_fail(r, "a short count moves at least 1 byte; 0 is EOF");
    } else if ((rule->kinds & K_WAIT) && rule->fault > SF_NONE &&
               !sf_fault_of_listener((enum sf_fault)rule->fault) &&
               take_target(r, rule)) {
        if (sf_take_range(r, &target, 1, "the number of a connection") < 0)
            return -1;
        if (target.last != target.first)
            return sf_fail(r, "one connection is meant here");
        rule->target = (unsigned)target.first;
    }
    return 0;
}

static int take_what(struct sf_reader *r, struct sf_rule *rule)
{
    const char *word;

    if (!sf_take_char(r, ':'))
        return sf_expected(r, "':'");
    sf_skip_space(r);
    if (sf_at_end(r))
        return sf_expected(r, "a fault");
    word = r->at;
    if (!take_fault(r, rule))
        return unknown_fault(r);
    if (check_fault(r, word, rule) < 0 || take_argument(r, rule) < 0)
        return -1;
    return sf_at_end(r) ? 0 : sf_expected(r, "the end of the line");
}

/* --- lines --- */

static struct sf_rule *add_rule(struct sf_plan *plan)
{
    if (plan->n == plan->room) {
        size_t room = plan->room ? plan->room * 2 : 16;
        struct sf_rule *more = realloc(plan->rules, room * sizeof *more);
        if (!more)
            return NULL;
        plan->rules = more;
        plan->room = room;
    }
    return &plan->rules[plan->n++];
}

static int parse_rule(struct sf_plan *plan, struct sf_reader *r)
{
    struct sf_rule rule = {
        .line = r->line, .call = SF_ANY_CALL, .kinds = K_ANY};
    struct sf_rule *place;

    if (take_calls(r, &rule) < 0 || take_what(r, &rule) < 0)
        return -1;
    place = add_rule(plan);
    if (!place)
        return sf_fail(r, "no memory for another rule");
    *place = rule;
    return 0;
}

static int parse_profile(struct sf_plan *plan, struct sf_reader *r)
{
    struct sf_nearest best = SF_NOTHING_NEAR;

    sf_skip_space(r);
    if (r->profiled)
        return sf_fail(r, "'profile' is given twice");
    r->profiled = true;
    for (int i = 0; i < SF_PROFILE_COUNT; i++) {
        if (sf_take_word(r, sf_profile_names[i])) {
            plan->profile = (enum sf_profile)i;
            return sf_at_end(r) ? 0 : sf_expected(r, "the end of the line");
        }
        sf_consider(&best, r, sf_profile_names[i]);
    }
    return sf_unknown_word(r, "linux, posix or hostile", &best);
}

/* Not strndup(): nothing ends the text, and strict checks of strings want it.
 */
static char *copy_rest(const struct sf_reader *r)
{
    size_t len = (size_t)(r->end - r->at);
    char *copy = malloc(len + 1);

    if (copy) {
        memcpy(copy, r->at, len);
        copy[len] = '\0';
    }
    return copy;
}

/* The rest of the line is for the shell: not looked into here. */
static int parse_command(struct sf_plan *plan, struct sf_reader *r)
{
    sf_skip_space(r);
    if (r->at == r->end)
        return sf_expected(r, "a command");
    if (memchr(r->at, '\0', (size_t)(r->end - r->at)))
        return sf_fail(r, "a command has no zero bytes");
    if (plan->command)
        return sf_fail(r, "'run' is given twice");
    plan->command = copy_rest(r);
    r->after_run = true;
    return plan->command ? 0 : sf_fail(r, "no memory for the command");
}

/* The comment of a trace that says where its command ran; any other says
 * nothing. */
static int parse_comment(struct sf_plan *plan, struct sf_reader *r)
{
    static const char in[] = "# in ";
    size_t n = sizeof in - 1;

    if ((size_t)(r->end - r->at) <= n || memcmp(r->at, in, n) != 0)
        return 0;
    r->at += n;
    for (const char *c = r->at; c < r->end; c++)
        if (iscntrl((unsigned char)*c))
            return 0;
    plan->directory = copy_rest(r);
    return plan->directory ? 0 : sf_fail(r, "no memory for the directory");
}

static int parse_line(struct sf_plan *plan, struct sf_reader *r)
{
    bool after_run = r->after_run;

    r->after_run = false;
    if (sf_at_end(r))
        return after_run ? parse_comment(plan, r) : 0;
    if (sf_take_word(r, "profile"))
        return parse_profile(plan, r);
    if (sf_take_word(r, "run"))
        return parse_command(plan, r);
    return parse_rule(plan, r);
}

static int parse_header(struct sf_reader *r)
{
    size_t n = sizeof header - 1;

    if ((size_t)(r->end - r->at) < n || memcmp(r->at, header, n) != 0)
        return sf_fail(r, "expected '%s' in the first line", header);
    r->at += n;
    return sf_at_end(r) ? 0 : sf_expected(r, "the end of the line");
}

/* Move on to the next line; false after the last. */
static bool next_line(struct sf_reader *r, const char *text_end)
{
    const char *newline;

    if (!r->next)
        return false;
    r->begin = r->at = r->next;
    newline = memchr(r->at, '\n', (size_t)(text_end - r->at));
    r->end = newline ? newline : text_end;
    r->next = newline && newline + 1 < text_end ? newline + 1 : NULL;
    while (r->end > r->begin && r->end[-1] == '\r')
        r->end--;
    r->line++;
    return true;
}

int sf_plan_parse(struct sf_plan *plan, const char *text, size_t len,
                  struct sf_plan_error *error)
{
    struct sf_reader r = {.next = text, .error = error};

    next_line(&r, text + len);
    if (parse_header(&r) < 0)
        return -1;
    while (next_line(&r, text + len))
        if (parse_line(plan, &r) < 0)
            return -1;
    return 0;
}

int sf_plan_parse_rule(struct sf_plan *plan, const char *text,
                       struct sf_plan_error *error)
{
    struct sf_reader r = {.begin = text,
                          .at = text,
                          .end = text + strlen(text),
                          .line = 1,
                          .error = error};

    return parse_rule(plan, &r);
}
