/* The blocking loops, on sockets and pipes, with what calls do to them. */
#include "target/encode.h"
#include "target/loops.h"
#include "target/sockio.h"
#include "target/stream.h"
#include "tests/target/faults.h"
#include "tests/target/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

struct pair {
    int a, b;
};

static struct pair sockets(void)
{
    int ends[2];

    faults_none();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    return (struct pair){ends[0], ends[1]};
}

static void close_pair(struct pair p)
{
    faults_none();
    if (p.a >= 0)
        close(p.a);
    if (p.b >= 0)
        close(p.b);
}

static void put(int fd, const char *bytes, size_t n)
{
    assert_int_equal(write(fd, bytes, n), n);
}

static void expect(int fd, const char *bytes, size_t n)
{
    char got[8192];

    assert_int_equal(recv(fd, got, sizeof got, MSG_DONTWAIT), n);
    assert_memory_equal(got, bytes, n);
}

/* Both kinds of waiting take their own path through the loops. */
static const int64_t waits[] = {FM_NEVER, FM_NEVER - 1};

static void exact(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct pair p = sockets();
        char got[8];

        put(p.b, "abcdefghij", 10);
        faults_next(RECV, 5, 1, -EINTR, 2, -ENOBUFS, 3);
        assert_int_equal(fm_recv_exact(p.a, got, 8, waits[i]), 0);
        assert_memory_equal(got, "abcdefgh", 8);
        assert_int_equal(fm_recv_exact(p.a, got, 2, waits[i]), 0);
        assert_memory_equal(got, "ij", 2);
        assert_int_equal(fm_recv_exact(p.a, got, 0, waits[i]), 0);
        close_pair(p);
    }
}

static void exact_at_the_end(void **state)
{
    (void)state;
    for (size_t got_n = 0; got_n <= 5; got_n++) {
        struct pair p = sockets();
        char got[5];
        int want = got_n == 0 ? FM_E_CLOSED : got_n == 5 ? 0 : FM_E_TRUNCATED;

        put(p.b, "abcde", got_n);
        close(p.b);
        errno = EINTR; /* a stale errno must not matter */
        assert_int_equal(fm_recv_exact(p.a, got, 5, FM_NEVER), want);
        p.b = -1;
        close_pair(p);
    }
}

static void exact_errors(void **state)
{
    static const struct {
        int sys, err;
    } rows[] = {{ECONNRESET, FM_E_RESET}, {ETIMEDOUT, FM_E_UNREACH},
                {EBADF, FM_E_BADFD},      {EINVAL, FM_E_USAGE},
                {ENOTCONN, FM_E_USAGE},   {EIO, FM_E_SYS}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pair p = sockets();
        char got[4];

        put(p.b, "abcd", 4);
        faults_next(RECV, 2, 2, -rows[i].sys);
        assert_int_equal(fm_recv_exact(p.a, got, 4, FM_NEVER), rows[i].err);
        assert_int_equal(faults_count(RECV), 2);
        close_pair(p);
    }
}

static void busy_for_too_long(void **state)
{
    struct pair p = sockets();
    char got[4];

    (void)state;
    faults_always(RECV, -ENOBUFS);
    assert_int_equal(fm_recv_exact(p.a, got, 4, FM_NEVER), FM_E_BUSY);
    assert_in_range(faults_count(RECV), 9, 40);
    faults_none();
    faults_always(SEND, -ENOBUFS);
    assert_int_equal(fm_send_all(p.a, "x", 1, FM_NEVER), FM_E_BUSY);
    assert_in_range(faults_count(SEND), 9, 40);
    faults_none();
    faults_always(SEND, FAULTS_ZERO); /* which says no more than that */
    assert_int_equal(fm_send_all(p.a, "x", 1, FM_NEVER), FM_E_BUSY);
    assert_in_range(faults_count(SEND), 9, 40);
    close_pair(p);
}

/* The pauses take no more time than there is, and then a millisecond each. */
static void busy_until_the_deadline(void **state)
{
    struct pair p = sockets();
    int64_t begin = fm_now_ms();
    char got[4];

    (void)state;
    faults_always(RECV, -ENOBUFS);
    assert_int_equal(fm_recv_exact(p.a, got, 4, begin + 15), FM_E_BUSY);
    assert_in_range(fm_now_ms() - begin, 27, 100);
    assert_int_equal(faults_count(RECV), 17);
    close_pair(p);
}

