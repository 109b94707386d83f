/*
 * pieces_test.c: one call, several pieces; one connection, several numbers.
 *
 * A message or a batch that is cut short gives back what comes beside its
 * bytes, and leaves what comes behind them.  Whatever number it is called by,
 * a connection is the one it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "faultinject/inject/inject.h"
#include "tests/faultinject/planned.h"

int close_range(unsigned first, unsigned last, int flags);

static const char text[] = "0123456789abcdefghij";
enum { ALL = sizeof text - 1, PIECES = 3 };

static int pair[2];
static char got[ALL + 1];
static struct iovec pieces[PIECES];
static struct mmsghdr messages[PIECES];

/* Twenty bytes in pieces of 5, 5 and 10, each a message as well. */
static void cut_up(char *bytes)
{
    static const size_t lengths[PIECES] = {5, 5, 10};

    for (int i = 0; i < PIECES; i++) {
        pieces[i] = (struct iovec){bytes, lengths[i]};
        messages[i] = (struct mmsghdr){
            .msg_hdr = {.msg_iov = &pieces[i], .msg_iovlen = 1}};
        bytes += lengths[i];
    }
}

static void begin(const char *rules)
{
    planned_begin(rules);
    make_pair(UNIX, pair);
    memset(got, '-', ALL);
    cut_up(got);
}

static void end(unsigned faults)
{
    close(pair[0]);
    close(pair[1]);
    assert_int_equal(planned_end(), faults);
}

/* The first n bytes came, and no more was touched. */
static void check_got(size_t n)
{
    assert_memory_equal(got, text, n);
    for (size_t i = n; i < ALL; i++)
        assert_int_equal(got[i], '-');
}

/* A descriptor beside the bytes; room for what is beside them. */
static ssize_t pass(size_t room, int *fd, struct msghdr *msg)
{
    static union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } out, in;
    struct iovec whole = {(void *)(uintptr_t)text, ALL};
    struct msghdr sent = {.msg_iov = &whole,
                          .msg_iovlen = 1,
                          .msg_control = out.bytes,
                          .msg_controllen = sizeof out.bytes};
    struct cmsghdr *c = CMSG_FIRSTHDR(&sent);
    ssize_t n;

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &pair[0], sizeof(int));
    assert_int_equal(sf_libc.sendmsg(pair[1], &sent, 0), ALL);
    *msg = (struct msghdr){.msg_iov = pieces,
                           .msg_iovlen = PIECES,
                           .msg_control = room ? in.bytes : NULL,
                           .msg_controllen = room};
    n = recvmsg(pair[0], msg, 0);
    c = CMSG_FIRSTHDR(msg);
    *fd = -1;
    if (c && c->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(fd, CMSG_DATA(c), sizeof(int));
    return n;
}

static void what_comes_beside_is_kept(void **state)
{
    struct msghdr msg;
    int fd;

    (void)state;
    begin("recvmsg 1: short 7");
    assert_int_equal(pass(CMSG_SPACE(sizeof(int)), &fd, &msg), 7);
    check_got(7);
    assert_in_range(fd, 3, 1023);
    assert_int_equal(msg.msg_flags, 0);
    close(fd);
    end(1);
    begin("recvmsg 1: short 7");
    assert_int_equal(pass(0, &fd, &msg), 7);
    assert_int_equal(msg.msg_flags, MSG_CTRUNC);
    assert_int_equal(msg.msg_controllen, 0);
    end(1);
}

/* What waits behind the bytes is for the next call. */
static void batches_leave_the_error(void **state)
{
    (void)state;
    begin("recvmmsg 1: short 5");
    send(pair[0], "x", 1, 0);
    sf_libc.send(pair[1], text, 10, 0);
    sf_libc.close(pair[1]);
    assert_int_equal(recvmmsg(pair[0], messages, PIECES, 0, NULL), 1);
    assert_int_equal(recv(pair[0], got + 5, 5, 0), 5);
    check_got(10);
    assert_int_equal(recv(pair[0], got, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    close(pair[0]);
    planned_end();
}

static char byte_of(int fd)
{
    char c = '?';

    sf_libc.send(pair[1], "x", 1, MSG_NOSIGNAL);
    if (recv(fd, &c, 1, 0) < 0)
        c = '!';
    return c;
}

/* By the third read of the connection, under its third number. */
static void a_copy_is_the_connection(void **state)
{
    (void)state;
    for (int how = 0; how < 4; how++) {
        int second, third;

        begin("profile posix\nconn 1 recv 3: ENOBUFS");
        second = how == 0   ? dup(pair[0])
                 : how == 1 ? fcntl(pair[0], F_DUPFD_CLOEXEC, 20)
                 : how == 2 ? dup2(pair[0], 20)
                            : dup3(pair[0], 20, O_CLOEXEC);
        assert_int_equal(byte_of(pair[0]), 'x');
        close(pair[0]);
        assert_int_equal(byte_of(second), 'x');
        third = fcntl(second, F_DUPFD, 30);
        assert_int_equal(byte_of(third), '!');
        assert_int_equal(errno, ENOBUFS);
        close(second);
        close(third);
        end(1);
    }
}

/* What is to be closed at an exec is open until then. */
static void a_row_for_later_stays(void **state)
{
    (void)state;
    begin("profile posix\nconn 1 recv 1: ENOBUFS");
    assert_int_equal(
        close_range((unsigned)pair[0], (unsigned)pair[0], CLOSE_RANGE_CLOEXEC),
        0);
    assert_int_equal(byte_of(pair[0]), '!');
    end(1);
}

/* … and one of that number that comes after it is another. */
static void a_closed_row_is_forgotten(void **state)
{
    (void)state;
    begin("profile posix\nconn 1 recv 1: ENOBUFS");
    assert_int_equal(close_range((unsigned)pair[0], (unsigned)pair[1], 0), 0);
    sf_libc.socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    assert_int_equal(byte_of(pair[0]), 'x');
    end(0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_beside_is_kept),
        cmocka_unit_test(batches_leave_the_error),
        cmocka_unit_test(a_copy_is_the_connection),
        cmocka_unit_test(a_row_for_later_stays),
        cmocka_unit_test(a_closed_row_is_forgotten),
    };

    alarm(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
