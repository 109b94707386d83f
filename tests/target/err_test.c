/* Every error has a value, a name and a text of its own. */
#include "target/err.h"
#include "tests/target/unit.h"

#include <limits.h>

static void all_of_them(void **state)
{
#define ROW(name, text) {FM_E_##name, "FM_E_" #name, text},
    static const struct {
        int err;
        const char *name, *text;
    } rows[] = {FM_ERR_MAP(ROW)};
#undef ROW

    (void)state;
    assert_int_equal(sizeof rows / sizeof *rows, FM_ERR_COUNT);
    for (int i = 0; i < FM_ERR_COUNT; i++) {
        assert_int_equal(rows[i].err, -1 - i);
        assert_string_equal(fm_err_name(rows[i].err), rows[i].name);
        assert_string_equal(fm_err_text(rows[i].err), rows[i].text);
        assert_true(strlen(rows[i].text) < 60);
        assert_null(strpbrk(rows[i].text, ".\n"));
    }
}

static void others(void **state)
{
    (void)state;
    assert_string_equal(fm_err_name(0), "FM_OK");
    assert_string_equal(fm_err_name(1), "?");
    assert_string_equal(fm_err_name(-FM_ERR_COUNT - 1), "?");
    assert_string_equal(fm_err_name(INT_MIN), "?");
    assert_string_equal(fm_err_text(0), "no error");
    assert_string_equal(fm_err_text(-1000), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_them),
        cmocka_unit_test(others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