static void send_everything(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct pair p = sockets();

        faults_next(SEND, 7, 1, -EINTR, 3, FAULTS_ZERO, -ENOMEM, 2, -EINTR);
        assert_int_equal(fm_send_all(p.a, "abcdefghij", 10, waits[i]), 0);
        expect(p.b, "abcdefghij", 10);
        assert_int_equal(fm_send_all(p.a, "", 0, waits[i]), 0);
        close_pair(p);
    }
}

/* The peer reads slower than we send. */
static void send_more_than_fits(void **state)
{
    enum { N = 3000000 };
    struct pair p = sockets();
    char *bytes = malloc(N);
    struct fm_buf got;

    (void)state;
    for (int i = 0; i < N; i++)
        bytes[i] = (char)(i * 7 + i / 251);
    if (fork() == 0) {
        close(p.b);
        _exit(fm_send_all(p.a, bytes, N, fm_deadline_in(10000)) != 0);
    }
    close(p.a);
    p.a = -1;
    fm_buf_init(&got, N);
    assert_int_equal(fm_recv_until_closed(p.b, &got, fm_deadline_in(10000)), 0);
    assert_int_equal(fm_buf_len(&got), N);
    assert_memory_equal(fm_buf_peek(&got), bytes, N);
    fm_buf_fini(&got);
    free(bytes);
    close_pair(p);
}

static void send_without_sigpipe(void **state)
{
    struct iovec piece = {"abc", 3};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct pair p = sockets();

        close(p.b);
        p.b = -1;
        assert_int_equal(fm_send_all(p.a, "abc", 3, waits[i]), FM_E_PIPE);
        assert_int_equal(fm_sendv_all(p.a, &piece, 1, waits[i]), FM_E_PIPE);
        close_pair(p);
    }
}

/* A vector with empty pieces everywhere, cut after every count of bytes. */
static void vector_cut_everywhere(void **state)
{
    const struct iovec iov[] = {{"", 0},    {"ab", 2}, {NULL, 0},  {"c", 1},
                                {"", 0},    {"", 0},   {"def", 3}, {"g", 1},
                                {"hij", 3}, {"", 0}};

    (void)state;
    for (int first = 1; first <= 10; first++)
        for (int i = 0; i < 2; i++) {
            struct pair p = sockets();

            faults_next(SENDMSG, 4, first, -EINTR, first, -EAGAIN);
            assert_int_equal(fm_sendv_all(p.a, iov, 10, waits[i]), 0);
            expect(p.b, "abcdefghij", 10);
            close_pair(p);
        }
}

static void vector_of_nothing(void **state)
{
    const struct iovec empty[] = {{"", 0}, {NULL, 0}};
    struct pair p = sockets();

    (void)state;
    assert_int_equal(fm_sendv_all(p.a, empty, 2, FM_NEVER), 0);
    assert_int_equal(fm_sendv_all(p.a, NULL, 0, FM_NEVER), 0);
    assert_int_equal(fm_sendv_all(p.a, empty, -1, FM_NEVER), FM_E_USAGE);
    assert_int_equal(faults_count(SENDMSG), 0);
    close_pair(p);
}

static void vector_errors(void **state)
{
    const struct iovec piece = {"abc", 3};
    struct pair p = sockets();

    (void)state;
    faults_next(SENDMSG, 1, -ECONNRESET);
    assert_int_equal(fm_sendv_all(p.a, &piece, 1, FM_NEVER), FM_E_RESET);
    assert_int_equal(faults_count(SEND), 0);
    faults_next(SENDMSG, 1, -ENOBUFS);
    assert_int_equal(fm_sendv_all(p.a, &piece, 1, FM_NEVER), 0);
    assert_int_equal(faults_count(SEND), 1);
    expect(p.b, "abc", 3);
    close_pair(p);
}

static void vector_longer_than_iov_max(void **state)
{
    enum { N = 2 * IOV_MAX + 7 };
    static struct iovec iov[N];
    struct pair p = sockets();
    char want[N];

    (void)state;
    for (int i = 0; i < N; i++) {
        want[i] = (char)('a' + i % 26);
        iov[i] = (struct iovec){&want[i], 1};
    }
    assert_int_equal(fm_sendv_all(p.a, iov, N, FM_NEVER), 0);
    assert_int_equal(faults_most_pieces(), IOV_MAX);
    expect(p.b, want, N);
    close_pair(p);
}

