/*
 * One connection, step by step: every way out of every state, told to its
 * owner exactly once.
 */
#include "target/conn.h"
#include "target/serve.h"
#include "target/sockio.h"
#include "tests/target/faults.h"
#include "tests/target/unit.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static struct fm_loop loop;
static struct fm_server_options options;
static struct fm_server_stats stats;
static struct fm_conn_env env;
static struct fm_conn *conn;
static int peer;
static unsigned closed;

static void on_closed(void *owner, struct fm_conn *c)
{
    assert_ptr_equal(owner, &loop);
    assert_ptr_equal(c, conn);
    assert_int_equal(c->watch.fd, -1);
    closed++;
}

static int open_conn(void **state)
{
    struct fm_server_options given = {
        .high_water = 100, .low_water = 40, .linger_ms = 30, .idle_ms = 5000};
    int ends[2];

    (void)state;
    faults_none();
    memset(&stats, 0, sizeof stats);
    fm_format_parse(&given.format, "be8", NULL, 0);
    assert_int_equal(fm_options_complete(&options, &given), 0);
    fm_loop_init(&loop);
    env = (struct fm_conn_env){.loop = &loop,
                               .options = &options,
                               .stats = &stats,
                               .owner = &loop,
                               .on_closed = on_closed};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends),
                     0);
    assert_int_equal(fm_conn_open(&env, ends[0], &conn), 0);
    peer = ends[1];
    closed = 0;
    return 0;
}

static int free_conn(void **state)
{
    (void)state;
    faults_none();
    fm_conn_close(conn);
    fm_conn_close(conn);
    assert_int_equal(closed, 1);
    fm_conn_free(conn);
    fm_conn_env_fini(&env);
    if (peer >= 0)
        close(peer);
    assert_int_equal(faults_bad_closes(), 0);
    return 0;
}

static void put(const char *bytes, size_t n)
{
    assert_int_equal(write(peer, bytes, n), n);
}

static void get(const char *bytes, size_t n)
{
    char got[4096];

    assert_int_equal(read(peer, got, sizeof got), n);
    assert_memory_equal(got, bytes, n);
}

static void turn(void)
{
    assert_int_equal(fm_loop_turn(&loop), 0);
}

static void hang_up(void)
{
    close(peer);
    peer = -1;
}

static void clean_end(void **state)
{
    (void)state;
    put("\1a", 2);
    turn();
    get("\1a", 2);
    hang_up();
    turn();
    assert_int_equal(closed, 1);
    assert_int_equal(stats.ended, 1);
}

/* The rest of a frame comes in pieces that are shorter than it. */
static void in_pieces(void **state)
{
    (void)state;
    put("\5", 1);
    turn();
    for (int i = 0; i < 5; i++) {
        put(&"abcde"[i], 1);
        turn();
    }
    get("\5abcde", 6);
    assert_int_equal(closed, 0);
}

static void truncated(void **state)
{
    (void)state;
    put("\2a", 2);
    hang_up();
    turn();
    turn();
    assert_int_equal(closed, 1);
    assert_int_equal(stats.failed, 1);
}

/* A message up to the end of the stream has not ended when it is reset. */
static void reset_is_no_end(void **state)
{
    (void)state;
    fm_format_parse(&options.format, "close", NULL, 0);
    fm_decoder_init(&conn->in, &options.format);
    put("half", 4);
    turn();
    faults_next(RECV, 1, -ECONNRESET);
    put("more", 4);
    turn();
    assert_int_equal(closed, 1);
    assert_int_equal(stats.frames, 0);
    assert_int_equal(stats.failed, 1);
}

/* Nothing of what comes while lingering counts as a failure. */
static void lost_while_lingering(void **state)
{
    (void)state;
    put("\1a", 2);
    turn();
    fm_conn_stop(conn);
    assert_int_equal(conn->state, FM_LINGERING);
    put("more", 4);
    turn();
    faults_next(RECV, 1, -ECONNRESET);
    put("more", 4);
    turn();
    assert_int_equal(closed, 1);
    assert_int_equal(stats.failed, 0);
    assert_int_equal(stats.ended, 1);
}

