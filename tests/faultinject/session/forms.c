/*
 * forms.c: a session survives every change of its form.
 *
 * Random bytes become a session; its text is parsed to the same session, its
 * bytes decode to it, and their text is the same again.  Whoever takes bytes
 * takes text as well.  What the parser refuses it names by line and column.
 */
#include "faultinject/session/session.h"
#include "faultinject/session/tape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 20000, INPUT = 300, TEXT = 1 << 15 };

static void print(const struct sf_session *s, char text[TEXT])
{
    FILE *out = fmemopen(text, TEXT, "w");

    sf_session_print(s, out);
    fclose(out);
}

static void any_bytes(void **state)
{
    static char text[TEXT], again[TEXT];
    static struct sf_session s, back;
    uint8_t in[INPUT], out[SF_SESSION_MAX];
    char why[160];

    (void)state;
    srand(1);
    for (int round = 0; round < ROUNDS; round++) {
        size_t len = (size_t)rand() % INPUT;

        for (size_t i = 0; i < len; i++)
            in[i] = (uint8_t)rand();
        sf_session_decode(&s, in, len);
        print(&s, text);
        if (sf_session_parse(&back, text, why, sizeof why) < 0)
            fail_msg("%s\n%s", why, text);
        len = sf_session_encode(&back, out, sizeof out);
        assert_true(len > 0);
        sf_session_decode(&back, out, len);
        print(&back, again);
        assert_string_equal(again, text);
    }
}

static void text_is_an_input(void **state)
{
    static const char text[] = "# Two frames.\n\nsockfault-session 1\n"
                               "pair 2 7\nfault 1 2 3\n";
    static const char wrong[] = "sockfault-session 1\npair 2 7\npare 2 7\n";
    static struct sf_session s;
    char why[160];

    (void)state;
    assert_true(sf_session_is_text(text, strlen(text)));
    sf_session_decode(&s, (const uint8_t *)text, strlen(text));
    assert_int_equal(s.acts_n, 1);
    assert_int_equal(s.acts[0].kind, SF_ACT_PAIR);
    assert_int_equal(s.faults_n, 1);
    assert_false(sf_session_is_text(text, strlen("# Two frames.\n\nsock")));
    assert_false(sf_session_is_text("\0\nsockfault-session 1\n", 22));
    assert_int_equal(sf_session_read(&s, wrong, strlen(wrong), why, sizeof why),
                     -1);
    sf_session_decode(&s, (const uint8_t *)wrong, strlen(wrong));
    assert_int_equal(s.acts_n, 0);
}

static void refused(void **state)
{
    static const char *const bad[][2] = {
        {"", "1:1: expected \"sockfault-session 1\""},
        {"sockfault-session 2\n", "1:1: expected \"sockfault-session 1\""},
        {"sockfault-session 1\nframe 9 1\n", "2:7: expected a number from 1"},
        {"sockfault-session 1\nframe 1 300\n", "2:9: expected a number that"},
        {"sockfault-session 1\nwait 30001\n",
         "2:6: expected a number that a session can have, as 30000"},
        {"sockfault-session 1\nwait 32000\n",
         "2:6: expected a number that a session can have, as 33000"},
        {"sockfault-session 1\nframe 1 4050\n",
         "2:9: expected a number that a session can have, as 4044"},
        {"sockfault-session 1\nwait 900000\n",
         "2:6: expected a number that a session can have, as 171000"},
        {"sockfault-session 1\nbytes 1 \"a\n", "2:11: expected the closing"},
        {"sockfault-session 1\nbytes 1 \"\\q\"\n", "2:11: expected \\xHH"},
        {"sockfault-session 1\nclose 1 2\n", "2:9: expected the end of"},
        {"sockfault-session 1\nfarme 1 2\n", "2:1: expected an option"},
        {"sockfault-session 1\nbuffers 70000\n", "2:9: expected a number"},
        {"sockfault-session 1\nfamily ipx\n", "2:8: expected tcp or unix"},
        {"sockfault-session 1\nbuffers 8\nbuffers 17\n",
         "3:1: expected each option once: buffers again"},
        {"sockfault-session 1\nhandlers\nhandlers\n",
         "3:1: expected each option once: handlers again"},
        {"sockfault-session 1\nclose 1\n  family unix\n",
         "3:3: expected family before the acts and faults"},
        {"sockfault-session 1\nfault 1 2 3\nhigh 1\n",
         "3:1: expected high before the acts and faults"},
        {"sockfault-session 1\n@4 close 1\n", "2:2: expected a number"},
        {"sockfault-session 1\nfault 1 2\n", "2:10: expected a number"},
    };
    static struct sf_session s;
    char why[160];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(sf_session_parse(&s, bad[i][0], why, sizeof why), -1);
        if (strncmp(why, bad[i][1], strlen(bad[i][1])) != 0)
            fail_msg("for %s got: %s", bad[i][0], why);
    }
}

