/*
 * What all three servers have in common, each over a real connection.  A
 * control connection is open beside every disturbance and must not notice.
 */
#include "target/loops.h"
#include "target/sock.h"
#include "tests/target/faults.h"
#include "tests/target/rig.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

static void echo_on(struct rig *r)
{
    int client;

    rig_start(r);
    client = rig_connect(r);
    talk(client, "\3abc", 4);
    talk(client, "\0", 1);
    talk(client, "\1x\2\0y\0", 6);
    for (int i = 0; i < 4; i++)
        say(client, &"\3xyz"[i], 1);
    hear(client, "\3xyz", 4);
    hang_up(client);
    EVENTUALLY(r->server == fm_fork_server || r->stats.frames == 6 ||
               r->stats.ended == 1);
    assert_int_equal(rig_stop(r), 0);
    assert_int_equal(r->stats.accepted, 1);
    assert_int_equal(r->stats.ended, 1);
    if (r->server != fm_fork_server)
        assert_int_equal(r->stats.frames, 6);
}

static void echo(void **state)
{
    (void)state;
    rig_each("be8", echo_on);
}

static void everywhere_on(struct rig *r)
{
    int client;

    rig_start(r);
    client = rig_connect(r);
    talk(client, "00005hello", 10);
    hang_up(client);
    assert_int_equal(rig_stop(r), 0);
}

static void ipv6_on(struct rig *r)
{
    r->host = "::1";
    everywhere_on(r);
}

static void unix_on(struct rig *r)
{
    static char host[64];

    snprintf(host, sizeof host, "unix:/tmp/framed-test-%d", (int)getpid());
    r->host = host;
    everywhere_on(r);
    assert_int_equal(unlink(host + 5), 0);
}

static void families(void **state)
{
    (void)state;
    rig_each("ascii:5", everywhere_on);
    rig_each("ascii:5", ipv6_on);
    rig_each("ascii:5", unix_on);
}

/* All requests, half-close, all replies, end. */
static void half_close_on(struct rig *r)
{
    int client;

    rig_start(r);
    client = rig_connect(r);
    say(client, "a\nbc\n\n", 6);
    assert_int_equal(fm_half_close(client), 0);
    hear(client, "a\nbc\n\n", 6);
    hear_end(client);
    hang_up(client);
    assert_int_equal(rig_stop(r), 0);
    assert_int_equal(r->stats.ended, 1);
    assert_int_equal(r->stats.failed, 0);
}

static void half_close(void **state)
{
    (void)state;
    rig_each("delim:\\n", half_close_on);
}

static void until_closed_on(struct rig *r)
{
    int client;

    rig_start(r);
    for (int n = 0; n <= 3; n += 3) {
        client = rig_connect(r);
        say(client, "abc", (size_t)n);
        assert_int_equal(fm_half_close(client), 0);
        if (n > 0)
            hear(client, "abc", (size_t)n);
        hear_end(client);
        hang_up(client);
    }
    assert_int_equal(rig_stop(r), 0);
    assert_int_equal(r->stats.ended, 2);
    if (r->server != fm_fork_server) /* whose frames are not counted */
        assert_int_equal(r->stats.frames, 2);
}

static void until_closed(void **state)
{
    (void)state;
    rig_each("close", until_closed_on);
}

/* The frames before the broken one are answered, then the connection ends;
 * what the peer goes on to say does not keep it from reading that. */
static void bad_frame_on(struct rig *r)
{
    static const char *const bad[] = {"01a0x", "01a99", "01a05abc"};
    int control, client;

    rig_start(r);
    control = rig_connect(r);
    talk(control, "02ok", 4);
    for (int i = 0; i < 3; i++) {
        client = rig_connect(r);
        say(client, bad[i], strlen(bad[i]));
        if (i == 2)
            assert_int_equal(fm_half_close(client), 0);
        else
            say(client, "more and more", 13);
        hear(client, "01a", 3);
        hear_end(client);
        talk(control, "02ok", 4);
        hang_up(client);
    }
    hang_up(control);
    assert_int_equal(rig_stop(r), 0);
    assert_int_equal(r->stats.failed, 3);
    assert_int_equal(r->stats.ended, 1);
}