static void lingering_ends(void **state)
{
    int64_t start = loop.now_ms; /* deadlines count from the loop's own time */

    (void)state;
    fm_conn_stop(conn);
    while (!closed)
        turn();
    assert_in_range(loop.now_ms - start, 30, 3000);
    assert_int_equal(stats.timed_out, 0);
}

/* Stopped in the middle of much output: the rest still goes out. */
static void stop_while_sending(void **state)
{
    static char frames[40 * 5];

    (void)state;
    for (int i = 0; i < 40; i++)
        frames[5 * i] = 4;
    faults_always(SEND, -EAGAIN);
    put(frames, sizeof frames);
    turn();
    assert_true(conn->paused);
    fm_conn_stop(conn);
    assert_int_equal(conn->state, FM_SERVING);
    faults_none();
    while (conn->state != FM_LINGERING)
        turn();
    get(frames, sizeof frames);
    assert_int_equal(read(peer, &(char){0}, 1), 0);
    assert_int_equal(stats.frames, 40);
}

/* … or the peer will not have it. */
static void stop_while_stuck(void **state)
{
    (void)state;
    faults_always(SEND, -EAGAIN);
    put("\1a", 2);
    turn();
    fm_conn_stop(conn);
    while (!closed)
        turn();
    assert_int_equal(stats.timed_out, 1);
}

static void pause_and_resume(void **state)
{
    static char frame[51] = {50};

    (void)state;
    faults_always(SEND, -EAGAIN);
    for (int i = 0; i < 4; i++)
        put(frame, sizeof frame);
    turn();
    assert_true(conn->paused);
    assert_int_equal(stats.frames, 2);
    assert_int_equal(conn->watch.want, FM_WRITABLE);
    for (int i = 0; i < 5; i++)
        turn();
    assert_int_equal(stats.frames, 2);
    /* Above low water it goes on sending, and only that. */
    faults_always(SEND, 1);
    for (int i = 0; i < 61; i++)
        turn();
    assert_int_equal(fm_buf_len(&conn->out), 41);
    assert_true(conn->paused);
    turn();
    /* Then the frames that are here are next, and are too much again. */
    assert_int_equal(stats.frames, 4);
    assert_true(conn->paused);
    faults_none();
    while (conn->paused)
        turn();
    assert_int_equal(conn->watch.want, FM_READABLE);
}

/* Fewer bytes, not more than one frame above high water. */
static void output_is_bounded(void **state)
{
    static char frame[256] = {(char)255};

    (void)state;
    faults_always(SEND, -EAGAIN);
    for (int i = 0; i < 20; i++)
        put(frame, sizeof frame);
    for (int i = 0; i < 5; i++)
        turn();
    assert_int_equal(fm_buf_len(&conn->out), 256);
}

static void send_errors(void **state)
{
    static const int foreign[] = {EBADF, ENOTSOCK};
    int i = *(int *)*state;
    int fd = conn->watch.fd;

    faults_next(SEND, 1, -foreign[i]);
    put("\1a", 2);
    turn();
    assert_int_equal(closed, 1);
    assert_int_equal(stats.dead, 1);
    assert_int_equal(close(fd), 0); /* the test's by now, and still open */
}

static void receive_errors(void **state)
{
    static const int foreign[] = {EBADF, ENOTSOCK};
    int i = *(int *)*state;
    int fd = conn->watch.fd;

    faults_next(RECV, 1, -foreign[i]);
    put("\1a", 2);
    turn();
    assert_int_equal(closed, 1);
    assert_int_equal(stats.dead, 1);
    assert_int_equal(close(fd), 0);
}

static void found_dead(void **state)
{
    (void)state;
    close(conn->watch.fd);
    turn();
    assert_int_equal(closed, 1);
    assert_int_equal(stats.dead, 1);
}

