/*
 * The select loop: readiness, timers, and what it does when a descriptor is
 * not what it was.
 */
#include "target/loop.h"
#include "target/sockio.h"
#include "tests/target/faults.h"
#include "tests/target/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

/* A watch that writes down what it is told, and can be given a job. */
struct probe {
    struct fm_watch watch; /* first */
    unsigned told;         /* all events so far, or'ed */
    unsigned calls;
    void (*job)(struct probe *p);
    struct probe *other;
    int peer;
};

static struct fm_loop loop;

static void on_event(struct fm_watch *w, unsigned events)
{
    struct probe *p = (struct probe *)w;

    p->told |= events;
    p->calls++;
    if (events & FM_DEAD)
        assert_int_equal(w->fd, -1);
    if (events & FM_EXPIRED)
        w->deadline_ms = FM_NEVER;
    if (p->job)
        p->job(p);
}

static struct probe probe(int fd, unsigned want)
{
    return (struct probe){.watch = {.fd = fd,
                                    .want = want,
                                    .deadline_ms = FM_NEVER,
                                    .on_event = on_event},
                          .peer = -1};
}

/* A probe on one end of a pair of sockets, in the loop. */
static void open_probe(struct probe *p, unsigned want)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    *p = probe(ends[0], want);
    p->peer = ends[1];
    assert_int_equal(fm_loop_add(&loop, &p->watch), 0);
}

static void close_probe(struct probe *p)
{
    int fd = fm_loop_remove(&loop, &p->watch);

    if (fd >= 0)
        assert_int_equal(close(fd), 0);
    if (p->peer >= 0)
        assert_int_equal(close(p->peer), 0);
    p->peer = -1;
}

static int fresh(void **state)
{
    (void)state;
    faults_none();
    fm_loop_init(&loop);
    return 0;
}

static void turn(void)
{
    assert_int_equal(fm_loop_turn(&loop), 0);
}

static void poke(struct probe *p)
{
    assert_int_equal(write(p->peer, "x", 1), 1);
}

/* A deadline in the past keeps the loop from waiting. */
static void turn_without_waiting(void)
{
    struct probe p = probe(open("/dev/null", O_RDONLY), 0);

    p.watch.deadline_ms = 0;
    assert_int_equal(fm_loop_add(&loop, &p.watch), 0);
    turn();
    close(fm_loop_remove(&loop, &p.watch));
}

static void readiness(void **state)
{
    struct probe quiet, busy, writer;

    (void)state;
    open_probe(&quiet, FM_READABLE);
    open_probe(&busy, FM_READABLE);
    open_probe(&writer, FM_WRITABLE);
    poke(&busy);
    turn();
    assert_int_equal(quiet.calls, 0);
    assert_int_equal(busy.told, FM_READABLE);
    assert_int_equal(writer.told, FM_WRITABLE);

    /* The one that was quiet first is heard later, too. */
    writer.watch.want = 0;
    assert_int_equal(read(busy.watch.fd, &(char){0}, 1), 1);
    poke(&quiet);
    turn();
    assert_int_equal(quiet.calls, 1);
    assert_int_equal(busy.calls, 1);
    assert_int_equal(writer.calls, 1);
    close_probe(&quiet);
    close_probe(&busy);
    close_probe(&writer);
}

/* What a select left of the sets is not what the next one is asked. */
static void quiet_first(void **state)
{
    struct probe quiet, busy;

    (void)state;
    open_probe(&quiet, FM_READABLE);
    open_probe(&busy, FM_READABLE);
    poke(&busy);
    turn();
    assert_int_equal(read(busy.watch.fd, &(char){0}, 1), 1);
    poke(&quiet);
    quiet.watch.deadline_ms = fm_deadline_in(5000);
    turn();
    assert_int_equal(quiet.told, FM_READABLE);
    close_probe(&quiet);
    close_probe(&busy);
}

