/* errors.c: see errors.h */
#include "faultinject/session/errors.h"

#include "faultinject/inject/inject.h"
#include "faultinject/simnet/simnet.h"

#include <fcntl.h>
#include <unistd.h>

static int errors_fd = STDERR_FILENO;

int sf_errors_fd(void)
{
    return errors_fd;
}

static ssize_t errors_write(void *cookie, const char *bytes, size_t len)
{
    ssize_t n = sf_libc.write((int)(intptr_t)cookie, bytes, len);

    return n >= 0 ? n : sf_libc.write(STDERR_FILENO, bytes, len);
}

/* ------------------------------------------------- what libc has of a FILE */

static _Alignas(16) char room[4096];
static size_t used;

static void *take(size_t align, size_t size)
{
    void *block = room + used;

    (void)align;
    if (size > sizeof room - used)
        return NULL;
    used += (size + 15) & ~(size_t)15;
    return block;
}

static void *move(void *block, size_t size)
{
    (void)block, (void)size;
    return NULL;
}

static bool has(const void *block)
{
    return (const char *)block >= room &&
           (const char *)block < room + sizeof room;
}

static void give(void *block)
{
    (void)block;
}

static size_t room_of(const void *block)
{
    (void)block;
    return 0;
}

FILE *sf_errors_keep(void)
{
    return sf_errors_adopt(
        sf_libc.fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, SF_SIM_FD + 300));
}

FILE *sf_errors_adopt(int fd)
{
    static const cookie_io_functions_t calls = {.write = errors_write};
    static const struct sf_heap heap = {take, move, give, has, room_of};
    static char buffer[BUFSIZ];
    FILE *file = NULL;

    if (fd >= 0) {
        sf_inject_heap = &heap;
        file = fopencookie((void *)(intptr_t)fd, "w", calls);
        sf_inject_heap = NULL;
    }
    if (!file)
        return stderr;
    errors_fd = fd;
    setvbuf(file, buffer, _IOFBF, sizeof buffer);
    return file;
}
