/*
 * The three servers at their limits: stopped in the midst of things, without
 * descriptors, memory, threads or processes, told nonsense.
 */
#include "target/loops.h"
#include "target/serve.h"
#include "target/sock.h"
#include "tests/target/faults.h"
#include "tests/target/rig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int swallow(void *context, const struct fm_format *f,
                   const struct fm_frame *request, struct fm_buf *out)
{
    (void)context;
    (void)f;
    (void)request;
    (void)out;
    return 0;
}

/* Told to stop with clients connected: those that are idle, one inside a
 * frame, one that does not read. */
static void stop_on(struct rig *r)
{
    static char much[400000];
    int64_t start;
    int clients[4];

    rig_start(r);
    for (int i = 0; i < 4; i++) {
        clients[i] = rig_connect(r);
        talk(clients[i], "\0\1x", 3);
    }
    say(clients[1], "\0", 1);
    say(clients[2], much, sizeof much);
    poll(NULL, 0, 100);
    start = fm_now_ms();
    r->stop = 1;
    assert_int_equal(write(r->wake[1], "", 1), 1);
    for (int i = 0; i < 4; i += i == 1 ? 2 : 1)
        hear_end(clients[i]);
    assert_int_equal(rig_join(r), 0);
    assert_true(fm_now_ms() - start < 5000);
    for (int i = 0; i < 4; i++)
        hang_up(clients[i]);
    assert_int_equal(open_descriptors(), r->open_before);
}

static void stop(void **state)
{
    (void)state;
    rig_each("be16", stop_on);
}

static void few_on(struct rig *r)
{
    int first, second;

    r->options.max_conns = 1;
    rig_start(r);
    first = rig_connect(r);
    talk(first, "\1a", 2);
    second = rig_connect(r);
    say(second, "\1b", 2);
    poll(NULL, 0, 50);
    assert_int_equal(r->stats.accepted, 1);
    talk(first, "\1a", 2);
    hang_up(first);
    hear(second, "\1b", 2);
    hang_up(second);
    assert_int_equal(rig_stop(r), 0);
    assert_int_equal(r->stats.accepted, 2);
}

/* The last word of a connection is not lost where memory is short: the place
 * that it had is another's. */
static void short_at_the_end_on(struct rig *r)
{
    int first, second;

    r->options.max_conns = 1;
    rig_start(r);
    first = rig_connect(r);
    talk(first, "\1a", 2);
    second = rig_connect(r);
    say(second, "\1b", 2);
    poll(NULL, 0, 50);
    faults_next(SEND, 2, -ENOBUFS, -ENOMEM);
    hang_up(first);
    hear(second, "\1b", 2);
    hang_up(second);
    assert_int_equal(rig_stop(r), 0);
}

static void short_at_the_end(void **state)
{
    (void)state;
    rig_each("be8", short_at_the_end_on);
}

/* A worker that cannot say that it is over says so no more after a while, and
 * is joined with the next thing that happens. */
static void short_for_good(void **state)
{
    enum { TRIES = 100 };
    struct rig r;
    int first, second;

    (void)state;
    rig_init(&r, "be8");
    r.server = fm_thread_server;
    rig_start(&r);
    first = rig_connect(&r);
    talk(first, "\1a", 2);
    faults_none(); /* counts from here */
    faults_always(SEND, -ENOBUFS);
    hang_up(first);
    EVENTUALLY(faults_count(SEND) == TRIES);
    poll(NULL, 0, 50); /* it would try again after 10 */
    assert_int_equal(faults_count(SEND), TRIES);
    faults_none();
    second = rig_connect(&r);
    talk(second, "\1b", 2);
    EVENTUALLY(r.stats.ended == 1);
    hang_up(second);
    assert_int_equal(rig_stop(&r), 0);
    assert_int_equal(r.stats.ended, 2);
}

static void few_connections(void **state)
{
    (void)state;
    rig_each("be8", few_on);
}

/* No descriptor for a connection: one pause after the other, no spinning,
 * and the client is served when there is one again. */
static void exhausted_on(struct rig *r)
{
    int control, client;

    r->options.rearm_ms = 40;
    rig_start(r);
    control = rig_connect(r);
    talk(control, "\1a", 2);
    faults_always(ACCEPT, -EMFILE);
    client = rig_connect(r);
    say(client, "\1b", 2);
    poll(NULL, 0, 400);
    talk(control, "\1a", 2);
    assert_in_range(r->stats.exhausted, 3, 12);
    assert_in_range(faults_count(ACCEPT), 4, 14);
    faults_none();
    hear(client, "\1b", 2);
    hang_up(client);
    hang_up(control);
    assert_int_equal(rig_stop(r), 0);
}