static void deadlines(void **state)
{
    struct pair p = sockets();
    int64_t start = fm_now_ms();
    char got[100000] = {0};

    (void)state;
    assert_int_equal(fm_recv_exact(p.a, got, 1, start + 60), FM_E_TIMEOUT);
    assert_in_range(fm_now_ms() - start, 60, 2000);
    put(p.b, "x", 1);
    assert_int_equal(fm_recv_exact(p.a, got, 1, 0), 0);
    assert_int_equal(fm_recv_exact(p.a, got, 1, 0), FM_E_TIMEOUT);
    start = fm_now_ms();
    for (int r = 0; r == 0;)
        r = fm_send_all(p.a, got, sizeof got, start + 60);
    assert_in_range(fm_now_ms() - start, 60, 2000);
    assert_int_equal(fm_send_all(p.a, got, 1, 0), FM_E_TIMEOUT);
    close_pair(p);
}

static void nothing(int number)
{
    (void)number;
}

/* Signals that keep coming do not start a deadline anew. */
static void deadline_among_signals(void **state)
{
    struct sigaction action = {.sa_handler = nothing};
    struct itimerval every = {{0, 10000}, {0, 10000}};
    struct itimerval never = {{0, 0}, {0, 0}};
    struct pair p = sockets();
    int64_t start = fm_now_ms();
    char got[1];

    (void)state;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &every, NULL);
    assert_int_equal(fm_recv_exact(p.a, got, 1, start + 100), FM_E_TIMEOUT);
    setitimer(ITIMER_REAL, &never, NULL);
    assert_in_range(fm_now_ms() - start, 100, 2000);
    close_pair(p);
}

