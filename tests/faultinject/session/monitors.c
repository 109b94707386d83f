/*
 * monitors.c: what a call itself shows is told in a session, too, unless the
 * program says that it means it.
 */
#include "faultinject/inject/finding.h"
#include "faultinject/session/run.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static unsigned told; /* bits of enum sf_monitor */

static bool note(enum sf_monitor monitor, const char *line)
{
    (void)line;
    told |= 1u << monitor;
    return true;
}

/* The monitors that looked on and told something.  The program stays until the
 * session was left, perhaps by a hook that did not return. */
static unsigned play_text(bool (*hook)(enum sf_monitor, const char *),
                          const char *text, struct sf_program given)
{
    static struct sf_session session;
    static struct sf_program program;
    char why[160] = "";

    assert_int_equal(sf_session_parse(&session, text, why, sizeof why), 0);
    assert_string_equal(why, "");
    told = 0;
    sf_finding_hook = hook;
    program = given;
    sf_session_run(&session, &program, NULL);
    sf_finding_hook = NULL;
    return told;
}

/* Without a control connection. */
static unsigned play_with(bool (*hook)(enum sf_monitor, const char *),
                          const char *acts, struct sf_program program)
{
    char text[256];

    snprintf(text, sizeof text, "sockfault-session 1\nhandlers\n%s", acts);
    program.no_control = true;
    return play_text(hook, text, program);
}

static unsigned play(const char *acts, struct sf_program program)
{
    return play_with(note, acts, program);
}

/* --------------------------------------------------------------- programs */

static void reads_nothing(void *arg, int fd)
{
    char byte;

    (void)arg;
    recv(fd, &byte, 0, 0);
    close(fd);
}

static void reads_a_byte(void *arg, int fd)
{
    char byte;

    (void)arg;
    recv(fd, &byte, 1, 0);
    close(fd);
}

static void selects(int fd, int nfds, bool trusting)
{
    fd_set sets[2]; /* a range that is too large reads behind one */
    char byte;
    int r;

    fcntl(fd, F_SETFL, O_NONBLOCK);
    do {
        memset(sets, 0, sizeof sets);
        FD_SET(fd, &sets[0]);
        r = select(nfds ? nfds : fd + 1, &sets[0], NULL, NULL, NULL);
        if (r > 0 || trusting)
            recv(fd, &byte, 1, 0);
    } while (r < 0);
    close(fd);
}

static void asks_again(void *arg, int fd)
{
    (void)arg;
    selects(fd, 0, false);
}

static void trusts_the_sets(void *arg, int fd)
{
    (void)arg;
    selects(fd, 0, true);
}

static void asks_for_too_many(void *arg, int fd)
{
    (void)arg;
    selects(fd, FD_SETSIZE + 1, false);
}

static void dials(bool asks)
{
    socklen_t len, size = sizeof(int);
    const struct sockaddr *addr = sf_session_addr(&len);
    int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0), err = 0;
    fd_set writable;

    connect(fd, addr, len);
    FD_ZERO(&writable);
    FD_SET(fd, &writable);
    select(fd + 1, NULL, &writable, NULL, NULL);
    if (asks)
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size);
    if (!err)
        send(fd, "hello", 5, MSG_NOSIGNAL);
    close(fd);
}

static void sends_first(void *arg, int fd)
{
    (void)arg, (void)fd;
    dials(false);
}

static void asks_first(void *arg, int fd)
{
    (void)arg, (void)fd;
    dials(true);
}

/* Closed behind its back, as a call has told it. */
static void parts(int fd, bool knowing)
{
    char byte;

    while (recv(fd, &byte, 1, 0) > 0)
        ;
    if (!knowing)
        shutdown(fd, SHUT_WR);
}

static void uses_the_dead(void *arg, int fd)
{
    (void)arg;
    parts(fd, false);
}

static void leaves_the_dead(void *arg, int fd)
{
    (void)arg;
    parts(fd, true);
}

/* ------------------------------------------------------------------ tests */

