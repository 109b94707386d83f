/*
 * judges.c: what a session judges by itself, each with a program that is wrong
 * in just that, and one that is not.
 */
#include "faultinject/inject/finding.h"
#include "faultinject/session/run.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static jmp_buf out;
static char said[256];
static bool stopped;

static _Bool leave(enum sf_monitor monitor, const char *line)
{
    (void)monitor;
    snprintf(said, sizeof said, "%s", line);
    longjmp(out, 1);
}

static void stop(void *arg)
{
    (void)arg;
    stopped = true;
}

/* What the first finding says; "": there is none. */
static const char *play(struct sf_program given, const char *lines)
{
    static struct sf_session session;
    static struct sf_program program;
    char text[512], why[160] = "";

    snprintf(text, sizeof text, "sockfault-session 1\nfamily tcp\n%s", lines);
    assert_int_equal(sf_session_parse(&session, text, why, sizeof why), 0);
    said[0] = '\0';
    stopped = false;
    program = given;
    program.stop = stop;
    sf_finding_hook = leave;
    if (setjmp(out) == 0)
        sf_session_run(&session, &program, NULL);
    sf_finding_hook = NULL;
    return said;
}

static void says(const char *words, struct sf_program p, const char *lines)
{
    const char *line = play(p, lines);

    if (!strstr(line, words))
        assert_string_equal(line, words);
}

static void is_quiet(struct sf_program p, const char *lines)
{
    assert_string_equal(play(p, lines), "");
}

/* ------------------------------------------------------------- an echo */

/* With how many bytes its answer to a whole piece is another: less, more; and
 * whether what is in it is.  After a piece that came in parts it is right. */
static struct {
    int more;
    bool other;
    bool always; /* also without a fault */
    bool keeps;  /* a connection's descriptor */
    size_t most; /* it gives back no more than so many in all; 0: all */
} wrong;

enum { PIECE = 8 };
static size_t given; /* in this session */

static void answer(int fd, char *bytes, ssize_t n)
{
    bool last = strchr("hp", bytes[n - 1]); /* … of the script's bytes */
    bool errs = wrong.always || (n < PIECE && (wrong.other || last));

    if (wrong.most && given + (size_t)n > wrong.most)
        n = (ssize_t)(wrong.most - given);
    given += (size_t)n;
    if (errs && wrong.other)
        bytes[0] ^= 1;
    if (errs && wrong.more < 0)
        n = n + wrong.more > 0 ? n + wrong.more : 0;
    send(fd, bytes, (size_t)n, MSG_NOSIGNAL);
    if (errs && wrong.more > 0)
        send(fd, bytes, (size_t)wrong.more, MSG_NOSIGNAL);
}

static int listener_of(void)
{
    socklen_t len;
    const struct sockaddr *addr = sf_session_addr(&len);
    int fd = socket(addr->sa_family, SOCK_STREAM, 0);

    bind(fd, addr, len);
    listen(fd, 4);
    return fd;
}

/* One after the other. */
static void echoes(void *arg, int unused)
{
    int listener = listener_of(), fd;
    char bytes[PIECE];
    ssize_t n;

    (void)arg, (void)unused;
    for (stopped = false, given = 0; !stopped;) {
        fd = accept(listener, NULL, NULL);
        while (fd >= 0 && (n = recv(fd, bytes, sizeof bytes, 0)) > 0)
            answer(fd, bytes, n);
        if (fd >= 0 && !wrong.keeps)
            close(fd);
    }
    close(listener);
}

/* ---------------------------------------------------------- invariance */

/* clang-format off */
#define TWO                                  \
    "bytes 1 \"abcdefgh\"\nfinish 1\n"       \
    "bytes 2 \"ijklmnop\"\nfinish 2\n"
/* clang-format on */
#define IN_FIRST  "fault 0 0 2\n"
#define IN_SECOND "fault 4 0 2\n"

