/*
 * The servers whose own descriptors are closed behind their back, or handed
 * out again: of a connection, and of the pairs that join the servers with
 * their workers and children.
 */
#include "target/clock.h"
#include "target/serve.h"
#include "target/sockio.h"
#include "tests/target/faults.h"
#include "tests/target/rig.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_of_a_pair(int fd)
{
    struct sockaddr_storage addr;

    return fm_io_get_name(fd, &addr) == 0 && addr.ss_family == AF_UNIX;
}

static int youngest_pair(void)
{
    int fd = 255;

    while (fd > 2 && !is_of_a_pair(fd))
        fd--;
    return fd;
}

/* The end of a child's life can no longer be seen: it is ended. */
static void fork_server_without_its_pipe(void **state)
{
    struct rig r;
    int control, client, life;

    (void)state;
    rig_init(&r, "be8");
    r.server = fm_fork_server;
    rig_start(&r);
    control = rig_connect(&r);
    talk(control, "\1a", 2);
    client = rig_connect(&r);
    talk(client, "\1a", 2);
    poll(NULL, 0, 100); /* the parent still closes the child's end */
    life = youngest_pair();
    close(life);      /* the youngest */
    hang_up(control); /* which ends another pipe, and so the wait */
    hear_end(client);
    close(client);
    assert_int_equal(rig_stop(&r), 0);
    assert_int_equal(r.stats.failed, 1);
}

/* … nor when its number is by now a new connection's, or that of the parent's
 * or the child's end of its pair: as many numbers as come before are free.  One
 * is where the first connection was; our own socket takes the lowest. */
static void robbed(struct rig *r, int before)
{
    int first, second, life, low[2] = {dup(0), dup(0)};

    r->server = fm_fork_server;
    rig_start(r);
    first = rig_connect(r);
    talk(first, "\1a", 2);
    poll(NULL, 0, 100); /* the parent still closes the child's end */
    life = youngest_pair();
    for (int i = 0; i < before; i++)
        close(low[i]);
    second = rig_connect_at(r, life);
    talk(second, "\1b", 2);
    hear_end(first);
    talk(second, "\1c", 2);
    hang_up(first);
    hang_up(second);
    EVENTUALLY(r->stats.ended == 1);
    for (int i = 0; i < before; i++)
        low[i] = dup(0);
    assert_int_equal(rig_stop(r), 0);
    assert_int_equal(r->stats.accepted, 2);
    assert_int_equal(r->stats.failed, 1);
    close(low[0]);
    close(low[1]);
}

static void fork_server_robbed_of_its_pair(void **state)
{
    struct rig r;

    (void)state;
    for (int before = 0; before < 3; before++) {
        rig_init(&r, "be8");
        robbed(&r, before);
    }
}

/* A full thread server whose pair has lost an end, 1 the main thread's, 2 the
 * workers': nobody takes that for the word to stop, nor for room for the fourth
 * client. */
static void lose_end(struct rig *r, int end, int clients[4])
{
    r->server = fm_thread_server;
    r->options.max_conns = 3;
    r->options.rearm_ms = 20;
    rig_start(r);
    EVENTUALLY(r->stats.turns > 0); /* the pair comes next to the listener */
    for (int i = 0; i < 3; i++) {
        clients[i] = rig_connect(r);
        talk(clients[i], "\1a", 2);
    }
    clients[3] = rig_connect(r);
    assert_true(is_of_a_pair(r->listener + end));
    close(r->listener + end);
    for (int i = 0; i < 9; i++)
        talk(clients[i % 3], "\1b", 2);
    poll(NULL, 0, 100);
    assert_int_equal(r->stats.accepted, 3);
}

/* It looks for room now and then, and that is all. */
static void looks_for_room(const struct rig *r)
{
    uint64_t turns = r->stats.turns;

    poll(NULL, 0, 200);
    assert_in_range(r->stats.turns - turns, 1, 15);
}

/* Who cannot be told gets its answers all the same. */
static void stop_without_pair(struct rig *r, const int *clients, int n)
{
    int64_t start = fm_now_ms();

    say(clients[0], "\1x", 2);
    r->stop = 1;
    assert_int_equal(write(r->wake[1], "", 1), 1);
    hear(clients[0], "\1x", 2);
    for (int i = 0; i < n; i++)
        hear_end(clients[i]);
    assert_int_equal(rig_join(r), 0);
    assert_true(fm_now_ms() - start < 5000);
    assert_int_equal(r->stats.accepted, 4);
    assert_int_equal(r->stats.ended + r->stats.failed, 4);
}

static void thread_server_without_its_pair(void **state)
{
    static char much[1 << 20];

    (void)state;
    for (int end = 1; end <= 2; end++) {
        struct rig r;
        int clients[4];

        rig_init(&r, "be8");
        lose_end(&r, end, clients);
        hang_up(clients[2]);
        EVENTUALLY(r.stats.ended == 1);
        clients[2] = clients[3];
        for (int i = 0; i < 3; i++)
            talk(clients[i], "\1c", 2);
        looks_for_room(&r);
        if (end == 1)
            push(clients[2], much, sizeof much); /* and never reads */
        stop_without_pair(&r, clients, end == 1 ? 2 : 3);
        for (int i = 0; i < 3; i++)
            hang_up(clients[i]);
        assert_int_equal(open_descriptors(), r.open_before);
    }
}

/* … and its number is a connection's by now, or both are: nobody reads from
 * that, sends to it or closes it. */
