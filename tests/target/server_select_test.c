/*
 * What only the select server can get wrong: one loop for all connections,
 * so whatever happens to one may happen to all.
 */
#include "target/loops.h"
#include "target/sock.h"
#include "target/sockio.h"
#include "tests/target/faults.h"
#include "tests/target/rig.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Two clients, several frames in one piece and frames in several pieces. */
static void session(struct rig *r)
{
    int a = rig_connect(r);
    int b = rig_connect(r);

    say(a, "\0\3abc\0\0\0\2de\0", 12);
    say(b, "\0", 1);
    say(b, "\4wx", 3);
    hear(a, "\0\3abc\0\0\0\2de", 11);
    say(b, "yz\0\1!", 5);
    hear(b, "\0\4wxyz\0\1!", 9);
    say(a, "\1f", 2);
    fm_half_close(a);
    hear(a, "\0\1f", 3);
    hear_end(a);
    talk(b, "\0\1.", 3);
    close(a);
    close(b);
}

static void one_session(enum fault_call call, int nth, int what)
{
    struct rig r;

    rig_init(&r, "be16");
    rig_start(&r);
    switch (nth) {
    case 1:
        faults_next(call, 1, what);
        break;
    case 2:
        faults_next(call, 2, 0, what);
        break;
    case 3:
        faults_next(call, 3, 0, 0, what);
        break;
    case 4:
        faults_next(call, 4, 0, 0, 0, what);
        break;
    case 5:
        faults_next(call, 5, 0, 0, 0, 0, what);
        break;
    default:
        faults_next(call, 8, what, what, what, what, 0, what, 0, what);
    }
    session(&r);
    assert_true(faults_count(call) >= 3);
    assert_int_equal(rig_stop(&r), 0);
    assert_int_equal(r.stats.ended, 2);
}

/* What a correct program's peers never notice, at each of the first calls,
 * and several in a row. */
static void benign_faults(void **state)
{
    static const struct {
        enum fault_call call;
        int what;
    } faults[] = {{RECV, 1},           {RECV, 2},        {RECV, -EINTR},
                  {RECV, -EAGAIN},     {RECV, -ENOBUFS}, {SEND, 1},
                  {SEND, -EINTR},      {SEND, -EAGAIN},  {SEND, -ENOMEM},
                  {SEND, FAULTS_ZERO}, {SELECT, -EINTR}, {SELECT, -ENOMEM}};

    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        for (int nth = 1; nth <= 6; nth++)
            one_session(faults[i].call, nth, faults[i].what);
}

static void one_byte_at_a_time(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, "be16");
    rig_start(&r);
    faults_always(RECV, 1);
    faults_always(SEND, 1);
    session(&r);
    assert_int_equal(rig_stop(&r), 0);
}

/* The connection is lost; the other one does not notice. */
static void fatal_faults(void **state)
{
    static const int reasons[] = {ECONNRESET, ETIMEDOUT, EHOSTUNREACH, EPIPE};

    (void)state;
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        struct rig r;
        int control, client;

        rig_init(&r, "be16");
        rig_start(&r);
        control = rig_connect(&r);
        client = rig_connect(&r);
        talk(control, "\0\2ok", 4);
        talk(client, "\0\2ok", 4);
        faults_next(RECV, 1, -reasons[i]);
        say(client, "\0\2no", 4);
        EVENTUALLY(r.stats.failed == 1);
        talk(control, "\0\2ok", 4);
        close(client);
        close(control);
        assert_int_equal(rig_stop(&r), 0);
    }
}

/* Sending fails for good, but what the peer sends still comes to the
 * handler, to the last frame. */
static void peer_that_takes_no_more(void **state)
{
    static const int reasons[] = {EPIPE, ECONNRESET};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct rig r;
        int client;

        rig_init(&r, "be8");
        r.options.high_water = 64;
        rig_start(&r);
        client = rig_connect(&r);
        talk(client, "\2ok", 3);
        faults_next(SEND, 1, -reasons[i]);
        for (int k = 0; k < 100; k++)
            say(client, "\5again", 6);
        fm_half_close(client);
        hear_end(client);
        close(client);
        assert_int_equal(rig_stop(&r), 0);
        assert_int_equal(r.stats.frames, 101);
        assert_int_equal(r.stats.ended, 1);
    }
}