static void exhausted(void **state)
{
    (void)state;
    rig_each("be8", exhausted_on);
}

/* accept fails for reasons of one connection, and goes on. */
static void aborted_on(struct rig *r)
{
    static const int reasons[] = {ECONNABORTED, EPROTO,    EINTR,
                                  ENOBUFS,      EPERM,     ENETDOWN,
                                  EAGAIN,       ETIMEDOUT, EHOSTDOWN};
    int client;

    rig_start(r);
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        faults_next(ACCEPT, 2, -reasons[i], -reasons[i]);
        client = rig_connect(r);
        talk(client, "\1a", 2);
        hang_up(client);
    }
    assert_int_equal(rig_stop(r), 0);
}

static void aborted(void **state)
{
    (void)state;
    rig_each("be8", aborted_on);
}

static void more_than_select_on(struct rig *r)
{
    enum { N = 1100 };
    static int filler[N];
    int client, low = 0;

    for (int i = 0; i < N; i++) {
        filler[i] = dup(0);
        if (filler[i] < 0)
            skip();
    }
    /* Room for the listener and the pipes, and for nothing else. */
    while (low < (r->server == fm_thread_server ? 5 : 3))
        close(filler[low++]);
    rig_start(r);
    EVENTUALLY(r->stats.turns > 0);
    client = rig_connect(r);
    if (r->server == fm_thread_server) {
        talk(client, "\1a", 2);
    } else {
        hear_end(client);
        EVENTUALLY(r->stats.refused == 1);
    }
    hang_up(client);
    assert_int_equal(rig_stop(r), 0);
    while (low < N)
        close(filler[low++]);
}

/* Nothing there to serve a connection with: it is refused, others go on. */
static void no_means_on(struct rig *r)
{
    static const enum fault_call means[] = {MALLOC, PAIR, FORK, PTHREAD};
    unsigned refused = 0;
    int control, client;

    rig_start(r);
    control = rig_connect(r);
    talk(control, "\1a", 2);
    for (size_t i = 0; i < sizeof means / sizeof *means; i++) {
        faults_none();
        faults_next(means[i], 1, -ENOMEM);
        client = rig_connect(r);
        EVENTUALLY(r->stats.accepted + r->stats.refused == 2 + i);
        if (r->stats.refused > refused)
            hear_end(client);
        refused = (unsigned)r->stats.refused;
        hang_up(client);
        talk(control, "\1a", 2);
    }
    hang_up(control);
    faults_none();
    assert_int_equal(rig_stop(r), 0);
    assert_int_equal(refused, r->server == fm_select_server ? 1
                              : r->server == fm_fork_server ? 3
                                                            : 2);
}

static void no_means(void **state)
{
    (void)state;
    rig_each("be8", no_means_on);
}

/* Told to stop while a peer takes nothing: that ends, too. */
static void stop_stuck_on(struct rig *r)
{
    static char much[1 << 20];
    int64_t start;
    int client;

    r->options.linger_ms = 100;
    rig_start(r);
    client = rig_connect(r);
    push(client, much, sizeof much);
    start = fm_now_ms();
    r->stop = 1;
    assert_int_equal(write(r->wake[1], "", 1), 1);
    assert_int_equal(rig_join(r), 0);
    assert_true(fm_now_ms() - start < 5000);
    hang_up(client);
    assert_int_equal(open_descriptors(), r->open_before);
}

static void stop_stuck(void **state)
{
    (void)state;
    rig_each("be16", stop_stuck_on);
}

/* … or never stops sending. */
static void stop_flooded_on(struct rig *r)
{
    static char much[1 << 16];
    int64_t start;
    int client, status;
    pid_t child;

    r->options.linger_ms = 100;
    r->options.handler = swallow;
    rig_start(r);
    client = rig_connect(r);
    child = fork();
    if (child == 0) {
        while (send(client, much, sizeof much, MSG_NOSIGNAL) > 0)
            ;
        _exit(0);
    }
    poll(NULL, 0, 50);
    start = fm_now_ms();
    r->stop = 1;
    assert_int_equal(write(r->wake[1], "", 1), 1);
    assert_int_equal(rig_join(r), 0);
    assert_true(fm_now_ms() - start < 5000);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    hang_up(client);
}

static void stop_flooded(void **state)
{
    (void)state;
    rig_each("be16", stop_flooded_on);
}

/* A client that sends on and on, and reads when the server is told to stop: it
 * gets whole answers and then the end, not a reset that overtakes them. */
