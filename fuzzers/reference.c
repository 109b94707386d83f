/* see reference.h */
#include "fuzzers/reference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum ref_verdict whole(struct ref_frame *out, size_t payload,
                              uint64_t len, size_t trailer, size_t have,
                              const struct fm_format *f, size_t at)
{
    out->wrong = at;
    if (len > f->max)
        return REF_TOO_LONG;
    if (payload + len + trailer > have)
        return REF_MORE;
    out->payload = payload;
    out->len = (size_t)len;
    out->end = payload + (size_t)len + trailer;
    return REF_FRAME;
}

static enum ref_verdict next_delim(const struct fm_format *f,
                                   const uint8_t *bytes, size_t len, size_t at,
                                   struct ref_frame *out)
{
    size_t m = f->delim_len;

    out->wrong = at;
    for (size_t i = at; i + m <= len; i++) {
        if (i - at > f->max)
            return REF_TOO_LONG;
        /* The first alone: engines take note of each memcmp(). */
        if (bytes[i] == f->delim[0] && !memcmp(bytes + i, f->delim, m))
            return whole(out, at, i - at, m, len, f, at);
    }
    return len - at >= (uint64_t)f->max + m ? REF_TOO_LONG : REF_MORE;
}

static enum ref_verdict next_ascii(const struct fm_format *f,
                                   const uint8_t *bytes, size_t len, size_t at,
                                   struct ref_frame *out)
{
    char digits[FM_DIGITS_MAX + 1] = "";
    size_t i;

    for (i = 0; i < f->digits; i++) {
        out->wrong = at + i;
        if (at + i == len)
            return REF_MORE;
        if (!strchr("0123456789", bytes[at + i]) || !bytes[at + i])
            return REF_BAD;
        digits[i] = (char)bytes[at + i];
    }
    return whole(out, at + i, strtoull(digits, NULL, 10), 0, len, f, at);
}

static enum ref_verdict next_be(const struct fm_format *f, const uint8_t *bytes,
                                size_t len, size_t at, struct ref_frame *out)
{
    uint64_t n = 0;

    out->wrong = at;
    if (len - at < f->width)
        return REF_MORE;
    for (size_t i = 0; i < f->width; i++)
        n = n * 256 + bytes[at + i];
    if (f->inclusive && n < f->width)
        return REF_BAD;
    return whole(out, at + f->width, f->inclusive ? n - f->width : n, 0, len, f,
                 at);
}

static enum ref_verdict next_type(const struct fm_format *f,
                                  const uint8_t *bytes, size_t len, size_t at,
                                  struct ref_frame *out)
{
    out->wrong = at;
    if (at == len)
        return REF_MORE;
    if (f->len_of[bytes[at]] == FM_TYPE_UNKNOWN)
        return REF_BAD;
    return whole(out, at, 1u + f->len_of[bytes[at]], 0, len, f, at);
}

enum ref_verdict ref_next(const struct fm_format *f, const uint8_t *bytes,
                          size_t len, size_t at, struct ref_frame *out)
{
    *out = (struct ref_frame){0};
    switch (f->kind) {
    case FM_FIXED:
        return whole(out, at, f->fixed, 0, len, f, at);
    case FM_TYPE:
        return next_type(f, bytes, len, at, out);
    case FM_DELIM:
        return next_delim(f, bytes, len, at, out);
    case FM_ASCII:
        return next_ascii(f, bytes, len, at, out);
    case FM_BE:
        return next_be(f, bytes, len, at, out);
    case FM_CLOSE:
        out->wrong = at;
        return len - at > f->max ? REF_TOO_LONG : REF_MORE;
    }
    abort();
}

size_t ref_end(const struct fm_format *f, const uint8_t *bytes, size_t len,
               size_t at, enum ref_verdict *last)
{
    struct ref_frame frame;

    while ((*last = ref_next(f, bytes, len, at, &frame)) == REF_FRAME)
        at = frame.end;
    return at;
}

static const struct {
    uint8_t type;
    uint16_t len;
} types[] = {{'a', 0}, {'b', 1}, {'c', 7}, {'d', 300}, {0x80, 2}, {0xff, 5}};

/* Each twice: as people write it, and what that means, so that the reading of
 * formats is checked as well. */
