/*
 * fuzz_decode.c: any segmentation gives the same frames and the same error.
 *
 *     input: format, number of cuts n, n piece lengths, the stream
 *
 * The stream is decoded in one piece, byte by byte if it is short, and in
 * pieces of the lengths given (over and over; 0 feeds nothing), one frame at a
 * time and in runs, and each time compared with the reference decoder:
 * payloads, offsets, the error and its offset; and it asks for the bytes that
 * are sure to come, no more and no less. Every frame is encoded again and must
 * give its own bytes; the stream as a payload is encoded and decoded. Memory
 * and work are bounded.
 *
 * With n = 255 there are no cuts; but each end of a short stream is a payload,
 * too, and the stream also ends at the longest payload and close to that.  All
 * inputs would be ten times as slow with it.
 *
 * When `format` is past the number of formats, "at large", the longest payload
 * is what the field can hold: arithmetic on lengths meets its limits.  Of the
 * last formats the stream's first line is the text.  Before the first input
 * there are one message of some MiB and payloads of some 64 KiB.
 */
#include "fuzzers/format_text.h"
#include "fuzzers/fuzz.h"
#include "fuzzers/reference.h"
#include "target/decode.h"
#include "target/encode.h"

#include <string.h>

enum {
    PIECES_MAX = 16,
    STREAM_MAX = 4096,
    BYTEWISE_MAX = 64,
    SIZES_MAX = 80,
    EDGE = FM_DELIM_MAX + 1,
    EVERY_END = 255,
    AS_TEXT = 224 /* the first format that is text */
};

/* A stream and what the reference makes of it. */
struct stream {
    const struct fm_format *format;
    const uint8_t *bytes;
    size_t len;
    size_t count;             /* whole frames                            */
    enum ref_verdict verdict; /* why there are no more                   */
    size_t wrong;             /* … and where                             */
    struct ref_frame frames[STREAM_MAX];
};

struct pieces {
    const uint8_t *lens; /* NULL: one piece */
    size_t n, next;
};

static void refer(struct stream *s)
{
    struct ref_frame ref;
    size_t at = 0;

    s->count = 0;
    while ((s->verdict = ref_next(s->format, s->bytes, s->len, at, &ref)) ==
           REF_FRAME) {
        s->frames[s->count++] = ref;
        at = ref.end;
    }
    s->wrong = ref.wrong;
}

static size_t start_of(const struct stream *s, size_t i)
{
    return i ? s->frames[i - 1].end : 0;
}

static void check_frame(const struct stream *s, const struct fm_frame *frame,
                        size_t i)
{
    const struct ref_frame *ref = &s->frames[i];

    if (i >= s->count)
        FUZZ_FAIL("wrong-data: a frame at offset %zu where there is none",
                  start_of(s, i));
    if (frame->offset != start_of(s, i))
        FUZZ_FAIL("wrong-data: frame at offset %llu, not %zu",
                  (unsigned long long)frame->offset, start_of(s, i));
    if (frame->len != ref->len ||
        memcmp(frame->data, s->bytes + ref->payload, ref->len) != 0)
        FUZZ_FAIL("wrong-data: the frame at offset %zu has %zu bytes of "
                  "payload, and other ones than the %zu sent",
                  start_of(s, i), frame->len, ref->len);
}

static void check_error(const struct fm_decoder *d, const struct stream *s,
                        int err)
{
    int expected = s->verdict == REF_BAD        ? FM_E_BAD
                   : s->verdict == REF_TOO_LONG ? FM_E_TOO_LONG
                                                : 0;

    if (err != expected)
        FUZZ_FAIL("wrong-data: %s where %s was due", fm_err_name(err),
                  fm_err_name(expected));
    if (err < 0 && fm_decoder_offset(d) != s->wrong)
        FUZZ_FAIL("wrong-data: %s at offset %llu, not %zu", fm_err_name(err),
                  (unsigned long long)fm_decoder_offset(d), s->wrong);
}

/* A run of frames ends after RUN of them, or with none left. */
enum { RUN = 3 };

struct run {
    const struct stream *stream;
    size_t i;
};

static int on_frame(void *context, const struct fm_frame *frame)
{
    struct run *run = context;

    check_frame(run->stream, frame, run->i++);
    return run->i % RUN == 0;
}

/* Bytes to ask for where a length is in front: all of that, then all that it
 * announces, which is two receives. */
static size_t due(const struct stream *s, size_t fed, size_t i)
{
    const struct fm_format *f = s->format;
    size_t got = fed - start_of(s, i);
    size_t header = f->kind == FM_TYPE ? 1 : fm_format_header(f);

    return got < header ? header - got : s->frames[i].end - fed;
}

/* What a reader may ask for at once: something, nothing behind the frame, and
 * no less than is known to come. */