static void bad_frames(void **state)
{
    (void)state;
    rig_each("ascii:2,max=50", bad_frame_on);
}

static void reset(int fd)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard),
                     0);
    close(fd);
}

static void vanishing_on(struct rig *r)
{
    static char big[50000];
    int control, client;

    rig_start(r);
    control = rig_connect(r);
    talk(control, "\0\2ok", 4);
    for (int i = 0; i < 20; i++) {
        client = rig_connect(r);
        big[0] = (char)0xc0; /* never complete, then complete ones */
        if (i % 2)
            big[0] = 0;
        say(client, big, sizeof big);
        /* The child of a fork server here has a copy, so no reset. */
        if (i % 4 < 2 && r->server != fm_fork_server)
            reset(client);
        else
            hang_up(client);
        talk(control, "\0\2ok", 4);
    }
    EVENTUALLY(r->stats.ended + r->stats.failed >= 20);
    talk(control, "\0\2ok", 4);
    hang_up(control);
    assert_int_equal(rig_stop(r), 0);
}

static void vanishing_peers(void **state)
{
    (void)state;
    rig_each("be16", vanishing_on);
}

/* Writes much and reads nothing, then reads all: every byte is there. */
static void slow_reader_on(struct rig *r)
{
    enum { FRAMES = 3000, SIZE = 1002 };
    static char all[FRAMES * SIZE];
    int control, client, status;
    pid_t writer;

    for (int i = 0; i < FRAMES * SIZE; i++)
        all[i] = i % SIZE == 0   ? 3
                 : i % SIZE == 1 ? (char)0xe8
                                 : (char)(i / SIZE);
    rig_start(r);
    control = rig_connect(r);
    client = rig_connect(r);
    writer = fork();
    if (writer == 0) {
        int err = fm_send_all(client, all, sizeof all, fm_deadline_in(20000));

        _exit(err != 0 || fm_half_close(client) != 0);
    }
    poll(NULL, 0, 200);
    talk(control, "\0\2ok", 4);
    hear(client, all, sizeof all);
    hear_end(client);
    hang_up(client);
    hang_up(control);
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_int_equal(status, 0);
    assert_int_equal(rig_stop(r), 0);
    assert_int_equal(r->stats.ended, 2);
}

static void slow_reader(void **state)
{
    (void)state;
    rig_each("be16", slow_reader_on);
}

static int last_on_bye(void *context, const struct fm_format *f,
                       const struct fm_frame *request, struct fm_buf *out)
{
    (void)context;
    if (request->len == 2 && request->data[0] == 'e')
        return -request->data[1]; /* each error there is */
    fm_encode(f, request->data, request->len, out);
    return request->len == 3 && memcmp(request->data, "bye", 3) == 0
               ? FM_HANDLER_LAST
               : 0;
}

static void handler_ends_on(struct rig *r)
{
    int client;

    r->options.handler = last_on_bye;
    rig_start(r);
    client = rig_connect(r);
    say(client, "\2hi\3bye\2no", 10);
    hear(client, "\2hi\3bye", 7);
    hear_end(client);
    hang_up(client);
    for (int i = 1; i <= FM_ERR_COUNT; i++) {
        char text[] = {2, 'h', 'i', 2, 'e', (char)i, 2, 'n', 'o'};

        client = rig_connect(r);
        say(client, text, sizeof text);
        hear(client, "\2hi", 3);
        hear_end(client);
        hang_up(client);
    }
    assert_int_equal(rig_stop(r), 0);
    assert_int_equal(r->stats.ended, 1);
    assert_int_equal(r->stats.failed, FM_ERR_COUNT);
}

