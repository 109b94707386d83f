/*
 * The decoder: every case is fed whole, byte by byte, and cut at every point
 * in two, and must give the same frames and the same end each time.
 */
#include "target/decode.h"
#include "tests/target/guard.h"
#include "tests/target/unit.h"

static struct fm_format parsed(const char *text)
{
    struct fm_format f;
    char why[200] = "";

    if (fm_format_parse(&f, text, why, sizeof why) != 0)
        fail_msg("%s", why);
    return f;
}

/* What came out, as text: "[payload]offset" each, then the end. */
struct story {
    char text[4096];
    size_t len;
};

static void tell_frame(struct story *s, const struct fm_frame *frame)
{
    s->text[s->len++] = '[';
    for (size_t i = 0; i < frame->len; i++) {
        uint8_t c = frame->data[i];

        s->len += (size_t)sprintf(s->text + s->len,
                                  c >= ' ' && c < 127 ? "%c" : "\\%02x", c);
    }
    s->len += (size_t)sprintf(s->text + s->len, "]%d ", (int)frame->offset);
}

static void tell_end(struct story *s, const struct fm_decoder *d)
{
    sprintf(s->text + s->len, "%s %d", fm_err_name(d->err) + 5,
            (int)fm_decoder_offset(d));
}

static void tell_frames(struct story *s, struct fm_decoder *d,
                        int (*next)(struct fm_decoder *, struct fm_frame *))
{
    struct fm_frame frame;
    int r;

    while ((r = next(d, &frame)) == FM_FRAME)
        tell_frame(s, &frame);
    assert_int_equal(r, d->err);
    assert_true((r == 0) == (*fm_decoder_why(d) == '\0'));
}

static void feed(struct fm_decoder *d, struct story *s, const char *bytes,
                 size_t n)
{
    int r = fm_decoder_feed(d, guarded(bytes, n), n);

    assert_int_equal(r, d->err);
    tell_frames(s, d, fm_decoder_next);
    assert_true(fm_buf_check(&d->in));
}

/* Cut the stream into pieces of `first` bytes and then of `rest` bytes. */
static void run(const struct fm_format *f, const char *bytes, size_t n,
                size_t first, size_t rest, struct story *s)
{
    struct fm_decoder d;

    s->len = 0;
    fm_decoder_init(&d, f);
    for (size_t at = 0; at < n;) {
        size_t piece = at == 0 && first > 0 ? first : rest;

        piece = piece < n - at ? piece : n - at;
        feed(&d, s, bytes + at, piece);
        at += piece;
    }
    tell_frames(s, &d, fm_decoder_end);
    tell_end(s, &d);
    fm_decoder_fini(&d);
}

static void check(const char *format, const char *bytes, size_t n,
                  const char *want)
{
    struct fm_format f = parsed(format);
    struct story s;

    for (size_t cut = 0; cut <= n; cut++) {
        run(&f, bytes, n, cut, n, &s);
        if (strcmp(s.text, want) != 0)
            fail_msg("%s cut at %zu: \"%s\", not \"%s\"", format, cut, s.text,
                     want);
    }
    for (size_t size = 1; size <= 4; size++) {
        run(&f, bytes, n, 0, size, &s);
        if (strcmp(s.text, want) != 0)
            fail_msg("%s in pieces of %zu: \"%s\", not \"%s\"", format, size,
                     s.text, want);
    }
}

struct row {
    const char *format;
    const char *bytes;
    size_t n;
    const char *want;
};

#define ROW(format, bytes, want)              \
    {                                         \
        format, bytes, sizeof bytes - 1, want \
    }

static void check_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check(rows[i].format, rows[i].bytes, rows[i].n, rows[i].want);
}

#define CHECK(rows) check_rows(rows, sizeof rows / sizeof *rows)

static void fixed(void **state)
{
    static const struct row rows[] = {
        ROW("fixed:3", "", "CLOSED 0"),
        ROW("fixed:3", "abcd\0f", "[abc]0 [d\\00f]3 CLOSED 6"),
        ROW("fixed:3", "abcde", "[abc]0 TRUNCATED 5"),
        ROW("fixed:1", "ab", "[a]0 [b]1 CLOSED 2"),
    };

    (void)state;
    CHECK(rows);
}

static void type(void **state)
{
    static const struct row rows[] = {
        ROW("type:a=2,b=0", "axybbazz", "[axy]0 [b]3 [b]4 [azz]5 CLOSED 8"),
        ROW("type:a=2", "axybxx", "[axy]0 BAD 3"),
        ROW("type:a=2,b=0", "bax", "[b]0 TRUNCATED 3"),
        ROW("type:a=2,b=0", "ba", "[b]0 TRUNCATED 2"),
        ROW("type:128=1,255=0", "\x80z\xff", "[\\80z]0 [\\ff]2 CLOSED 3"),
        ROW("type:a=1", "\x80", "BAD 0"),
        ROW("type:a=2,b=3,max=3", "axybxyz", "[axy]0 TOO_LONG 3"),
    };

    (void)state;
    CHECK(rows);
}

