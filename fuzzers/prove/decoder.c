/*
 * decoder.c: the closure of a decoder.
 *
 * Breadth first over the product of the compiled decoder and the
 * specification (reference.c), from the empty stream on.  A state is the
 * decoder, taken apart field by field, with the bytes it holds, after all
 * frames were taken from it; the specification's state is the bytes since
 * the last frame.  At every state
 *
 *     every byte     each of the 256 comes alone, and what the decoder says
 *                    is what the specification says: frames, their bytes and
 *                    offsets, errors and their offsets
 *     every piece    of up to `piece` bytes over the classes leads to the
 *                    same frames and the same state as its bytes alone do
 *     work           for a byte is bounded, whatever came before
 *     the end        gives the verdict that is due, and stays
 *     errors         stay, whatever comes
 *
 * Going on is only needed with one byte of each class: that the others of
 * the class lead to the same state, but for the byte itself, is checked
 * rather than assumed.  When no new state appears the set is closed: what was
 * checked holds for streams of any length.  States are compared byte by
 * byte, not by a hash.
 */
#include "fuzzers/prove/core.h"

#include "fuzzers/reference.h"
#include "target/decode.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { HELD_MAX = 80, PIECE_MAX = 8, CLASSES_MAX = 64 };
enum { WORK_PER_CALL = 2 }; /* counted by the decoder itself */
/* Pieces are as long as keeps the work at this. */
#define WORK_MAX 3e6

/* The decoder with what it is compared with. */
struct product {
    struct fm_decoder d;
    uint8_t held[HELD_MAX]; /* the stream since the last frame */
    size_t n;
    uint64_t consumed; /* … and before that               */
    bool dead;         /* an error has been told           */
};

/* A state's fields without what says nothing about the future. */
struct form {
    struct fm_decoder d;
    size_t n;
    uint8_t held[HELD_MAX];
};

struct node {
    struct form form;
    struct product product; /* how it was first reached */
    uint32_t from, next;    /* next: in the same bucket */
    uint8_t byte;
};

static struct {
    struct fm_format f;
    const char *text;
    uint8_t class_of[256];
    uint8_t classes[CLASSES_MAX];
    unsigned classes_n;
    struct node *nodes;
    uint32_t n, room;
    uint32_t *buckets, buckets_n; /* index + 1 */
    unsigned piece;
    uint64_t bytes, pieces, frames;
    uint32_t at; /* the state that is being looked at */
} c;

/* --------------------------------------------------------- counterexamples */

static bool failed;

static unsigned path_of(uint32_t i, uint8_t *out, unsigned max)
{
    unsigned n = 0;

    for (; i && n < max; i = c.nodes[i].from)
        out[n++] = c.nodes[i].byte;
    for (unsigned j = 0; j < n / 2; j++) {
        uint8_t byte = out[j];

        out[j] = out[n - 1 - j];
        out[n - 1 - j] = byte;
    }
    return n;
}

static void show_bytes(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (bytes[i] > ' ' && bytes[i] < 127 && bytes[i] != '\\')
            putchar(bytes[i]);
        else
            printf("\\x%02x", bytes[i]);
}

/* After the bytes of the path, one by one, came the piece. */
static bool refute(const char *what, const uint8_t *piece, size_t n)
{
    uint8_t path[256];
    unsigned len = path_of(c.at, path, sizeof path);

    if (!failed) {
        printf("decoder %s\n  REFUTED    %s\n  stream     ", c.text, what);
        show_bytes(path, len);
        printf(" (byte by byte), then in one piece ");
        show_bytes(piece, n);
        printf("\n");
    }
    failed = true;
    return false;
}

/* ------------------------------------------------------------ the product */

static struct product copy_of(const struct product *p)
{
    struct product q = *p;

    fm_buf_init(&q.d.in, p->d.in.max);
    q.d.in = p->d.in;
    if (p->d.in.data) {
        q.d.in.data = malloc(p->d.in.cap);
        if (!q.d.in.data)
            abort();
        memcpy(q.d.in.data, p->d.in.data, p->d.in.end);
    }
    return q;
}

static bool same_frame(const struct product *p, const struct ref_frame *ref,
                       const struct fm_frame *frame)
{
    return frame->offset == p->consumed && frame->len == ref->len &&
           !memcmp(frame->data, p->held + ref->payload, ref->len);
}

static const char *check_error(struct product *p, int r, int due,
                               const struct ref_frame *ref)
{
    struct fm_frame frame;

    p->dead = true;
    if (r != due)
        return "another verdict than the specification's";
    if (fm_decoder_offset(&p->d) != p->consumed + ref->wrong)
        return "an error at another offset than the specification's";
    if (fm_decoder_next(&p->d, &frame) != r ||
        fm_decoder_feed(&p->d, "x", 1) != r ||
        fm_decoder_end(&p->d, &frame) != r ||
        fm_decoder_offset(&p->d) != p->consumed + ref->wrong)
        return "an error that does not stay";
    return NULL;
}