static void the_highest_after_a_close(void **state)
{
    struct probe low, middle, high;

    (void)state;
    open_probe(&low, FM_READABLE);
    open_probe(&middle, FM_READABLE);
    open_probe(&high, FM_READABLE);
    close_probe(&middle);
    poke(&high);
    turn();
    assert_int_equal(high.calls, 1);
    close_probe(&high);
    assert_int_equal(loop.top, low.watch.fd + 1);
    poke(&low);
    turn();
    assert_int_equal(low.calls, 1);
    close_probe(&low);
    assert_int_equal(loop.top, 0);
}

static void urgent_data(void **state)
{
    struct sockaddr_storage addr;
    socklen_t len = sizeof addr;
    int listener = fm_io_socket(AF_INET);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    struct probe p;

    (void)state;
    assert_int_equal(listen(listener, 1), 0);
    getsockname(listener, (struct sockaddr *)&addr, &len);
    assert_int_equal(connect(client, (struct sockaddr *)&addr, len), 0);
    p = probe(fm_io_accept(listener), FM_URGENT);
    p.peer = client;
    assert_int_equal(fm_loop_add(&loop, &p.watch), 0);
    assert_int_equal(send(client, "!", 1, MSG_OOB), 1);
    turn();
    assert_int_equal(p.told, FM_URGENT);
    close_probe(&p);
    close(listener);
}

static void timers(void **state)
{
    int64_t start = fm_now_ms();
    unsigned turns = 0;
    struct probe p;

    (void)state;
    open_probe(&p, FM_READABLE);
    for (int i = 1; i <= 3; i++) {
        p.watch.deadline_ms = start + i * 40;
        for (; p.calls < (unsigned)i; turns++)
            turn();
        assert_true(fm_now_ms() >= start + i * 40);
    }
    assert_int_equal(p.told, FM_EXPIRED);
    assert_in_range(turns, 3, 6);
    close_probe(&p);
}

static void nothing(int number)
{
    (void)number;
}

/* The sets still hold what was asked; nobody may be called for it. */
static void interrupted(void **state)
{
    struct sigaction action = {.sa_handler = nothing};
    struct itimerval often = {{0, 20000}, {0, 20000}};
    struct itimerval never = {{0, 0}, {0, 0}};
    struct probe p;

    (void)state;
    open_probe(&p, FM_READABLE);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    turn();
    setitimer(ITIMER_REAL, &never, NULL);
    assert_int_equal(p.calls, 0);
    for (int i = 0; i < 100; i++) {
        faults_next(SELECT, 1, -EINTR);
        turn();
    }
    assert_int_equal(p.calls, 0);
    close_probe(&p);
}

/* Signals that never end do not keep a timer from running. */
static void timers_among_signals(void **state)
{
    struct probe p;

    (void)state;
    open_probe(&p, FM_READABLE);
    p.watch.deadline_ms = fm_deadline_in(20);
    faults_always(SELECT, -EINTR);
    for (int64_t end = fm_deadline_in(5000); p.calls == 0;) {
        turn();
        assert_true(fm_now_ms() < end);
    }
    assert_int_equal(p.told, FM_EXPIRED);
    close_probe(&p);
}

static void dead_ones_are_found(void **state)
{
    static const unsigned wants[] = {FM_READABLE, FM_WRITABLE, 0,
                                     FM_READABLE | FM_WRITABLE};
    struct probe p[8];

    (void)state;
    for (int i = 0; i < 8; i++)
        open_probe(&p[i], wants[i % 4] & ~(unsigned)FM_WRITABLE);
    for (int i = 0; i < 4; i++) {
        p[i].watch.want = wants[i];
        close(p[i].watch.fd); /* adjacent or not, whatever they wanted */
    }
    turn();
    for (int i = 0; i < 4; i++) {
        assert_int_equal(p[i].told, FM_DEAD);
        assert_int_equal(p[i].calls, 1);
    }
    for (int i = 4; i < 8; i++)
        assert_int_equal(p[i].calls, 0);
    poke(&p[4]);
    turn();
    assert_int_equal(p[4].told, FM_READABLE);
    for (int i = 0; i < 8; i++)
        close_probe(&p[i]);
}

static void dead_writer(void **state)
{
    struct probe p, alive;

    (void)state;
    open_probe(&p, FM_WRITABLE);
    open_probe(&alive, FM_READABLE);
    close(p.watch.fd);
    turn();
    assert_int_equal(p.told, FM_DEAD);
    assert_int_equal(alive.calls, 0);
    close_probe(&p);
    close_probe(&alive);
}

