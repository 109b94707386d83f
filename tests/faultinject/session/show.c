/* show.c: what a replay shows of the calls that wait. */
#include "faultinject/session/run.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const shown[] = {
    " select 0 20.5 ms -> 0\n",
    " select 0 0 ms -> 0\n",
    " pselect 0 0.001 ms -> 0\n",
    " pselect 0 0.000001 ms -> 0\n",
    " poll 9 ms -> 0\n",
    " ppoll 30 ms -> 0\n",
    " epoll_wait 9 40 ms -> 0\n",
    " epoll_pwait 9 50 ms -> 0\n",
    " epoll_pwait2 9 60 ms -> 0\n",
    " poll -> 1\n",
    " select 9 -> 1\n",
};

static void wait_for_nothing(int ep)
{
    struct timespec least = {0, 1}, little = {0, 1000}, later = {0, 30000000},
                    last = {0, 60000000};
    struct epoll_event event;

    select(0, NULL, NULL, NULL, &(struct timeval){0, 20500});
    select(0, NULL, NULL, NULL, &(struct timeval){0, 0});
    pselect(0, NULL, NULL, NULL, &little, NULL);
    pselect(0, NULL, NULL, NULL, &least, NULL);
    poll(NULL, 0, 9);
    ppoll(NULL, 0, &later, NULL);
    epoll_wait(ep, &event, 1, 40);
    epoll_pwait(ep, &event, 1, 50, NULL);
    epoll_pwait2(ep, &event, 1, &last, NULL);
}

static void wait_in_all_ways(void *arg, int fd)
{
    int ep = epoll_create1(0);
    fd_set rd;

    (void)arg;
    wait_for_nothing(ep);
    poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1);
    FD_ZERO(&rd);
    FD_SET(fd, &rd);
    select(fd + 1, &rd, NULL, NULL, NULL);
    close(ep);
    close(fd);
}

static void a_wait_shows_how_long_it_may_take(void **state)
{
    static const char text[] = "sockfault-session 1\nclose 1\n";
    static struct sf_session s;
    const struct sf_program given = {
        .name = "waits", .side = SF_GIVEN, .run = wait_in_all_ways};
    char why[128], *all = NULL, *at;
    size_t size = 0;
    FILE *show = open_memstream(&all, &size);

    (void)state;
    assert_int_equal(sf_session_parse(&s, text, why, sizeof why), 0);
    sf_session_run(&s, &given, show);
    fclose(show);
    at = all;
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        char *next = strstr(at, shown[i]);

        if (!next)
            fail_msg("no '%s' in:\n%s", shown[i], all);
        else
            at = next;
    }
    free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wait_shows_how_long_it_may_take),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