/* Takes all frames.  Returns what is wrong, or NULL. */
static const char *drain(struct product *p)
{
    struct ref_frame ref;
    struct fm_frame frame;

    for (;;) {
        enum ref_verdict due = ref_next(&c.f, p->held, p->n, 0, &ref);
        int r = fm_decoder_next(&p->d, &frame);

        if (due == REF_BAD)
            return check_error(p, r, FM_E_BAD, &ref);
        if (due == REF_TOO_LONG)
            return check_error(p, r, FM_E_TOO_LONG, &ref);
        if (due == REF_MORE)
            return r == FM_MORE ? NULL : "not FM_MORE, which is due";
        if (r != FM_FRAME)
            return "no frame, where a whole one is there";
        if (!same_frame(p, &ref, &frame))
            return "a frame with other bytes, or at another offset";
        c.frames++;
        p->n -= ref.end;
        memmove(p->held, p->held + ref.end, p->n);
        p->consumed += ref.end;
    }
}

static const char *feed(struct product *p, const uint8_t *bytes, size_t n)
{
    if (p->dead)
        return NULL;
    if (fm_decoder_feed(&p->d, bytes, n) != 0)
        return "bytes that are refused";
    memcpy(p->held + p->n, bytes, n);
    p->n += n;
    if (p->d.in.cap > 4 * p->n + 1024 || !fm_buf_check(&p->d.in))
        return "a buffer larger than it may be, or that contradicts itself";
    return drain(p);
}

/* Where the bytes lie in the buffer, and how much work was done, decides
 * nothing; everything else in the decoder might. */
static void form_of(const struct product *p, struct form *form)
{
    memset(form, 0, sizeof *form);
    memcpy(&form->d, &p->d, sizeof form->d);
    memset(&form->d.format, 0, sizeof form->d.format);
    memset(&form->d.in, 0, sizeof form->d.in);
    form->d.offset = form->d.work = 0;
    form->d.err_offset -= p->d.err ? p->consumed : 0;
    if (p->dead) {
        form->d.scanned = form->d.taken = 0;
        form->d.length = form->d.want = 0;
        form->d.ended = form->d.whole = false;
        return;
    }
    form->n = fm_buf_len(&p->d.in);
    memcpy(form->held, fm_buf_peek(&p->d.in), form->n);
}

static bool holds_the_stream(const struct product *p)
{
    return p->dead ||
           (p->d.offset == p->consumed && fm_buf_len(&p->d.in) == p->n &&
            !memcmp(fm_buf_peek(&p->d.in), p->held, p->n));
}

/* ------------------------------------------------------------- the states */

static uint32_t *bucket_of(const struct form *form)
{
    uint64_t h = sf_hash(SF_HASH, form, sizeof *form);

    return &c.buckets[(h ^ h >> 32) % c.buckets_n];
}

static void more_nodes(void)
{
    c.room = c.room ? 2 * c.room : 1024;
    c.nodes = realloc(c.nodes, c.room * sizeof *c.nodes);
    if (!c.nodes)
        abort();
}

/* Takes *p over, or frees it. */
static void add(struct product *p, uint8_t byte)
{
    struct form form;
    uint32_t *bucket;

    form_of(p, &form);
    bucket = bucket_of(&form);
    for (uint32_t i = *bucket; i; i = c.nodes[i - 1].next)
        if (!memcmp(&c.nodes[i - 1].form, &form, sizeof form)) {
            fm_decoder_fini(&p->d);
            return;
        }
    if (c.n == c.room)
        more_nodes();
    c.nodes[c.n] = (struct node){
        .product = *p, .from = c.at, .byte = byte, .next = *bucket};
    memcpy(&c.nodes[c.n].form, &form, sizeof form);
    *bucket = ++c.n;
}

/* --------------------------------------------------------------- the steps */

/* The others of a class leave the same state, with themselves in it. */
static bool like_its_class(const struct form *of_class, struct form *form,
                           uint8_t byte, uint8_t class)
{
    if (form->n && form->held[form->n - 1] == byte)
        form->held[form->n - 1] = class;
    return !memcmp(of_class, form, sizeof *form);
}

static bool step_byte(uint8_t byte, struct form *form, bool keep)
{
    struct product p = copy_of(&c.nodes[c.at].product);
    uint64_t work = p.d.work, frames = c.frames;
    const char *wrong = feed(&p, &byte, 1);

    c.bytes++;
    if (!wrong && p.d.work - work >
                      WORK_PER_CALL * (c.frames - frames + 1) + c.f.delim_len)
        wrong = "more work for one byte than the format is worth";
    if (!wrong && !holds_the_stream(&p))
        wrong = "it does not hold the bytes since the last frame";
    if (wrong) {
        fm_decoder_fini(&p.d);
        return refute(wrong, &byte, 1);
    }
    form_of(&p, form);
    if (keep)
        add(&p, byte);
    else
        fm_decoder_fini(&p.d);
    return true;
}