static const struct row {
    const char *name;
    const char *acts;
    enum sf_side side;
    void (*wrong)(void *arg, int fd);
    void (*right)(void *arg, int fd);
    enum sf_monitor monitor;
} rows[] = {
    {"misuse", "bytes 1 \"ab\"\n", SF_GIVEN, reads_nothing, reads_a_byte,
     SF_MON_MISUSE},
    {"phantom-dispatch", "signal\nbytes 1 \"ab\"\n", SF_GIVEN, trusts_the_sets,
     asks_again, SF_MON_PHANTOM},
    {"fd-range", "bytes 1 \"ab\"\n", SF_GIVEN, asks_for_too_many, asks_again,
     SF_MON_FD_RANGE},
    {"unchecked-connect", "family tcp\nfault 1 1 0\n", SF_DIAL, sends_first,
     asks_first, SF_MON_CONNECT},
    {"stale-fd", "bytes 1 \"ab\"\n@1 kill 1\n", SF_GIVEN, uses_the_dead,
     leaves_the_dead, SF_MON_STALE_FD},
};

static void each_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        struct sf_program program = {.name = r->name, .side = r->side};

        program.run = r->right;
        assert_int_equal(play(r->acts, program), 0);
        program.run = r->wrong;
        assert_int_equal(play(r->acts, program), 1u << r->monitor);
    }
}

static void allowed_is_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        struct sf_program program = {.name = r->name,
                                     .side = r->side,
                                     .run = r->wrong,
                                     .allow = 1u << r->monitor};

        assert_int_equal(play(r->acts, program), 0);
    }
}

/* ------------------------------------------------------------ closed ones */

static void sends_to_nobody(int fd, int flags)
{
    char byte;

    while (recv(fd, &byte, 1, 0) > 0)
        ;
    send(fd, "x", 1, flags);
    send(fd, "x", 1, flags);
    close(fd);
}

static void sends_unguarded(void *arg, int fd)
{
    (void)arg;
    sends_to_nobody(fd, 0);
}

static void sends_guarded(void *arg, int fd)
{
    (void)arg;
    sends_to_nobody(fd, MSG_NOSIGNAL);
}

/* As libraries do, which may not touch the handler: it waits, and is taken. */
static void sends_blocked(void *arg, int fd)
{
    const struct timespec now = {0, 0};
    sigset_t pipe, before;

    (void)arg;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    sends_to_nobody(fd, 0);
    assert_int_equal(sigtimedwait(&pipe, NULL, &now), SIGPIPE);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void accepts_closed(void *arg, int fd)
{
    (void)arg;
    close(fd);
    accept(fd, NULL, NULL);
}

static void dials_closed(void *arg, int fd)
{
    struct sockaddr addr = {.sa_family = AF_UNIX};

    (void)arg;
    close(fd);
    connect(fd, &addr, sizeof addr);
}

static void closes_twice(void *arg, int fd)
{
    (void)arg;
    close(fd);
    close(fd);
}

static void keeps_one(void *arg, int fd)
{
    (void)arg;
    dup(fd);
    close(fd);
}

static void what_is_closed_is_told(void **state)
{
    static const struct {
        void (*run)(void *arg, int fd);
        unsigned told;
    } each[] = {
        {sends_guarded, 0},
        {sends_blocked, 0},
        {sends_unguarded, 1u << SF_MON_SIGPIPE},
        {accepts_closed, 1u << SF_MON_STALE_FD},
        {dials_closed, 1u << SF_MON_STALE_FD},
        {closes_twice, 1u << SF_MON_DOUBLE_CLOSE},
        {keeps_one, 1u << SF_MON_FD_LEAK},
    };

    (void)state;
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        struct sf_program program = {
            .name = "closed", .side = SF_GIVEN, .run = each[i].run};

        assert_int_equal(play("connect 1\nclose 1\n", program), each[i].told);
    }
}

/* ------------------------------------------------------------------- none */

static void sets_none(void *arg, int fd)
{
    (void)arg;
    fcntl(-1, F_SETFL, O_NONBLOCK);
    close(fd);
}

static void shuts_none(void *arg, int fd)
{
    (void)arg;
    shutdown(-1, SHUT_WR);
    close(fd);
}

static void asks_of_none(void *arg, int fd)
{
    socklen_t len = sizeof(int);
    int err;

    (void)arg;
    getsockopt(-1, SOL_SOCKET, SO_ERROR, &err, &len);
    close(-1);
    close(fd);
}

