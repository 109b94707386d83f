/*
 * describe.c: what a program that runs as it is asks of a descriptor as of a
 * file.  Only a world in memory has to answer: the kernel does not know it.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faultinject/interpose/interpose.h"

/* The world whose descriptor it is; NULL: the kernel's. */
static const struct sf_world *owner_of(int fd)
{
    const struct sf_world *world = sf_in_memory();

    return world && sf_world_owns(world, fd) ? world : NULL;
}

static enum sf_fd_type type_of(const struct sf_world *world, int fd)
{
    struct sf_facts facts;

    world->facts(fd, NULL, &facts);
    if (facts.type == SF_FD_CLOSED)
        errno = EBADF;
    return facts.type;
}

/* A pipe is a stream, too, but no socket. */
static mode_t mode_of(const struct sf_world *world, int fd,
                      enum sf_fd_type type)
{
    int kind;
    socklen_t len = sizeof kind;

    if (type == SF_FD_OTHER)
        return S_IRUSR | S_IWUSR;
    if (world->getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind, &len) < 0)
        return S_IFIFO | S_IRUSR | S_IWUSR;
    return S_IFSOCK | S_IRWXU | S_IRWXG | S_IRWXO;
}

static int describe(const struct sf_world *world, int fd, struct stat *out)
{
    enum sf_fd_type type = type_of(world, fd);
    int saved = errno;

    if (type == SF_FD_CLOSED)
        return -1;
    memset(out, 0, sizeof *out);
    out->st_mode = mode_of(world, fd, type);
    out->st_ino = (ino_t)fd;
    out->st_nlink = 1;
    out->st_blksize = 4096;
    out->st_uid = geteuid();
    out->st_gid = getegid();
    errno = saved;
    return 0;
}

/* By no name that a sanitizer has, too: its fstat() calls __fxstat(). */
static int any_fstat(int fd, struct stat *out)
{
    const struct sf_world *world = owner_of(fd);

    return world ? describe(world, fd, out)
                 : (int)sf_syscall(SYS_fstat, fd, (long)out, 0, 0, 0, 0);
}

SF_EXPORT int fstat(int fd, struct stat *out)
{
    return any_fstat(fd, out);
}

static off_t any_lseek(int fd, off_t offset, int whence)
{
    const struct sf_world *world = owner_of(fd);

    if (!world)
        return sf_syscall(SYS_lseek, fd, offset, whence, 0, 0, 0);
    if (type_of(world, fd) != SF_FD_CLOSED)
        errno = ESPIPE;
    return -1;
}

SF_EXPORT off_t lseek(int fd, off_t offset, int whence)
{
    return any_lseek(fd, offset, whence);
}

/* The same by the names that programs built with large files have, and those
 * that were built before glibc 2.33. */
SF_EXPORT int fstat64(int fd, struct stat64 *out);
SF_EXPORT int __fxstat(int version, int fd, struct stat *out);
SF_EXPORT int __fxstat64(int version, int fd, struct stat64 *out);
SF_EXPORT off64_t lseek64(int fd, off64_t offset, int whence);

_Static_assert(sizeof(struct stat) == sizeof(struct stat64), "of 64 bits");

SF_EXPORT int fstat64(int fd, struct stat64 *out)
{
    return any_fstat(fd, (struct stat *)out);
}

SF_EXPORT int __fxstat(int version, int fd, struct stat *out)
{
    (void)version;
    return any_fstat(fd, out);
}

SF_EXPORT int __fxstat64(int version, int fd, struct stat64 *out)
{
    (void)version;
    return any_fstat(fd, (struct stat *)out);
}

SF_EXPORT off64_t lseek64(int fd, off64_t offset, int whence)
{
    return any_lseek(fd, offset, whence);
}
