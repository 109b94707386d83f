/* kept.c: see kept.h */
#include "faultinject/session/kept.h"

#include "faultinject/inject/hash.h"
#include "faultinject/session/file.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

/* A set of signals, as the kernel has it. */
enum { SET = 8 };

static long noted[SF_KEPT_FDS]; /* < 0: it is no file */

static long offset_of(int fd)
{
    return sf_syscall(SYS_lseek, fd, 0, SEEK_CUR, 0, 0, 0);
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

static bool is_only_read(int fd)
{
    long flags = sf_syscall(SYS_fcntl, fd, F_GETFL, 0, 0, 0, 0);

    return flags >= 0 && (flags & O_ACCMODE) == O_RDONLY;
}

static uint64_t hash_offsets(uint64_t h)
{
    for (int fd = 0; fd < SF_KEPT_FDS; fd++) {
        long at = offset_of(fd);

        if (at >= 0 && is_only_read(fd)) {
            h = sf_hash(h, &fd, sizeof fd);
            h = sf_hash(h, &at, sizeof at);
        }
    }
    return h;
}

/* As the kernel tells them, whatever libc makes of that. */
static uint64_t hash_signals(uint64_t h)
{
    char action[sizeof(struct sigaction)], mask[SET] = "";

    sf_syscall(SYS_rt_sigprocmask, SIG_BLOCK, 0, (long)mask, SET, 0, 0);
    h = sf_hash(h, mask, sizeof mask);
    for (int signo = 1; signo < NSIG; signo++) {
        memset(action, 0, sizeof action);
        sf_syscall(SYS_rt_sigaction, signo, 0, (long)action, SET, 0, 0);
        h = sf_hash(h, action, SET + sizeof(long) + sizeof(long) + SET);
    }
    return h;
}

uint64_t sf_kept_hash(uint64_t h)
{
    return hash_signals(hash_offsets(h));
}