static void number_in_use_again(void **state)
{
    struct probe old, new;
    int number;

    (void)state;
    open_probe(&old, FM_READABLE);
    number = old.watch.fd;
    close(number);
    new = probe(dup2(old.peer, number), FM_READABLE);
    assert_int_equal(fm_loop_add(&loop, &new.watch), 0);
    assert_int_equal(old.told, FM_DEAD);
    assert_int_equal(old.calls, 1);
    assert_int_equal(new.watch.fd, number);
    assert_ptr_equal(loop.by_fd[number], &new.watch);
    close_probe(&old);
    close_probe(&new);
}

/* … before who has it now is in the loop, or never will be. */
static void number_handed_out(void **state)
{
    struct probe old, other;
    int number;

    (void)state;
    open_probe(&old, FM_READABLE);
    open_probe(&other, FM_READABLE);
    number = old.watch.fd;
    fm_loop_handed_out(&loop, -1);
    fm_loop_handed_out(&loop, FD_SETSIZE);
    fm_loop_handed_out(&loop, FD_SETSIZE - 1);
    assert_int_equal(old.calls + other.calls, 0);
    fm_loop_handed_out(&loop, number);
    assert_int_equal(old.told, FM_DEAD);
    assert_int_equal(old.watch.fd, -1);
    fm_loop_handed_out(&loop, number);
    assert_int_equal(old.calls, 1);
    assert_int_equal(other.calls, 0);
    close(number);
    close_probe(&old);
    close_probe(&other);
}

static void remove_other(struct probe *p)
{
    close_probe(p->other);
}

/* Both are ready; the first to be told closes the other. */
static void removed_while_ready(void **state)
{
    struct probe a, b;

    (void)state;
    open_probe(&a, FM_READABLE);
    open_probe(&b, FM_READABLE);
    poke(&a);
    poke(&b);
    a.job = b.job = remove_other;
    a.other = &b;
    b.other = &a;
    turn();
    assert_int_equal(a.calls + b.calls, 1);
    close_probe(&a);
    close_probe(&b);
}

static struct probe successor;

static void replace_other(struct probe *p)
{
    int number = p->other->watch.fd;

    if (number < 0)
        return;
    close(fm_loop_remove(&loop, &p->other->watch));
    successor = probe(dup2(p->peer, number), FM_READABLE);
    assert_int_equal(fm_loop_add(&loop, &successor.watch), 0);
}

/* … and gives its number to a new one, which was not ready at all. */
static void replaced_while_ready(void **state)
{
    struct probe a, b;

    (void)state;
    open_probe(&a, FM_READABLE);
    open_probe(&b, FM_READABLE);
    assert_true(a.watch.fd < b.watch.fd);
    poke(&a);
    poke(&b);
    a.job = replace_other;
    a.other = &b;
    turn();
    assert_int_equal(a.calls, 1);
    assert_int_equal(successor.calls, 0);
    close_probe(&a);
    close_probe(&b);
    close_probe(&successor);
}

static void add_expired(struct probe *p)
{
    if (successor.watch.fd >= 0)
        return;
    successor = probe(dup(p->peer), 0);
    successor.watch.deadline_ms = 0;
    assert_int_equal(fm_loop_add(&loop, &successor.watch), 0);
}

static void added_while_running(void **state)
{
    struct probe p;

    (void)state;
    successor = probe(-1, 0);
    open_probe(&p, FM_READABLE);
    p.job = add_expired;
    poke(&p);
    turn();
    assert_int_equal(successor.calls, 0);
    turn();
    assert_int_equal(successor.told, FM_EXPIRED);
    close_probe(&p);
    close_probe(&successor);
}

static void drop_interest(struct probe *p)
{
    p->other->watch.want = 0;
}

static void interest_dropped_while_ready(void **state)
{
    struct probe a, b;

    (void)state;
    open_probe(&a, FM_READABLE);
    open_probe(&b, FM_READABLE);
    poke(&a);
    poke(&b);
    a.job = b.job = drop_interest;
    a.other = &b;
    b.other = &a;
    turn();
    assert_int_equal(a.calls + b.calls, 1);
    close_probe(&a);
    close_probe(&b);
}