static void check_want(const struct fm_decoder *d, const struct stream *s,
                       size_t fed, size_t i)
{
    size_t want = fm_decoder_want(d);

    if (want == 0)
        FUZZ_FAIL("wrong-data: at byte %zu it waits for no bytes", fed);
    if (i < s->count && want > s->frames[i].end - fed)
        FUZZ_FAIL("wrong-data: at byte %zu it wants %zu, and the frame ends "
                  "at %zu",
                  fed, want, s->frames[i].end);
    if (i < s->count && s->format->kind != FM_DELIM &&
        s->format->kind != FM_CLOSE && want < due(s, fed, i))
        FUZZ_FAIL("complexity: at byte %zu it wants %zu, and %zu are sure to "
                  "come",
                  fed, want, due(s, fed, i));
}

/* Without an error the next frame is behind the last that was given. */
static void check_place(const struct fm_decoder *d, const struct stream *s,
                        size_t i)
{
    if (i <= s->count && fm_decoder_offset(d) != start_of(s, i))
        FUZZ_FAIL("wrong-data: the next frame is at offset %llu, not %zu",
                  (unsigned long long)fm_decoder_offset(d), start_of(s, i));
}

/* It is inside a frame when some of its bytes are here, and not all. */
static void check_inside(const struct fm_decoder *d, const struct stream *s,
                         size_t fed, size_t i)
{
    bool inside = i <= s->count && fed > start_of(s, i);

    if (i <= s->count && fm_decoder_inside(d) != inside)
        FUZZ_FAIL("wrong-data: at byte %zu, where the next frame begins at "
                  "%zu, it is %s one",
                  fed, start_of(s, i), inside ? "not inside" : "inside");
}

/* All frames that are there: as many as the reference says, no later than
 * with their last byte. */
static size_t take_frames(struct fm_decoder *d, const struct stream *s,
                          bool in_runs, size_t fed, size_t i, int *r)
{
    struct run run = {s, i};
    struct fm_frame frame;

    do {
        *r = in_runs ? fm_decoder_run(d, on_frame, &run)
                     : fm_decoder_next(d, &frame);
        if (*r == FM_FRAME && !in_runs)
            on_frame(&run, &frame);
        if (*r >= 0) {
            check_place(d, s, run.i);
            check_inside(d, s, fed, run.i);
        }
    } while (*r == FM_FRAME);
    i = run.i;
    if (i < s->count && (*r < 0 || s->frames[i].end <= fed))
        FUZZ_FAIL("lost-data: %s with %zu bytes, but a frame ends at %zu",
                  *r < 0 ? fm_err_name(*r) : "the decoder waits", fed,
                  s->frames[i].end);
    if (*r == FM_MORE)
        check_want(d, s, fed, i);
    if (*r < 0 || fed == s->len)
        check_error(d, s, *r);
    return i;
}

static void check_bounds(const struct fm_decoder *d, size_t pending, size_t fed,
                         size_t calls)
{
    uint64_t work = fm_decoder_work(d);

    if (!fm_buf_check(&d->in))
        FUZZ_FAIL("memory: the decoder's buffer contradicts itself");
    if (d->in.cap > 4 * pending + 1024)
        FUZZ_FAIL("memory: %zu bytes held for %zu pending", d->in.cap, pending);
    if (work > 8 * (uint64_t)(fed + calls) + 64)
        FUZZ_FAIL("complexity: %llu steps for %zu bytes in %zu calls",
                  (unsigned long long)work, fed, calls);
}

/* After the last length comes the first again. */
static size_t piece(struct pieces *p, size_t left)
{
    size_t len = p->n ? p->lens[p->next] : left;

    if (++p->next >= p->n)
        p->next = 0;
    return len < left ? len : left;
}

static void check_end(struct fm_decoder *d, const struct stream *s, int r)
{
    struct fm_frame frame;
    int expected =
        start_of(s, s->count) < s->len ? FM_E_TRUNCATED : FM_E_CLOSED;
    int got = fm_decoder_end(d, &frame);

    if (r == FM_MORE && s->format->kind == FM_CLOSE) {
        if (got != FM_FRAME || frame.len != s->len ||
            memcmp(frame.data, s->bytes, s->len) != 0)
            FUZZ_FAIL("lost-data: %s at the end instead of the one frame",
                      fm_err_name(got));
        got = fm_decoder_end(d, &frame);
        expected = FM_E_CLOSED;
    }
    if (got != (r < 0 ? r : expected))
        FUZZ_FAIL("wrong-data: the end of the stream is %s, not %s",
                  fm_err_name(got), fm_err_name(r < 0 ? r : expected));
    if (fm_decoder_end(d, &frame) != got || fm_decoder_next(d, &frame) != got)
        FUZZ_FAIL("wrong-data: %s is not sticky", fm_err_name(got));
}