static void stop_before_answers_are_read_on(struct rig *r)
{
    enum { FRAME = 1000 };
    static char frames[FRAME << 10], got[sizeof frames];
    size_t have = 0;
    ssize_t n;
    int client, status;
    pid_t child;

    for (size_t i = 0; i < sizeof frames; i += FRAME)
        memcpy(frames + i, "\3\346", 2);
    rig_start(r);
    client = rig_connect(r);
    child = fork();
    if (child == 0) {
        while (send(client, frames, sizeof frames, MSG_NOSIGNAL) > 0)
            ;
        _exit(0);
    }
    poll(NULL, 0, 100);
    r->stop = 1;
    assert_int_equal(write(r->wake[1], "", 1), 1);
    poll(NULL, 0, 100);
    while ((n = recv(client, got, sizeof got, 0)) > 0)
        have += (size_t)n;
    assert_int_equal(n, 0);
    assert_true(have > 0);
    assert_int_equal(have % FRAME, 0);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    hang_up(client);
    assert_int_equal(rig_join(r), 0);
}

static void stop_before_answers_are_read(void **state)
{
    (void)state;
    rig_each("be16", stop_before_answers_are_read_on);
}

static int dawdle(void *context, const struct fm_format *f,
                  const struct fm_frame *request, struct fm_buf *out)
{
    poll(NULL, 0, 60);
    return swallow(context, f, request, out);
}

/* Told to stop with the end of the stream here already, within a frame: that is
 * no good end. */