/* EPIPE first; then there is one more frame, then the end. */
static void broken_pipe(void **state)
{
    (void)state;
    faults_next(SEND, 1, -EPIPE);
    put("\1a", 2);
    turn();
    assert_int_equal(closed, 0);
    put("\1b", 2);
    turn();
    assert_int_equal(stats.frames, 2);
    assert_int_equal(faults_count(SEND), 1);
    put("\2", 1);
    fm_conn_stop(conn);
    assert_int_equal(conn->state, FM_LINGERING);
    hang_up();
    while (!closed)
        turn();
}

static void idle(void **state)
{
    (void)state;
    put("\1", 1);
    options.idle_ms = 20;
    turn();
    while (!closed)
        turn();
    assert_int_equal(stats.timed_out, 1);
}

/* A slow reader is not idle. */
static void sending_is_activity(void **state)
{
    int64_t idle_by_ms;

    (void)state;
    faults_next(SEND, 1, -EAGAIN);
    put("\1a", 2);
    turn();
    idle_by_ms = conn->idle_by_ms;
    poll(NULL, 0, 5);
    turn();
    get("\1a", 2);
    assert_true(conn->idle_by_ms > idle_by_ms);
}

static const enum fault_call directions[] = {RECV, SEND};

/* The kernel has no memory for it, from now on: a frame comes. */
static void run_short(enum fault_call call)
{
    faults_always(call, -ENOBUFS);
    put("\1a", 2);
    turn();
}

/* What is ready and cannot be had is not watched, for a moment. */
static void rest(void **state)
{
    int64_t over;

    run_short(directions[*(int *)*state]);
    over = conn->rest_until_ms;
    assert_int_equal(over, loop.now_ms + FM_BUSY_PAUSE_MS);
    assert_int_equal(conn->watch.deadline_ms, over);
    assert_int_equal(conn->watch.want, 0);
    faults_none();
    turn();
    assert_true(loop.now_ms >= over);
    assert_int_not_equal(conn->watch.want, 0);
    turn();
    get("\1a", 2);
    assert_int_equal(conn->watch.want, FM_READABLE);
    assert_int_equal(conn->watch.deadline_ms, conn->idle_by_ms);
}

/* … and then another, for as long as it takes. */
static void short_for_long(void **state)
{
    enum fault_call call = directions[*(int *)*state];
    int64_t until = fm_deadline_in(10 * FM_BUSY_PAUSE_MS);
    int turns = 0;

    for (run_short(call); fm_now_ms() < until; turns++)
        turn();
    assert_in_range(faults_count(call), 2, 11);
    assert_in_range(turns, 2, 22);
    assert_int_equal(closed, 0);
    faults_none();
    while (conn->watch.want != FM_READABLE || fm_buf_len(&conn->out) > 0)
        turn();
    turn();
    get("\1a", 2);
}

/* Time does not stand still meanwhile: it is idle. */
static void idle_while_short(void **state)
{
    enum fault_call call = directions[*(int *)*state];
    int64_t idle_by_ms;

    options.idle_ms = 5 * FM_BUSY_PAUSE_MS / 2;
    put("\1b", 2); /* from here on */
    turn();
    run_short(call);
    idle_by_ms = conn->idle_by_ms;
    while (!closed) {
        assert_int_equal(conn->idle_by_ms, idle_by_ms);
        assert_true(conn->watch.deadline_ms <= idle_by_ms);
        turn();
    }
    assert_true(loop.now_ms >= idle_by_ms);
    assert_int_equal(stats.timed_out, 1);
    assert_in_range(faults_count(call), 1, 5);
}

/* Nor has a frame more time. */
static void half_a_frame_while_short(void **state)
{
    (void)state;
    options.frame_ms = FM_BUSY_PAUSE_MS / 2;
    put("\2", 1);
    turn();
    run_short(RECV);
    assert_int_equal(conn->watch.deadline_ms, conn->frame_by_ms);
    while (!closed)
        turn();
    assert_int_equal(stats.timed_out, 1);
}