static void thread_server_robbed_of_its_pair(void **state)
{
    (void)state;
    for (int ends = 1; ends <= 3; ends++) {
        struct rig r;
        int control, robbers[2] = {-1, -1};

        rig_init(&r, "be8");
        r.server = fm_thread_server;
        rig_start(&r);
        EVENTUALLY(r.stats.turns > 0);
        control = rig_connect(&r);
        talk(control, "\1a", 2);
        for (int i = 0; i < 2; i++) {
            int number = r.listener + 1 + i;

            if (!(ends & 1 << i))
                continue;
            assert_true(is_of_a_pair(number));
            robbers[i] = rig_connect_at(&r, number);
            talk(robbers[i], "\2xy", 3);
            assert_int_equal(rig_other_end(robbers[i]), number);
        }
        hang_up(control);
        for (int i = 0; i < 2; i++)
            for (int k = 0; k < 3 && robbers[i] >= 0; k++)
                talk(robbers[i], "\5again", 6);
        r.stop = 1;
        assert_int_equal(write(r.wake[1], "", 1), 1);
        for (int i = 0; i < 2; i++)
            if (robbers[i] >= 0) {
                hear_end(robbers[i]);
                hang_up(robbers[i]);
            }
        assert_int_equal(rig_join(&r), 0);
        assert_int_equal(open_descriptors(), r.open_before);
        assert_int_equal(r.stats.ended, ends == 3 ? 3 : 2);
    }
}

/* What wakes a connection is the word to stop when it is meant, and else it is
 * served on. */
static void woken_by_accident(void **state)
{
    struct fm_server_options given = {.linger_ms = 50, .idle_ms = 50}, o;

    (void)state;
    assert_int_equal(fm_format_parse(&given.format, "be8", NULL, 0), 0);
    assert_int_equal(fm_options_complete(&o, &given), 0);
    for (int meant = 0; meant < 2; meant++) {
        struct fm_server_stats stats = {0};
        atomic_bool word = meant;
        int fds[2], told[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        assert_int_equal(fm_io_pair(told), 0);
        close(told[1]);
        say(fds[1], "\1a\2b", 4);
        assert_true(fm_serve_blocking(fds[0], &o, told[0], &word, &stats));
        assert_int_equal(stats.frames, 1);
        assert_int_equal(stats.ended, meant);
        assert_int_equal(stats.timed_out, !meant);
        close(told[0]);
        close(fds[0]);
        close(fds[1]);
    }
}

/* A parent that crashes leaves no children behind, and they end in good order:
 * to each the end of its pair is the word to stop. */
static void fork_server_that_is_killed(void **state)
{
    struct rig r;
    int client, status;
    pid_t parent;

    (void)state;
    rig_init(&r, "be8");
    rig_listen(&r);
    parent = fork();
    if (parent == 0)
        _exit(fm_fork_server(r.listener, &r.options, &r.stop) != 0);
    close(r.listener);
    client = rig_connect(&r);
    talk(client, "\1a", 2);
    say(client, "\5half", 4);
    kill(parent, SIGKILL);
    assert_int_equal(waitpid(parent, &status, 0), parent);
    hear_end(client);
    close(client);
}

/* A worker finds its descriptor dead: nobody closes that number. */
static void worker_without_its_descriptor(void **state)
{
    (void)state;
    for (int i = 1; i < 3; i++) {
        struct rig r;
        int client;

        rig_init(&r, "be8");
        r.server = rig_models[i];
        rig_start(&r);
        faults_next(RECV, 2, 0, -EBADF);
        client = rig_connect(&r);
        talk(client, "\1a", 2);
        say(client, "\1b", 2);
        EVENTUALLY(r.stats.dead == 1);
        faults_none();
        if (r.server == fm_thread_server)
            close(rig_other_end(client));
        hang_up(client);
        assert_int_equal(rig_stop(&r), 0);
        assert_int_equal(r.stats.ended + r.stats.failed, 0);
    }
}

/* … or it was accepted again before the worker noticed. */
static void worker_robbed_of_its_descriptor(void **state)
{
    struct rig r;
    int first, second, number;

    (void)state;
    rig_init(&r, "be8");
    r.server = fm_thread_server;
    r.options.idle_ms = 500;
    rig_start(&r);
    first = rig_connect(&r);
    talk(first, "\1a", 2);
    number = rig_other_end(first);
    poll(NULL, 0, 50); /* until its worker waits */
    second = rig_connect_at(&r, number);
    talk(second, "\1b", 2);
    assert_int_equal(rig_other_end(second), number);
    EVENTUALLY(r.stats.timed_out > 0);
    hang_up(second);
    hang_up(first);
    assert_int_equal(rig_stop(&r), 0);
    assert_int_equal(r.stats.accepted, 2);
}

/* … or it is a pipe's by now, whose bytes are for somebody else. */
static void served_on_a_pipe(void **state)
{
    struct fm_server_options given = {.linger_ms = 50, .idle_ms = 50}, o;
    struct fm_server_stats stats = {0};
    int ends[2];
    char bytes[3];

    (void)state;
    assert_int_equal(fm_format_parse(&given.format, "be8", NULL, 0), 0);
    assert_int_equal(fm_options_complete(&o, &given), 0);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "\1a", 2), 2);
    assert_false(fm_serve_blocking(ends[0], &o, -1, NULL, &stats));
    assert_int_equal(stats.dead, 1);
    assert_int_equal(stats.frames, 0);
    assert_int_equal(read(ends[0], bytes, sizeof bytes), 2);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fork_server_without_its_pipe),
        cmocka_unit_test(fork_server_robbed_of_its_pair),
        cmocka_unit_test(fork_server_that_is_killed),
        cmocka_unit_test(thread_server_without_its_pair),
        cmocka_unit_test(thread_server_robbed_of_its_pair),
        cmocka_unit_test(woken_by_accident),
        cmocka_unit_test(worker_without_its_descriptor),
        cmocka_unit_test(worker_robbed_of_its_descriptor),
        cmocka_unit_test(served_on_a_pipe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
