/* format_text.c: see format_text.h */
#include "fuzzers/format_text.h"
#include "fuzzers/fuzz.h"
#include "target/err.h"

#include <inttypes.h>
#include <stdarg.h>
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

/* ------------------------------------------- what can be meant can be said */

/* Bytes to make something of; zeros when there are no more. */
struct source {
    const uint8_t *bytes;
    size_t len;
};

static uint8_t take(struct source *s)
{
    if (s->len == 0)
        return 0;
    s->len--;
    return *s->bytes++;
}

/* As often one of its ends as anything between. */
static uint32_t number(struct source *s, uint32_t min, uint32_t max)
{
    uint32_t raw = 0;

    switch (take(s) % 4) {
    case 0:
        return min;
    case 1:
        return max;
    default:
        for (int i = 0; i < 4; i++)
            raw = raw << 8 | take(s);
        return min + (uint32_t)(raw % ((uint64_t)max - min + 1));
    }
}

enum { LINE_MAX_BYTES = 512, TYPES = 8 };

/* How a text is to say what it says. */
enum wording {
    IN_NUMBERS,
    OTHERWISE, /* in whatever else it can be said                         */
    WRAPPED    /* no such format: its numbers are that in so many bits … */
};

/* A format and its text, as format.h has it. */
struct written {
    struct fm_format is;
    enum wording wording;
    unsigned bits; /* … 32 or 64; 0 when no number was said */
    char text[LINE_MAX_BYTES];
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void
write_text(struct written *w, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    w->len += (size_t)vsnprintf(w->text + w->len, sizeof w->text - w->len,
                                format, args);
    va_end(args);
}

static void write_number(struct written *w, uint32_t number)
{
    if (w->wording != WRAPPED) {
        write_text(w, w->wording == OTHERWISE ? "0x%X" : "%u", number);
        return;
    }
    w->bits = number % 2 ? 32 : 64;
    if (w->bits == 32)
        write_text(w, "%" PRIu64, (UINT64_C(1) << 32) + number);
    else /* 2^64 is 1844674407 3709551616 */
        write_text(w, "1844674407%010" PRIu64, UINT64_C(3709551616) + number);
}

static void write_type(struct written *w, uint32_t type)
{
    if (w->wording == OTHERWISE && type && !strchr(",=0123456789", (int)type))
        write_text(w, "%c", (int)type);
    else
        write_number(w, type);
}

static void write_byte(struct written *w, uint8_t byte)
{
    static const char named[] = "\r\n\t\0\\,", names[] = "rnt0\\,";
    const char *found = memchr(named, byte, sizeof named - 1);

    if (w->wording != OTHERWISE)
        write_text(w, "\\x%02x", byte);
    else if (found)
        write_text(w, "\\%c", names[found - named]);
    else
        write_text(w, byte % 2 ? "\\x%02X" : "%c", byte);
}

static void write_types(struct written *w, struct source *s)
{
    unsigned n = number(s, 1, TYPES);

    for (unsigned i = 0; i < n; i++) {
        uint32_t type = number(s, 0, UINT8_MAX);

        w->is.len_of[type] = (uint16_t)number(s, 0, FM_TYPE_UNKNOWN - 1);
        write_text(w, i ? "," : "type:");
        write_type(w, type);
        write_text(w, "=");
        write_number(w, w->is.len_of[type]);
    }
}

static void write_delim(struct written *w, struct source *s)
{
    w->is.delim_len = (uint8_t)number(s, 1, FM_DELIM_MAX);
    write_text(w, "delim:");
    for (unsigned i = 0; i < w->is.delim_len; i++) {
        w->is.delim[i] = take(s);
        write_byte(w, w->is.delim[i]);
    }
}

static void write_kind(struct written *w, struct source *s)
{
    switch (w->is.kind) {
    case FM_FIXED:
        w->is.max = w->is.fixed = number(s, 1, UINT32_MAX);
        write_text(w, "fixed:");
        write_number(w, w->is.fixed);
        break;
    case FM_TYPE:
        write_types(w, s);
        break;
    case FM_DELIM:
        write_delim(w, s);
        break;
    case FM_ASCII:
        w->is.digits = (uint8_t)number(s, 1, FM_DIGITS_MAX);
        write_text(w, "ascii:%u", w->is.digits);
        break;
    case FM_BE:
        w->is.width = (uint8_t)(1 << number(s, 0, 2));
        w->is.inclusive = take(s) % 2;
        write_text(w, "be%d%s", 8 * w->is.width,
                   w->is.inclusive ? ":inclusive" : "");
        break;
    case FM_CLOSE:
        write_text(w, "close");
        break;
    }
    if (take(s) % 2) {
        w->is.max = number(s, w->is.fixed, UINT32_MAX);
        write_text(w, ",max=");
        write_number(w, w->is.max);
    }
}

/* Whatever format there can be, its text is read as that, and no other is. */
static void check_written(const uint8_t *bytes, size_t len,
                          enum wording wording)
{
    struct source s = {bytes, len};
    struct written w = {.is = {.max = FM_MAX_DEFAULT}, .wording = wording};
    struct fm_format f;
    bool good;

    memset(w.is.len_of, 0xff, sizeof w.is.len_of);
    w.is.kind = (enum fm_kind)(take(&s) % (FM_CLOSE + 1));
    write_kind(&w, &s);
    good = fm_format_parse(&f, w.text, NULL, 0) == 0;
    if (good && w.bits)
        FUZZ_FAIL("wrong-data: '%s' has a number of more than %u bits, and is "
                  "taken for a format",
                  w.text, w.bits);
    if (!good && !w.bits)
        FUZZ_FAIL("wrong-data: '%s' is a format, and is refused", w.text);
    if (good && memcmp(&f, &w.is, sizeof f) != 0)
        FUZZ_FAIL("wrong-data: '%s' is read as another format", w.text);
}

bool format_text(struct fm_format *f, const uint8_t *bytes, size_t len,
                 size_t why_size)
{
    char *text = copy_of(bytes, len, "");
    char *why = why_size ? malloc(why_size) : NULL;
    int err = fm_format_parse(f, text, why, why_size);

    for (int wording = IN_NUMBERS; wording <= WRAPPED; wording++)
        check_written(bytes, len, (enum wording)wording);
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