static void delim(void **state)
{
    static const struct row rows[] = {
        ROW("delim:\\n", "", "CLOSED 0"),
        ROW("delim:\\n", "a\n\nbc\n", "[a]0 []2 [bc]3 CLOSED 6"),
        ROW("delim:\\n", "a\nb", "[a]0 TRUNCATED 3"),
        ROW("delim:\\r\\n", "a\r\r\n\r\n", "[a\\0d]0 []4 CLOSED 6"),
        ROW("delim:\\r\\n", "a\nb\rc\r\n", "[a\\0ab\\0dc]0 CLOSED 7"),
        ROW("delim:ab", "aabb", "[a]0 TRUNCATED 4"),
        ROW("delim:aab", "aaabx", "[a]0 TRUNCATED 5"),
        ROW("delim:aab", "aaaab", "[aa]0 CLOSED 5"),
        ROW("delim:abab", "aabaababab", "[aaba]0 TRUNCATED 10"),
        ROW("delim:--x--", "--x--x----x--", "[]0 [x--]5 CLOSED 13"),
        ROW("delim:\\0\\0", "a\0b\0\0", "[a\\00b]0 CLOSED 5"),
        ROW("delim:12345678", "1234567812345678", "[]0 []8 CLOSED 16"),
        ROW("delim:\\n,max=3", "abc\nabcd\n", "[abc]0 TOO_LONG 4"),
        ROW("delim:\\n,max=3", "abc\nabcd", "[abc]0 TOO_LONG 4"),
        ROW("delim:\\n,max=3", "abc\nabc", "[abc]0 TRUNCATED 7"),
        ROW("delim:\\r\\n,max=3", "abc\r\n", "[abc]0 CLOSED 5"),
        ROW("delim:\\r\\n,max=3", "abcd\r\n", "TOO_LONG 0"),
        ROW("delim:\\r\\n,max=3", "abcd\r", "TOO_LONG 0"),
        ROW("delim:\\r\\n,max=3", "abc\r", "TRUNCATED 4"),
        ROW("delim:\\r\\n,max=0", "\r\n\r\n", "[]0 []2 CLOSED 4"),
        ROW("delim:\\r\\n,max=0", "\r\nx", "[]0 TRUNCATED 3"),
        ROW("delim:\\r\\n,max=0", "\r\nxy", "[]0 TOO_LONG 2"),
    };

    (void)state;
    CHECK(rows);
}

static void ascii(void **state)
{
    static const struct row rows[] = {
        ROW("ascii:5", "00003abc00000", "[abc]0 []8 CLOSED 13"),
        ROW("ascii:1",
            "1a0"
            "2bc",
            "[a]0 []2 [bc]3 CLOSED 6"),
        ROW("ascii:5", "0000", "TRUNCATED 4"),
        ROW("ascii:5", "00003ab", "TRUNCATED 7"),
        ROW("ascii:5", "+0003abc", "BAD 0"),
        ROW("ascii:5", "-0000", "BAD 0"),
        ROW("ascii:5", "    3abc", "BAD 0"),
        ROW("ascii:5", "0000:", "BAD 4"),
        ROW("ascii:5", "00/03", "BAD 2"),
        ROW("ascii:5", "0x003abc", "BAD 1"),
        ROW("ascii:2",
            "01a\0"
            "1",
            "[a]0 BAD 3"),
        ROW("ascii:9", "000000001a", "[a]0 CLOSED 10"),
        ROW("ascii:9,max=99", "999999999", "TOO_LONG 0"),
        ROW("ascii:9,max=99", "00000010x", "BAD 8"),
        ROW("ascii:2,max=2", "02ab03abc", "[ab]0 TOO_LONG 4"),
        ROW("ascii:2,max=1",
            "00"
            "01a02",
            "[]0 [a]2 TOO_LONG 5"),
    };

    (void)state;
    CHECK(rows);
}

