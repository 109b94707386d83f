/*
 * file.h: files of /proc, read in the middle of a call of the program.
 *
 * Not by libc's names: these are cancellation points, and a thread that
 * somebody cancels would end in the middle of us.
 */
#ifndef SF_FILE_H
#define SF_FILE_H

#include "faultinject/world.h"

#include <fcntl.h>
#include <sys/syscall.h>

/* Each as the call of that name. */
static inline int sf_file_open(const char *path)
{
    return (int)sf_syscall(SYS_openat, AT_FDCWD, (long)path,
                           O_RDONLY | O_CLOEXEC, 0, 0, 0);
}

static inline ssize_t sf_file_read(int fd, void *to, size_t size)
{
    return sf_syscall(SYS_read, fd, (long)to, (long)size, 0, 0, 0);
}

static inline ssize_t sf_file_pread(int fd, void *to, size_t size, off_t at)
{
    return sf_syscall(SYS_pread64, fd, (long)to, (long)size, at, 0, 0);
}

static inline void sf_file_close(int fd)
{
    sf_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
}

#endif