static void decode(const struct stream *s, struct pieces p, bool in_runs)
{
    size_t fed = 0, calls = 0, frames = 0, pending = 0;
    struct fm_decoder d;
    int r = FM_MORE;

    fm_decoder_init(&d, s->format);
    while (fed < s->len && r == FM_MORE && calls < 2 * s->len + 64) {
        size_t len = piece(&p, s->len - fed);

        calls++;
        fm_decoder_feed(&d, s->bytes + fed, len);
        fed += len;
        if (fed - start_of(s, frames) > pending)
            pending = fed - start_of(s, frames);
        frames = take_frames(&d, s, in_runs, fed, frames, &r);
        check_bounds(&d, pending, fed, calls + frames);
    }
    if (fed == s->len || r < 0)
        check_end(&d, s, r);
    if (fuzz_verbose())
        printf("  in %zu pieces: %zu bytes, %zu frames, then %s (%s)\n", calls,
               fed, frames, fm_err_name(d.err), fm_decoder_why(&d));
    fm_decoder_fini(&d);
}

/* A stream that ends where the longest payload does, or close to that. */
static void decode_edges(struct stream *s)
{
    size_t len = s->len, max = s->format->max;
    struct pieces whole = {0};

    for (s->len = max ? max - 1 : 0; s->len < len && s->len <= max + EDGE;
         s->len++) {
        refer(s);
        decode(s, whole, false);
    }
    s->len = len;
    refer(s);
}

/* After the end nothing comes, although there may be frames still to be taken;
 * and what the end was stays. */
static void feed_after_end(const struct stream *s)
{
    struct fm_decoder d;
    struct fm_frame frame;
    int end, err;

    fm_decoder_init(&d, s->format);
    fm_decoder_feed(&d, s->bytes, s->len);
    end = fm_decoder_end(&d, &frame);
    err = fm_decoder_feed(&d, "", 1);
    if (err != (end < 0 ? end : FM_E_USAGE))
        FUZZ_FAIL("wrong-data: %s for bytes after the end, %s",
                  fm_err_name(err),
                  end < 0 ? fm_err_name(end) : "with frames to be taken");
    fm_decoder_fini(&d);
}

/* A buffer that was ended can be used again, with the limit that it had. */
static void use_again(struct fm_buf *b, const struct stream *s)
{
    fm_buf_fini(b);
    if (!fm_buf_append(b, s->bytes, s->len) || fm_buf_len(b) != s->len)
        FUZZ_FAIL("wrong-data: a buffer that was ended takes %zu bytes of %zu",
                  fm_buf_len(b), s->len);
    fm_buf_fini(b);
}

/* Of two pieces of memory that nobody uses the spare is the larger. */
static void trade(size_t own, size_t lent)
{
    struct fm_buf b, spare;
    size_t larger;

    fm_buf_init(&b, SIZE_MAX);
    fm_buf_init(&spare, SIZE_MAX);
    fm_buf_reserve(&b, own);
    fm_buf_reserve(&spare, lent);
    larger = b.cap > spare.cap ? b.cap : spare.cap;
    fm_buf_trade(&b, &spare);
    if (b.data || spare.cap != larger)
        FUZZ_FAIL("memory: a spare of %zu bytes where there were %zu",
                  spare.cap, larger);
    fm_buf_fini(&b);
    fm_buf_fini(&spare);
}

/* Every accepted frame is the encoding of its payload. */
static void encode_again(const struct stream *s)
{
    struct fm_buf out;

    fm_buf_init(&out, SIZE_MAX);
    for (size_t i = 0; i < s->count; i++) {
        const struct ref_frame *ref = &s->frames[i];
        size_t at = start_of(s, i);
        int err = fm_encode(s->format, s->bytes + ref->payload, ref->len, &out);

        if (err < 0 || fm_buf_len(&out) != ref->end - at ||
            memcmp(fm_buf_peek(&out), s->bytes + at, ref->end - at) != 0)
            FUZZ_FAIL("wrong-data: the frame at offset %zu is encoded "
                      "differently (%s)",
                      at, fm_err_name(err));
        fm_buf_consume(&out, fm_buf_len(&out));
    }
    use_again(&out, s);
}

/* What can be encoded is decoded to the same payload. */
static void round_trip(const struct stream *s, const uint8_t *payload,
                       size_t size, struct fm_buf *out)
{
    struct ref_frame ref;
    int err = fm_encode(s->format, payload, size, out);
    const uint8_t *wire = fm_buf_peek(out);
    size_t len = fm_buf_len(out);

    if (err < 0 && len > 0)
        FUZZ_FAIL("wrong-data: %s, but bytes were written", fm_err_name(err));
    if (err == 0 && s->format->kind != FM_CLOSE &&
        (ref_next(s->format, wire, len, 0, &ref) != REF_FRAME ||
         ref.end != len || ref.len != size ||
         memcmp(wire + ref.payload, payload, size) != 0))
        FUZZ_FAIL("wrong-data: a payload of %zu bytes does not survive "
                  "the round trip",
                  size);
    fm_buf_consume(out, len);
}

