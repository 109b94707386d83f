/*
 * signals.c: a signal's handler runs when the script says that it comes, and
 * interrupts a wait in which nothing else happens.
 */
#include "faultinject/session/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
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

static const struct sf_program counts = {.name = "a program",
                                         .side = SF_GIVEN,
                                         .run = program,
                                         .signal = on_signal,
                                         .no_control = true};

static void play(const struct sf_program *given, const char *acts)
{
    static struct sf_session s;
    char text[256], why[128];

    snprintf(text, sizeof text, "sockfault-session 1\n%s", acts);
    assert_int_equal(sf_session_parse(&s, text, why, sizeof why), 0);
    came = before_closed = 0;
    sf_session_run(&s, given, NULL);
}

static void interrupts_a_wait(void **state)
{
    (void)state;
    play(&counts, "handlers\nsignal\nframe 1 3\n");
    assert_int_equal(came, 1);
    assert_int_equal(received, -1);
}

static void comes_with_bytes(void **state)
{
    (void)state;
    play(&counts, "handlers\nframe 1 3\n+ signal\n");
    assert_int_equal(came, 1);
}

static void comes_while_the_program_is_busy(void **state)
{
    (void)state;
    play(&counts, "handlers\nframe 1 3\n@1 signal\n");
    assert_int_equal(received, 3);
    assert_int_equal(before_closed, 1);
}

static void finds_no_handler(void **state)
{
    (void)state;
    play(&counts, "signal\nframe 1 3\n@1 signal\n");
    assert_int_equal(came, 0);
    assert_int_equal(received, 3);
}

/* --- what is blocked comes when it may */

static unsigned came_blocked; /* until the wait */

static void wait_for_it(void *arg, int fd)
{
    struct timespec second = {.tv_sec = 1};
    sigset_t set, none;
    char bytes[8];
    int waits = 0;

    (void)arg;
    sigemptyset(&none);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    received = recv(fd, bytes, sizeof bytes, 0);
    poll(NULL, 0, 10);
    came_blocked = came;
    while (!came && waits++ < 3)
        if (pselect(0, NULL, NULL, NULL, &second, &none) < 0)
            assert_int_equal(came, 1);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    close(fd);
}

static void waits_while_it_is_blocked(void **state)
{
    static const struct sf_program given = {.name = "a program",
                                            .side = SF_GIVEN,
                                            .run = wait_for_it,
                                            .signal = on_signal,
                                            .signo = SIGUSR1,
                                            .no_control = true};

    (void)state;
    play(&given, "handlers\nframe 1 3\n@1 signal\n");
    assert_int_equal(came_blocked, 0);
    assert_int_equal(came, 1);
}

/* --- what a handler does when a fault lets the signal come */

static int word[2];
static ssize_t told;
static time_t told_at;

static void tell(void *arg)
{
    struct timespec now;

    (void)arg;
    told = write(word[1], "!", 1);
    clock_gettime(CLOCK_MONOTONIC, &now);
    told_at = now.tv_sec;
}

static void listen_to_it(void *arg, int fd)
{
    struct timespec now;
    char bytes[8];

    (void)arg;
    assert_int_equal(pipe2(word, O_NONBLOCK), 0);
    received = recv(fd, bytes, sizeof bytes, 0);
    assert_int_equal(errno, EINTR);
    assert_int_equal(read(word[0], bytes, sizeof bytes), 1);
    clock_gettime(CLOCK_MONOTONIC, &now);
    assert_int_equal(told_at, now.tv_sec);
    close(word[0]);
    close(word[1]);
    close(fd);
}

static bool wants(struct sf_chooser *self, enum sf_call call)
{
    (void)self;
    return call == SF_CALL_recv;
}

static unsigned choose(struct sf_chooser *self, const struct sf_point *at,
                       const struct sf_outcome *outcomes, unsigned n,
                       size_t *amount)
{
    unsigned i = n;

    (void)self;
    (void)at;
    (void)amount;
    while (--i && outcomes[i].fault != SF_EINTR)
        ;
    return i;
}

static void a_handler_is_in_the_same_world(void **state)
{
    static struct sf_chooser interrupts = {.wants = wants, .choose = choose};
    static const struct sf_program given = {.name = "a program",
                                            .side = SF_GIVEN,
                                            .run = listen_to_it,
                                            .signal = tell,
                                            .no_control = true};

    (void)state;
    sf_session_choose(&interrupts);
    play(&given, "handlers\nframe 1 3\n");
    sf_session_choose(NULL);
    assert_int_equal(received, -1);
    assert_int_equal(told, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interrupts_a_wait),
        cmocka_unit_test(comes_with_bytes),
        cmocka_unit_test(comes_while_the_program_is_busy),
        cmocka_unit_test(finds_no_handler),
        cmocka_unit_test(waits_while_it_is_blocked),
        cmocka_unit_test(a_handler_is_in_the_same_world),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
