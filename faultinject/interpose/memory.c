/*
 * memory.c: names of libc's that go past its names for system calls.  A world
 * that is not the kernel's has to stand in for them as well.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#include "faultinject/interpose/interpose.h"

/* --- time */

/* libc asks the kernel itself, in C11's name and in that of times(2), which
 * counts from when the machine began. */
SF_NEXT(timespec_get, int, (struct timespec * now, int base))
SF_NEXT(times, clock_t, (struct tms * used))

SF_EXPORT int timespec_get(struct timespec *now, int base)
{
    if (base != TIME_UTC || !sf_whose())
        return next_timespec_get()(now, base);
    return clock_gettime(CLOCK_REALTIME, now) == 0 ? base : 0;
}

SF_EXPORT clock_t times(struct tms *used)
{
    clock_t ticks = next_times()(used), a_second = sysconf(_SC_CLK_TCK);
    struct timespec now;

    if (ticks == -1 || !sf_whose() || clock_gettime(CLOCK_MONOTONIC, &now) < 0)
        return ticks;
    return now.tv_sec * a_second + now.tv_nsec * a_second / 1000000000;
}

/* libc's would sleep in the real world, for as long as nobody here waits. */
SF_EXPORT unsigned sleep(unsigned seconds)
{
    struct timespec want = {.tv_sec = seconds}, left = {0};

    return nanosleep(&want, &left) == 0 ? 0 : (unsigned)left.tv_sec;
}

SF_EXPORT int usleep(useconds_t us)
{
    struct timespec want = {us / 1000000, (long)(us % 1000000) * 1000};

    return nanosleep(&want, NULL);
}

/* It never says that no time is left of an alarm that is still to come. */
SF_EXPORT unsigned alarm(unsigned seconds)
{
    struct itimerval want = {.it_value.tv_sec = seconds}, old = {0};

    setitimer(ITIMER_REAL, &want, &old);
    return (unsigned)old.it_value.tv_sec +
           (old.it_value.tv_usec >= (old.it_value.tv_sec ? 500000 : 1));
}

/* What is left until then; 0 if it is over. */
static struct timespec time_until(const struct timespec *now,
                                  const struct timespec *then)
{
    struct timespec left = {then->tv_sec - now->tv_sec,
                            then->tv_nsec - now->tv_nsec};

    if (left.tv_nsec < 0) {
        left.tv_sec--;
        left.tv_nsec += 1000000000;
    }
    return left.tv_sec < 0 ? (struct timespec){0} : left;
}

static int sleep_until(clockid_t clock, const struct timespec *then)
{
    struct timespec now, left;

    if (clock_gettime(clock, &now) < 0)
        return -1;
    if (then->tv_sec < 0 || then->tv_nsec < 0 || then->tv_nsec >= 1000000000) {
        errno = EINVAL;
        return -1;
    }
    left = time_until(&now, then);
    return nanosleep(&left, NULL);
}

/* It returns the error, and leaves errno alone. */
SF_EXPORT int clock_nanosleep(clockid_t clock, int flags,
                              const struct timespec *want,
                              struct timespec *left)
{
    int saved = errno, r;

    if (!sf_on || !sf_inside())
        r = (int)sf_syscall(SYS_clock_nanosleep, clock, flags, (long)want,
                            (long)left, 0, 0);
    else if (flags & TIMER_ABSTIME)
        r = sleep_until(clock, want);
    else
        r = nanosleep(want, left);
    r = r < 0 ? errno : 0;
    errno = saved;
    return r;
}

/* Until a handler has been run, and nothing else ends it. */
static int wait_for_signal(const sigset_t *mask)
{
    while (ppoll(NULL, 0, NULL, mask) >= 0 || errno != EINTR)
        ;
    return -1;
}

SF_EXPORT int sigsuspend(const sigset_t *mask)
{
    return wait_for_signal(mask);
}

SF_EXPORT int pause(void)
{
    return wait_for_signal(NULL);
}

/* --- stdio */

static bool in_memory(int fd)
{
    const struct sf_world *world = sf_on ? sf_inside() : NULL;

    return world && sf_world_owns(world, fd);
}

static int number_of(void *cookie)
{
    return (int)(intptr_t)cookie;
}

static ssize_t file_read(void *cookie, char *bytes, size_t len)
{
    return read(number_of(cookie), bytes, len);
}

static ssize_t file_write(void *cookie, const char *bytes, size_t len)
{
    return (ssize_t)sf_write_all(number_of(cookie), bytes, len);
}

static int file_close(void *cookie)
{
    return close(number_of(cookie));
}

SF_NEXT(fdopen, FILE *, (int fd, const char *mode))
SF_NEXT(vdprintf, int, (int fd, const char *format, va_list args))

SF_EXPORT FILE *fdopen(int fd, const char *mode)
{
    static const cookie_io_functions_t calls = {
        .read = file_read, .write = file_write, .close = file_close};
    FILE *file;

    if (!in_memory(fd) && !sf_is_random(fd))
        return next_fdopen()(fd, mode);
    if (fcntl(fd, F_GETFL) < 0)
        return NULL;
    file = fopencookie((void *)(intptr_t)fd, mode, calls);
    if (file)
        file->_fileno = fd; /* for fileno() */
    return file;
}

SF_EXPORT int vdprintf(int fd, const char *format, va_list args)
{
    char *text;
    bool all;
    int n;

    if (!in_memory(fd))
        return next_vdprintf()(fd, format, args);
    n = vasprintf(&text, format, args);
    if (n < 0)
        return n;
    all = sf_write_all(fd, text, (size_t)n) == (size_t)n;
    free(text);
    return all ? n : -1;
}

SF_EXPORT int dprintf(int fd, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vdprintf(fd, format, args);
    va_end(args);
    return n;
}

/* What fortified programs call. */
SF_EXPORT int __vdprintf_chk(int fd, int flag, const char *format,
                             va_list args);
SF_EXPORT int __dprintf_chk(int fd, int flag, const char *format, ...);

SF_EXPORT int __vdprintf_chk(int fd, int flag, const char *format, va_list args)
{
    (void)flag;
    return vdprintf(fd, format, args);
}

SF_EXPORT int __dprintf_chk(int fd, int flag, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = __vdprintf_chk(fd, flag, format, args);
    va_end(args);
    return n;
}
