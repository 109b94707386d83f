/* The encoder: what it writes, what it refuses, and that the decoder agrees. */
#include "target/decode.h"
#include "target/encode.h"
#include "tests/target/unit.h"

static struct fm_format parsed(const char *text)
{
    struct fm_format f;
    char why[200] = "";

    if (fm_format_parse(&f, text, why, sizeof why) != 0)
        fail_msg("%s", why);
    return f;
}

struct row {
    const char *format;
    const char *payload;
    size_t n;
    int result;
    const char *wire;
    size_t wire_n;
};

#define GOOD(format, payload, wire)                                   \
    {                                                                 \
        format, payload, sizeof payload - 1, 0, wire, sizeof wire - 1 \
    }
#define REFUSED(format, payload, result)                   \
    {                                                      \
        format, payload, sizeof payload - 1, result, "", 0 \
    }

static const struct row rows[] = {
    GOOD("fixed:3", "a\0c", "a\0c"),
    REFUSED("fixed:3", "ab", FM_E_BAD),
    REFUSED("fixed:3", "abcd", FM_E_TOO_LONG),
    GOOD("type:a=1,b=0", "ax", "ax"),
    GOOD("type:a=1,b=0", "b", "b"),
    REFUSED("type:a=1", "", FM_E_BAD),
    REFUSED("type:a=1", "a", FM_E_BAD),
    REFUSED("type:a=1", "axy", FM_E_BAD),
    REFUSED("type:a=1", "c", FM_E_BAD),
    REFUSED("type:a=1,max=1", "ax", FM_E_TOO_LONG),
    GOOD("delim:\\r\\n", "", "\r\n"),
    GOOD("delim:\\r\\n", "a\r", "a\r\r\n"),
    REFUSED("delim:\\r\\n", "a\r\nb", FM_E_BAD),
    REFUSED("delim:aa", "ba", FM_E_BAD),
    REFUSED("delim:abab", "ab", FM_E_BAD),
    GOOD("delim:abab", "ba", "baabab"),
    REFUSED("delim:\\n,max=2", "abc", FM_E_TOO_LONG),
    GOOD("ascii:5", "abc", "00003abc"),
    GOOD("ascii:1", "", "0"),
    GOOD("ascii:1", "123456789", "9123456789"),
    REFUSED("ascii:1", "1234567890", FM_E_TOO_LONG),
    GOOD("be8", "a\0b", "\3a\0b"),
    GOOD("be8:inclusive", "", "\1"),
    GOOD("be16", "a", "\0\1a"),
    GOOD("be16:inclusive", "a", "\0\3a"),
    GOOD("be32", "ab", "\0\0\0\2ab"),
    GOOD("be32:inclusive", "ab", "\0\0\0\6ab"),
    REFUSED("be32,max=1", "ab", FM_E_TOO_LONG),
    GOOD("close", "abc", "abc"),
    GOOD("close", "", ""),
    REFUSED("close,max=2", "abc", FM_E_TOO_LONG),
};

static void table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fm_format f = parsed(rows[i].format);
        struct fm_buf out;

        fm_buf_init(&out, 100);
        assert_true(fm_buf_append(&out, "before", 6));
        assert_int_equal(fm_encode(&f, rows[i].payload, rows[i].n, &out),
                         rows[i].result);
        assert_int_equal(fm_buf_len(&out), 6 + rows[i].wire_n);
        assert_memory_equal(fm_buf_peek(&out) + 6, rows[i].wire,
                            rows[i].wire_n);
        fm_buf_fini(&out);
    }
}

static void prefix_limits(void **state)
{
    static char payload[65536];
    static const struct {
        const char *format;
        size_t most;
    } limits[] = {
        {"be8", 255},         {"be8:inclusive", 254},
        {"be16", 65535},      {"be16:inclusive", 65533},
        {"ascii:2", 99},      {"ascii:4", 9999},
        {"ascii:9,max=7", 7},
    };

    (void)state;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct fm_format f = parsed(limits[i].format);
        struct fm_buf out;

        fm_buf_init(&out, SIZE_MAX);
        for (size_t len = limits[i].most - 1; len <= limits[i].most; len++)
            assert_int_equal(fm_encode(&f, payload, len, &out), 0);
        assert_int_equal(fm_encode(&f, payload, limits[i].most + 1, &out),
                         FM_E_TOO_LONG);
        fm_buf_fini(&out);
    }
}

/* One byte less than it takes, and exactly that. */
static void no_room(void **state)
{
    static const struct {
        const char *format;
        size_t wire;
    } sizes[] = {{"fixed:3", 3}, {"type:a=2", 3}, {"delim:xy", 5},
                 {"ascii:4", 7}, {"be16", 5},     {"close", 3}};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct fm_format f = parsed(sizes[i].format);
        struct fm_buf out;

        fm_buf_init(&out, sizes[i].wire - 1);
        assert_int_equal(fm_encode(&f, "abc", 3, &out), FM_E_NOMEM);
        assert_int_equal(fm_buf_len(&out), 0);
        fm_buf_init(&out, sizes[i].wire);
        assert_int_equal(fm_encode(&f, "abc", 3, &out), 0);
        assert_int_equal(fm_buf_len(&out), sizes[i].wire);
        fm_buf_fini(&out);
    }
}

/* Random payloads in every format come back as they went in. */
static void round_trip(void **state)
{
    static const char *const formats[] = {
        "fixed:7",        "type:a=2,b=0,c=9", "delim:\\n",     "delim:aab",
        "delim:abcdabcd", "ascii:3",          "be8:inclusive", "be16",
        "be32:inclusive"};
    uint64_t seed = 1;
    unsigned written = 0;

    (void)state;
    for (int round = 0; round < 9000; round++) {
        struct fm_format f = parsed(formats[round % 9]);
        uint8_t payload[32];
        size_t n = unit_random(&seed) % sizeof payload;
        struct fm_decoder d;
        struct fm_frame frame;
        struct fm_buf out;

        for (size_t i = 0; i < n; i++)
            payload[i] = "abcd\n"[unit_random(&seed) % 5];
        fm_buf_init(&out, SIZE_MAX);
        if (fm_encode(&f, payload, n, &out) == 0) {
            written++;
            fm_decoder_init(&d, &f);
            assert_int_equal(
                fm_decoder_feed(&d, fm_buf_peek(&out), fm_buf_len(&out)), 0);
            assert_int_equal(fm_decoder_next(&d, &frame), FM_FRAME);
            assert_int_equal(frame.len, n);
            assert_memory_equal(frame.data, payload, n);
            assert_int_equal(fm_decoder_end(&d, &frame), FM_E_CLOSED);
            fm_decoder_fini(&d);
        }
        fm_buf_fini(&out);
    }
    assert_true(written > 4000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(prefix_limits),
        cmocka_unit_test(no_room),
        cmocka_unit_test(round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