/* No memory in the kernel for anybody: those who wait to be served do not keep
 * the loop spinning, and all are served when there is some again. */
static void short_of_memory(void **state)
{
    static const enum fault_call calls[] = {RECV, SEND};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct rig r;
        uint64_t turns;
        int a, b;

        rig_init(&r, "be8");
        rig_start(&r);
        a = rig_connect(&r);
        b = rig_connect(&r);
        talk(a, "\1a", 2);
        talk(b, "\1b", 2);
        turns = r.stats.turns;
        faults_always(calls[i], -ENOMEM);
        say(a, "\1a", 2);
        say(b, "\1b", 2);
        poll(NULL, 0, 200);
        assert_in_range(r.stats.turns - turns, 2, 90);
        assert_in_range(faults_count(calls[i]), 4, 50);
        faults_none();
        hear(a, "\1a", 2);
        hear(b, "\1b", 2);
        close(a);
        close(b);
        assert_int_equal(rig_stop(&r), 0);
        assert_int_equal(r.stats.ended, 2);
    }
}

/* Closed behind the loop: what is in the sets when that happens. */
static void dead_descriptors(void **state)
{
    static char much[4000000];
    struct rig r;
    int control, idle, blocked, twin;

    (void)state;
    rig_init(&r, "be8,max=255");
    rig_start(&r);
    control = rig_connect(&r);
    idle = rig_connect(&r);
    twin = rig_connect(&r);
    blocked = rig_connect(&r);
    talk(control, "\1a", 2);
    /* Until nothing more goes in: then only writing is waited for. */
    for (int stuck = 0; stuck < 20;) {
        ssize_t n = send(blocked, much, sizeof much, MSG_DONTWAIT);

        stuck = n > 0 ? 0 : stuck + 1;
        poll(NULL, 0, 5);
    }
    close(rig_other_end(idle));
    close(rig_other_end(twin));
    close(rig_other_end(blocked));
    talk(control, "\1b", 2);
    EVENTUALLY(r.stats.dead == 3);
    talk(control, "\1c", 2);
    close(idle);
    close(twin);
    close(blocked);
    close(control);
    assert_int_equal(rig_stop(&r), 0);
    assert_int_equal(r.stats.ended, 1);
}

/* The dead number comes back from accept: no EBADF will ever tell. */
static void dead_number_accepted_again(void **state)
{
    struct rig r;
    int first, second, number;

    (void)state;
    rig_init(&r, "be8");
    rig_start(&r);
    first = rig_connect(&r);
    talk(first, "\2ab", 3);
    say(first, "\3x", 2); /* the frame that must not mix with another's */
    number = rig_other_end(first);
    EVENTUALLY(poll(&(struct pollfd){number, POLLIN, 0}, 1, 0) == 0);
    second = rig_connect_at(&r, number);
    talk(second, "\2cd", 3);
    assert_int_equal(rig_other_end(second), number);
    assert_int_equal(r.stats.dead, 1);
    talk(second, "\3efg", 4);
    close(first);
    talk(second, "\2hi", 3);
    close(second);
    assert_int_equal(rig_stop(&r), 0);
    assert_int_equal(r.stats.ended, 1);
}

/* … or is a file by now, which is not ours to close. */
static void dead_number_of_a_file(void **state)
{
    struct rig r;
    int control, client, number, file = open("/dev/null", O_RDWR);

    (void)state;
    rig_init(&r, "be8");
    rig_start(&r);
    control = rig_connect(&r);
    client = rig_connect(&r);
    talk(client, "\1a", 2);
    number = rig_other_end(client);
    assert_int_equal(dup2(file, number), number);
    talk(control, "\1b", 2);
    EVENTUALLY(r.stats.dead == 1);
    talk(control, "\1c", 2);
    assert_int_not_equal(fcntl(number, F_GETFD), -1);
    close(number);
    close(client);
    close(control);
    assert_int_equal(rig_stop(&r), 0);
    close(file);
}

