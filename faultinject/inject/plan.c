/* plan.c: the plan's text, read and written; see plan.h. */
#include "faultinject/inject/plan.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char header[] = "sockfault-plan 1";

static const struct {
    const char *word;
    unsigned kinds;
} groups[] = {
    {"in", K_READ}, {"out", K_WRITE}, {"wait", K_WAIT},
    {"any", K_ANY}, {"open", K_OPEN},
};
enum { GROUPS = sizeof groups / sizeof *groups };

void sf_plan_init(struct sf_plan *plan)
{
    *plan = (struct sf_plan){.profile = SF_LINUX};
}

void sf_plan_fini(struct sf_plan *plan)
{
    free(plan->rules);
    free(plan->command);
    sf_plan_init(plan);
}

/* --- reading: a line at a time --- */

struct reader {
    const char *begin; /* of the line */
    const char *at;
    const char *end; /* of the line */
    unsigned line;
    struct sf_plan_error *error;
};

static size_t word_length(const char *s, const char *end)
{
    size_t n = 0;

    while (s + n < end && !isspace((unsigned char)s[n]) && s[n] != ':' &&
           s[n] != '#')
        n++;
    return n;
}

static void skip_space(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t'))
        r->at++;
}

static bool at_end(struct reader *r)
{
    skip_space(r);
    return r->at == r->end || *r->at == '#';
}

/* What stands here, for a message: a word, a sign, or the end. */
static int found(const struct reader *r, char *text, size_t size)
{
    size_t n = word_length(r->at, r->end);

    if (r->at == r->end || *r->at == '#')
        return snprintf(text, size, "the end of the line");
    if (n == 0)
        n = 1;
    if (n > 40)
        n = 40;
    for (size_t i = 0; i < n; i++)
        if (!isprint((unsigned char)r->at[i]))
            return snprintf(text, size, "the byte 0x%02x",
                            (unsigned char)r->at[i]);
    return snprintf(text, size, "'%.*s'", (int)n, r->at);
}

static int fail_with(struct reader *r, const char *text)
{
    r->error->line = r->line;
    r->error->column = (unsigned)(r->at - r->begin) + 1;
    snprintf(r->error->text, sizeof r->error->text, "%s", text);
    return -1;
}

__attribute__((format(printf, 2, 3))) static int fail(struct reader *r,
                                                      const char *format, ...)
{
    char text[sizeof r->error->text];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    return fail_with(r, text);
}

static int expected(struct reader *r, const char *what)
{
    char here[64];

    skip_space(r);
    found(r, here, sizeof here);
    return fail(r, "expected %s, found %s", what, here);
}

static bool take_char(struct reader *r, char c)
{
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

static bool is_word(const struct reader *r, const char *word)
{
    size_t n = word_length(r->at, r->end);

    return strlen(word) == n && memcmp(r->at, word, n) == 0;
}

static bool take_word(struct reader *r, const char *word)
{
    skip_space(r);
    if (!is_word(r, word))
        return false;
    r->at += strlen(word);
    return true;
}

static bool at_digit(const struct reader *r)
{
    return r->at < r->end && isdigit((unsigned char)*r->at);
}

/* Digits only: no sign, no space, no overflow. */
static int take_number(struct reader *r, uint64_t *n, const char *what)
{
    const char *start = r->at;

    if (!at_digit(r))
        return expected(r, what);
    for (*n = 0; at_digit(r); r->at++) {
        unsigned digit = (unsigned)(*r->at - '0');
        if (*n > (UINT64_MAX / 2 - digit) / 10) {
            r->at = start;
            return fail(r, "the number is too large");
        }
        *n = *n * 10 + digit;
    }
    return 0;
}

/*
 * 0.05, .5, 1 in billionths: by hand, since strtod knows hex, signs and a
 * locale, and so that what is printed is what was read.
 */
static int take_probability(struct reader *r, uint32_t *p)
{
    const char *start = r->at;
    uint64_t billionths = 0;
    uint64_t unit = SF_CERTAIN;

    for (bool dot = false; r->at < r->end; r->at++) {
        if (*r->at == '.' && !dot)
            dot = true;
        else if (at_digit(r) && billionths <= SF_CERTAIN && !dot)
            billionths = billionths * 10 + (unsigned)(*r->at - '0') * unit;
        else if (at_digit(r) && (unit /= 10) > 0)
            billionths += (unsigned)(*r->at - '0') * unit;
        else
            break;
    }
    if ((size_t)(r->at - start) != word_length(start, r->end) ||
        billionths == 0 || billionths > SF_CERTAIN) {
        r->at = start;
        return expected(r, "a probability above 0 and at most 1, of at most "
                           "nine decimals");
    }
    *p = (uint32_t)billionths;
    return 0;
}

/* --- suggestions --- */

struct nearest {
    const char *word;
    size_t distance;
};

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* Edit distance, letters compared without case. */
static size_t distance(const char *a, size_t n, const char *b)
{
    size_t row[SF_WORD_MAX];
    size_t m = strlen(b);

    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t above = row[j];
            size_t same = tolower((unsigned char)a[i - 1]) ==
                          tolower((unsigned char)b[j - 1]);
            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + !same);
            diagonal = above;
        }
    }
    return row[m];
}