/* A fuzz input may be anything; a file that somebody has named may not. */
static void nearly_text(void **state)
{
#define TEXT_OF(s)      \
    {                   \
        s, sizeof s - 1 \
    }
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        TEXT_OF("\xef\xbb\xbfsockfault-session 1\nclose 1\n"),
        TEXT_OF("Sockfault-session 1\nclose 1\n"),
        TEXT_OF("# Two.\n\n  SOCKFAULT-SESSION 1\nclose 1\n"),
        TEXT_OF("\xff\xfes\0o\0c\0k\0f\0a\0u\0l\0t\0-\0s\0e\0s\0s\0"
                "i\0o\0n\0 \0001\0"),
        TEXT_OF("\0s\0o\0c\0k\0f\0a\0u\0l\0t\0-\0s\0e\0s\0s\0i\0o\0n"),
        TEXT_OF("sockfault-session 1\nclose 1\n\0close 2\n"),
        TEXT_OF("bytes 1 \"x\"\n"),
        TEXT_OF("# Two.\n\nfamily unix\nclose 1\n"),
        TEXT_OF("+ close 1"),
    };
    static uint8_t large[SF_TEXT_MAX + 1];
    static struct sf_session s;
    char why[160];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (sf_session_read_file(&s, bad[i].bytes, bad[i].len, why,
                                 sizeof why) == 0)
            fail_msg("%zu is a session", i);
        assert_non_null(strstr(why, "expected "));
        sf_session_decode(&s, (const uint8_t *)bad[i].bytes, bad[i].len);
    }
    assert_int_equal(
        sf_session_read_file(&s, large, sizeof large, why, sizeof why), -1);
    assert_int_equal(
        sf_session_read_file(&s, large, sizeof large - 1, why, sizeof why), 0);
}

/* A counterexample's choices: each counts from the one before, and far ones are
 * reached in pauses. */
static void choices_are_a_tape(void **state)
{
    static const struct sf_choice choices[] = {{.at = 3, .which = 2},
                                               {.at = 7, .which = 1},
                                               {.at = 8, .which = 1},
                                               {.at = 309, .which = 4}};
    static const struct sf_fault_step steps[] = {
        {3, 1, 0}, {3, 0, 0}, {0, 0, 0}, {255, SF_TAPE_PAUSE, 0}, {44, 3, 0}};
    static struct sf_session s;

    (void)state;
    assert_true(sf_session_take_choices(&s, choices, 4));
    assert_int_equal(s.faults_n, 5);
    assert_memory_equal(s.faults, steps, sizeof steps);
}

/* What engines begin with, and nothing else; nobody here says that this is no
 * engine. */
static void engines_try_out(void **state)
{
    static const char *const tried[] = {"", "#", "##SI", "##SIG_AFL_DEFER"};
    static const char *const played[] = {"\n", "##SX", "##SIG_AFX", "x##SI"};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_true(
            sf_session_tries_out((const uint8_t *)tried[i], strlen(tried[i])));
        assert_false(sf_session_tries_out((const uint8_t *)played[i],
                                          strlen(played[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_bytes),
        cmocka_unit_test(choices_are_a_tape),
        cmocka_unit_test(text_is_an_input),
        cmocka_unit_test(refused),
        cmocka_unit_test(nearly_text),
        cmocka_unit_test(engines_try_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
