/*
 * The three servers at their limits: stopped in the midst of things, without
 * descriptors, memory, threads or processes, told nonsense.
 */
#include "target/loops.h"
#include "target/serve.h"
#include "target/sock.h"
#include "target/sockio.h"
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

/* Push until nothing more goes in. */
static void push(int client, const char *bytes, size_t n)
{
    for (int stuck = 0; stuck < 20;) {
        ssize_t r = send(client, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);

        stuck = r > 0 ? 0 : stuck + 1;
        poll(NULL, 0, 5);
    }
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

static bool is_of_a_pair(int fd)
{
    struct sockaddr_storage addr;

    return fm_io_get_name(fd, &addr) == 0 && addr.ss_family == AF_UNIX;
}

/* The end of a child's life can no longer be seen: it is ended. */
static void fork_server_without_its_pipe(void **state)
{
    struct rig r;
    int control, client, life = 255;

    (void)state;
    rig_init(&r, "be8");
    r.server = fm_fork_server;
    rig_start(&r);
    control = rig_connect(&r);
    talk(control, "\1a", 2);
    client = rig_connect(&r);
    talk(client, "\1a", 2);
    poll(NULL, 0, 100); /* the parent still closes the child's end */
    while (life > 2 && !is_of_a_pair(life))
        life--;
    close(life);      /* the youngest */
    hang_up(control); /* which ends another pipe, and so the wait */
    hear_end(client);
    close(client);
    assert_int_equal(rig_stop(&r), 0);
    assert_int_equal(r.stats.failed, 1);
}

/* … nor when its number is a connection's by now, which is served. */
static void fork_server_robbed_of_its_pair(void **state)
{
    struct rig r;
    int first, second, life = 255;

    (void)state;
    rig_init(&r, "be8");
    r.server = fm_fork_server;
    rig_start(&r);
    first = rig_connect(&r);
    talk(first, "\1a", 2);
    poll(NULL, 0, 100); /* the parent still closes the child's end */
    while (life > 2 && !is_of_a_pair(life))
        life--;
    second = rig_connect_at(&r, life);
    talk(second, "\1b", 2);
    hear_end(first);
    talk(second, "\1c", 2);
    hang_up(first);
    hang_up(second);
    EVENTUALLY(r.stats.ended == 1);
    assert_int_equal(rig_stop(&r), 0);
    assert_int_equal(r.stats.accepted, 2);
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

/* A full thread server whose pair has lost an end, 1 the main thread's, 2 the
 * workers': nobody takes that for the word to stop. */
static void lose_end(struct rig *r, int end, int clients[3])
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
    assert_true(is_of_a_pair(r->listener + end));
    close(r->listener + end);
    for (int i = 0; i < 9; i++)
        talk(clients[i % 3], "\1b", 2);
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
        int clients[3];

        rig_init(&r, "be8");
        lose_end(&r, end, clients);
        hang_up(clients[2]);
        EVENTUALLY(r.stats.ended == 1);
        clients[2] = rig_connect(&r);
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
        cmocka_unit_test(exhausted),
        cmocka_unit_test(aborted),
        cmocka_unit_test(no_means),
        cmocka_unit_test(stop_stuck),
        cmocka_unit_test(stop_flooded),
        cmocka_unit_test(stop_before_answers_are_read),
        cmocka_unit_test(stop_by_the_clock),
        cmocka_unit_test(little_water),
        cmocka_unit_test(loop_fails),
        cmocka_unit_test(no_pipe),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(interrupted),
        cmocka_unit_test(fork_server_without_its_pipe),
        cmocka_unit_test(fork_server_robbed_of_its_pair),
        cmocka_unit_test(fork_server_with_a_child_that_sleeps),
        cmocka_unit_test(fork_server_that_is_killed),
        cmocka_unit_test(thread_server_without_its_pair),
        cmocka_unit_test(thread_server_robbed_of_its_pair),
        cmocka_unit_test(woken_by_accident),
        cmocka_unit_test(worker_without_its_descriptor),
        cmocka_unit_test(worker_robbed_of_its_descriptor),
        cmocka_unit_test(thread_server_too_high),
        cmocka_unit_test(options_without_sense),
        cmocka_unit_test(more_than_select),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