/* Those who are connected are served to their end. */
static void dead_listener(void **state)
{
    static const int errors[] = {FM_E_BADFD, FM_E_USAGE, FM_E_NOT_SOCK};
    int file = open("/dev/null", O_RDWR);

    (void)state;
    for (int how = 0; how < 3; how++) {
        struct rig r;
        int control;

        rig_init(&r, "be8");
        rig_start(&r);
        control = rig_connect(&r);
        talk(control, "\1a", 2);
        if (how == 0) {
            /* Not while select waits: it would look ready then. */
            faults_always(SELECT, -EINTR);
            say(control, "\1x", 2);
            EVENTUALLY(faults_count(SELECT) > 10);
            close(r.listener);
            faults_none();
            hear(control, "\1x", 2);
        }
        if (how == 1)
            shutdown(r.listener, SHUT_RDWR);
        if (how == 2)
            assert_int_equal(dup2(file, r.listener), r.listener);
        talk(control, "\1b", 2);
        talk(control, "\1c", 2);
        close(control);
        assert_int_equal(rig_join(&r), errors[how]);
        if (how == 2) /* somebody else's by now, and not closed */
            assert_int_equal(close(r.listener), 0);
        assert_int_equal(open_descriptors(), r.open_before);
        assert_int_equal(r.stats.ended, 1);
    }
    close(file);
}

/* A peer that does not read fills two queues and no memory of ours. */
static void back_pressure(void **state)
{
    static char frame[1002];
    struct rig r;
    int control, client;
    size_t in = 0;

    (void)state;
    rig_init(&r, "be16");
    r.options.high_water = 20000;
    rig_start(&r);
    control = rig_connect(&r);
    client = rig_connect(&r);
    frame[0] = 1000 >> 8;
    frame[1] = (char)(1000 & 255);
    for (int stuck = 0; stuck < 20;) {
        size_t at = in % sizeof frame;
        ssize_t n = send(client, frame + at, sizeof frame - at, MSG_DONTWAIT);

        in += n > 0 ? (size_t)n : 0;
        stuck = n > 0 ? 0 : stuck + 1;
        if (n <= 0)
            poll(NULL, 0, 10);
        assert_true(in < 64000000);
    }
    assert_true(r.stats.frames * sizeof frame < in);
    talk(control, "\0\1a", 3);
    for (size_t out = 0; out + sizeof frame <= in; out += sizeof frame)
        hear(client, frame, sizeof frame);
    close(client);
    close(control);
    assert_int_equal(rig_stop(&r), 0);
}

static int swallow_long_ones(void *context, const struct fm_format *f,
                             const struct fm_frame *request, struct fm_buf *out)
{
    return request->len > 10 ? 0 : fm_echo(context, f, request, out);
}