static void consider(struct nearest *best, const struct reader *r,
                     const char *word)
{
    size_t n = word_length(r->at, r->end);
    size_t d;

    if (!word || n >= SF_WORD_MAX)
        return;
    d = distance(r->at, n, word);
    if (d <= (n + 2) / 3 && d < best->distance)
        *best = (struct nearest){word, d};
}

static int unknown(struct reader *r, const char *what,
                   const struct nearest *best)
{
    char here[64];

    found(r, here, sizeof here);
    if (best->word)
        return fail(r, "expected %s, found %s; did you mean '%s'?", what, here,
                    best->word);
    return fail(r, "expected %s, found %s", what, here);
}

/* --- numbers and ranges --- */

/*
 * N | N+ | N..M | N+S | N..M+S | *.  `base` is the smallest N; what is
 * stored counts from 1.
 */
static int take_range(struct reader *r, struct sf_range *range, uint64_t base,
                      const char *what)
{
    const char *start;
    uint64_t n;

    skip_space(r);
    *range = (struct sf_range){1, UINT64_MAX, 1};
    if (take_char(r, '*'))
        return 0;
    start = r->at;
    if (take_number(r, &n, what) < 0)
        return -1;
    if (n < base) {
        r->at = start;
        return fail(r, "expected %s, found 0: they are counted from 1", what);
    }
    range->first = range->last = n + 1 - base;
    if (r->end - r->at >= 2 && r->at[0] == '.' && r->at[1] == '.') {
        r->at += 2;
        if (take_number(r, &n, "the last number after '..'") < 0)
            return -1;
        range->last = n + 1 - base;
        if (range->last < range->first)
            return fail(r, "the range ends before it begins");
    } else if (r->at < r->end && *r->at == '+') {
        range->last = UINT64_MAX;
    }
    if (take_char(r, '+') && at_digit(r)) {
        if (take_number(r, &range->step, "a step after '+'") < 0)
            return -1;
        if (range->step == 0)
            return fail(r, "a step of 0 never gets on");
    }
    if (r->at < r->end && !isspace((unsigned char)*r->at) && *r->at != ':' &&
        *r->at != '#')
        return expected(r, "a space or ':' after the number");
    return 0;
}

/* --- selectors --- */

static int once(struct reader *r, bool given, const char *word)
{
    return given ? fail(r, "'%s' is given twice", word) : 0;
}

static int select_range(struct reader *r, struct sf_range *range, uint64_t base,
                        const char *word, const char *what)
{
    if (once(r, range->first != 0, word) < 0)
        return -1;
    return take_range(r, range, base, what);
}

static int select_conn(struct reader *r, struct sf_rule *rule)
{
    return select_range(r, &rule->conn, 1, "conn",
                        "the number of a connection");
}

static int select_process(struct reader *r, struct sf_rule *rule)
{
    return select_range(r, &rule->process, 1, "process",
                        "the number of a process");
}

static int select_fd(struct reader *r, struct sf_rule *rule)
{
    return select_range(r, &rule->fd, 0, "fd", "a descriptor");
}

static int select_port(struct reader *r, struct sf_rule *rule)
{
    return select_range(r, &rule->port, 1, "port", "a port");
}

static int select_program(struct reader *r, struct sf_rule *rule)
{
    size_t n;

    if (once(r, rule->program[0] != 0, "program") < 0)
        return -1;
    skip_space(r);
    n = word_length(r->at, r->end);
    if (n == 0)
        return expected(r, "the name of a program");
    if (n >= sizeof rule->program)
        return fail(r, "the name is longer than %zu bytes",
                    sizeof rule->program - 1);
    memcpy(rule->program, r->at, n);
    rule->program[n] = '\0';
    r->at += n;
    return 0;
}

static int select_p(struct reader *r, struct sf_rule *rule)
{
    if (once(r, rule->p > 0, "p") < 0)
        return -1;
    skip_space(r);
    return take_probability(r, &rule->p);
}

static int select_seed(struct reader *r, struct sf_rule *rule)
{
    if (rule->p == 0)
        return fail(r, "'seed' goes after 'p PROBABILITY'");
    if (once(r, rule->seed != 0, "seed") < 0)
        return -1;
    skip_space(r);
    return take_number(r, &rule->seed, "a seed");
}

