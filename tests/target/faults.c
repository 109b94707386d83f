/* see faults.h */
#include "tests/target/faults.h"
#include "tests/target/unit.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { LIST_MAX = 64 };

static struct {
    int list[LIST_MAX];
    atomic_int at, n;
    atomic_int always;
    atomic_uint count;
} calls[FAULT_CALLS];

static atomic_int to_rob = -1;
static atomic_uint most_pieces;
static atomic_uint bad_closes;

void faults_next(enum fault_call call, int n, ...)
{
    va_list args;

    assert_true(n <= LIST_MAX);
    va_start(args, n);
    for (int i = 0; i < n; i++)
        calls[call].list[i] = va_arg(args, int);
    va_end(args);
    calls[call].at = 0;
    calls[call].n = n;
}

void faults_always(enum fault_call call, int what)
{
    calls[call].always = what;
}

void faults_rob(int number)
{
    to_rob = number;
}

void faults_none(void)
{
    to_rob = -1;
    for (int i = 0; i < FAULT_CALLS; i++) {
        calls[i].at = calls[i].n = calls[i].always = 0;
        calls[i].count = 0;
    }
    most_pieces = 0;
    bad_closes = 0;
}

unsigned faults_count(enum fault_call call)
{
    return calls[call].count;
}

unsigned faults_most_pieces(void)
{
    return most_pieces;
}

unsigned faults_bad_closes(void)
{
    return bad_closes;
}

static int next(enum fault_call call)
{
    calls[call].count++;
    if (calls[call].at < calls[call].n)
        return calls[call].list[calls[call].at++];
    return calls[call].always;
}

/* Does the call go through?  If not, *r is its result. */
static bool passes(enum fault_call call, ssize_t *r, size_t *len)
{
    int what = next(call);

    if (what == FAULTS_ZERO) {
        *r = 0;
        return false;
    }
    if (what < 0) {
        errno = -what;
        *r = -1;
        return false;
    }
    if (what > 0 && (size_t)what < *len)
        *len = (size_t)what;
    return true;
}

#define BYTES(call, name, params, args)                         \
    ssize_t __real_##name params;                               \
    ssize_t __wrap_##name params;                               \
    ssize_t __wrap_##name params                                \
    {                                                           \
        ssize_t r;                                              \
                                                                \
        return passes(call, &r, &len) ? __real_##name args : r; \
    }

BYTES(RECV, recv, (int fd, void *buf, size_t len, int flags),
      (fd, buf, len, flags))
BYTES(READ, read, (int fd, void *buf, size_t len), (fd, buf, len))
BYTES(SEND, send, (int fd, const void *buf, size_t len, int flags),
      (fd, buf, len, flags))
BYTES(WRITE, write, (int fd, const void *buf, size_t len), (fd, buf, len))

#define WHOLE(call, type, name, params, args)                         \
    type __real_##name params;                                        \
    type __wrap_##name params;                                        \
    type __wrap_##name params                                         \
    {                                                                 \
        ssize_t r;                                                    \
        size_t len = 0;                                               \
                                                                      \
        return passes(call, &r, &len) ? __real_##name args : (type)r; \
    }

WHOLE(POLL, int, poll, (struct pollfd * fds, nfds_t n, int timeout),
      (fds, n, timeout))
WHOLE(SELECT, int, select,
      (int n, fd_set *rd, fd_set *wr, fd_set *ex, struct timeval *timeout),
      (n, rd, wr, ex, timeout))
WHOLE(CONNECT, int, connect,
      (int fd, const struct sockaddr *addr, socklen_t size), (fd, addr, size))
WHOLE(SOCKET, int, socket, (int domain, int type, int protocol),
      (domain, type, protocol))
WHOLE(WAITPID, pid_t, waitpid, (pid_t pid, int *status, int options),
      (pid, status, options))
WHOLE(FCNTL, int, fcntl, (int fd, int command, long arg), (fd, command, arg))
WHOLE(FORK, pid_t, fork, (void), ())
WHOLE(PAIR, int, socketpair, (int domain, int type, int protocol, int ends[2]),
      (domain, type, protocol, ends))
WHOLE(PTHREAD, int, pthread_create,
      (pthread_t * thread, const pthread_attr_t *attr, void *(*run)(void *),
       void *arg),
      (thread, attr, run, arg))

int __real_close(int fd);
int __wrap_close(int fd);
int __real_accept4(int fd, struct sockaddr *addr, socklen_t *size, int flags);
int __wrap_accept4(int fd, struct sockaddr *addr, socklen_t *size, int flags);

static void rob(int listener)
{
    struct pollfd p = {.fd = listener, .events = POLLIN};

    if (to_rob >= 0 && __real_poll(&p, 1, 0) == 1)
        __real_close(atomic_exchange(&to_rob, -1));
}

int __wrap_accept4(int fd, struct sockaddr *addr, socklen_t *size, int flags)
{
    ssize_t r;
    size_t len = 0;

    rob(fd);
    return passes(ACCEPT, &r, &len) ? __real_accept4(fd, addr, size, flags)
                                    : (int)r;
}

int __wrap_close(int fd)
{
    int r = __real_close(fd);

    bad_closes += r == -1 && errno == EBADF;
    return r;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
    ssize_t r;
    size_t len = 0;

    return passes(MALLOC, &r, &len) ? __real_malloc(size) : NULL;
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
    ssize_t r;
    size_t len = 0;

    return passes(MALLOC, &r, &len) ? __real_calloc(n, size) : NULL;
}

/* Moves at most `what` bytes, cutting the vector where that falls. */
ssize_t __real_sendmsg(int fd, const struct msghdr *msg, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags);

ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags)
{
    struct iovec cut[1024];
    struct msghdr part = *msg;
    size_t len = SIZE_MAX;
    ssize_t r;

    if (msg->msg_iovlen > most_pieces)
        most_pieces = (unsigned)msg->msg_iovlen;
    if (!passes(SENDMSG, &r, &len) || msg->msg_iovlen > 1024)
        return msg->msg_iovlen > 1024 ? (errno = EMSGSIZE, -1) : r;
    memcpy(cut, msg->msg_iov, msg->msg_iovlen * sizeof *cut);
    part.msg_iov = cut;
    for (size_t i = 0; i < msg->msg_iovlen; i++) {
        if (cut[i].iov_len > len)
            cut[i].iov_len = len;
        len -= cut[i].iov_len;
    }
    return __real_sendmsg(fd, &part, flags);
}

int __llvm_profile_write_file(void) __attribute__((weak));
_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);

/* What a child did counts where coverage is measured. */
void __wrap__exit(int status)
{
    if (__llvm_profile_write_file)
        __llvm_profile_write_file();
    __real__exit(status);
}
