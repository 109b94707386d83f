/*
 * signals.c: a signal's handler runs when the script says that it comes, and
 * interrupts a wait in which nothing else happens.
 */
#include "faultinject/simnet/run.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static unsigned came;          /* how many signals have come           */
static unsigned before_closed; /* … before the descriptor was closed   */
static ssize_t received;       /* by the first call                    */

static void program(void *arg, int fd)
{
    char bytes[8];

    (void)arg;
    received = recv(fd, bytes, sizeof bytes, 0);
    if (received < 0)
        assert_int_equal(errno, EINTR);
    shutdown(fd, SHUT_RD);
    before_closed = came;
    close(fd);
}

static void on_signal(void *arg)
{
    (void)arg;
    came++;
}

static void play(const char *acts)
{
    static const struct sf_program given = {.name = "a program",
                                            .side = SF_GIVEN,
                                            .run = program,
                                            .signal = on_signal,
                                            .no_control = true};
    static struct sf_session s;
    char text[256], why[128];

    snprintf(text, sizeof text, "sockfault-session 1\n%s", acts);
    assert_int_equal(sf_session_parse(&s, text, why, sizeof why), 0);
    came = before_closed = 0;
    sf_session_run(&s, &given, NULL);
}

static void interrupts_a_wait(void **state)
{
    (void)state;
    play("handlers\nsignal\nframe 1 3\n");
    assert_int_equal(came, 1);
    assert_int_equal(received, -1);
}

static void comes_with_bytes(void **state)
{
    (void)state;
    play("handlers\nframe 1 3\n+ signal\n");
    assert_int_equal(came, 1);
}

static void comes_while_the_program_is_busy(void **state)
{
    (void)state;
    play("handlers\nframe 1 3\n@1 signal\n");
    assert_int_equal(received, 3);
    assert_int_equal(before_closed, 1);
}

static void finds_no_handler(void **state)
{
    (void)state;
    play("signal\nframe 1 3\n@1 signal\n");
    assert_int_equal(came, 0);
    assert_int_equal(received, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interrupts_a_wait),
        cmocka_unit_test(comes_with_bytes),
        cmocka_unit_test(comes_while_the_program_is_busy),
        cmocka_unit_test(finds_no_handler),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