static void handler_ends(void **state)
{
    (void)state;
    rig_each("be8", handler_ends_on);
}

static int census(void *context, const struct fm_format *f,
                  const struct fm_frame *request, struct fm_buf *out)
{
    uint8_t n = (uint8_t)open_descriptors();

    (void)context;
    (void)request;
    return fm_encode(f, &n, 1, out);
}

/* A child has its own connection and nothing of the parent's or of another's:
 * what the second has more than the first is our own new client. */
static void fork_server_children_inherit_nothing(void **state)
{
    struct rig r;
    uint8_t counts[2][2];
    int clients[2];

    (void)state;
    rig_init(&r, "be8");
    r.server = fm_fork_server;
    r.options.handler = census;
    rig_start(&r);
    for (int i = 0; i < 2; i++) {
        clients[i] = rig_connect(&r);
        say(clients[i], "\0", 1);
        assert_int_equal(
            fm_recv_exact(clients[i], counts[i], 2, fm_deadline_in(10000)), 0);
    }
    assert_int_equal(counts[1][1], counts[0][1] + 1);
    hang_up(clients[0]);
    hang_up(clients[1]);
    assert_int_equal(rig_stop(&r), 0);
}

static void idle_on(struct rig *r)
{
    int64_t start;
    int client;

    r->options.idle_ms = 150;
    rig_start(r);
    client = rig_connect(r);
    talk(client, "\1a", 2);
    start = fm_now_ms();
    hear_end(client);
    assert_in_range(fm_now_ms() - start, 100, 5000);
    hang_up(client);
    EVENTUALLY(r->stats.timed_out == 1);
    assert_int_equal(rig_stop(r), 0);
}

static void idle(void **state)
{
    (void)state;
    rig_each("be8", idle_on);
}

/* A byte now and then is not idle, even when there are more than idle_ms
 * between the first and the last of a frame. */
static void steady_on(struct rig *r)
{
    int client;

    r->options.idle_ms = 600;
    rig_start(r);
    client = rig_connect(r);
    for (int i = 0; i < 10; i++) {
        say(client, &"\11abcdefghi"[i], 1);
        poll(NULL, 0, 90);
    }
    hear(client, "\11abcdefghi", 10);
    hang_up(client);
    assert_int_equal(rig_stop(r), 0);
    assert_int_equal(r->stats.timed_out, 0);
}

static void steady(void **state)
{
    (void)state;
    rig_each("be8", steady_on);
}

/* … but a frame has to come to its end, while there may be many of them. */
static void frame_limit_on(struct rig *r)
{
    int64_t start;
    int client;
    char got;

    r->options.frame_ms = 200;
    rig_start(r);
    client = rig_connect(r);
    for (int i = 0; i < 8; i++) {
        talk(client, "\0\1a", 3);
        poll(NULL, 0, 40);
    }
    start = fm_now_ms();
    say(client, "\1", 1);
    while (recv(client, &got, 1, MSG_DONTWAIT) < 0) {
        send(client, "x", 1, MSG_NOSIGNAL);
        poll(NULL, 0, 20);
        assert_true(fm_now_ms() - start < 5000);
    }
    assert_true(fm_now_ms() - start >= 199);
    close(client);
    EVENTUALLY(r->stats.timed_out == 1);
    assert_int_equal(rig_stop(r), 0);
}

static void frame_limit(void **state)
{
    (void)state;
    rig_each("be16", frame_limit_on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(echo),
        cmocka_unit_test(families),
        cmocka_unit_test(half_close),
        cmocka_unit_test(until_closed),
        cmocka_unit_test(bad_frames),
        cmocka_unit_test(vanishing_peers),
        cmocka_unit_test(slow_reader),
        cmocka_unit_test(handler_ends),
        cmocka_unit_test(idle),
        cmocka_unit_test(steady),
        cmocka_unit_test(frame_limit),
        cmocka_unit_test(fork_server_children_inherit_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
