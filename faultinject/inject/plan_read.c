/* plan_read.c: the words, numbers and ranges of a line; see plan_read.h. */
#include "faultinject/inject/plan_read.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

/* --- reading: a line at a time --- */

size_t sf_word_length(const char *s, const char *end)
{
    size_t n = 0;

    while (s + n < end && !isspace((unsigned char)s[n]) && s[n] != ':' &&
           s[n] != '#')
        n++;
    return n;
}

size_t sf_site_length(const char *s, const char *end)
{
    size_t n = sf_word_length(s, end), more;

    while (n > 0 && end - (s + n) > 2 && memcmp(s + n, "::", 2) == 0 &&
           (more = sf_word_length(s + n + 2, end)) > 0)
        n += 2 + more;
    return n;
}

void sf_skip_space(struct sf_reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t'))
        r->at++;
}

bool sf_at_end(struct sf_reader *r)
{
    sf_skip_space(r);
    return r->at == r->end || *r->at == '#';
}

/* What stands here, for a message: a word, a sign, or the end. */
static int found(const struct sf_reader *r, char *text, size_t size)
{
    size_t n = sf_word_length(r->at, r->end);

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

static int fail_with(struct sf_reader *r, const char *text)
{
    r->error->line = r->line;
    r->error->column = (unsigned)(r->at - r->begin) + 1;
    snprintf(r->error->text, sizeof r->error->text, "%s", text);
    return -1;
}

int sf_fail(struct sf_reader *r, const char *format, ...)
{
    char text[sizeof r->error->text];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    return fail_with(r, text);
}

int sf_expected(struct sf_reader *r, const char *what)
{
    char here[64];

    sf_skip_space(r);
    found(r, here, sizeof here);
    return sf_fail(r, "expected %s, found %s", what, here);
}

bool sf_take_char(struct sf_reader *r, char c)
{
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

static bool is_word(const struct sf_reader *r, const char *word)
{
    size_t n = sf_word_length(r->at, r->end);

    return strlen(word) == n && memcmp(r->at, word, n) == 0;
}

bool sf_take_word(struct sf_reader *r, const char *word)
{
    sf_skip_space(r);
    if (!is_word(r, word))
        return false;
    r->at += strlen(word);
    return true;
}

bool sf_at_digit(const struct sf_reader *r)
{
    return r->at < r->end && isdigit((unsigned char)*r->at);
}

/* Digits only: no sign, no space, no overflow. */
int sf_take_number(struct sf_reader *r, uint64_t *n, const char *what)
{
    const char *start = r->at;

    if (!sf_at_digit(r))
        return sf_expected(r, what);
    for (*n = 0; sf_at_digit(r); r->at++) {
        unsigned digit = (unsigned)(*r->at - '0');
        if (*n > (UINT64_MAX / 2 - digit) / 10) {
            r->at = start;
            return sf_fail(r, "the number is too large");
        }
        *n = *n * 10 + digit;
    }
    return 0;
}

/*
 * 0.05, .5, 1 in billionths: by hand, since strtod knows hex, signs and a
 * locale, and so that what is printed is what was read.
 */
int sf_take_probability(struct sf_reader *r, uint32_t *p)
{
    const char *start = r->at;
    uint64_t billionths = 0;
    uint64_t unit = SF_CERTAIN;

    for (bool dot = false; r->at < r->end; r->at++) {
        if (*r->at == '.' && !dot)
            dot = true;
        else if (sf_at_digit(r) && billionths <= SF_CERTAIN && !dot)
            billionths = billionths * 10 + (unsigned)(*r->at - '0') * unit;
        else if (sf_at_digit(r) && (unit /= 10) > 0)
            billionths += (unsigned)(*r->at - '0') * unit;
        else
            break;
    }
    if ((size_t)(r->at - start) != sf_word_length(start, r->end) ||
        billionths == 0 || billionths > SF_CERTAIN) {
        r->at = start;
        return sf_expected(r, "a probability above 0 and at most 1, of at most "
                              "nine decimals");
    }
    *p = (uint32_t)billionths;
    return 0;
}

/* --- suggestions --- */

void sf_consider(struct sf_nearest *best, const struct sf_reader *r,
                 const char *word)
{
    if (word)
        sf_nearest_of(best, r->at, sf_word_length(r->at, r->end), word);
}

int sf_unknown_word(struct sf_reader *r, const char *what,
                    const struct sf_nearest *best)
{
    char here[64];

    found(r, here, sizeof here);
    if (best->word)
        return sf_fail(r, "expected %s, found %s; did you mean '%s'?", what,
                       here, best->word);
    return sf_fail(r, "expected %s, found %s", what, here);
}

/* --- numbers and ranges --- */

/*
 * N | N+ | N..M | N+S | N..M+S | *.  `base` is the smallest N; what is
 * stored counts from 1.
 */
int sf_take_range(struct sf_reader *r, struct sf_range *range, uint64_t base,
                  const char *what)
{
    const char *start;
    uint64_t n;

    sf_skip_space(r);
    *range = (struct sf_range){1, UINT64_MAX, 1};
    if (sf_take_char(r, '*'))
        return 0;
    start = r->at;
    if (sf_take_number(r, &n, what) < 0)
        return -1;
    if (n < base) {
        r->at = start;
        return sf_fail(r, "expected %s, found 0: they are counted from 1",
                       what);
    }
    range->first = range->last = n + 1 - base;
    if (r->end - r->at >= 2 && r->at[0] == '.' && r->at[1] == '.') {
        r->at += 2;
        if (sf_take_number(r, &n, "the last number after '..'") < 0)
            return -1;
        range->last = n + 1 - base;
        if (range->last < range->first)
            return sf_fail(r, "the range ends before it begins");
    } else if (r->at < r->end && *r->at == '+') {
        range->last = UINT64_MAX;
    }
    if (sf_take_char(r, '+') && sf_at_digit(r)) {
        if (sf_take_number(r, &range->step, "a step after '+'") < 0)
            return -1;
        if (range->step == 0)
            return sf_fail(r, "a step of 0 never gets on");
        if (range->last == range->first)
            range->step = 1; /* there is nothing to get on to */
    }
    if (r->at < r->end && !isspace((unsigned char)*r->at) && *r->at != ':' &&
        *r->at != '#')
        return sf_expected(r, "a space or ':' after the number");
    return 0;
}