static bool step_bytes(void)
{
    static struct form forms[256];

    for (unsigned b = 0; b < 256; b++)
        if (!step_byte((uint8_t)b, &forms[b], c.class_of[b] == b))
            return false;
    for (unsigned b = 0; b < 256; b++) {
        uint8_t byte = (uint8_t)b;

        if (c.class_of[b] != b &&
            !like_its_class(&forms[c.class_of[b]], &forms[b], byte,
                            c.class_of[b]))
            return refute("a byte that is unlike the others of its class",
                          &byte, 1);
    }
    return true;
}

static bool same_state(const struct product *a, const struct product *b)
{
    struct form fa, fb;

    form_of(a, &fa);
    form_of(b, &fb);
    return a->consumed == b->consumed && !memcmp(&fa, &fb, sizeof fa);
}

/* `bytewise` came to where it is by the n bytes of the piece. */
static bool step_pieces(const struct product *bytewise, uint8_t *piece,
                        unsigned n)
{
    bool good = true;

    for (unsigned i = 0; good && i < c.classes_n; i++) {
        struct product one = copy_of(bytewise);
        struct product all = copy_of(&c.nodes[c.at].product);
        const char *wrong;

        piece[n] = c.classes[i];
        c.pieces++;
        wrong = feed(&one, &piece[n], 1);
        if (!wrong && n)
            wrong = feed(&all, piece, n + 1);
        if (!wrong && n && !same_state(&one, &all))
            wrong = "another state than after its bytes one by one";
        if (wrong)
            good = refute(wrong, piece, n + 1);
        else if (n + 1 < c.piece && !one.dead)
            good = step_pieces(&one, piece, n + 1);
        fm_decoder_fini(&one.d);
        fm_decoder_fini(&all.d);
    }
    return good;
}

static const char *end_close(struct product *p)
{
    struct fm_frame frame;

    if (fm_decoder_end(&p->d, &frame) != FM_FRAME || frame.len != p->n ||
        frame.offset != p->consumed || memcmp(frame.data, p->held, p->n) != 0)
        return "the end does not give the frame that is due";
    p->consumed += p->n;
    p->n = 0;
    return NULL;
}

static const char *end(struct product *p)
{
    const char *wrong = c.f.kind == FM_CLOSE ? end_close(p) : NULL;
    int due = p->n ? FM_E_TRUNCATED : FM_E_CLOSED;
    struct fm_frame frame;

    if (wrong)
        return wrong;
    for (int twice = 0; twice < 2; twice++)
        if (fm_decoder_end(&p->d, &frame) != due ||
            fm_decoder_offset(&p->d) != p->consumed + p->n)
            return "the end gives another verdict than is due";
    return fm_decoder_feed(&p->d, "x", 1) == due ? NULL : "bytes after the end";
}

static bool step_end(void)
{
    struct product p = copy_of(&c.nodes[c.at].product);
    const char *wrong = end(&p);

    fm_decoder_fini(&p.d);
    return wrong ? refute(wrong, NULL, 0) : true;
}

/* So many bytes can be read without reading past the frame. */
static bool step_want(void)
{
    const struct product *p = &c.nodes[c.at].product;
    size_t want = fm_decoder_want(&p->d);
    uint8_t bytes[2 * HELD_MAX];
    struct ref_frame ref;

    if (want < 1 || p->n + want > sizeof bytes)
        return refute("fm_decoder_want() out of bounds", NULL, 0);
    memcpy(bytes, p->held, p->n);
    for (unsigned i = 0; i < c.classes_n; i++) {
        memset(bytes + p->n, c.classes[i], want);
        if (ref_next(&c.f, bytes, p->n + want - 1, 0, &ref) == REF_FRAME)
            return refute("fm_decoder_want() reaches past the frame", NULL, 0);
    }
    return true;
}

static bool look(void)
{
    struct product start;
    uint8_t piece[PIECE_MAX];
    bool good;

    if (c.nodes[c.at].product.dead)
        return true;
    if (!step_bytes() || !step_end() || !step_want())
        return false;
    start = copy_of(&c.nodes[c.at].product);
    good = step_pieces(&start, piece, 0);
    fm_decoder_fini(&start.d);
    return good;
}

/* ----------------------------------------------------------------- classes */

static bool is_digit(unsigned b)
{
    return b >= '0' && b <= '9';
}

