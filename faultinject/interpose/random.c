/*
 * random.c: random bytes, of a world that has its own.
 *
 * libc is asked first, so that a call which it refuses is refused, and what it
 * gave is written over.  For the injector none of this is a call: nothing is
 * chosen, counted or shown, as with reads of real files.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "faultinject/interpose/interpose.h"

/* Programs bring these along where libc may not have them. */
#define STANDS_BY SF_EXPORT __attribute__((weak))

uint32_t arc4random(void);
void arc4random_buf(void *to, size_t len);
uint32_t arc4random_uniform(uint32_t bound);

SF_NEXT(getrandom, ssize_t, (void *to, size_t len, unsigned flags))
SF_NEXT(getentropy, int, (void *to, size_t len))
SF_NEXT(arc4random_buf, void, (void *to, size_t len))
SF_NEXT(fopen, FILE *, (const char *path, const char *mode))

/* NULL: the bytes are the kernel's own. */
static const struct sf_world *who_decides(void)
{
    const struct sf_world *world = sf_whose();

    return world && world->random ? world : NULL;
}

/* ----------------------------------------------------------------- calls */

SF_EXPORT ssize_t getrandom(void *to, size_t len, unsigned flags)
{
    const struct sf_world *world = who_decides();
    ssize_t n = next_getrandom()(to, len, flags);

    if (world && n > 0)
        world->random(to, (size_t)n);
    return n;
}

STANDS_BY int getentropy(void *to, size_t len)
{
    const struct sf_world *world = who_decides();
    int r = next_getentropy()(to, len);

    if (world && r == 0)
        world->random(to, len);
    return r;
}

STANDS_BY void arc4random_buf(void *to, size_t len)
{
    const struct sf_world *world = who_decides();

    if (world)
        world->random(to, len);
    else
        next_arc4random_buf()(to, len);
}

STANDS_BY uint32_t arc4random(void)
{
    uint32_t word;

    arc4random_buf(&word, sizeof word);
    return word;
}

/* Each of them as often: what is left over below a multiple is drawn again. */
STANDS_BY uint32_t arc4random_uniform(uint32_t bound)
{
    uint32_t over = bound < 2 ? 0 : -bound % bound, word;

    if (bound < 2)
        return 0;
    do
        word = arc4random();
    while (word < over);
    return word % bound;
}

/* --------------------------------------------------------------- devices */

/* random and urandom, by any name. */
static bool is_device(const struct stat *file)
{
    return S_ISCHR(file->st_mode) &&
           (file->st_rdev == makedev(1, 8) || file->st_rdev == makedev(1, 9));
}

bool sf_is_random(int fd)
{
    struct stat file;

    return who_decides() &&
           sf_syscall(SYS_fstat, fd, (long)&file, 0, 0, 0, 0) == 0 &&
           is_device(&file);
}

ssize_t sf_read_outside(int fd, void *buf, ssize_t got)
{
    if (got > 0 && sf_is_random(fd))
        who_decides()->random(buf, (size_t)got);
    return got;
}

ssize_t sf_readv_outside(int fd, const struct iovec *iov, int iovcnt,
                         ssize_t got)
{
    size_t left = got > 0 ? (size_t)got : 0, len;

    if (left == 0 || !sf_is_random(fd))
        return got;
    for (int i = 0; i < iovcnt && left > 0; i++, left -= len) {
        len = iov[i].iov_len < left ? iov[i].iov_len : left;
        who_decides()->random(iov[i].iov_base, len);
    }
    return got;
}

/* That there is no such file is not said yet: it may be made. */
static bool leads_to_device(const char *path)
{
    int saved = errno;
    struct stat file;
    bool leads = stat(path, &file) == 0 && is_device(&file);

    errno = saved;
    return leads;
}

/* libc's FILE would read past us. */
static FILE *open_device(const char *path, const char *mode)
{
    int flags = strchr(mode, '+') ? O_RDWR : *mode == 'r' ? O_RDONLY : O_WRONLY;
    int fd = open(path, flags | (strchr(mode, 'e') ? O_CLOEXEC : 0));
    FILE *file = fd < 0 ? NULL : fdopen(fd, mode);

    if (fd >= 0 && !file)
        close(fd);
    return file;
}

SF_EXPORT FILE *fopen(const char *path, const char *mode)
{
    if (who_decides() && leads_to_device(path))
        return open_device(path, mode);
    return next_fopen()(path, mode);
}

/* The same by the name that programs built with large files have. */
SF_EXPORT FILE *fopen64(const char *path, const char *mode);

SF_EXPORT FILE *fopen64(const char *path, const char *mode)
{
    return fopen(path, mode);
}
