/* kept.c: see kept.h */
#include "faultinject/simulate/kept.h"

#include "faultinject/inject/hash.h"
#include "faultinject/session/file.h"
#include "faultinject/simnet/simnet.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

/* As the kernel tells of a signal, whatever libc makes of that. */
struct action {
    long handler, flags, restorer;
    uint64_t mask;
};

static long noted[SF_KEPT_FDS]; /* < 0: it is no file */
static int output = -1;

static long offset_of(int fd)
{
    return sf_syscall(SYS_lseek, fd, 0, SEEK_CUR, 0, 0, 0);
}

void sf_kept_output(void)
{
    output =
        sf_libc.fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, SF_SIM_FD + SF_KEPT_FDS);
}

void sf_kept_note(void)
{
    for (int fd = 0; fd < SF_KEPT_FDS; fd++)
        noted[fd] = offset_of(fd);
}

void sf_kept_restore(void)
{
    for (int fd = 0; fd < SF_KEPT_FDS; fd++)
        if (noted[fd] >= 0)
            sf_syscall(SYS_lseek, fd, noted[fd], SEEK_SET, 0, 0, 0);
}

static uint64_t hash_place(uint64_t h, const struct stat *st)
{
    h = sf_hash(h, &st->st_dev, sizeof st->st_dev);
    return sf_hash(h, &st->st_ino, sizeof st->st_ino);
}

static uint64_t hash_file(uint64_t h, int fd)
{
    long flags = sf_syscall(SYS_fcntl, fd, F_GETFL, 0, 0, 0, 0);
    long at = (flags & O_ACCMODE) == O_WRONLY ? -1 : offset_of(fd);
    struct stat st;

    if (flags < 0 || fstat(fd, &st) < 0)
        return h;
    h = sf_hash(h, &fd, sizeof fd);
    h = sf_hash(h, &flags, sizeof flags);
    h = sf_hash(h, &at, sizeof at);
    return hash_place(h, &st);
}

static uint64_t hash_files(uint64_t h)
{
    struct stat folder;

    for (int fd = 0; fd < SF_KEPT_FDS; fd++)
        h = hash_file(h, fd);
    return stat(".", &folder) == 0 ? hash_place(h, &folder) : h;
}

static uint64_t hash_signals(uint64_t h)
{
    uint64_t set = 0;
    struct action action;

    sf_syscall(SYS_rt_sigprocmask, SIG_BLOCK, 0, (long)&set, sizeof set, 0, 0);
    h = sf_hash(h, &set, sizeof set);
    sf_syscall(SYS_rt_sigpending, (long)&set, sizeof set, 0, 0, 0, 0);
    h = sf_hash(h, &set, sizeof set);
    for (int signo = 1; signo < NSIG; signo++) {
        memset(&action, 0, sizeof action);
        sf_syscall(SYS_rt_sigaction, signo, 0, (long)&action, sizeof set, 0, 0);
        h = sf_hash(h, &action, sizeof action);
    }
    return h;
}

/* Real ones, of which it is no part when they are due. */
static uint64_t hash_timers(uint64_t h)
{
    for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++) {
        struct itimerval timer = {.it_value = {0, 0}};
        bool armed;

        sf_syscall(SYS_getitimer, which, (long)&timer, 0, 0, 0, 0);
        armed = timer.it_value.tv_sec || timer.it_value.tv_usec;
        h = sf_hash(h, &armed, sizeof armed);
    }
    return h;
}

static uint64_t hash_output(uint64_t h)
{
    char bytes[4096];
    off_t at = 0;
    ssize_t n;

    while (output >= 0 &&
           (n = sf_file_pread(output, bytes, sizeof bytes, at)) > 0) {
        h = sf_hash(h, bytes, (size_t)n);
        at += n;
    }
    return h;
}

uint64_t sf_kept_hash(uint64_t h)
{
    mode_t mask = umask(0);

    umask(mask);
    h = sf_hash(h, &mask, sizeof mask);
    return hash_output(hash_timers(hash_signals(hash_files(h))));
}