static void time_out_of_the_socket(void **state)
{
    struct timeval t = {0, 20000};
    struct pair p = sockets();
    char got[1];

    (void)state;
    setsockopt(p.a, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    assert_int_equal(fm_recv_exact(p.a, got, 1, FM_NEVER), FM_E_TIMEOUT);
    close_pair(p);
}

/* On a non-blocking descriptor "never" means poll. */
static void non_blocking(void **state)
{
    struct pair p = sockets();
    char got[3];

    (void)state;
    assert_int_equal(fm_io_set_nonblock(p.a, true), 0);
    if (fork() == 0) {
        poll(NULL, 0, 50);
        put(p.b, "abc", 3);
        _exit(0);
    }
    assert_int_equal(fm_recv_exact(p.a, got, 3, FM_NEVER), 0);
    assert_memory_equal(got, "abc", 3);
    assert_int_equal(fm_io_set_nonblock(p.a, false), 0);
    assert_int_equal(fm_io_get_nonblock(p.a), 0);
    close_pair(p);
}

static void poll_errors(void **state)
{
    struct pair p = sockets();
    char got[1];

    (void)state;
    faults_next(POLL, 1, -ENOMEM);
    assert_int_equal(fm_recv_exact(p.a, got, 1, fm_deadline_in(50)),
                     FM_E_TIMEOUT);
    faults_always(POLL, -ENOMEM);
    assert_int_equal(fm_recv_exact(p.a, got, 1, fm_deadline_in(50)), FM_E_BUSY);
    faults_none();
    assert_int_equal(fm_wait(1234, POLLIN, FM_NEVER), FM_E_BADFD);
    assert_int_equal(fm_io_get_nonblock(1234), FM_E_BADFD);
    assert_int_equal(fm_io_set_nonblock(1234, true), FM_E_BADFD);
    close_pair(p);
}

/* Pipes know neither recv nor send. */
static void pipes(void **state)
{
    const struct iovec iov[] = {{"abc", 3}, {"", 0}, {"defg", 4}};

    (void)state;
    for (int i = 0; i < 2; i++) {
        int ends[2];
        char got[14];

        faults_none();
        assert_int_equal(pipe(ends), 0);
        faults_next(WRITE, 3, 1, -EINTR, 2);
        assert_int_equal(fm_send_all(ends[1], "1234567", 7, waits[i]), 0);
        assert_int_equal(fm_sendv_all(ends[1], iov, 3, waits[i]), 0);
        faults_next(READ, 3, 1, -EINTR, 2);
        assert_int_equal(fm_recv_exact(ends[0], got, 14, waits[i]), 0);
        assert_memory_equal(got, "1234567abcdefg", 14);
        assert_int_equal(fm_recv_exact(ends[0], got, 1, fm_deadline_in(10)),
                         FM_E_TIMEOUT);
        close_pair((struct pair){ends[0], ends[1]});
    }
}

static void pipe_that_is_full(void **state)
{
    static char much[100000];
    int ends[2];

    (void)state;
    faults_none();
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(
        fm_send_all(ends[1], much, sizeof much, fm_deadline_in(30)),
        FM_E_TIMEOUT);
    close_pair((struct pair){ends[0], ends[1]});
}

static const char *const formats[] = {
    "fixed:4", "type:a=3",       "delim:\\r\\n",       "ascii:2",
    "be8",     "be16:inclusive", "be32,max=4294967295"};

/* A frame comes out whole, and the one after it is still in the socket. */
static void frames(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        for (int cut = 1; cut < 12; cut++) {
            struct pair p = sockets();
            struct fm_format f;
            struct fm_buf wire, got;

            assert_int_equal(fm_format_parse(&f, formats[i], NULL, 0), 0);
            fm_buf_init(&wire, SIZE_MAX);
            fm_buf_init(&got, SIZE_MAX);
            assert_int_equal(fm_encode(&f, "abcd", 4, &wire), 0);
            assert_int_equal(fm_encode(&f, "axyz", 4, &wire), 0);
            put(p.b, (const char *)fm_buf_peek(&wire), fm_buf_len(&wire));
            faults_next(RECV, 3, cut, -EINTR, cut);
            assert_int_equal(fm_recv_frame(p.a, &f, &got, FM_NEVER), 0);
            assert_int_equal(fm_buf_len(&got), 4);
            assert_int_equal(fm_recv_frame(p.a, &f, &got, FM_NEVER), 0);
            assert_memory_equal(fm_buf_peek(&got), "abcdaxyz", 8);
            close(p.b);
            p.b = -1;
            assert_int_equal(fm_recv_frame(p.a, &f, &got, FM_NEVER),
                             FM_E_CLOSED);
            assert_int_equal(fm_buf_len(&got), 8);
            fm_buf_fini(&wire);
            fm_buf_fini(&got);
            close_pair(p);
        }
}

static void frames_that_stop_short(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        struct fm_format f;
        struct fm_buf wire;

        assert_int_equal(fm_format_parse(&f, formats[i], NULL, 0), 0);
        fm_buf_init(&wire, SIZE_MAX);
        assert_int_equal(fm_encode(&f, "abcd", 4, &wire), 0);
        for (size_t n = 1; n < fm_buf_len(&wire); n++) {
            struct pair p = sockets();
            struct fm_buf got;

            fm_buf_init(&got, SIZE_MAX);
            put(p.b, (const char *)fm_buf_peek(&wire), n);
            close(p.b);
            p.b = -1;
            assert_int_equal(fm_recv_frame(p.a, &f, &got, FM_NEVER),
                             FM_E_TRUNCATED);
            assert_int_equal(fm_buf_len(&got), 0);
            fm_buf_fini(&got);
            close_pair(p);
        }
        fm_buf_fini(&wire);
    }
}

static int one_frame(const char *format, const char *bytes, size_t n,
                     size_t room)
{
    struct pair p = sockets();
    struct fm_format f;
    struct fm_buf got;
    int r;

    assert_int_equal(fm_format_parse(&f, format, NULL, 0), 0);
    fm_buf_init(&got, room);
    put(p.b, bytes, n);
    close(p.b);
    p.b = -1;
    r = fm_recv_frame(p.a, &f, &got, FM_NEVER);
    if (r < 0)
        assert_int_equal(fm_buf_len(&got), 0);
    fm_buf_fini(&got);
    close_pair(p);
    return r;
}

