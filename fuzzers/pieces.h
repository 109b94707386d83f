/*
 * pieces.h: a fuzz target for code that is fed bytes, in one file.
 *
 * What a parser reports must not depend on how its input was cut.  The input
 * is fed whole, byte by byte, and in pieces whose sizes follow from the input
 * itself, so that a seed is plain protocol bytes; each piece lies in a block
 * of exactly its size, so that the sanitizers see a read past its end.
 *
 *     static void *begin(void) { … a new parser … }
 *     static bool feed(void *parser, const uint8_t *bytes, size_t len)
 *     {
 *         … feed it; wherever it reports something, sf_saw() …
 *         return it takes more;
 *     }
 *     static void end(void *parser) { … free it … }
 *     SF_FUZZ_PIECES(begin, feed, end)
 *
 * A difference is a line on standard error, "sockfault: finding: wrong-data:",
 * and abort().  An input of more than SF_PIECES_MAX bytes is not fed at all; of
 * what is reported the first SF_SEEN_MAX bytes are compared.
 *
 * Include it once.
 */
#ifndef SF_PIECES_H
#define SF_PIECES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In bytes.  Three runs of an input larger than the first take too long. */
enum { SF_PIECES_MAX = 1 << 14, SF_SEEN_MAX = 1 << 18 };

/* What was reported in one run, in a normal form. */
struct sf_seen {
    uint8_t bytes[SF_SEEN_MAX];
    size_t len;
    size_t last; /* where the report in progress begins */
    char kind;   /* … and of what kind it is; 0: there is none */
    bool gave_up;
};

static struct sf_seen sf_seen_whole, sf_seen_cut, *sf_seen;

extern bool sf_verbose __attribute__((weak));

static void sf_seen_add(const void *bytes, size_t len)
{
    size_t room = SF_SEEN_MAX - sf_seen->len;

    if (len > room)
        len = room;
    if (len)
        memcpy(sf_seen->bytes + sf_seen->len, bytes, len);
    sf_seen->len += len;
}

/*
 * The parser reports these bytes, as part of whatever `kind` stands for.
 * Reports of one kind in a row are one report in pieces, of which some may be
 * empty; one with NULL is a mark, which ends what came before.
 */
static void sf_saw(char kind, const void *bytes, size_t len)
{
    if (bytes && !len)
        return;
    if (!bytes || kind != sf_seen->kind) {
        sf_seen->last = sf_seen->len;
        sf_seen_add(&kind, 1);
    }
    sf_seen_add(bytes, len);
    sf_seen->kind = bytes ? kind : '\0';
}

struct sf_fed {
    void *(*begin)(void);
    bool (*feed)(void *parser, const uint8_t *bytes, size_t len);
    void (*end)(void *parser);
};

/* Feeds a copy of its own size; false: the parser takes no more. */
static bool sf_feed_copy(const struct sf_fed *f, void *parser,
                         const uint8_t *bytes, size_t len)
{
    uint8_t *copy = (uint8_t *)malloc(len);
    bool more;

    if (!copy)
        abort();
    memcpy(copy, bytes, len);
    more = f->feed(parser, copy, len);
    free(copy);
    return more;
}

/* `cuts`: 0 whole, 1 byte by byte, else where the sizes begin. */
static void sf_feed_all(const struct sf_fed *f, const uint8_t *data,
                        size_t size, uint32_t cuts, struct sf_seen *seen)
{
    void *parser;
    size_t at = 0, len;
    bool more = true;

    sf_seen = seen;
    seen->len = 0;
    seen->kind = '\0';
    parser = f->begin();
    for (; at < size && more; at += len) {
        cuts = cuts > 1 ? cuts * 1664525 + 1013904223 : cuts;
        len = cuts == 0   ? size
              : cuts == 1 ? 1
                          : 1 + (cuts >> 20) % ((cuts >> 8 & 7) * 8 + 1);
        if (len > size - at)
            len = size - at;
        more = sf_feed_copy(f, parser, data + at, len);
    }
    seen->gave_up = !more;
    f->end(parser);
}

/*
 * The first n bytes are the same.  Two that gave up may have said more or
 * less of what they were in the middle of.
 */
static bool sf_seen_same(const struct sf_seen *a, const struct sf_seen *b,
                         size_t n)
{
    size_t a_last = a->kind ? a->last : a->len;
    size_t b_last = b->kind ? b->last : b->len;

    if (a->gave_up != b->gave_up)
        return false;
    if (!a->gave_up)
        return n == a->len && n == b->len;
    return n == a->len || n == b->len || (n >= a_last && n >= b_last);
}

/* What came from byte i on, or that nothing did. */
static void sf_seen_print(const struct sf_seen *seen, size_t i)
{
    size_t last = seen->len - i < 40 ? seen->len : i + 40;

    if (i == seen->len)
        fputs(seen->gave_up ? "an error" : "nothing more", stderr);
    for (; i < last; i++)
        fputc(seen->bytes[i] < 32 || seen->bytes[i] > 126 ? '.'
                                                          : seen->bytes[i],
              stderr);
}

static void sf_feed_and_compare(const struct sf_fed *f, const uint8_t *data,
                                size_t size, uint32_t cuts)
{
    const struct sf_seen *whole = &sf_seen_whole, *cut = &sf_seen_cut;
    size_t i = 0;

    sf_feed_all(f, data, size, cuts, &sf_seen_cut);
    while (i < whole->len && i < cut->len && whole->bytes[i] == cut->bytes[i])
        i++;
    if (sf_seen_same(whole, cut, i))
        return;
    fprintf(stderr, "sockfault: finding: wrong-data: fed %s it reports ",
            cuts == 1 ? "byte by byte" : "in pieces");
    sf_seen_print(cut, i);
    fputs(" where whole it is ", stderr);
    sf_seen_print(whole, i);
    fprintf(stderr, " (byte %zu of the reports)\n", i);
    abort();
}

static int sf_fuzz_pieces(const struct sf_fed *f, const uint8_t *data,
                          size_t size)
{
    uint32_t cuts = 2166136261u;

    if (size > SF_PIECES_MAX)
        return 0;
    for (size_t i = 0; i < size; i++)
        cuts = (cuts ^ data[i]) * 16777619;
    sf_feed_all(f, data, size, 0, &sf_seen_whole);
    if (&sf_verbose && sf_verbose) {
        fwrite(sf_seen_whole.bytes, 1, sf_seen_whole.len, stdout);
        putchar('\n');
    }
    sf_feed_and_compare(f, data, size, 1);
    sf_feed_and_compare(f, data, size, cuts | 2);
    return 0;
}

#ifdef __cplusplus
extern "C" {
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifdef __cplusplus
}
#endif

#define SF_FUZZ_PIECES(begin, feed, end)                         \
    int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) \
    {                                                            \
        static const struct sf_fed fed = {begin, feed, end};     \
                                                                 \
        return sf_fuzz_pieces(&fed, data, size);                 \
    }

#endif