static void be(void **state)
{
    static const struct row rows[] = {
        ROW("be8", "\3abc\0\1x", "[abc]0 []4 [x]5 CLOSED 7"),
        ROW("be8", "\3ab", "TRUNCATED 3"),
        ROW("be8:inclusive", "\4abc\1\2x", "[abc]0 []4 [x]5 CLOSED 7"),
        ROW("be8:inclusive", "\1\0x", "[]0 BAD 1"),
        ROW("be16", "\0\3abc\0\0", "[abc]0 []5 CLOSED 7"),
        ROW("be16", "\0", "TRUNCATED 1"),
        ROW("be16:inclusive", "\0\2\0\1", "[]0 BAD 2"),
        ROW("be16:inclusive", "\0\5abc", "[abc]0 CLOSED 5"),
        ROW("be16,max=255", "\1\0", "TOO_LONG 0"),
        ROW("be32", "\0\0\0\1x\0\0\0\0", "[x]0 []5 CLOSED 9"),
        ROW("be32", "\0\0\0", "TRUNCATED 3"),
        ROW("be32,max=2", "\0\0\0\2xy\0\0\0\3", "[xy]0 TOO_LONG 6"),
        ROW("be32", "\xff\xff\xff\xff", "TOO_LONG 0"),
        ROW("be32,max=4294967295",
            "\xff\xff\xff\xff"
            "abcd",
            "TRUNCATED 8"),
        ROW("be32,max=4294967295",
            "\xff\xff\xff\xfc"
            "abcd",
            "TRUNCATED 8"),
        ROW("be32:inclusive", "\0\0\0\3", "BAD 0"),
        ROW("be32:inclusive", "\0\0\0\4\0\0\0\5x", "[]0 [x]4 CLOSED 9"),
    };

    (void)state;
    CHECK(rows);
}

static void until_closed(void **state)
{
    static const struct row rows[] = {
        ROW("close", "", "[]0 CLOSED 0"),
        ROW("close", "a\0b", "[a\\00b]0 CLOSED 3"),
        ROW("close,max=3", "abc", "[abc]0 CLOSED 3"),
        ROW("close,max=3", "abcd", "TOO_LONG 0"),
        ROW("close,max=0", "", "[]0 CLOSED 0"),
    };

    (void)state;
    CHECK(rows);
}

/* max - 1, max and max + 1 where the buffer grows in between. */
static void around_the_maximum(void **state)
{
    static char stream[2003];
    struct fm_format f = parsed("be16,max=2000");

    (void)state;
    memset(stream, 'x', sizeof stream);
    for (unsigned len = 1999; len <= 2001; len++) {
        char *frame = memset(malloc(len + 2), 'x', len + 2);
        struct fm_decoder d;
        struct fm_frame out;

        frame[0] = (char)(len >> 8);
        frame[1] = (char)len;
        fm_decoder_init(&d, &f);
        assert_int_equal(fm_decoder_feed(&d, frame, 200), 0);
        assert_int_equal(fm_decoder_next(&d, &out),
                         len <= 2000 ? FM_MORE : FM_E_TOO_LONG);
        assert_int_equal(fm_decoder_feed(&d, frame + 200, len + 2 - 200),
                         len <= 2000 ? 0 : FM_E_TOO_LONG);
        assert_int_equal(fm_decoder_next(&d, &out),
                         len <= 2000 ? FM_FRAME : FM_E_TOO_LONG);
        if (len <= 2000)
            assert_memory_equal(out.data, stream, out.len);
        fm_decoder_fini(&d);
        free(frame);
    }
}

static void errors_stay(void **state)
{
    struct fm_format f = parsed("ascii:2");
    struct fm_decoder d;
    struct fm_frame frame;

    (void)state;
    fm_decoder_init(&d, &f);
    assert_int_equal(fm_decoder_feed(&d, "01a0x", 5), 0);
    assert_int_equal(fm_decoder_next(&d, &frame), FM_FRAME);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fm_decoder_next(&d, &frame), FM_E_BAD);
        assert_int_equal(frame.len, 0);
        assert_non_null(frame.data);
        assert_int_equal(fm_decoder_feed(&d, "01a", 3), FM_E_BAD);
        assert_int_equal(fm_decoder_end(&d, &frame), FM_E_BAD);
        assert_null(fm_decoder_reserve(&d, 1));
        assert_int_equal(fm_decoder_offset(&d), 4);
        assert_string_equal(fm_decoder_why(&d), "no digit in the length");
    }
    fm_decoder_fini(&d);
}

static void no_bytes_after_the_end(void **state)
{
    struct fm_format f = parsed("be8");
    struct fm_decoder d;
    struct fm_frame frame;

    (void)state;
    fm_decoder_init(&d, &f);
    assert_int_equal(fm_decoder_feed(&d, NULL, 0), 0);
    assert_int_equal(fm_decoder_feed(&d, "\1a\1b", 4), 0);
    assert_int_equal(fm_decoder_end(&d, &frame), FM_FRAME);
    assert_int_equal(fm_decoder_feed(&d, "\0", 1), FM_E_USAGE);
    assert_int_equal(fm_decoder_end(&d, &frame), FM_E_USAGE);
    assert_int_equal(fm_decoder_offset(&d), 4);
    fm_decoder_fini(&d);
}

