/* shared.c: see shared.h */
#include "faultinject/forks/shared.h"

#include "faultinject/simnet/simnet.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
    int file;
    char *base; /* where all of it is once more */
    size_t size;
    char *own; /* … and the own part is for each */
    size_t own_size, own_at;
} shared;

static void measure(void *arg, void *at, size_t size, size_t used)
{
    (void)arg, (void)at, (void)used;
    shared.size += size;
}

static bool map(size_t from, void *to, size_t size)
{
    return mmap(to, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                shared.file, (off_t)from) == to;
}

struct place {
    size_t from;
    bool all, fills;
};

static void place(void *arg, void *at, size_t size, size_t used)
{
    struct place *p = arg;

    if (p->fills)
        memcpy(shared.base + p->from, at, used);
    p->all = p->all && map(p->from, at, size);
    p->from += size;
}

static bool look_at_all(void)
{
    shared.base = mmap(NULL, shared.size, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_NORESERVE, shared.file, 0);
    return shared.base != MAP_FAILED;
}

/* Its number is one that programs do not close. */
static bool make_file(void)
{
    int fd = (int)sf_syscall(SYS_memfd_create, (long)"sockfault", MFD_CLOEXEC,
                             0, 0, 0, 0);

    if (fd < 0)
        return false;
    shared.file = sf_libc.fcntl(fd, F_DUPFD_CLOEXEC, SF_SIM_FD + 350);
    if (shared.file >= 0)
        sf_libc.close(fd);
    else /* there are too few numbers */
        shared.file = fd;
    return ftruncate(shared.file, (off_t)shared.size) == 0;
}

static void find_size(void (*areas)(sf_area *each, void *arg), void *own,
                      size_t size)
{
    shared.size = 0;
    areas(measure, NULL);
    shared.own_at = shared.size;
    shared.own = own;
    shared.own_size = size;
    shared.size += size * SF_SHARES_MAX;
}

bool sf_shared_begin(void (*areas)(sf_area *each, void *arg), void *own,
                     size_t size)
{
    struct place p = {.all = true, .fills = true};

    if (sysconf(_SC_PAGESIZE) != SF_AREA_PAGE)
        return false;
    find_size(areas, own, size);
    if (!make_file() || !look_at_all())
        return false;
    areas(place, &p);
    place(&p, own, size, size);
    return p.all;
}

bool sf_shared_resume(int file, void (*areas)(sf_area *each, void *arg),
                      void *own, size_t size, unsigned n)
{
    struct place p = {.all = true};

    find_size(areas, own, size);
    shared.file = file;
    sf_libc.fcntl(file, F_SETFD, FD_CLOEXEC);
    if (!look_at_all())
        return false;
    areas(place, &p);
    return p.all && map(shared.own_at + n * size, own, size);
}

static void keep(void *arg, void *at, size_t size, size_t used)
{
    void *copy = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    (void)arg;
    if (copy == MAP_FAILED)
        return;
    memcpy(copy, at, used);
    mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, at);
}

void sf_shared_part(void (*areas)(sf_area *each, void *arg))
{
    areas(keep, NULL);
    keep(NULL, shared.own, shared.own_size, shared.own_size);
}

int sf_shared_file(void)
{
    return shared.file;
}

void *sf_shared_of(unsigned n)
{
    return shared.base + shared.own_at + n * shared.own_size;
}

bool sf_shared_take(unsigned n)
{
    memcpy(sf_shared_of(n), shared.own, shared.own_size);
    return map(shared.own_at + n * shared.own_size, shared.own,
               shared.own_size);
}