static struct row {
    const char *text;
    struct fm_format is; /* FM_TYPE: with these types */
} rows[] = {
    {"ascii:5,max=4000", {.kind = FM_ASCII, .digits = 5, .max = 4000}},
    {"delim:\\n,max=600",
     {.kind = FM_DELIM, .delim = "\n", .delim_len = 1, .max = 600}},
    {"delim:\\r\\n,max=600",
     {.kind = FM_DELIM, .delim = "\r\n", .delim_len = 2, .max = 600}},
    {"be32,max=4000", {.kind = FM_BE, .width = 4, .max = 4000}},
    {"be16:inclusive,max=4000",
     {.kind = FM_BE, .width = 2, .inclusive = true, .max = 4000}},
    {"type:a=0,b=1,c=7,d=300,0x80=2,0xff=5",
     {.kind = FM_TYPE, .max = FM_MAX_DEFAULT}},
    {"fixed:7", {.kind = FM_FIXED, .fixed = 7, .max = 7}},
    {"ascii:1,max=9", {.kind = FM_ASCII, .digits = 1, .max = 9}},
    {"be8,max=255", {.kind = FM_BE, .width = 1, .max = 255}},
    {"delim:aab,max=40",
     {.kind = FM_DELIM, .delim = "aab", .delim_len = 3, .max = 40}},
    {"delim:--==--,max=64",
     {.kind = FM_DELIM, .delim = "--==--", .delim_len = 6, .max = 64}},
    {"ascii:9,max=100", {.kind = FM_ASCII, .digits = 9, .max = 100}},
    {"be32:inclusive,max=64",
     {.kind = FM_BE, .width = 4, .inclusive = true, .max = 64}},
    {"be8:inclusive,max=16",
     {.kind = FM_BE, .width = 1, .inclusive = true, .max = 16}},
    {"fixed:1", {.kind = FM_FIXED, .fixed = 1, .max = 1}},
    {"close,max=3000", {.kind = FM_CLOSE, .max = 3000}},
};
const unsigned ref_format_count = sizeof rows / sizeof *rows;

static bool same(const struct fm_format *a, const struct fm_format *b)
{
    return a->kind == b->kind && a->max == b->max && a->fixed == b->fixed &&
           a->digits == b->digits && a->width == b->width &&
           a->inclusive == b->inclusive && a->delim_len == b->delim_len &&
           memcmp(a->delim, b->delim, a->delim_len) == 0 &&
           memcmp(a->len_of, b->len_of, sizeof a->len_of) == 0;
}

static void check_row(struct row *row)
{
    struct fm_format parsed;
    char why[128] = "read as another one";

    memset(row->is.len_of, 0xff, sizeof row->is.len_of);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (row->is.kind == FM_TYPE)
            row->is.len_of[types[i].type] = types[i].len;
    if (fm_format_parse(&parsed, row->text, why, sizeof why) == 0 &&
        same(&parsed, &row->is))
        return;
    fprintf(stderr, "reference.c: format '%s': %s\n", row->text, why);
    abort();
}

/* Before there is any input: the first one with a format would look to an
 * engine as if it had found something. */
__attribute__((constructor)) static void check_all(void)
{
    for (unsigned i = 0; i < ref_format_count; i++)
        check_row(&rows[i]);
}

const struct fm_format *ref_format(unsigned index)
{
    return &rows[index % ref_format_count].is;
}

const char *ref_format_text(unsigned index)
{
    return rows[index % ref_format_count].text;
}

/* Bytes that tell where in which frame they stood, and break delimiters. */
static void fill(uint8_t *out, size_t len, unsigned seed)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ."
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ.";
    enum { CYCLE = 27 };
    size_t first = seed * 7 % CYCLE;

    for (size_t i = 0; i < len; i += CYCLE)
        memcpy(out + i, letters + first, len - i < CYCLE ? len - i : CYCLE);
}

static size_t pick_type(const struct fm_format *f, unsigned seed, uint8_t *out,
                        size_t max)
{
    for (unsigned i = 0; i < 256; i++) {
        unsigned type = (seed * 37 + i) % 256;

        if (f->len_of[type] != FM_TYPE_UNKNOWN &&
            f->len_of[type] + (size_t)1 <= max) {
            fill(out, f->len_of[type] + (size_t)1, seed);
            out[0] = (uint8_t)type;
            return f->len_of[type] + (size_t)1;
        }
    }
    return 0;
}

size_t ref_payload(const struct fm_format *f, size_t size, unsigned seed,
                   uint8_t *out, size_t max)
{
    if (f->kind == FM_TYPE)
        return pick_type(f, seed + (unsigned)size, out, max);
    if (f->kind == FM_FIXED)
        size = f->fixed;
    if (f->kind == FM_ASCII && f->digits < 4 && size > 9)
        size = 9;
    if (f->kind == FM_BE && f->width == 1 && size > 250)
        size = 250;
    if (size > f->max)
        size = f->max;
    if (size > max)
        size = max;
    fill(out, size, seed);
    return size;
}