static void flooder(void **state)
{
    static char flood[65537 * 4];
    struct rig r;
    int control, client, status;
    pid_t child;

    (void)state;
    rig_init(&r, "be16");
    r.options.handler = swallow_long_ones;
    rig_start(&r);
    for (size_t i = 0; i < sizeof flood; i += 65537)
        memset(flood + i, 0xff, 2);
    control = rig_connect(&r);
    client = rig_connect(&r);
    child = fork();
    if (child == 0) {
        for (;;)
            send(client, flood, sizeof flood, MSG_NOSIGNAL);
    }
    EVENTUALLY(r.stats.frames > 20);
    for (int i = 0; i < 50; i++) {
        int64_t start = fm_now_ms();

        talk(control, "\0\4ping", 6);
        assert_true(fm_now_ms() - start < 2000);
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    close(client);
    close(control);
    assert_int_equal(rig_stop(&r), 0);
}

/* The peer keeps its end open for ever: lingering has an end, too. */
static void peer_that_never_closes(void **state)
{
    struct rig r;
    int client;

    (void)state;
    rig_init(&r, "ascii:1");
    rig_start(&r);
    client = rig_connect(&r);
    say(client, "x", 1);
    hear_end(client);
    EVENTUALLY(send(client, "x", 1, MSG_NOSIGNAL) < 0);
    close(client);
    assert_int_equal(rig_stop(&r), 0);
    assert_int_equal(r.stats.failed, 1);
    assert_int_equal(r.stats.timed_out, 0);
}

/* What was received before the stop is answered, nothing after it. */
static void stop_answers_what_is_here(void **state)
{
    static char frames[300][258];
    struct rig r;
    int client;

    (void)state;
    rig_init(&r, "be16");
    r.options.high_water = 1000;
    for (int i = 0; i < 300; i++)
        frames[i][0] = 1;
    rig_start(&r);
    client = rig_connect(&r);
    talk(client, "\0\1a", 3);
    say(client, frames, sizeof frames);
    say(client, "\0", 1);
    EVENTUALLY(r.stats.frames > 1);
    r.stop = 1;
    assert_int_equal(write(r.wake[1], "", 1), 1);
    for (uint64_t i = 0; i < r.stats.frames - 1; i++)
        hear(client, frames[0], 258);
    assert_int_equal(rig_join(&r), 0);
    close(client);
    assert_int_equal(r.stats.timed_out, 0);
}

static void no_memory(void **state)
{
    /* More than the memory that connections lend each other. */
    static const char large[4 + 0x11170] = {0, 1, 0x11, 0x70};
    struct rig r;
    int control, client;

    (void)state;
    rig_init(&r, "be32");
    rig_start(&r);
    control = rig_connect(&r);
    talk(control, "\0\0\0\1a", 5);
    for (int nth = 0; nth < 3; nth++) {
        faults_next(MALLOC, nth + 1, nth ? 0 : -ENOMEM, nth > 1 ? 0 : -ENOMEM,
                    -ENOMEM);
        client = rig_connect(&r);
        if (nth > 0)
            say(client, large, sizeof large);
        hear_end(client);
        close(client);
        talk(control, "\0\0\0\1a", 5);
    }
    close(control);
    assert_int_equal(rig_stop(&r), 0);
    assert_int_equal(r.stats.refused, 1);
    assert_int_equal(r.stats.failed, 2);
}

static void select_that_never_works(void **state)
{
    struct rig r;
    int client;

    (void)state;
    rig_init(&r, "be8");
    rig_start(&r);
    client = rig_connect(&r);
    talk(client, "\1a", 2);
    faults_always(SELECT, -ENOMEM);
    say(client, "\1a", 2);
    assert_int_equal(rig_join(&r), FM_E_BUSY);
    close(client);
    assert_int_equal(open_descriptors(), r.open_before);
}

/* … while it stops. */
static void select_that_fails_in_the_end(void **state)
{
    struct rig r;
    int client;

    (void)state;
    rig_init(&r, "be8");
    rig_start(&r);
    client = rig_connect(&r);
    talk(client, "\1a", 2);
    r.stop = 1;
    faults_always(SELECT, -ENOMEM);
    assert_int_equal(write(r.wake[1], "", 1), 1);
    assert_int_equal(rig_join(&r), FM_E_BUSY);
    close(client);
}

/* Without a wake descriptor the next event makes it look at *stop. */
static void without_wake(void **state)
{
    struct rig r;
    int client;

    (void)state;
    rig_init(&r, "be8");
    rig_start(&r);
    rig_stop(&r);
    r.stop = 0;
    r.open_before = open_descriptors();
    r.listener = fm_listen("127.0.0.1", 0, 0);
    r.options.wake = 0;
    r.options.stats = NULL;
    client = fm_io_socket(AF_INET);
    {
        struct sockaddr_storage addr;

        assert_int_equal(fm_io_get_name(r.listener, &addr), 0);
        assert_in_range(fm_connect_start(client, (struct sockaddr *)&addr,
                                         sizeof(struct sockaddr_in)),
                        0, 1);
    }
    r.stop = 1;
    assert_int_equal(fm_select_server(r.listener, &r.options, &r.stop), 0);
    close(client);
    assert_int_equal(open_descriptors(), r.open_before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(benign_faults),
        cmocka_unit_test(one_byte_at_a_time),
        cmocka_unit_test(fatal_faults),
        cmocka_unit_test(peer_that_takes_no_more),
        cmocka_unit_test(short_of_memory),
        cmocka_unit_test(dead_descriptors),
        cmocka_unit_test(dead_number_accepted_again),
        cmocka_unit_test(dead_number_of_a_file),
        cmocka_unit_test(dead_listener),
        cmocka_unit_test(back_pressure),
        cmocka_unit_test(flooder),
        cmocka_unit_test(peer_that_never_closes),
        cmocka_unit_test(stop_answers_what_is_here),
        cmocka_unit_test(no_memory),
        cmocka_unit_test(select_that_never_works),
        cmocka_unit_test(select_that_fails_in_the_end),
        cmocka_unit_test(without_wake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