/* What accept could not make is no descriptor. */
static void none_is_told(void **state)
{
    struct sf_program program = {.name = "none", .side = SF_GIVEN};

    (void)state;
    program.run = asks_of_none;
    assert_int_equal(play("connect 1\n", program), 0);
    program.run = sets_none;
    assert_int_equal(play("connect 1\n", program), 1u << SF_MON_STALE_FD);
    program.run = shuts_none;
    assert_int_equal(play("connect 1\n", program), 1u << SF_MON_STALE_FD);
}

/* ------------------------------------------------------------------- spin */

static jmp_buf out;

static bool leave(enum sf_monitor monitor, const char *line)
{
    (void)line;
    told |= 1u << monitor;
    longjmp(out, 1);
}

static void asks_for_the_time(void *arg, int fd)
{
    struct timespec now;

    for (int i = 0; i < 20000; i++)
        clock_gettime(CLOCK_MONOTONIC, &now);
    reads_a_byte(arg, fd);
}

/* As the clock stands still while nobody waits, it will not come. */
static void waits_for_the_time(void *arg, int fd)
{
    struct timespec now;

    (void)arg, (void)fd;
    do
        clock_gettime(CLOCK_MONOTONIC, &now);
    while (now.tv_sec < SF_SIM_EPOCH_NS / 1000000000 + 5);
}

static void asks_both(void *arg, int fd)
{
    struct timespec now;
    char byte;

    (void)arg;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    do
        clock_gettime(CLOCK_MONOTONIC, &now);
    while (recv(fd, &byte, 1, MSG_PEEK) < 0);
}

static unsigned spin(void (*run)(void *arg, int fd))
{
    struct sf_program program = {
        .name = "spins", .side = SF_GIVEN, .run = run, .keeps_open = true};

    if (setjmp(out) == 0)
        play_with(leave, "connect 1\nframe 1 3\n", program);
    else
        sf_session_leave();
    sf_finding_hook = NULL;
    return told;
}

static void spins_are_told(void **state)
{
    (void)state;
    assert_int_equal(spin(asks_for_the_time), 0);
    assert_int_equal(spin(waits_for_the_time), 1u << SF_MON_SPIN);
    assert_int_equal(spin(asks_both), 1u << SF_MON_SPIN);
}

static bool stopped;

static void stop(void *arg)
{
    (void)arg;
    stopped = true;
}

/* Gives back no more than so many bytes. */
static void echoes(size_t most)
{
    socklen_t len;
    const struct sockaddr *addr = sf_session_addr(&len);
    int listener = socket(addr->sa_family, SOCK_STREAM, 0), fd;
    char byte;

    bind(listener, addr, len);
    listen(listener, 1);
    for (stopped = false; !stopped;) {
        fd = accept(listener, NULL, NULL);
        while (fd >= 0 && recv(fd, &byte, 1, 0) == 1)
            if (most > 0 && send(fd, &byte, 1, MSG_NOSIGNAL) == 1)
                most--;
        if (fd >= 0)
            close(fd);
    }
    close(listener);
}

static void echoes_all(void *arg, int fd)
{
    (void)arg, (void)fd;
    echoes(SIZE_MAX);
}

static void echoes_some(void *arg, int fd)
{
    (void)arg, (void)fd;
    echoes(3);
}

static bool loses(void (*run)(void *arg, int fd))
{
    struct sf_program program = {.name = "echoes",
                                 .run = run,
                                 .stop = stop,
                                 .received = sf_peer_echo,
                                 .finished = sf_peer_echoed};

    return play_text(note, "sockfault-session 1\n", program) &
           1u << SF_MON_LOST;
}

static void lost_answers_are_told(void **state)
{
    (void)state;
    assert_true(loses(echoes_some));
    assert_false(loses(echoes_all));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_told),
        cmocka_unit_test(spins_are_told),
        cmocka_unit_test(allowed_is_not),
        cmocka_unit_test(what_is_closed_is_told),
        cmocka_unit_test(none_is_told),
        cmocka_unit_test(lost_answers_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