static void out_of_range(void **state)
{
    struct rlimit many;
    struct probe p = probe(-1, FM_READABLE);
    int fd;

    (void)state;
    assert_int_equal(fm_loop_add(&loop, &p.watch), FM_E_FD_RANGE);
    assert_int_equal(fm_loop_remove(&loop, &p.watch), -1);
    getrlimit(RLIMIT_NOFILE, &many);
    if (many.rlim_cur <= FD_SETSIZE) {
        many.rlim_cur = FD_SETSIZE + 1;
        if (setrlimit(RLIMIT_NOFILE, &many) != 0)
            skip();
    }
    fd = dup2(0, FD_SETSIZE);
    assert_int_equal(fd, FD_SETSIZE);
    p.watch.fd = fd;
    assert_int_equal(fm_loop_add(&loop, &p.watch), FM_E_FD_RANGE);
    close(fd);
    fd = dup2(0, FD_SETSIZE - 1);
    p.watch.fd = fd;
    assert_int_equal(fm_loop_add(&loop, &p.watch), 0);
    turn_without_waiting();
    close_probe(&p);
}

static void select_short_of_memory(void **state)
{
    struct probe p;

    (void)state;
    open_probe(&p, FM_READABLE);
    poke(&p);
    /* Every other call is the pause after a failure. */
    faults_next(SELECT, 6, -ENOMEM, 0, -ENOMEM, 0, -ENOMEM, -EINTR);
    for (int i = 0; i < 3; i++)
        turn();
    assert_int_equal(p.calls, 0);
    turn();
    assert_int_equal(p.calls, 1);
    assert_int_equal(loop.failures, 0);
    close_probe(&p);
}

static void select_that_never_works(void **state)
{
    static const struct {
        int sys, err;
    } rows[] = {{ENOMEM, FM_E_BUSY}, {EBADF, FM_E_BADFD}, {EIO, FM_E_SYS}};
    struct probe p;

    (void)state;
    open_probe(&p, FM_READABLE);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int turns = 0, r;

        loop.failures = 0;
        faults_always(SELECT, -rows[i].sys);
        while ((r = fm_loop_turn(&loop)) == 0)
            assert_true(++turns < 100);
        assert_int_equal(r, rows[i].err);
        assert_true(turns > 8);
    }
    assert_int_equal(p.calls, 0);
    close_probe(&p);
}

/* fcntl may fail for another reason: then the descriptor is not dead. */
static void probe_that_fails_otherwise(void **state)
{
    struct probe p;

    (void)state;
    open_probe(&p, FM_READABLE);
    faults_next(SELECT, 2, -EBADF, -EINTR);
    faults_next(FCNTL, 1, -EIO);
    turn();
    assert_int_equal(p.calls, 0);
    close_probe(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(readiness, fresh),
        cmocka_unit_test_setup(quiet_first, fresh),
        cmocka_unit_test_setup(the_highest_after_a_close, fresh),
        cmocka_unit_test_setup(urgent_data, fresh),
        cmocka_unit_test_setup(timers, fresh),
        cmocka_unit_test_setup(interrupted, fresh),
        cmocka_unit_test_setup(timers_among_signals, fresh),
        cmocka_unit_test_setup(dead_ones_are_found, fresh),
        cmocka_unit_test_setup(dead_writer, fresh),
        cmocka_unit_test_setup(number_in_use_again, fresh),
        cmocka_unit_test_setup(number_handed_out, fresh),
        cmocka_unit_test_setup(removed_while_ready, fresh),
        cmocka_unit_test_setup(replaced_while_ready, fresh),
        cmocka_unit_test_setup(added_while_running, fresh),
        cmocka_unit_test_setup(interest_dropped_while_ready, fresh),
        cmocka_unit_test_setup(out_of_range, fresh),
        cmocka_unit_test_setup(select_short_of_memory, fresh),
        cmocka_unit_test_setup(select_that_never_works, fresh),
        cmocka_unit_test_setup(probe_that_fails_otherwise, fresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