static void frames_that_are_wrong(void **state)
{
    static char long_one[70000];

    (void)state;
    assert_int_equal(one_frame("ascii:2", "0x", 2, 9), FM_E_BAD);
    assert_int_equal(one_frame("be8,max=1", "\2ab", 3, 9), FM_E_TOO_LONG);
    assert_int_equal(one_frame("be8", "\2ab", 3, 1), FM_E_NOMEM);
    assert_int_equal(one_frame("close", "abc", 3, 9), 0);
    assert_int_equal(one_frame("close", "", 0, 9), 0);
    assert_int_equal(one_frame("close,max=2", "abc", 3, 9), FM_E_TOO_LONG);
    assert_int_equal(one_frame("close", long_one, sizeof long_one, SIZE_MAX),
                     0);
}

/* What is no socket any more is neither read nor written. */
static void sockets_only(void **state)
{
    int ends[2];
    char got;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "a", 1), 1);
    assert_int_equal(fm_sock_recv_some(ends[0], &got, 1, FM_NEVER),
                     FM_E_NOT_SOCK);
    assert_int_equal(fm_sock_send_some(ends[1], "b", 1, FM_NEVER),
                     FM_E_NOT_SOCK);
    assert_int_equal(fm_recv_exact(ends[0], &got, 1, FM_NEVER), 0);
    assert_int_equal(got, 'a');
    assert_int_equal(fm_recv_some(ends[0], &got, 1, fm_deadline_in(0)),
                     FM_E_TIMEOUT);
    close(ends[0]);
    close(ends[1]);
}

static void frame_without_memory(void **state)
{
    struct pair p = sockets();
    struct fm_format f;
    struct fm_buf got;

    (void)state;
    assert_int_equal(fm_format_parse(&f, "be8", NULL, 0), 0);
    fm_buf_init(&got, 10);
    put(p.b, "\1a", 2);
    faults_next(MALLOC, 1, -ENOMEM);
    assert_int_equal(fm_recv_frame(p.a, &f, &got, FM_NEVER), FM_E_NOMEM);
    close_pair(p);
}

/* … which is another thing than a message that is too long. */
static void message_without_memory(void **state)
{
    struct pair p = sockets();
    struct fm_buf got;

    (void)state;
    fm_buf_init(&got, 10);
    put(p.b, "a", 1);
    faults_next(MALLOC, 1, -ENOMEM);
    assert_int_equal(fm_recv_until_closed(p.a, &got, FM_NEVER), FM_E_NOMEM);
    close_pair(p);
}

static void until_closed(void **state)
{
    struct pair p = sockets();
    struct fm_buf got;

    (void)state;
    fm_buf_init(&got, 5);
    put(p.b, "abcdef", 6);
    faults_next(RECV, 2, 2, 3);
    assert_int_equal(fm_recv_until_closed(p.a, &got, FM_NEVER), FM_E_TOO_LONG);
    assert_memory_equal(fm_buf_peek(&got), "abcde", 5);
    faults_next(RECV, 1, -ECONNRESET);
    assert_int_equal(fm_recv_until_closed(p.a, &got, FM_NEVER), FM_E_RESET);
    fm_buf_fini(&got);
    close_pair(p);
}

static void stream(void **state)
{
    struct pair p = sockets();
    struct fm_stream s;
    struct fm_frame frame;
    struct fm_format f;

    (void)state;
    assert_int_equal(fm_format_parse(&f, "be8", NULL, 0), 0);
    fm_stream_init(&s, p.a, &f);
    put(p.b, "\1a\2bc\0\3d", 8);
    assert_int_equal(fm_stream_next(&s, &frame, FM_NEVER), FM_FRAME);
    assert_memory_equal(frame.data, "a", frame.len);
    assert_int_equal(fm_stream_next(&s, &frame, FM_NEVER), FM_FRAME);
    assert_memory_equal(frame.data, "bc", frame.len);
    assert_int_equal(fm_stream_next(&s, &frame, FM_NEVER), FM_FRAME);
    assert_int_equal(frame.len, 0);
    assert_int_equal(faults_count(RECV), 1);

    /* A time-out loses nothing, and what was put goes out before it. */
    assert_int_equal(fm_stream_put(&s, "reply", 5, FM_NEVER), 0);
    assert_int_equal(fm_stream_next(&s, &frame, 0), FM_E_TIMEOUT);
    expect(p.b, "\5reply", 6);
    put(p.b, "ef", 2);
    assert_int_equal(fm_stream_next(&s, &frame, FM_NEVER), FM_FRAME);
    assert_memory_equal(frame.data, "def", frame.len);

    close(p.b);
    p.b = -1;
    for (int i = 0; i < 2; i++)
        assert_int_equal(fm_stream_next(&s, &frame, FM_NEVER), FM_E_CLOSED);
    assert_int_equal(fm_stream_put(&s, "x", 1, FM_NEVER), 0);
    assert_int_equal(fm_stream_flush(&s, FM_NEVER), FM_E_PIPE);
    fm_stream_fini(&s);
    close_pair(p);
}