static int set_role(struct reader *r, struct sf_rule *rule, enum sf_role role)
{
    if (once(r, rule->role != SF_ROLE_NONE, sf_role_names[role]) < 0)
        return -1;
    rule->role = role;
    skip_space(r);
    if (!at_digit(r) && (r->at == r->end || *r->at != '*'))
        return 0;
    return take_range(r, &rule->of_role, 1, "the number of a connection");
}

static int select_client(struct reader *r, struct sf_rule *rule)
{
    return set_role(r, rule, SF_ROLE_CLIENT);
}

static int select_server(struct reader *r, struct sf_rule *rule)
{
    return set_role(r, rule, SF_ROLE_SERVER);
}

static int select_pair(struct reader *r, struct sf_rule *rule)
{
    return set_role(r, rule, SF_ROLE_PAIR);
}

static const struct {
    const char *word;
    int (*take)(struct reader *r, struct sf_rule *rule);
} selectors[] = {
    {"conn", select_conn},       {"p", select_p},
    {"seed", select_seed},       {"client", select_client},
    {"server", select_server},   {"pair", select_pair},
    {"process", select_process}, {"program", select_program},
    {"port", select_port},       {"fd", select_fd},
};
enum { SELECTORS = sizeof selectors / sizeof *selectors };

/* 1: one was there, 0: something else stands here. */
static int take_selector(struct reader *r, struct sf_rule *rule)
{
    for (int i = 0; i < SELECTORS; i++)
        if (take_word(r, selectors[i].word))
            return selectors[i].take(r, rule) < 0 ? -1 : 1;
    return 0;
}

/* --- which calls --- */

static bool take_call(struct reader *r, struct sf_rule *rule)
{
    for (int i = 0; i < GROUPS; i++)
        if (take_word(r, groups[i].word)) {
            rule->kinds = groups[i].kinds;
            return true;
        }
    for (int i = 0; i < SF_CALL_COUNT; i++)
        if (take_word(r, sf_calls[i].name)) {
            rule->call = i;
            rule->kinds = sf_calls[i].kind;
            return true;
        }
    return false;
}

static int unknown_call(struct reader *r)
{
    struct nearest best = {NULL, SF_WORD_MAX};

    for (int i = 0; i < SELECTORS; i++)
        consider(&best, r, selectors[i].word);
    for (int i = 0; i < GROUPS; i++)
        consider(&best, r, groups[i].word);
    for (int i = 0; i < SF_CALL_COUNT; i++)
        consider(&best, r, sf_calls[i].name);
    consider(&best, r, "profile");
    consider(&best, r, "run");
    return unknown(r, "a call, a selector or ':'", &best);
}

static int take_when(struct reader *r, struct sf_rule *rule)
{
    if (!take_char(r, '@'))
        return take_range(r, &rule->when, 1, "which call it is: a number");
    if (rule->kinds & ~(unsigned)(K_READ | K_WRITE)) {
        r->at--;
        return fail(r, "'@' counts bytes: only calls that read or write have "
                       "them");
    }
    rule->by_offset = true;
    return take_range(r, &rule->when, 0, "an offset in the stream");
}

static int take_calls(struct reader *r, struct sf_rule *rule)
{
    int more;

    while ((more = take_selector(r, rule)) > 0)
        ;
    if (more < 0)
        return -1;
    skip_space(r);
    if (at_end(r))
        return expected(r, "':' and what happens");
    if (*r->at == ':')
        return 0;
    if (!take_call(r, rule))
        return unknown_call(r);
    skip_space(r);
    if (r->at < r->end && *r->at != ':' && take_when(r, rule) < 0)
        return -1;
    return 0;
}

/* --- what happens --- */

static int unknown_fault(struct reader *r)
{
    struct nearest best = {NULL, SF_WORD_MAX};

    for (int i = 0; i < SF_FAULT_COUNT; i++)
        consider(&best, r, sf_faults[i].word);
    for (int i = 0; i < SF_CLASS_COUNT; i++)
        consider(&best, r, sf_class_names[i]);
    return unknown(r, "a fault", &best);
}

static bool take_fault(struct reader *r, struct sf_rule *rule)
{
    for (int i = 0; i < SF_FAULT_COUNT; i++)
        if (take_word(r, sf_faults[i].word)) {
            rule->fault = i;
            return true;
        }
    for (int i = 0; i < SF_CLASS_COUNT; i++)
        if (take_word(r, sf_class_names[i])) {
            rule->fault = SF_ANY_FAULT;
            rule->cls = (enum sf_class)i;
            return true;
        }
    return false;
}

/* A rule that can never fire is a mistake. */
static int check_fault(struct reader *r, const char *word,
                       const struct sf_rule *rule)
{
    if (rule->fault == SF_ANY_FAULT) {
        if (rule->p > 0)
            return 0;
        r->at = word;
        return fail(r, "a class is drawn by chance: say 'p PROBABILITY'");
    }
    if (rule->kinds & sf_faults[rule->fault].kinds)
        return 0;
    r->at = word;
    return fail(r, "%s never happens at %s", sf_faults[rule->fault].word,
                rule->call == SF_ANY_CALL ? "calls of that kind"
                                          : sf_calls[rule->call].name);
}