/* The byte that stands for b. */
static uint8_t class_of(unsigned b)
{
    unsigned last = c.f.max + (c.f.inclusive ? c.f.width : 0) + 1;

    switch (c.f.kind) {
    case FM_ASCII:
        return (uint8_t)(is_digit(b) ? b : '/');
    case FM_BE:
        return (uint8_t)(b < last ? b : last);
    case FM_TYPE:
        return (uint8_t)(c.f.len_of[b] != FM_TYPE_UNKNOWN ? b : '!');
    case FM_DELIM:
        return (uint8_t)(memchr(c.f.delim, (int)b, c.f.delim_len) ? b : '!');
    default: /* two, so that bytes in the wrong order are seen */
        return b & 1 ? '!' : '"';
    }
}

static void make_classes(void)
{
    c.classes_n = 0;
    for (unsigned b = 0; b < 256; b++) {
        c.class_of[b] = class_of(b);
        if (c.class_of[b] == b)
            c.classes[c.classes_n++] = (uint8_t)b;
    }
}

/* ----------------------------------------------------------------- closure */

static void begin(void)
{
    struct product empty = {0};

    c.n = c.room = 0;
    c.nodes = NULL;
    c.bytes = c.pieces = c.frames = 0;
    c.at = 0;
    c.buckets_n = 1 << 18;
    c.buckets = calloc(c.buckets_n, sizeof *c.buckets);
    if (!c.buckets)
        abort();
    fm_decoder_init(&empty.d, &c.f);
    drain(&empty); /* where a reader begins, too */
    add(&empty, 0);
}

static bool close_set(unsigned piece)
{
    bool good = true;

    c.piece = piece;
    begin();
    for (c.at = 0; good && c.at < c.n; c.at++)
        good = look();
    return good;
}

static void forget(void)
{
    for (uint32_t i = 0; i < c.n; i++)
        fm_decoder_fini(&c.nodes[i].product.d);
    free(c.nodes);
    free(c.buckets);
}

/* The longest pieces that the number of states and classes allow. */
static unsigned affordable(void)
{
    double work = c.n;
    unsigned n = 0;

    while (n < PIECE_MAX && work * c.classes_n <= WORK_MAX) {
        work *= c.classes_n;
        n++;
    }
    return n < 2 ? 2 : n;
}

static void say(bool rows)
{
    if (rows) {
        printf("| `%s` | %u | %" PRIu32 " | %" PRIu64 " | %u | %" PRIu64
               " | closed |\n",
               c.text, c.classes_n, c.n, c.bytes, c.piece, c.pieces);
        return;
    }
    printf("decoder %s\n"
           "  PROVED     closed: streams of any length, in pieces of 1 to %u "
           "bytes\n"
           "  states     %" PRIu32 ", %u classes of bytes\n"
           "  checked    %" PRIu64 " single bytes (all 256 at every state), "
           "%" PRIu64 " pieces, %" PRIu64 " frames\n",
           c.text, c.piece, c.n, c.classes_n, c.bytes, c.pieces, c.frames);
}

static int prove_one(const char *format, unsigned max, bool rows)
{
    char text[256], why[160];
    bool good;

    if (strstr(format, ",max=") || !strncmp(format, "fixed:", 6))
        snprintf(text, sizeof text, "%s", format);
    else
        snprintf(text, sizeof text, "%s,max=%u", format, max);
    c.text = text;
    if (fm_format_parse(&c.f, text, why, sizeof why) < 0) {
        prove_complain("--decoder %s: %s", format, why);
        return 2;
    }
    if (fm_format_wire_max(&c.f) + PIECE_MAX > HELD_MAX) {
        prove_complain("--decoder %s: expected frames of at most %d bytes",
                       format, HELD_MAX - PIECE_MAX);
        return 2;
    }
    make_classes();
    failed = false;
    good = close_set(1);
    if (good) {
        unsigned piece = affordable();

        forget();
        good = close_set(piece);
    }
    if (good)
        say(rows);
    forget();
    fflush(stdout);
    return good ? 0 : 1;
}

int prove_decoder(const char *format, unsigned max, bool rows, bool first)
{
    static const char *const all[] = {
        "fixed:1",
        "fixed:5",
        "type:a=0,b=1,c=4,0x80=2,0xff=9,max=5",
        "delim:\\n",
        "delim:\\r\\n",
        "delim:aab",
        "delim:--==--",
        "ascii:1",
        "ascii:2",
        "ascii:5",
        "be8",
        "be8:inclusive",
        "be16",
        "be16:inclusive",
        "be32",
        "be32:inclusive",
        "close",
    };
    int worst = 0;

    if (strcmp(format, "all") != 0)
        return prove_one(format, max, rows);
    for (size_t i = 0; i < sizeof all / sizeof *all && !(first && worst); i++) {
        int r = prove_one(all[i], max, rows);

        worst = r > worst ? r : worst;
    }
    return worst;
}
