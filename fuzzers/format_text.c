/* format_text.c: see format_text.h */
#include "fuzzers/format_text.h"
#include "fuzzers/fuzz.h"
#include "target/err.h"

#include <stdlib.h>
#include <string.h>

/* A copy that ends where its memory does. */
static char *copy_of(const uint8_t *bytes, size_t len, const char *tail)
{
    size_t more = strlen(tail) + 1;
    char *text = malloc(len + more);

    if (len > 0)
        memcpy(text, bytes, len);
    memcpy(text + len, tail, more);
    return text;
}

static bool has_type(const struct fm_format *f)
{
    for (int i = 0; i < 256; i++)
        if (f->len_of[i] != FM_TYPE_UNKNOWN)
            return true;
    return false;
}

static bool makes_sense(const struct fm_format *f)
{
    switch (f->kind) {
    case FM_FIXED:
        return f->fixed > 0 && f->fixed <= f->max;
    case FM_TYPE:
        return has_type(f);
    case FM_DELIM:
        return f->delim_len >= 1 && f->delim_len <= FM_DELIM_MAX;
    case FM_ASCII:
        return f->digits >= 1 && f->digits <= FM_DIGITS_MAX;
    case FM_BE:
        return f->width == 1 || f->width == 2 || f->width == 4;
    case FM_CLOSE:
        return true;
    }
    return false;
}

/* Behind a format that has ended nothing can stand; a delimiter goes on. */
static void check_end(const uint8_t *bytes, size_t len)
{
    char *text = copy_of(bytes, len, "!");
    struct fm_format f;

    if (fm_format_parse(&f, text, NULL, 0) == 0 && f.kind != FM_DELIM)
        FUZZ_FAIL("wrong-data: '%s' is taken for a format", text);
    free(text);
}

/* Behind the text, which may say the same. */
static size_t column_of(const char *why)
{
    static const char word[] = "', column ";
    const char *found = strstr(why, word);
    size_t column = 0;

    for (; found; found = strstr(found + 1, word))
        column = strtoul(found + sizeof word - 1, NULL, 10);
    return column;
}

/* It names a place in the text. */
static void check_why(const char *why, size_t size, size_t len)
{
    size_t at = 0;

    if (strnlen(why, size) == size)
        FUZZ_FAIL("wrong-data: %s", "what is wrong has no end");
    at = column_of(why);
    if (size > len + 64 && (at < 1 || at > len + 1))
        FUZZ_FAIL("wrong-data: a text of %zu bytes is wrong in column %zu", len,
                  at);
}

static void check_refused(const struct fm_format *f, int err)
{
    static const struct fm_format zero;

    if (err != FM_E_USAGE || memcmp(f, &zero, sizeof zero) != 0)
        FUZZ_FAIL("wrong-data: a text is refused with %s, and something is "
                  "left of it",
                  fm_err_name(err));
}

bool format_text(struct fm_format *f, const uint8_t *bytes, size_t len,
                 size_t why_size)
{
    char *text = copy_of(bytes, len, "");
    char *why = why_size ? malloc(why_size) : NULL;
    int err = fm_format_parse(f, text, why, why_size);

    len = strlen(text);
    if (err == 0 && !makes_sense(f))
        FUZZ_FAIL("wrong-data: '%s' is read as what is none", text);
    else if (err == 0)
        check_end(bytes, len);
    else
        check_refused(f, err);
    if (err != 0 && why)
        check_why(why, why_size, len);
    free(why);
    free(text);
    return err == 0;
}