static void round_trips(const struct stream *s, size_t ends)
{
    struct fm_buf out;

    fm_buf_init(&out, SIZE_MAX);
    for (size_t at = 0; at <= ends; at++)
        round_trip(s, s->bytes + at, s->len - at, &out);
    fm_buf_fini(&out);
}

/* Each end of a short stream is a payload: a byte that is not written is then
 * another's, of the one before. */
static void try_every_end(struct stream *s)
{
    if (s->len <= SIZES_MAX)
        round_trips(s, s->len);
    decode_edges(s);
}

/* The stream goes on after its first line. */
static bool read_format(struct stream *s, struct fm_format *f, size_t why_size)
{
    const uint8_t *end = memchr(s->bytes, '\n', s->len);
    size_t len = end ? (size_t)(end - s->bytes) : s->len;
    bool good = format_text(f, s->bytes, len, why_size);

    s->bytes += len + (end != NULL);
    s->len -= len + (end != NULL);
    return good;
}

static bool choose_format(struct stream *s, unsigned variant, size_t why_size)
{
    static struct fm_format f;

    s->format = &f;
    if (variant >= AS_TEXT)
        return read_format(s, &f, why_size);
    f = *ref_format(variant);
    if (variant / ref_format_count % 2)
        f.max = UINT32_MAX;
    return true;
}

/* How memory grows where there is much of it. */
static void decode_much(void)
{
    enum { MUCH = 4 << 20, PIECE = STREAM_MAX };
    static const uint8_t piece[PIECE];
    struct fm_format f;
    struct fm_decoder d;
    struct fm_frame frame;
    size_t fed = 0, calls = 0;
    int r = fm_format_parse(&f, "close,max=4294967295", NULL, 0);

    fm_decoder_init(&d, &f);
    for (; r == FM_MORE && fed < MUCH; fed += PIECE, calls += 2) {
        r = fm_decoder_feed(&d, piece, PIECE);
        if (r == 0)
            r = fm_decoder_next(&d, &frame);
    }
    if (r != FM_MORE)
        FUZZ_FAIL("wrong-data: a message of %d bytes: %s", MUCH,
                  fm_err_name(r));
    check_bounds(&d, fed, fed, calls);
    fm_decoder_fini(&d);
}

/* Where a length of 8 or of 16 bits ends, in all formats, whatever else they
 * allow. */
static void encode_limits(void)
{
    enum { NEAR = 8 };
    static const size_t limits[] = {UINT8_MAX, UINT16_MAX};
    static uint8_t payload[UINT16_MAX + NEAR];
    static struct stream s;
    struct fm_format f;
    struct fm_buf out;

    fm_buf_init(&out, SIZE_MAX);
    s.format = &f;
    for (unsigned i = 0; i < 2 * ref_format_count; i++) {
        size_t limit = limits[i % 2];

        f = *ref_format(i / 2);
        f.max = UINT32_MAX;
        for (size_t len = limit - NEAR; len < limit + NEAR; len++)
            round_trip(&s, payload, len, &out);
    }
    fm_buf_fini(&out);
}

/* For what no input is long enough to show: once, before the first. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    decode_much();
    encode_limits();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t one[] = {1};
    static struct stream s;
    struct pieces given = {0}, whole = {0}, bytes = {one, 1, 0};

    if (size < 2)
        return 0;
    given.n = data[1] % (PIECES_MAX + 1);
    if (given.n > size - 2)
        given.n = size - 2;
    given.lens = data + 2;
    s.bytes = data + 2 + given.n;
    s.len = size - 2 - given.n;
    if (s.len > STREAM_MAX - 1)
        s.len = STREAM_MAX - 1;
    if (!choose_format(&s, data[0], data[1]))
        return 0;
    refer(&s);
    if (fuzz_verbose())
        printf("  format %s%s, %zu bytes, %zu frames\n",
               data[0] < AS_TEXT ? ref_format_text(data[0]) : "as text",
               s.format->max == UINT32_MAX ? " at large" : "", s.len, s.count);
    decode(&s, whole, false);
    decode(&s, whole, true);
    if (s.len <= BYTEWISE_MAX)
        decode(&s, bytes, false);
    decode(&s, given, false);
    decode(&s, given, true);
    feed_after_end(&s);
    encode_again(&s);
    trade(s.len, STREAM_MAX - s.len);
    trade(STREAM_MAX - s.len, s.len);
    round_trips(&s, 0);
    if (data[1] == EVERY_END)
        try_every_end(&s);
    return 0;
}