/* The other way round, since most of a session is without the fault. */
static void faults_change_nothing(void **state)
{
    struct sf_program p = {.name = "echo",
                           .run = echoes,
                           .invariant = true,
                           .no_control = true,
                           .no_emfile = true};

    (void)state;
    memset(&wrong, 0, sizeof wrong);
    is_quiet(p, TWO IN_FIRST);
    is_quiet(p, TWO IN_SECOND);
    wrong.other = true;
    says("without the transient faults", p, TWO IN_FIRST);
    assert_non_null(strstr(said, "connection 1 (peer 1): byte 0 that came"));
    says("connection 2 (peer 2): byte 0 that came", p, TWO IN_SECOND);
    wrong.other = false;
    wrong.more = -1;
    says("connection 1 (peer 1): 7 bytes came back, and 8", p, TWO IN_FIRST);
    says("connection 2 (peer 2): 7 bytes came back, and 8", p, TWO IN_SECOND);
    wrong.more = 1;
    says("connection 1 (peer 1): 9 bytes came back, and 8", p, TWO IN_FIRST);
    wrong.always = true; /* and then with and without */
    wrong.more = -1;
    is_quiet(p, TWO);
}

/* ----------------------------------------------------- what comes back */

static void echoes_are_compared(void **state)
{
    struct sf_program p = {.name = "echo",
                           .run = echoes,
                           .received = sf_peer_echo,
                           .finished = sf_peer_echoed};

    (void)state;
    memset(&wrong, 0, sizeof wrong);
    is_quiet(p, "frame 1 8\n");
    wrong.always = true;
    wrong.other = true;
    says("other bytes than the ones sent", p, "frame 1 8\n");
    wrong.other = false;
    wrong.more = 1;
    says("came back, and only", p, "frame 1 8\n");
    wrong.more = 0;
    wrong.most = 15; /* … of what the control connection sends */
    says("15 bytes came back, and 16 were sent", p, "");
}

/* ------------------------------------------------------- ends and hooks */

static void waits_for_ever(void *arg, int fd)
{
    fd_set rd;
    int ends[2];

    (void)arg, (void)fd;
    if (pipe(ends) < 0)
        return;
    FD_ZERO(&rd);
    FD_SET(ends[0], &rd);
    while (select(ends[0] + 1, &rd, NULL, NULL, NULL) < 0)
        ;
}

static void naps_for_ever(void *arg, int unused)
{
    int listener = listener_of();
    struct timeval soon;

    (void)arg, (void)unused;
    (void)listener;
    for (;;) {
        soon = (struct timeval){.tv_sec = 10};
        select(0, NULL, NULL, NULL, &soon);
    }
}

static void works_for_long(void *arg, int fd)
{
    enum { ENOUGH = 60000 };
    int ends[2];
    char byte = 'x';

    (void)arg, (void)fd;
    if (pipe(ends) < 0)
        return;
    for (int i = 0; i < ENOUGH; i++)
        if (write(ends[1], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1)
            return;
}

/* One connection, and no more: it listens elsewhere, or nowhere. */
static struct {
    bool elsewhere;
    bool keeps; /* the connection */
} afterwards;

static void accepts_one(void *arg, int unused)
{
    int listener = listener_of(), fd = accept(listener, NULL, NULL);
    struct timeval soon;

    (void)arg, (void)unused;
    close(listener);
    listener = afterwards.elsewhere ? socket(AF_UNIX, SOCK_STREAM, 0) : -1;
    if (!afterwards.keeps)
        close(fd);
    for (stopped = false; !stopped;) {
        soon = (struct timeval){.tv_sec = 10};
        select(0, NULL, NULL, NULL, &soon);
    }
    if (afterwards.keeps)
        close(fd);
    if (listener >= 0)
        close(listener);
}

/* Until a time is over, in milliseconds rounded down, as libev and
 * libwebsockets do; or without any rest. */
static struct {
    int64_t ns;
    bool rests;
} due;

static int64_t left_until(int64_t end)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return end - (now.tv_sec * INT64_C(1000000000) + now.tv_nsec);
}

static void waits_until(void *arg, int fd)
{
    int64_t end = due.ns - left_until(0), left;

    (void)arg;
    while ((left = left_until(end)) > 0) {
        struct timeval soon = {.tv_usec =
                                   due.rests ? left / 1000000 * 1000 : 0};

        select(0, NULL, NULL, NULL, &soon);
    }
    close(fd);
}

static void closes_what_a_wait_has_told(void *arg, int fd)
{
    fd_set rd;

    (void)arg;
    FD_ZERO(&rd);
    FD_SET(fd, &rd);
    select(fd + 1, &rd, NULL, NULL, NULL);
    select(fd + 1, &rd, NULL, NULL, NULL);
    close(fd);
}

static void leaves_a_connection(void *arg, int fd)
{
    (void)arg;
    dup(fd);
    socket(AF_INET, SOCK_STREAM, 0);
    close(fd);
}