static void stop_within_a_frame(void **state)
{
    struct fm_server_options given = {.linger_ms = 50}, o;
    struct fm_server_stats stats = {0};
    int fds[2], told[2];

    (void)state;
    assert_int_equal(fm_format_parse(&given.format, "be8", NULL, 0), 0);
    assert_int_equal(fm_options_complete(&o, &given), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(pipe(told), 0);
    close(told[1]);
    say(fds[1], "\3ab", 3);
    close(fds[1]);
    assert_true(fm_serve_blocking(fds[0], &o, told[0], NULL, &stats));
    assert_int_equal(stats.failed, 1);
    assert_int_equal(stats.ended, 0);
    close(told[0]);
    close(fds[0]);
}

/* Told to stop with many frames here already: those of the time that is left
 * are answered. */
static void stop_by_the_clock(void **state)
{
    struct fm_server_options given = {.linger_ms = 50, .handler = dawdle}, o;
    struct fm_server_stats stats = {0};
    char why[100];
    int fds[2], told[2];

    (void)state;
    assert_int_equal(fm_format_parse(&given.format, "be8", why, sizeof why), 0);
    assert_int_equal(fm_options_complete(&o, &given), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(pipe(told), 0);
    close(told[1]);
    say(fds[1], "\1a\1b\1c", 6);
    assert_true(fm_serve_blocking(fds[0], &o, told[0], NULL, &stats));
    assert_int_equal(stats.frames, 1);
    assert_int_equal(stats.ended, 1);
    close(told[0]);
    close(fds[0]);
    close(fds[1]);
}

/* What the kernel buffers of the replies is bounded, and nothing is lost. */
static void little_water_on(struct rig *r)
{
    static char frames[3000][11];
    int client;

    for (int i = 0; i < 3000; i++)
        memcpy(frames[i], "\12abcdefghij", 11);
    r->options.high_water = 100;
    rig_start(r);
    client = rig_connect(r);
    talk(client, frames, sizeof frames);
    hang_up(client);
    assert_int_equal(rig_stop(r), 0);
}

static void little_water(void **state)
{
    (void)state;
    rig_each("be8", little_water_on);
}

/* The loop fails for good: all is given up, and closed. */
static void loop_fails_on(struct rig *r)
{
    int client;

    r->options.idle_ms = 100;
    rig_start(r);
    client = rig_connect(r);
    talk(client, "\1a", 2);
    faults_always(SELECT, -ENOMEM);
    assert_int_equal(write(r->wake[1], "", 1), 1);
    assert_int_equal(rig_join(r), FM_E_BUSY);
    hang_up(client);
    assert_int_equal(open_descriptors(), r->open_before);
}

static void loop_fails(void **state)
{
    (void)state;
    rig_each("be8", loop_fails_on);
}

/* A thread server needs one pipe to begin with. */
static void no_pipe(void **state)
{
    volatile sig_atomic_t stop = 0;
    struct rig r;
    int listener;

    (void)state;
    rig_init(&r, "be8");
    listener = fm_listen("127.0.0.1", 0, 0);
    faults_next(PAIR, 1, -EMFILE);
    assert_int_equal(fm_thread_server(listener, &r.options, &stop),
                     FM_E_NO_FILES);
    assert_int_equal(fcntl(listener, F_GETFD), -1);
}

/* More wait than are taken in one turn. */
static void many_at_once_on(struct rig *r)
{
    int clients[40];

    rig_start(r);
    faults_always(ACCEPT, -EAGAIN);
    for (int i = 0; i < 40; i++)
        clients[i] = rig_connect(r);
    faults_none();
    for (int i = 0; i < 40; i++)
        talk(clients[i], "\1a", 2);
    for (int i = 0; i < 40; i++)
        hang_up(clients[i]);
    assert_int_equal(rig_stop(r), 0);
    assert_int_equal(r->stats.ended, 40);
}

static void many_at_once(void **state)
{
    (void)state;
    rig_each("be8", many_at_once_on);
}

/* Signals among what the main thread and its workers do. */
static void interrupted_on(struct rig *r)
{
    int client;

    rig_start(r);
    client = rig_connect(r);
    talk(client, "\1a", 2);
    if (r->server == fm_thread_server) {
        faults_next(SEND, 1, -EINTR);
        faults_next(RECV, 3, 0, 0, -EINTR);
    }
    faults_next(WAITPID, 2, -EINTR, -EINTR);
    hang_up(client);
    EVENTUALLY(r->stats.ended == 1);
    faults_none();
    assert_int_equal(rig_stop(r), 0);
}

static void interrupted(void **state)
{
    (void)state;
    rig_each("be8", interrupted_on);
}

static int fall_asleep(void *context, const struct fm_format *f,
                       const struct fm_frame *request, struct fm_buf *out)
{
    (void)context;
    (void)f;
    (void)request;
    (void)out;
    return raise(SIGSTOP);
}

/* A child that does nothing any more is ended when its time is up. */
static void fork_server_with_a_child_that_sleeps(void **state)
{
    struct rig r;
    int client;

    (void)state;
    rig_init(&r, "be8");
    r.server = fm_fork_server;
    r.options.handler = fall_asleep;
    r.options.linger_ms = 50;
    rig_start(&r);
    client = rig_connect(&r);
    say(client, "\1a", 2);
    EVENTUALLY(r.stats.accepted == 1);
    hang_up(client);
    assert_int_equal(rig_stop(&r), 0);
    assert_int_equal(r.stats.failed, 1);
}

/* The pipe of a thread server must be below FD_SETSIZE, too. */
static void thread_server_too_high(void **state)
{
    volatile sig_atomic_t stop = 0;
    static int filler[1100];
    struct rig r;
    int listener;

    (void)state;
    rig_init(&r, "be8");
    listener = fm_listen("127.0.0.1", 0, 0);
    for (int i = 0; i < 1100; i++)
        filler[i] = dup(0);
    if (filler[1099] >= 0)
        assert_int_equal(fm_thread_server(listener, &r.options, &stop),
                         FM_E_FD_RANGE);
    for (int i = 0; i < 1100; i++)
        close(filler[i]);
}

static void options_without_sense(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        for (int wrong = 0; wrong < 6; wrong++) {
            volatile sig_atomic_t stop = 0;
            struct rig r;
            int listener, want = FM_E_USAGE;

            rig_init(&r, "be8");
            listener = fm_listen("127.0.0.1", 0, 0);
            if (wrong == 0)
                r.options.low_water = 1 << 20;
            else if (wrong == 1)
                r.options.high_water = SIZE_MAX;
            else if (wrong == 2)
                r.options.linger_ms = -1;
            else if (wrong == 3)
                r.options.rearm_ms = -1;
            else if (wrong == 4)
                r.options.wake = -1;
            else {
                r.options.wake = FD_SETSIZE;
                want = FM_E_FD_RANGE;
            }
            assert_int_equal(rig_models[i](listener, &r.options, &stop), want);
            assert_int_equal(fcntl(listener, F_GETFD), -1);
            assert_int_equal(rig_models[i](listener, &r.options, &stop),
                             wrong == 5 ? FM_E_BADFD : want);
        }
}

static void more_than_select(void **state)
{
    (void)state;
    rig_each("be8", more_than_select_on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stop),
        cmocka_unit_test(few_connections),
        cmocka_unit_test(short_at_the_end),
        cmocka_unit_test(short_for_good),
        cmocka_unit_test(exhausted),
        cmocka_unit_test(aborted),
        cmocka_unit_test(no_means),
        cmocka_unit_test(stop_stuck),
        cmocka_unit_test(stop_flooded),
        cmocka_unit_test(stop_before_answers_are_read),
        cmocka_unit_test(stop_within_a_frame),
        cmocka_unit_test(stop_by_the_clock),
        cmocka_unit_test(little_water),
        cmocka_unit_test(loop_fails),
        cmocka_unit_test(no_pipe),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(interrupted),
        cmocka_unit_test(fork_server_with_a_child_that_sleeps),
        cmocka_unit_test(thread_server_too_high),
        cmocka_unit_test(options_without_sense),
        cmocka_unit_test(more_than_select),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
