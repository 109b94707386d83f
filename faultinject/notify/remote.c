/* remote.c: see remote.h. */
#include "faultinject/notify/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faultinject/interpose/interpose.h"

__thread struct sf_remote sf_remote;

/* --- descriptors --- */

static int copy_of(int fd)
{
    return (int)syscall(SYS_pidfd_getfd, sf_remote.process, fd, 0);
}

/* Ours is from now on known by that number. */
static bool become(int fd, int number)
{
    if (fd == number)
        return true;
    if (sf_libc.dup2(fd, number) < 0)
        return false;
    sf_libc.close(fd);
    return true;
}

/*
 * Has the thread no such number?  It may not be had for another reason, as that
 * the process is being killed, or that its first thread has ended.
 */
static bool is_closed(int fd)
{
    char path[64];
    struct stat there;

    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)sf_remote.told.pid, fd);
    return lstat(path, &there) < 0 &&
           sf_libc.ioctl(sf_remote.listener, SECCOMP_IOCTL_NOTIF_ID_VALID,
                         (long)&sf_remote.told.id) == 0;
}

bool sf_mirror(int fd)
{
    int copy;

    if (fd >= SF_MIRROR_MAX) {
        sf_remote.untouched = true;
        return false;
    }
    copy = fd < 0 ? -1 : copy_of(fd);
    if (copy >= 0)
        return become(copy, fd);
    if (fd >= 0 && is_closed(fd))
        sf_libc.close(fd); /* what was there before is no more */
    else if (fd >= 0)
        sf_remote.untouched = true;
    errno = EBADF;
    return false;
}

void sf_mirror_drop(void)
{
    sf_syscall(SYS_close_range, 0, SF_MIRROR_MAX - 1, 0, 0, 0, 0);
}

int sf_mirror_give(int fd, int number, bool cloexec)
{
    struct seccomp_notif_addfd add = {
        .id = sf_remote.told.id,
        .flags = number < 0 ? 0 : SECCOMP_ADDFD_FLAG_SETFD,
        .srcfd = (unsigned)fd,
        .newfd = number < 0 ? 0 : (unsigned)number,
        .newfd_flags = cloexec ? O_CLOEXEC : 0};
    int given = sf_libc.ioctl(sf_remote.listener, SECCOMP_IOCTL_NOTIF_ADDFD,
                              (long)&add);

    if (given < 0 || given >= SF_MIRROR_MAX || !become(fd, given)) {
        int saved = errno;
        sf_libc.close(fd);
        errno = saved;
    }
    return given;
}

int sf_remote_lowest(void)
{
    int fd = 0, copy;

    while (fd < SF_MIRROR_MAX && (copy = copy_of(fd)) >= 0) {
        sf_libc.close(copy);
        fd++;
    }
    return fd;
}

bool sf_remote_is_full(void)
{
    struct rlimit limit;

    return prlimit(sf_remote.pid, RLIMIT_NOFILE, NULL, &limit) == 0 &&
           limit.rlim_cur < SF_MIRROR_MAX &&
           sf_remote_lowest() >= (int)limit.rlim_cur;
}

/* --- memory --- */

/* Not the process, whose first thread may have ended. */
static pid_t thread_told(void)
{
    return (pid_t)sf_remote.told.pid;
}

bool sf_peek(void *to, unsigned long from, size_t len)
{
    struct iovec here = {to, len}, there = {(void *)from, len};

    if (len == 0 ||
        process_vm_readv(thread_told(), &here, 1, &there, 1, 0) == (ssize_t)len)
        return true;
    errno = EFAULT;
    return false;
}

bool sf_poke(unsigned long to, const void *from, size_t len)
{
    struct iovec here = {(void *)from, len}, there = {(void *)to, len};

    if (len == 0 || process_vm_writev(thread_told(), &here, 1, &there, 1, 0) ==
                        (ssize_t)len)
        return true;
    errno = EFAULT;
    return false;
}

/* --- /proc --- */

static bool read_proc(pid_t thread, const char *file, char *text, size_t size)
{
    char path[64];
    ssize_t n;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/%s", thread, file);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    n = sf_libc.read(fd, text, size - 1);
    sf_libc.close(fd);
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

static unsigned long field(const char *text, const char *name, int base)
{
    const char *at = strstr(text, name);

    return at ? strtoul(at + strlen(name), NULL, base) : 0;
}

bool sf_remote_signals(struct sf_remote_signals *signals)
{
    char text[4096];

    if (!read_proc((pid_t)sf_remote.told.pid, "status", text, sizeof text))
        return false;
    signals->caught = field(text, "\nSigCgt:", 16);
    signals->pending =
        field(text, "\nSigPnd:", 16) | field(text, "\nShdPnd:", 16);
    signals->blocked = field(text, "\nSigBlk:", 16);
    return true;
}

bool sf_remote_family(pid_t thread, pid_t *process, pid_t *parent)
{
    char text[4096];

    if (!read_proc(thread, "status", text, sizeof text))
        return false;
    *process = (pid_t)field(text, "\nTgid:", 10);
    *parent = (pid_t)field(text, "\nPPid:", 10);
    return true;
}

bool sf_remote_has_children(void)
{
    char file[32], text[16];

    snprintf(file, sizeof file, "task/%d/children", sf_remote.pid);
    return read_proc(sf_remote.pid, file, text, sizeof text);
}

/* The 48th word of /proc/PID/stat; the second may hold spaces. */
unsigned long sf_remote_image(pid_t process)
{
    char text[4096];
    const char *at = NULL;

    if (read_proc(process, "stat", text, sizeof text))
        at = strrchr(text, ')');
    for (int word = 2; at && word < 48; word++)
        at = strchr(at + 1, ' ');
    return at ? strtoul(at, NULL, 10) : 0;
}
