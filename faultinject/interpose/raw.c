/*
 * raw.c: syscall(), by which programs call the kernel past libc's names.
 *
 * A number that has a name of calls.def is that call.  The kernel's own
 * forms of pselect, ppoll and preadv2 differ and are made to fit.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "faultinject/inject/control.h"
#include "faultinject/interpose/interpose.h"

SF_NEXT(syscall, long, (long number, ...))

long sf_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    return next_syscall()(number, a, b, c, d, e, f);
}

/* clang-format off */
#define FD   ((int)a)
#define INT(x) ((int)(x))
#define SIZE(x) ((size_t)(x))
#define PTR(x) ((void *)(x))

/* number, the call that it is; with a, b, … its arguments. */
#define RAW_MAP(X)                                                            \
    X(read,          read(FD, PTR(b), SIZE(c)))                               \
    X(write,         write(FD, PTR(b), SIZE(c)))                              \
    X(readv,         readv(FD, PTR(b), INT(c)))                               \
    X(writev,        writev(FD, PTR(b), INT(c)))                              \
    X(preadv2,       preadv2(FD, PTR(b), INT(c), d, INT(f)))                  \
    X(pwritev2,      pwritev2(FD, PTR(b), INT(c), d, INT(f)))                 \
    X(recvfrom,      recvfrom(FD, PTR(b), SIZE(c), INT(d), PTR(e), PTR(f)))   \
    X(sendto,        sendto(FD, PTR(b), SIZE(c), INT(d), PTR(e),              \
                            (socklen_t)f))                                    \
    X(recvmsg,       recvmsg(FD, PTR(b), INT(c)))                             \
    X(sendmsg,       sendmsg(FD, PTR(b), INT(c)))                             \
    X(recvmmsg,      recvmmsg(FD, PTR(b), (unsigned)c, INT(d), PTR(e)))       \
    X(sendmmsg,      sendmmsg(FD, PTR(b), (unsigned)c, INT(d)))               \
    X(sendfile,      sendfile(FD, INT(b), PTR(c), SIZE(d)))                   \
    X(splice,        splice(FD, PTR(b), INT(c), PTR(d), SIZE(e),              \
                            (unsigned)f))                                     \
    X(accept,        accept(FD, PTR(b), PTR(c)))                              \
    X(accept4,       accept4(FD, PTR(b), PTR(c), INT(d)))                     \
    X(connect,       connect(FD, PTR(b), (socklen_t)c))                       \
    X(pselect6,      pselect6(a, b, c, d, e, f))                              \
    X(ppoll,         ppoll(PTR(a), (nfds_t)b, PTR(c), PTR(d)))                \
    X(epoll_pwait,   epoll_pwait(FD, PTR(b), INT(c), INT(d), PTR(e)))         \
    X(epoll_pwait2,  epoll_pwait2(FD, PTR(b), INT(c), PTR(d), PTR(e)))        \
    X(socket,        socket(INT(a), INT(b), INT(c)))                          \
    X(socketpair,    socketpair(INT(a), INT(b), INT(c), PTR(d)))              \
    X(pipe2,         pipe2(PTR(a), INT(b)))                                   \
    X(dup,           dup(FD))                                                 \
    X(dup3,          dup3(FD, INT(b), INT(c)))                                \
    X(epoll_create1, epoll_create1(INT(a)))                                   \
    X(eventfd2,      eventfd((unsigned)a, INT(b)))                            \
    X(timerfd_create, timerfd_create((clockid_t)a, INT(b)))                   \
    X(timerfd_settime, timerfd_settime(FD, INT(b), PTR(c), PTR(d)))           \
    X(timerfd_gettime, timerfd_gettime(FD, PTR(b)))                           \
    X(close,         close(FD))                                               \
    X(close_range,   close_range((unsigned)a, (unsigned)b, INT(c)))           \
    X(bind,          bind(FD, PTR(b), (socklen_t)c))                          \
    X(listen,        listen(FD, INT(b)))                                      \
    X(shutdown,      shutdown(FD, INT(b)))                                    \
    X(fcntl,         fcntl(FD, INT(b), c))                                    \
    X(ioctl,         ioctl(FD, (unsigned long)b, c))                          \
    X(getsockopt,    getsockopt(FD, INT(b), INT(c), PTR(d), PTR(e)))          \
    X(setsockopt,    setsockopt(FD, INT(b), INT(c), PTR(d), (socklen_t)e))    \
    X(getsockname,   getsockname(FD, PTR(b), PTR(c)))                         \
    X(getpeername,   getpeername(FD, PTR(b), PTR(c)))                         \
    X(epoll_ctl,     epoll_ctl(FD, INT(b), INT(c), PTR(d)))
/* Numbers that newer machines do not have. */
#ifdef SYS_poll
#define RAW_OLD_MAP(X)                                                        \
    X(poll,          poll(PTR(a), (nfds_t)b, INT(c)))                         \
    X(select,        select(INT(a), PTR(b), PTR(c), PTR(d), PTR(e)))          \
    X(epoll_wait,    epoll_wait(FD, PTR(b), INT(c), INT(d)))                  \
    X(pipe,          pipe(PTR(a)))                                            \
    X(dup2,          dup2(FD, INT(b)))                                        \
    X(epoll_create,  epoll_create(INT(a)))