static void stream_gathers(void **state)
{
    static char payload[60000];
    struct pair p = sockets();
    struct fm_stream s;
    struct fm_format f;

    (void)state;
    assert_int_equal(fm_format_parse(&f, "be16", NULL, 0), 0);
    fm_stream_init(&s, p.a, &f);
    assert_int_equal(fm_stream_put(&s, payload, sizeof payload, FM_NEVER), 0);
    assert_int_equal(faults_count(SEND), 0);
    assert_int_equal(fm_stream_put(&s, payload, sizeof payload, FM_NEVER), 0);
    assert_true(faults_count(SEND) > 0);
    assert_int_equal(fm_stream_put(&s, payload, 65536, FM_NEVER),
                     FM_E_TOO_LONG);
    fm_stream_fini(&s);
    close_pair(p);
}

static void one_message(const char *message, size_t len)
{
    struct pair p = sockets();
    struct fm_stream s;
    struct fm_frame frame;
    struct fm_format f;

    assert_int_equal(fm_format_parse(&f, "close", NULL, 0), 0);
    fm_stream_init(&s, p.a, &f);
    put(p.b, message, len);
    assert_int_equal(fm_stream_next(&s, &frame, 0), FM_E_TIMEOUT);
    close(p.b);
    p.b = -1;
    assert_int_equal(fm_stream_next(&s, &frame, 0), FM_FRAME);
    assert_int_equal(frame.len, len);
    assert_memory_equal(frame.data, message, len);
    assert_int_equal(fm_stream_next(&s, &frame, 0), FM_E_CLOSED);
    fm_stream_fini(&s);
    close_pair(p);
}

static void stream_until_closed(void **state)
{
    (void)state;
    one_message("abc", 3);
    one_message("", 0);
}

static void clock_edges(void **state)
{
    (void)state;
    assert_true(fm_deadline_in(-1) == FM_NEVER);
    assert_true(fm_deadline_in(INT64_MAX) == FM_NEVER);
    assert_true(fm_deadline_in(5) >= fm_now_ms());
    assert_int_equal(fm_remaining_ms(100, FM_NEVER), -1);
    assert_int_equal(fm_remaining_ms(100, 99), 0);
    assert_int_equal(fm_remaining_ms(100, 100), 0);
    assert_int_equal(fm_remaining_ms(100, 101), 1);
    assert_int_equal(fm_remaining_ms(0, INT64_C(1) << 40), INT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact),
        cmocka_unit_test(exact_at_the_end),
        cmocka_unit_test(exact_errors),
        cmocka_unit_test(busy_for_too_long),
        cmocka_unit_test(busy_until_the_deadline),
        cmocka_unit_test(send_everything),
        cmocka_unit_test(send_more_than_fits),
        cmocka_unit_test(send_without_sigpipe),
        cmocka_unit_test(vector_cut_everywhere),
        cmocka_unit_test(vector_of_nothing),
        cmocka_unit_test(vector_errors),
        cmocka_unit_test(vector_longer_than_iov_max),
        cmocka_unit_test(deadlines),
        cmocka_unit_test(deadline_among_signals),
        cmocka_unit_test(time_out_of_the_socket),
        cmocka_unit_test(non_blocking),
        cmocka_unit_test(poll_errors),
        cmocka_unit_test(pipes),
        cmocka_unit_test(pipe_that_is_full),
        cmocka_unit_test(frames),
        cmocka_unit_test(frames_that_stop_short),
        cmocka_unit_test(frames_that_are_wrong),
        cmocka_unit_test(frame_without_memory),
        cmocka_unit_test(sockets_only),
        cmocka_unit_test(message_without_memory),
        cmocka_unit_test(until_closed),
        cmocka_unit_test(stream),
        cmocka_unit_test(stream_gathers),
        cmocka_unit_test(stream_until_closed),
        cmocka_unit_test(clock_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
