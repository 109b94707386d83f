/*
 * libc.c: what goes past libc's own names for system calls is in memory, too,
 * in a program that is linked.
 */
#include "faultinject/session/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char got[64];
static size_t got_len;

static void on_received(void *arg, struct sf_peer *peer, const uint8_t *bytes,
                        size_t len)
{
    (void)arg, (void)peer;
    assert_in_range(got_len + len, 0, sizeof got);
    memcpy(got + got_len, bytes, len);
    got_len += len;
}

static void play(void (*run)(void *arg, int fd), const char *acts)
{
    const struct sf_program given = {.name = "a program",
                                     .side = SF_GIVEN,
                                     .run = run,
                                     .received = on_received,
                                     .no_control = true};
    static struct sf_session s;
    char text[256], why[128];

    snprintf(text, sizeof text, "sockfault-session 1\n%s", acts);
    assert_int_equal(sf_session_parse(&s, text, why, sizeof why), 0);
    got_len = 0;
    sf_session_run(&s, &given, NULL);
}

static void talk(void *arg, int fd)
{
    FILE *in = fdopen(fd, "r"), *out = fdopen(dup(fd), "w");
    char line[16];

    (void)arg;
    assert_non_null(in);
    assert_non_null(out);
    assert_int_equal(fileno(in), fd);
    assert_int_equal(dprintf(fd, "%d ", 1), 2);
    while (fgets(line, sizeof line, in))
        assert_true(fprintf(out, "<%s", line) > 0);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(fclose(in), 0);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void streams_are_buffered_bytes(void **state)
{
    (void)state;
    play(talk, "bytes 1 \"a\\x0abc\\x0a\"\nfinish 1\n");
    assert_int_equal(got_len, 9);
    assert_memory_equal(got, "1 <a\n<bc\n", 9);
}

static void what_is_closed_is_no_stream(void **state)
{
    (void)state;
    assert_null(fdopen(1000, "r"));
    assert_int_equal(errno, EBADF);
    assert_int_equal(dprintf(1000, "x"), -1);
}

/* One of two has come, and it may be enough; the reset behind it stays. */
static void take_batch(void *arg, int fd)
{
    char bytes[2][4];
    struct iovec in[2] = {{bytes[0], 2}, {bytes[1], 4}};
    struct mmsghdr messages[2] = {
        {.msg_hdr = {.msg_iov = &in[0], .msg_iovlen = 1}},
        {.msg_hdr = {.msg_iov = &in[1], .msg_iovlen = 1}}};

    (void)arg;
    assert_int_equal(recvmmsg(fd, messages, 2, MSG_WAITFORONE, NULL), 1);
    assert_int_equal(messages[0].msg_len, 2);
    assert_memory_equal(bytes[0], "ab", 2);
    assert_int_equal(send(fd, "on", 2, MSG_NOSIGNAL), 2);
    poll(&(struct pollfd){.fd = fd}, 1, -1); /* until it is reset */
    assert_int_equal(recvmmsg(fd, messages, 2, MSG_DONTWAIT, NULL), 1);
    assert_memory_equal(bytes[0], "cd", 2);
    assert_int_equal(recv(fd, bytes, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    close(fd);
}

static void a_batch_takes_what_is_there(void **state)
{
    (void)state;
    play(take_batch, "bytes 1 \"ab\"\nbytes 1 \"cd\"\n+ reset 1\n");
}

static unsigned rung;

static void on_alarm(int signo)
{
    (void)signo;
    rung++;
}

static time_t seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static void doze(void *arg, int fd)
{
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval left;
    time_t begin = seconds();

    (void)arg;
    sigaction(SIGALRM, &action, NULL);
    assert_int_equal(alarm(7), 0);
    assert_int_equal(alarm(3), 7);
    assert_int_equal(sleep(2), 0);
    assert_int_equal(getitimer(ITIMER_REAL, &left), 0);
    assert_int_equal(left.it_value.tv_sec, 1);
    assert_int_equal(rung, 0);
    assert_int_equal(sleep(100), 99);
    assert_int_equal(rung, 1);
    assert_int_equal(seconds() - begin, 3);
    assert_int_equal(alarm(1), 0);
    assert_int_equal(alarm(0), 1);
    assert_int_equal(sleep(5), 0);
    assert_int_equal(rung, 1);
    close(fd);
}

static void an_alarm_rings_when_time_has_passed(void **state)
{
    (void)state;
    play(doze, "connect 1\n");
    signal(SIGALRM, SIG_DFL);
}

static void wait_for_it(void *arg, int fd)
{
    struct sigaction action = {.sa_handler = on_alarm};
    sigset_t alarms, before;
    time_t begin = seconds();

    (void)arg;
    sigaction(SIGALRM, &action, NULL);
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    sigprocmask(SIG_BLOCK, &alarms, &before);
    rung = 0;
    assert_int_equal(alarm(4), 0);
    assert_int_equal(sleep(10), 0);
    assert_int_equal(rung, 0);
    assert_int_equal(sigsuspend(&before), -1);
    assert_int_equal(errno, EINTR);
    assert_int_equal(rung, 1);
    assert_int_equal(seconds() - begin, 10);
    sigprocmask(SIG_SETMASK, &before, NULL);
    assert_int_equal(alarm(3), 0);
    assert_int_equal(pause(), -1);
    assert_int_equal(errno, EINTR);
    assert_int_equal(rung, 2);
    assert_int_equal(seconds() - begin, 13);
    close(fd);
}

static void who_waits_for_a_signal_gets_it(void **state)
{
    (void)state;
    play(wait_for_it, "connect 1\nwait 60000\nfinish 1\n");
    signal(SIGALRM, SIG_DFL);
}

/* The same by number. */
static void doze_by_number(void *arg, int fd)
{
    struct timespec begin, now, second = {.tv_sec = 1};
    struct itimerval left, four = {.it_value.tv_sec = 4};

    (void)arg;
    signal(SIGALRM, on_alarm);
    rung = 0;
    assert_int_equal(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &begin), 0);
    assert_int_equal(begin.tv_sec, seconds());
    assert_int_equal(syscall(SYS_nanosleep, &second, NULL), 0);
    assert_int_equal(
        syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &second, NULL), 0);
    now = begin;
    now.tv_sec += 5;
    assert_int_equal(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC,
                             TIMER_ABSTIME, &now, NULL),
                     0);
    assert_int_equal(seconds() - begin.tv_sec, 5);
    assert_int_equal(
        syscall(SYS_clock_nanosleep, 99, TIMER_ABSTIME, &now, NULL), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(syscall(SYS_setitimer, ITIMER_REAL, &four, NULL), 0);
    assert_int_equal(syscall(SYS_getitimer, ITIMER_REAL, &left), 0);
    assert_int_equal(left.it_value.tv_sec, 4);
    assert_int_equal(syscall(SYS_nanosleep, &(struct timespec){9, 0}, NULL),
                     -1);
    assert_int_equal(errno, EINTR);
    assert_int_equal(rung, 1);
    assert_int_equal(seconds() - begin.tv_sec, 9);
    close(fd);
}

static void time_by_number_is_virtual(void **state)
{
    (void)state;
    play(doze_by_number, "connect 1\n");
    signal(SIGALRM, SIG_DFL);
}

static void read_clocks(void *arg, int fd)
{
    clock_t ticks = times(&(struct tms){0});
    struct timespec now, then;

    (void)arg;
    assert_int_equal(timespec_get(&now, TIME_UTC), TIME_UTC);
    assert_int_equal(now.tv_sec, time(NULL));
    assert_int_equal(ticks / sysconf(_SC_CLK_TCK), seconds());
    assert_int_equal(usleep(1500000), 0);
    assert_int_equal(timespec_get(&then, TIME_UTC), TIME_UTC);
    assert_int_equal((then.tv_sec - now.tv_sec) * 1000 +
                         (then.tv_nsec - now.tv_nsec) / 1000000,
                     1500);
    assert_int_equal(times(&(struct tms){0}) - ticks,
                     sysconf(_SC_CLK_TCK) * 3 / 2);
    assert_int_equal(timespec_get(&now, 77), 0);
    close(fd);
}

static void all_clocks_are_virtual(void **state)
{
    (void)state;
    play(read_clocks, "connect 1\n");
}

/* All that a program can ask for random bytes. */
enum { ASKED = 128 };
static char drawn[ASKED];

static void draw(char *at)
{
    struct iovec two[2] = {{at + 64, 3}, {at + 67, 13}};
    uint32_t word = arc4random(), below = arc4random_uniform(1000);
    int fd = open("/dev/urandom", O_RDONLY);
    FILE *file = fopen("/dev/random", "rb"), *same = fdopen(dup(fd), "r");

    memcpy(at + 112, &word, sizeof word);
    memcpy(at + 116, &below, sizeof below);
    assert_in_range(below, 0, 999);
    assert_int_equal(getrandom(at, 16, 0), 16);
    assert_int_equal(getentropy(at + 16, 16), 0);
    arc4random_buf(at + 32, 16);
    assert_int_equal(read(fd, at + 48, 16), 16);
    assert_int_equal(readv(fd, two, 2), 16);
    assert_int_equal(fread(at + 80, 1, 8, file), 8);
    assert_int_equal(fread(at + 88, 1, 8, same), 8);
    assert_int_equal(syscall(SYS_getrandom, at + 96, 16, GRND_NONBLOCK), 16);
    assert_int_equal(fclose(file) | fclose(same) | close(fd), 0);
}

static void draw_all(void *arg, int fd)
{
    (void)arg;
    draw(drawn);
    assert_int_equal(getrandom(NULL, 1, 0), -1);
    assert_int_equal(errno, EFAULT);
    assert_int_equal(getrandom(drawn, 1, 99), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(getentropy(drawn, 257), -1);
    assert_int_equal(errno, EIO);
    close(fd);
}

/* SplitMix64's own, from 0 on: the same on any machine. */
static void random_bytes_are_those_of_the_session(void **state)
{
    static const unsigned char first[] = {0xaf, 0xcd, 0x1d, 0x7b, 0x39, 0xa8,
                                          0x20, 0xe2, 0xf4, 0x65, 0xb9, 0xa1,
                                          0x6a, 0x9e, 0x78, 0x6e};
    char once[ASKED];

    (void)state;
    play(draw_all, "connect 1\n");
    memcpy(once, drawn, ASKED);
    memset(drawn, 0, ASKED);
    play(draw_all, "connect 1\n");
    assert_memory_equal(drawn, once, ASKED);
    assert_memory_equal(drawn + 112, first, 4);
    for (int at = 0; at < 112; at += 8)
        for (int other = 0; other < at; other += 8)
            assert_memory_not_equal(drawn + at, drawn + other, 8);
}

static void outside_of_sessions_they_are_the_kernels(void **state)
{
    char once[ASKED] = {0};

    (void)state;
    draw(once);
    draw(drawn);
    for (int at = 0; at < 112; at += 8)
        assert_memory_not_equal(drawn + at, once + at, 8);
}

/* Each is as likely as any other, and 0 and 1 leave no choice. */
static void draw_below(void *arg, int fd)
{
    unsigned often[3] = {0}, low = 0;

    (void)arg;
    assert_int_equal(arc4random_uniform(0), 0);
    assert_int_equal(arc4random_uniform(1), 0);
    for (int i = 0; i < 3000; i++)
        often[arc4random_uniform(3)]++;
    for (int i = 0; i < 3; i++)
        assert_in_range(often[i], 900, 1100);
    for (int i = 0; i < 3000; i++) /* a third of the words is over it */
        low += arc4random_uniform(0xaaaaaaaa) < 0x55555555;
    assert_in_range(low, 1400, 1600);
    close(fd);
}

static void a_number_below_a_bound_is_below_it(void **state)
{
    (void)state;
    play(draw_below, "connect 1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_are_buffered_bytes),
        cmocka_unit_test(what_is_closed_is_no_stream),
        cmocka_unit_test(a_batch_takes_what_is_there),
        cmocka_unit_test(an_alarm_rings_when_time_has_passed),
        cmocka_unit_test(who_waits_for_a_signal_gets_it),
        cmocka_unit_test(time_by_number_is_virtual),
        cmocka_unit_test(all_clocks_are_virtual),
        cmocka_unit_test(random_bytes_are_those_of_the_session),
        cmocka_unit_test(outside_of_sessions_they_are_the_kernels),
        cmocka_unit_test(a_number_below_a_bound_is_below_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