static void leaves_at_once(void *arg, int fd)
{
    (void)arg;
    if (fd >= 0)
        close(fd);
}

static void ends_are_judged(void **state)
{
    struct sf_program p = {.name = "ends", .no_control = true};

    (void)state;
    p.side = SF_GIVEN;
    p.run = waits_for_ever;
    says("told to stop and goes on waiting", p, "");
    p.run = works_for_long;
    says("more than 100000 calls in one session", p, "");
    p.run = closes_what_a_wait_has_told;
    says("as a call has told it", p, "kill 1\n");
    p.run = leaves_a_connection;
    says("left 2 descriptors open, 9 first; 9 was a connection", p, "");
    p.run = waits_until;
    due.ns = 7999999;
    due.rests = true;
    is_quiet(p, "");
    due.rests = false; /* a nap that keeps the processor busy */
    due.ns = 3000000000;
    says("calls in a row", p, "");
    p.side = SF_SERVE;
    p.run = naps_for_ever;
    says("told to stop and goes on waiting", p, "");
    p.run = leaves_at_once;
    says("returned, and nobody had told it to stop", p, "");
    p.run = echoes;
    memset(&wrong, 0, sizeof wrong);
    wrong.keeps = true;
    says("2 descriptors are open now that all peers are gone, 1 were before "
         "they came; 9 was a connection",
         p, "connect 1\n");
}

/* That one was closed does not make up for one that was not. */
static void what_stays_is_compared(void **state)
{
    struct sf_program p = {.name = "one",
                           .run = accepts_one,
                           .no_control = true,
                           .no_emfile = true};

    (void)state;
    for (int i = 0; i < 4; i++) {
        afterwards.elsewhere = i & 1;
        afterwards.keeps = i & 2;
        if (afterwards.keeps)
            says("open now that all peers are gone", p, "connect 1\n");
        else
            is_quiet(p, "connect 1\n");
    }
}

static struct {
    unsigned settled, finished, parting;
} asked;

static void settled(void *arg)
{
    (void)arg;
    asked.settled++;
}

static void finished(void *arg)
{
    (void)arg;
    asked.finished++;
}

static void quiet(void *arg, int64_t until)
{
    (void)arg, (void)until;
    for (unsigned i = 0; i < sf_session_conns(); i++)
        asked.parting += sf_session_conn(i)->finished;
}

static void hooks_are_asked(void **state)
{
    struct sf_program p = {.name = "asked",
                           .run = echoes,
                           .settled = settled,
                           .finished = finished,
                           .quiet = quiet};

    (void)state;
    memset(&wrong, 0, sizeof wrong);
    is_quiet(p, "frame 1 3\n");
    assert_int_equal(asked.settled, 1);
    assert_int_equal(asked.finished, 1);
    assert_true(asked.parting > 0);
    p.side = SF_GIVEN;
    p.run = leaves_at_once;
    is_quiet(p, "");
    assert_int_equal(asked.finished, 2);
}

/* ------------------------------------------------ what nobody can have done */

/* Bytes to and fro between two descriptors of its own, both open. */
static void talks_to_itself(void *arg, int fd)
{
    int ends[2];
    char byte = 'x';

    (void)arg;
    close(fd);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        return;
    for (int i = 0; i < 4; i++) {
        ssize_t put = send(ends[i % 2], &byte, 1, MSG_NOSIGNAL);
        ssize_t got = put == 1 ? recv(ends[1 - i % 2], &byte, 1, 0) : 1;

        if (got == 0 ||
            ((put < 0 || got < 0) && (errno == EPIPE || errno == ECONNRESET)))
            sf_finding(SF_MON_WRONG, "its own pair broke at %d", i);
    }
    close(ends[0]);
    close(ends[1]);
}

static void no_pair_of_its_own_breaks(void **state)
{
    struct sf_program p = {.name = "pair",
                           .side = SF_GIVEN,
                           .run = talks_to_itself,
                           .no_dead_fd = true};
    char line[40];

    (void)state;
    for (unsigned skip = 0; skip < 10; skip++)
        for (unsigned which = 0; which < 6; which++) {
            snprintf(line, sizeof line, "fault %u %u 0\n", skip, which);
            is_quiet(p, line);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_change_nothing),
        cmocka_unit_test(echoes_are_compared),
        cmocka_unit_test(ends_are_judged),
        cmocka_unit_test(what_stays_is_compared),
        cmocka_unit_test(hooks_are_asked),
        cmocka_unit_test(no_pair_of_its_own_breaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
