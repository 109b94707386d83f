/*
 * limit_test.c: descriptors that were exhausted are so no longer, whatever
 * other threads do meanwhile.
 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "faultinject/world.h"

enum { THREADS = 4, ROUNDS = 20000 };

static void *fill_and_relieve(void *arg)
{
    const struct sf_world *w = sf_kernel();

    for (int i = 0; i < ROUNDS; i++) {
        w->exhaust(true);
        w->exhaust(false);
    }
    return arg;
}

/* As a poll of many entries does. */
static void *lift(void *arg)
{
    for (int i = 0; i < ROUNDS; i++)
        if (sf_kernel_lift(true))
            sf_kernel_lift(false);
    return arg;
}

static bool is_full(void)
{
    int fd = fcntl(STDERR_FILENO, F_DUPFD, 0);

    if (fd >= 0)
        close(fd);
    return fd < 0;
}

static void it_is_as_before(void **state)
{
    struct rlimit before, after;
    pthread_t threads[THREADS];

    (void)state;
    getrlimit(RLIMIT_NOFILE, &before);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL,
                                        i % 2 ? lift : fill_and_relieve, NULL),
                         0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    sf_kernel()->exhaust(false);
    getrlimit(RLIMIT_NOFILE, &after);
    assert_int_equal(after.rlim_cur, before.rlim_cur);
}

static void it_is_full_until_then(void **state)
{
    const struct sf_world *w = sf_kernel();

    (void)state;
    assert_false(sf_kernel_lift(true));
    w->exhaust(true);
    assert_true(is_full());
    assert_true(sf_kernel_lift(true));
    assert_false(is_full());
    sf_kernel_lift(false);
    assert_true(is_full());
    w->exhaust(true);
    w->exhaust(false);
    assert_false(is_full());
}

/* What the program sets meanwhile is what it finds next time. */
static void it_may_be_another(void **state)
{
    const struct sf_world *w = sf_kernel();
    struct rlimit before, now;

    (void)state;
    getrlimit(RLIMIT_NOFILE, &before);
    for (rlim_t n = 64; n < 67; n++) {
        now = (struct rlimit){n, before.rlim_max};
        setrlimit(RLIMIT_NOFILE, &now);
        w->exhaust(true);
        w->exhaust(false);
        getrlimit(RLIMIT_NOFILE, &now);
        assert_int_equal(now.rlim_cur, n);
    }
    setrlimit(RLIMIT_NOFILE, &before);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_full_until_then),
        cmocka_unit_test(it_may_be_another),
        cmocka_unit_test(it_is_as_before),
    };

    alarm(120);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