/* "conn", "client" or the like: whose number follows. */
static bool take_target(struct reader *r, struct sf_rule *rule)
{
    for (int i = SF_ROLE_NONE + 1; i < SF_ROLE_COUNT; i++)
        if (take_word(r, sf_role_names[i])) {
            rule->target_role = (enum sf_role)i;
            return true;
        }
    return take_word(r, "conn");
}

static int take_argument(struct reader *r, struct sf_rule *rule)
{
    struct sf_range target = {0, 0, 0};

    skip_space(r);
    if (rule->fault == SF_SHORT) {
        if (take_number(r, &rule->amount, "how many bytes are moved") < 0)
            return -1;
        if (rule->amount == 0)
            return fail(r, "a short count moves at least 1 byte; 0 is EOF");
    } else if ((rule->kinds & K_WAIT) && rule->fault > SF_NONE &&
               take_target(r, rule)) {
        if (take_range(r, &target, 1, "the number of a connection") < 0)
            return -1;
        if (target.last != target.first)
            return fail(r, "one connection is meant here");
        rule->target = (unsigned)target.first;
    }
    return 0;
}

static int take_what(struct reader *r, struct sf_rule *rule)
{
    const char *word;

    if (!take_char(r, ':'))
        return expected(r, "':'");
    skip_space(r);
    if (at_end(r))
        return expected(r, "a fault");
    word = r->at;
    if (!take_fault(r, rule))
        return unknown_fault(r);
    if (check_fault(r, word, rule) < 0 || take_argument(r, rule) < 0)
        return -1;
    return at_end(r) ? 0 : expected(r, "the end of the line");
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

static int parse_rule(struct sf_plan *plan, struct reader *r)
{
    struct sf_rule rule = {
        .line = r->line, .call = SF_ANY_CALL, .kinds = K_ANY};
    struct sf_rule *place;

    if (take_calls(r, &rule) < 0 || take_what(r, &rule) < 0)
        return -1;
    place = add_rule(plan);
    if (!place)
        return fail(r, "no memory for another rule");
    *place = rule;
    return 0;
}

static int parse_profile(struct sf_plan *plan, struct reader *r)
{
    struct nearest best = {NULL, SF_WORD_MAX};

    skip_space(r);
    for (int i = 0; i < SF_PROFILE_COUNT; i++) {
        if (take_word(r, sf_profile_names[i])) {
            plan->profile = (enum sf_profile)i;
            return at_end(r) ? 0 : expected(r, "the end of the line");
        }
        consider(&best, r, sf_profile_names[i]);
    }
    return unknown(r, "linux, posix or hostile", &best);
}

/* The rest of the line is for the shell: not looked into here. */
static int parse_command(struct sf_plan *plan, struct reader *r)
{
    skip_space(r);
    if (r->at == r->end)
        return expected(r, "a command");
    if (plan->command)
        return fail(r, "'run' is given twice");
    plan->command = strndup(r->at, (size_t)(r->end - r->at));
    return plan->command ? 0 : fail(r, "no memory for the command");
}

static int parse_line(struct sf_plan *plan, struct reader *r)
{
    if (at_end(r))
        return 0;
    if (take_word(r, "profile"))
        return parse_profile(plan, r);
    if (take_word(r, "run"))
        return parse_command(plan, r);
    return parse_rule(plan, r);
}

static int parse_header(struct reader *r)
{
    size_t n = sizeof header - 1;

    if ((size_t)(r->end - r->at) < n || memcmp(r->at, header, n) != 0)
        return fail(r, "expected '%s' in the first line", header);
    r->at += n;
    return at_end(r) ? 0 : expected(r, "the end of the line");
}

/* Move on to the next line; false after the last. */
static bool next_line(struct reader *r, const char *text_end)
{
    const char *start = r->line == 0 ? r->end : r->end + 1;
    const char *newline;

    if (start > text_end || (r->line > 0 && start == text_end))
        return false;
    newline = memchr(start, '\n', (size_t)(text_end - start));
    r->begin = r->at = start;
    r->end = newline ? newline : text_end;
    if (r->end > r->begin && r->end[-1] == '\r')
        r->end--;
    r->line++;
    return true;
}

int sf_plan_parse(struct sf_plan *plan, const char *text, size_t len,
                  struct sf_plan_error *error)
{
    struct reader r = {.end = text, .error = error};

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
    struct reader r = {.begin = text,
                       .at = text,
                       .end = text + strlen(text),
                       .line = 1,
                       .error = error};

    return parse_rule(plan, &r);
}
