/* The text of formats: what is taken, and what is refused and how. */
#include "target/err.h"
#include "target/format.h"
#include "tests/target/unit.h"

static struct fm_format parsed(const char *text)
{
    struct fm_format f;
    char why[200] = "";

    if (fm_format_parse(&f, text, why, sizeof why) != 0)
        fail_msg("%s", why);
    return f;
}

static void taken(void **state)
{
    struct fm_format f;

    (void)state;
    f = parsed("fixed:16");
    assert_int_equal(f.kind, FM_FIXED);
    assert_int_equal(f.fixed, 16);
    assert_int_equal(f.max, 16);
    f = parsed("fixed:4294967295");
    assert_int_equal(f.max, UINT32_MAX);
    f = parsed("ascii:5");
    assert_int_equal(f.kind, FM_ASCII);
    assert_int_equal(f.digits, 5);
    assert_int_equal(f.max, FM_MAX_DEFAULT);
    f = parsed("be8");
    assert_int_equal(f.width, 1);
    assert_false(f.inclusive);
    f = parsed("be16:inclusive,max=0");
    assert_int_equal(f.width, 2);
    assert_true(f.inclusive);
    assert_int_equal(f.max, 0);
    f = parsed("be32,max=0xFFFFffff");
    assert_int_equal(f.width, 4);
    assert_int_equal(f.max, UINT32_MAX);
    f = parsed("close,max=10");
    assert_int_equal(f.kind, FM_CLOSE);
    assert_int_equal(f.max, 10);
}

static void delimiters(void **state)
{
    struct fm_format f = parsed("delim:\\r\\n");

    (void)state;
    assert_int_equal(f.kind, FM_DELIM);
    assert_int_equal(f.delim_len, 2);
    assert_memory_equal(f.delim, "\r\n", 2);
    f = parsed("delim:;");
    assert_memory_equal(f.delim, ";", f.delim_len);
    f = parsed("delim:\\t\\0\\\\\\,\\x0a\\xFFab,max=7");
    assert_int_equal(f.delim_len, 8);
    assert_memory_equal(f.delim,
                        "\t\0\\,\x0a\xff"
                        "ab",
                        8);
    assert_int_equal(f.max, 7);
}

static void types(void **state)
{
    struct fm_format f = parsed("type:a=3,0x80=0,65=65534,255=1,max=300");
    int known = 0;

    (void)state;
    assert_int_equal(f.kind, FM_TYPE);
    assert_int_equal(f.len_of['a'], 3);
    assert_int_equal(f.len_of[0x80], 0);
    assert_int_equal(f.len_of['A'], 65534);
    assert_int_equal(f.len_of[255], 1);
    assert_int_equal(f.max, 300);
    for (int i = 0; i < 256; i++)
        known += f.len_of[i] != FM_TYPE_UNKNOWN;
    assert_int_equal(known, 4);
}

/* What is no format, and where it is told to be wrong. */
static const struct {
    const char *text;
    int column;
    const char *expected;
} mistakes[] = {
    {"", 1, "fixed:N"},
    {"asci:5", 1, "fixed:N"},
    {"fixed", 1, "fixed:N"},
    {"fixed:", 7, "bytes"},
    {"fixed:0", 7, "bytes"},
    {"fixed:-1", 7, "bytes"},
    {"fixed: 1", 7, "bytes"},
    {"fixed:4294967296", 7, "bytes"},
    {"fixed:99999999999999999999999", 7, "bytes"},
    {"fixed:16,max=15", 14, "a maximum"},
    {"fixed:16x", 9, "',max='"},
    {"ascii:0", 7, "digits"},
    {"ascii:10", 7, "digits"},
    {"ascii:a", 7, "digits"},
    {"be24", 1, "fixed:N"},
    {"be8:exclusive", 4, "',max='"},
    {"be16,max=", 10, "a maximum"},
    {"be16,max=1k", 11, "the end"},
    {"be16,max=0x", 10, "a maximum"},
    {"be16,min=1", 5, "',max='"},
    {"close:1", 6, "',max='"},
    {"delim:", 7, "a delimiter"},
    {"delim:,max=3", 7, "a delimiter"},
    {"delim:123456789", 15, "no more"},
    {"delim:\\", 8, "one of"},
    {"delim:\\q", 8, "one of"},
    {"delim:\\x1", 8, "one of"},
    {"delim:\\xg0", 8, "one of"},
    {"type:", 6, "a type"},
    {"type:=3", 6, "a type"},
    {"type:,", 6, "a type"},
    {"type:256=3", 6, "a type"},
    {"type:a", 7, "'='"},
    {"type:a=", 8, "a length"},
    {"type:a=65535", 8, "a length"},
    {"type:a=1,", 10, "a type"},
    {"type:a=1;b=2", 9, "',max='"},
};

static void refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        struct fm_format f;
        char why[200], want[200];

        assert_int_equal(fm_format_parse(&f, mistakes[i].text, why, sizeof why),
                         FM_E_USAGE);
        snprintf(want, sizeof want, "format '%s', column %d: expected %s",
                 mistakes[i].text, mistakes[i].column, mistakes[i].expected);
        if (strncmp(why, want, strlen(want)) != 0)
            fail_msg("got \"%s\", not \"%s…\"", why, want);
        assert_null(strchr(why, '\n'));
        assert_int_equal(f.max, 0);
    }
}

static void short_of_room(void **state)
{
    struct fm_format f;
    char why[11] = "0123456789";

    (void)state;
    assert_int_equal(fm_format_parse(&f, "x", why, sizeof why), FM_E_USAGE);
    assert_string_equal(why, "format 'x'");
    assert_int_equal(fm_format_parse(&f, "x", NULL, 0), FM_E_USAGE);
}

static void sizes(void **state)
{
    struct fm_format f;

    (void)state;
    f = parsed("ascii:7,max=10");
    assert_int_equal(fm_format_header(&f), 7);
    assert_int_equal(fm_format_wire_max(&f), 17);
    f = parsed("be32,max=4294967295");
    assert_true(fm_format_wire_max(&f) == UINT64_C(4294967299));
    f = parsed("delim:abc,max=1");
    assert_int_equal(fm_format_header(&f), 0);
    assert_int_equal(fm_format_wire_max(&f), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taken), cmocka_unit_test(delimiters),
        cmocka_unit_test(types), cmocka_unit_test(refused),
        cmocka_unit_test(sizes), cmocka_unit_test(short_of_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