#else
#define RAW_OLD_MAP(X)
#endif
/* Time and chance, as in memory.c and random.c: only a world in memory has its
 * own. */
#ifdef SF_IN_MEMORY
#define RAW_OWN_MAP(X)                                                        \
    X(clock_gettime, clock_gettime((clockid_t)a, PTR(b)))                     \
    X(nanosleep,     nanosleep(PTR(a), PTR(b)))                               \
    X(clock_nanosleep, result_of(clock_nanosleep((clockid_t)a, INT(b),        \
                                                 PTR(c), PTR(d))))            \
    X(gettimeofday,  gettimeofday(PTR(a), PTR(b)))                            \
    X(setitimer,     setitimer((enum __itimer_which)a, PTR(b), PTR(c)))       \
    X(getitimer,     getitimer((enum __itimer_which)a, PTR(b)))               \
    X(rt_sigsuspend, sigsuspend(PTR(a)))                                      \
    X(getrandom,     getrandom(PTR(a), SIZE(b), (unsigned)c))                 \
    X(getpid,        getpid())                                                \
    X(getppid,       getppid())                                               \
    X(gettid,        gettid())                                                \
    X(kill,          kill((pid_t)a, INT(b)))                                  \
    X(tkill,         a == gettid() ? tgkill(getpid(), gettid(), INT(b))       \
                                   : sf_syscall(SYS_tkill, a, b, 0, 0, 0, 0)) \
    X(tgkill,        tgkill((pid_t)a, (pid_t)b, INT(c)))
#else
#define RAW_OWN_MAP(X)
#endif
/* Numbers that newer machines do not have. */
#if defined SF_IN_MEMORY && defined SYS_alarm
#define RAW_OLD_OWN_MAP(X)                                                    \
    X(time,          time(PTR(a)))                                            \
    X(alarm,         alarm((unsigned)a))                                      \
    X(pause,         pause())
#else
#define RAW_OLD_OWN_MAP(X)
#endif
/* clang-format on */

#ifdef SF_IN_MEMORY
/* libc's clock_nanosleep() returns the error. */
static int result_of(int err)
{
    if (err)
        errno = err;
    return err ? -1 : 0;
}
#endif

void sf_seal(void)
{
    if (!sf_on)
        return;
    sf_inject_disarm();
    sf_kernel_seal();
    if (sf_control)
        __atomic_fetch_add(&sf_control->n_sealed, 1, __ATOMIC_RELAXED);
}

/* Makes a process past libc, and with it past pthread_atfork(). */
static bool clones(long number, long a)
{
    uint64_t flags = number == SYS_clone ? (uint64_t)a : CLONE_VM;

#ifdef SYS_fork
    if (number == SYS_fork)
        return true;
#endif
    if (number == SYS_clone3)
        sf_kernel_peek(&flags, (void *)a, sizeof flags);
    return !(flags & CLONE_VM);
}

/* The mask is in a struct: where that is nowhere the kernel says so. */
static long pselect6(long a, long b, long c, long d, long e, long f)
{
    struct {
        const sigset_t *mask;
        size_t size;
    } m = {NULL, 0};

    if (f && !sf_kernel_peek(&m, (void *)f, sizeof m))
        return sf_syscall(SYS_pselect6, a, b, c, d, e, f);
    return pselect(INT(a), PTR(b), PTR(c), PTR(d), PTR(e), m.mask);
}

bool (*sf_raw_other)(long number, const long args[6], long *result);

static long any_syscall(long number, long a, long b, long c, long d, long e,
                        long f)
{
    const long args[] = {a, b, c, d, e, f};
    long result;

    if (sf_raw_other && sf_raw_other(number, args, &result))
        return result;
    if (!clones(number, a))
        return sf_syscall(number, a, b, c, d, e, f);
    sf_forks(SF_BEFORE_FORK);
    result = sf_syscall(number, a, b, c, d, e, f);
    sf_forks(result == 0 ? SF_IN_CHILD : SF_IN_PARENT);
    return result;
}

SF_EXPORT long syscall(long number, ...)
{
    long a, b, c, d, e, f;
    va_list ap;

    va_start(ap, number);
    a = va_arg(ap, long);
    b = va_arg(ap, long);
    c = va_arg(ap, long);
    d = va_arg(ap, long);
    e = va_arg(ap, long);
    f = va_arg(ap, long);
    va_end(ap);
    if (SF_LIKELY(!sf_on))
        return sf_syscall(number, a, b, c, d, e, f);
    if (number == SYS_seccomp &&
        (a == SECCOMP_SET_MODE_FILTER || a == SECCOMP_SET_MODE_STRICT))
        sf_seal();
    switch (number) {
#define X(name, call) \
    case SYS_##name:  \
        return call;
        RAW_MAP(X)
        RAW_OLD_MAP(X)
        RAW_OWN_MAP(X)
        RAW_OLD_OWN_MAP(X)
#undef X
    default:
        return any_syscall(number, a, b, c, d, e, f);
    }
}
