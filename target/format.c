/*
 * see format.h
 *
 * A cursor walks over the text.  Each rule of the grammar is one function
 * that moves the cursor past what it read, or leaves it at the character
 * that is wrong, with `expected` saying what should have been there.
 */
#include "target/format.h"
#include "target/err.h"

#include <string.h>

struct cursor {
    const char *at;
    const char *expected; /* NULL as long as all is well */
};

static bool expect(struct cursor *c, const char *what)
{
    c->expected = what;
    return false;
}

static bool word(struct cursor *c, const char *text)
{
    size_t n = strlen(text);

    if (strncmp(c->at, text, n) != 0)
        return false;
    c->at += n;
    return true;
}

/* The value of a digit in a base up to 16, or -1. */
static int digit(char ch, int base)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *found = ch ? strchr(digits, ch) : NULL;
    int value = found ? (int)(found - digits) % 16 : 16;

    return value < base ? value : -1;
}

/* A decimal or 0x number in a range. */
static bool number(struct cursor *c, uint32_t min, uint32_t max,
                   const char *what, uint32_t *out)
{
    const char *start = c->at;
    int base = word(c, "0x") ? 16 : 10;
    const char *digits = c->at;
    uint64_t value = 0;
    int d;

    while ((d = digit(*c->at, base)) >= 0 && value <= max) {
        value = value * (unsigned)base + (unsigned)d;
        c->at++;
    }
    if (c->at == digits || value < min || value > max) {
        c->at = start;
        return expect(c, what);
    }
    *out = (uint32_t)value;
    return true;
}

static bool fixed(struct cursor *c, struct fm_format *f)
{
    if (!number(c, 1, UINT32_MAX, "bytes of a payload, 1 to 4294967295",
                &f->fixed))
        return false;
    f->max = f->fixed;
    return true;
}

static bool ascii(struct cursor *c, struct fm_format *f)
{
    uint32_t digits;

    if (!number(c, 1, FM_DIGITS_MAX, "digits, 1 to 9", &digits))
        return false;
    f->digits = (uint8_t)digits;
    return true;
}

/* The cursor is after a backslash. */
static bool escape(struct cursor *c, uint8_t *out)
{
    static const char names[] = "rnt0\\,";
    static const char values[] = "\r\n\t\0\\,";
    const char *found = *c->at ? strchr(names, *c->at) : NULL;
    int high, low;

    if (found) {
        *out = (uint8_t)values[found - names];
        c->at++;
        return true;
    }
    if (*c->at != 'x' || (high = digit(c->at[1], 16)) < 0 ||
        (low = digit(c->at[2], 16)) < 0)
        return expect(c, "one of r n t 0 \\ , or xHH after a backslash");
    *out = (uint8_t)(high << 4 | low);
    c->at += 3;
    return true;
}

static bool delim(struct cursor *c, struct fm_format *f)
{
    for (; *c->at && *c->at != ','; f->delim_len++) {
        if (f->delim_len == FM_DELIM_MAX)
            return expect(c, "no more: a delimiter has at most 8 bytes");
        if (word(c, "\\")) {
            if (!escape(c, &f->delim[f->delim_len]))
                return false;
        } else {
            f->delim[f->delim_len] = (uint8_t)*c->at++;
        }
    }
    if (f->delim_len == 0)
        return expect(c, "a delimiter of 1 to 8 bytes");
    return true;
}

/* One character that is no digit, or a number. */
static bool type_byte(struct cursor *c, uint32_t *type)
{
    if (*c->at && *c->at != ',' && *c->at != '=' && digit(*c->at, 10) < 0) {
        *type = (uint8_t)*c->at++;
        return true;
    }
    return number(c, 0, 255, "a type: a character, or 0 to 255", type);
}

static bool type(struct cursor *c, struct fm_format *f)
{
    uint32_t byte, len;

    do {
        if (!type_byte(c, &byte))
            return false;
        if (!word(c, "="))
            return expect(c, "'=' and the length of this type");
        if (!number(c, 0, FM_TYPE_UNKNOWN - 1, "a length, 0 to 65534", &len))
            return false;
        f->len_of[byte] = (uint16_t)len;
    } while (strncmp(c->at, ",max=", 5) != 0 && word(c, ","));
    return true;
}

static bool be(struct cursor *c, struct fm_format *f)
{
    f->inclusive = word(c, ":inclusive");
    return true;
}

static bool nothing(struct cursor *c, struct fm_format *f)
{
    (void)c;
    (void)f;
    return true;
}

static bool kind(struct cursor *c, struct fm_format *f)
{
    static const struct {
        const char *name;
        enum fm_kind kind;
        uint8_t width;
        bool (*rest)(struct cursor *, struct fm_format *);
    } rules[] = {
        {"fixed:", FM_FIXED, 0, fixed}, {"type:", FM_TYPE, 0, type},
        {"delim:", FM_DELIM, 0, delim}, {"ascii:", FM_ASCII, 0, ascii},
        {"be8", FM_BE, 1, be},          {"be16", FM_BE, 2, be},
        {"be32", FM_BE, 4, be},         {"close", FM_CLOSE, 0, nothing},
    };

    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (word(c, rules[i].name)) {
            f->kind = rules[i].kind;
            f->width = rules[i].width;
            return rules[i].rest(c, f);
        }
    return expect(c, "fixed:N, type:…, delim:…, ascii:N, be8, be16, be32 "
                     "or close");
}

static bool limit(struct cursor *c, struct fm_format *f)
{
    if (*c->at == '\0')
        return true;
    if (!word(c, ",max="))
        return expect(c, "',max=' or the end");
    if (!number(c, f->fixed, UINT32_MAX,
                "a maximum up to 4294967295, not below the fixed length",
                &f->max))
        return false;
    if (*c->at != '\0')
        return expect(c, "the end");
    return true;
}

/* Append as much of text as fits. */
static void put(char *line, size_t size, const char *text)
{
    size_t used = strlen(line);
    size_t n = strlen(text);

    if (n > size - 1 - used)
        n = size - 1 - used;
    memcpy(line + used, text, n);
    line[used + n] = '\0';
}

static void put_number(char *line, size_t size, size_t value)
{
    char digits[24];
    char *p = digits + sizeof digits;

    *--p = '\0';
    do
        *--p = (char)('0' + value % 10);
    while (value /= 10);
    put(line, size, p);
}

static void explain(const char *text, const struct cursor *c, char *why,
                    size_t size)
{
    if (size == 0)
        return;
    *why = '\0';
    put(why, size, "format '");
    put(why, size, text);
    put(why, size, "', column ");
    put_number(why, size, (size_t)(c->at - text) + 1);
    put(why, size, ": expected ");
    put(why, size, c->expected);
}

int fm_format_parse(struct fm_format *f, const char *text, char *why,
                    size_t why_size)
{
    struct cursor c = {.at = text};

    *f = (struct fm_format){.max = FM_MAX_DEFAULT};
    memset(f->len_of, 0xFF, sizeof f->len_of);
    if (kind(&c, f) && limit(&c, f))
        return 0;
    explain(text, &c, why, why_size);
    *f = (struct fm_format){0};
    return FM_E_USAGE;
}

uint64_t fm_format_wire_max(const struct fm_format *f)
{
    size_t trailer = f->kind == FM_DELIM ? f->delim_len : 0;

    return (uint64_t)fm_format_header(f) + f->max + trailer;
}