/* A length announces much; memory is taken only for what came. */
static void memory_follows_the_bytes(void **state)
{
    static const char *const formats[] = {"be32,max=4294967295", "ascii:9",
                                          "fixed:4294967295"};
    static const char *const headers[] = {"\x7f\xff\xff\xff", "000999999",
                                          "abcd"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct fm_format f = parsed(formats[i]);
        struct fm_decoder d;
        struct fm_frame frame;
        size_t n = strlen(headers[i]);

        fm_decoder_init(&d, &f);
        assert_int_equal(fm_decoder_feed(&d, headers[i], n), 0);
        for (int k = 0; k < 10000; k++) {
            assert_int_equal(fm_decoder_next(&d, &frame), FM_MORE);
            assert_int_equal(fm_decoder_feed(&d, "x", 1), 0);
            n++;
            assert_true(d.in.cap <= 256 + 2 * n);
        }
        fm_decoder_fini(&d);
    }
}

/* One long frame, one byte at a time. */
static void work_is_linear(void **state)
{
    static const char *const formats[] = {"be32",         "ascii:6",
                                          "delim:\\n",    "delim:aaaaaaab",
                                          "fixed:100006", "close"};

    (void)state;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        enum { N = 100000 };
        struct fm_format f = parsed(formats[i]);
        struct fm_decoder d;
        struct fm_frame frame;

        fm_decoder_init(&d, &f);
        if (f.kind == FM_BE)
            assert_int_equal(fm_decoder_feed(&d, "\0\1\x86\xa1", 4), 0);
        if (f.kind == FM_ASCII)
            assert_int_equal(fm_decoder_feed(&d, "100001", 6), 0);
        for (int k = 0; k < N; k++) {
            assert_int_equal(fm_decoder_feed(&d, "a", 1), 0);
            assert_int_equal(fm_decoder_next(&d, &frame), FM_MORE);
        }
        assert_true(fm_decoder_work(&d) > N);
        assert_true(fm_decoder_work(&d) < 16 * N);
        fm_decoder_fini(&d);
    }
}

/* want() never reaches past the frame: reading just that much, the decoder
 * hands out each frame with nothing left over. */
static void want(void **state)
{
    static const struct row rows[] = {
        ROW("fixed:3", "abcdef", ""),
        ROW("type:a=2,b=0", "axybbazz", ""),
        ROW("delim:ab", "xaabab", ""),
        ROW("ascii:2", "03abc0001x", ""),
        ROW("be16", "\0\3abc\0\0", ""),
        ROW("be32:inclusive", "\0\0\0\4\0\0\0\5x", ""),
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fm_format f = parsed(rows[i].format);
        struct fm_decoder d;
        struct fm_frame frame;
        size_t at = 0;

        fm_decoder_init(&d, &f);
        for (;;) {
            int r = fm_decoder_next(&d, &frame);
            size_t n = fm_decoder_want(&d);

            if (r == FM_FRAME) {
                assert_false(fm_decoder_inside(&d));
                assert_int_equal(fm_decoder_offset(&d), at);
                continue;
            }
            assert_int_equal(r, FM_MORE);
            if (at == rows[i].n)
                break;
            assert_in_range(n, 1, rows[i].n - at);
            assert_int_equal(fm_decoder_feed(&d, rows[i].bytes + at, n), 0);
            assert_true(fm_decoder_inside(&d));
            at += n;
        }
        assert_int_equal(fm_decoder_end(&d, &frame), FM_E_CLOSED);
        fm_decoder_fini(&d);
    }
}

static void want_until_closed(void **state)
{
    struct fm_format f = parsed("close,max=9");
    struct fm_decoder d;
    struct fm_frame frame;

    (void)state;
    fm_decoder_init(&d, &f);
    assert_int_equal(fm_decoder_next(&d, &frame), FM_MORE);
    assert_int_equal(fm_decoder_want(&d), 10);
    assert_int_equal(fm_decoder_feed(&d, "abc", 3), 0);
    assert_int_equal(fm_decoder_next(&d, &frame), FM_MORE);
    assert_int_equal(fm_decoder_want(&d), 7);
    fm_decoder_fini(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed),
        cmocka_unit_test(type),
        cmocka_unit_test(delim),
        cmocka_unit_test(ascii),
        cmocka_unit_test(be),
        cmocka_unit_test(until_closed),
        cmocka_unit_test(around_the_maximum),
        cmocka_unit_test(errors_stay),
        cmocka_unit_test(no_bytes_after_the_end),
        cmocka_unit_test(memory_follows_the_bytes),
        cmocka_unit_test(work_is_linear),
        cmocka_unit_test(want),
        cmocka_unit_test(want_until_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