/* Told to stop in such a moment: what is here is answered when it is over. */
static void stop_while_short(void **state)
{
    enum fault_call call = directions[*(int *)*state];

    run_short(call);
    fm_conn_stop(conn);
    assert_int_equal(conn->watch.want, 0);
    faults_none();
    while (conn->state != FM_LINGERING || conn->watch.want == 0)
        turn();
    if (call == SEND)
        get("\1a", 2);
    hang_up();
    while (!closed)
        turn();
    assert_int_equal(stats.ended, 1);
}

/* … or it is never over. */
static void stop_while_short_for_ever(void **state)
{
    enum fault_call call = directions[*(int *)*state];

    run_short(call);
    fm_conn_stop(conn);
    while (!closed) {
        assert_true(conn->watch.deadline_ms <= conn->close_by_ms);
        turn();
    }
    assert_true(loop.now_ms >= conn->close_by_ms);
    assert_in_range(faults_count(call), 1, 4);
}

/* At most so much in one turn, even if more is there. */
static void turn_is_bounded(void **state)
{
    static char much[65536];
    int size = 1 << 20;
    size_t in = 0;

    (void)state;
    options.handler = fm_echo;
    setsockopt(peer, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    faults_always(SEND, 0);
    for (ssize_t n; (n = write(peer, much, sizeof much)) > 0;)
        in += (size_t)n;
    options.high_water = SIZE_MAX / 4;
    turn();
    assert_true(faults_count(RECV) <= 4);
    assert_true(stats.frames > 0);
    assert_true(stats.frames <= in);
}

static void refused_by_the_loop(void **state)
{
    struct fm_conn *other;

    (void)state;
    assert_int_equal(fm_conn_open(&env, FD_SETSIZE, &other), FM_E_FD_RANGE);
    assert_null(other);
    faults_next(MALLOC, 1, -ENOMEM);
    assert_int_equal(fm_conn_open(&env, 99, &other), FM_E_NOMEM);
    assert_null(other);
}

/* Nothing to lend: connections work in memory of their own. */
static void without_spare(void **state)
{
    (void)state;
    faults_next(MALLOC, 1, -ENOMEM);
    fm_conn_env_init(&env);
    assert_int_equal(fm_buf_len(&env.spare_in), 0);
    assert_false(fm_buf_has_room(&env.spare_in, 1));
    put("\1a", 2);
    turn();
    get("\1a", 2);
}

static int choice[] = {0, 1};

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_conn, free_conn)
#define TEST_OF(name, i)                              \
    {                                                 \
#name, name, open_conn, free_conn, &choice[i] \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(clean_end),
        TEST(in_pieces),
        TEST(truncated),
        TEST(reset_is_no_end),
        TEST(lost_while_lingering),
        TEST(lingering_ends),
        TEST(stop_while_sending),
        TEST(stop_while_stuck),
        TEST(pause_and_resume),
        TEST(output_is_bounded),
        TEST_OF(send_errors, 0),
        TEST_OF(send_errors, 1),
        TEST_OF(receive_errors, 0),
        TEST_OF(receive_errors, 1),
        TEST(found_dead),
        TEST(broken_pipe),
        TEST(idle),
        TEST(sending_is_activity),
        TEST_OF(rest, 0),
        TEST_OF(rest, 1),
        TEST_OF(short_for_long, 0),
        TEST_OF(short_for_long, 1),
        TEST_OF(idle_while_short, 0),
        TEST_OF(idle_while_short, 1),
        TEST(half_a_frame_while_short),
        TEST_OF(stop_while_short, 0),
        TEST_OF(stop_while_short, 1),
        TEST_OF(stop_while_short_for_ever, 0),
        TEST_OF(stop_while_short_for_ever, 1),
        TEST(turn_is_bounded),
        TEST(refused_by_the_loop),
        TEST(without_spare),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
