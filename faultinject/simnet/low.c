/*
 * low.c: 0, 1 and 2, where a program has made one of its simulated descriptors
 * its standard input or output.
 *
 * What the kernel has by that number meanwhile is a file of no name, so that
 * nobody else is given it.  When the program makes something else of the number
 * past us, that file is gone, and so is what it stood for.
 */
#include "faultinject/simnet/sim.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

void (*sf_sim_onto_low)(int fd);

static ino_t inode_of(int fd)
{
    struct stat file;
    int saved = errno;
    long r = sf_syscall(SYS_fstat, fd, (long)&file, 0, 0, 0, 0);

    errno = saved;
    return r == 0 ? file.st_ino : 0;
}

bool sim_owns_low(int fd)
{
    if ((unsigned)fd >= SIM_LOW || !sim_end(fd))
        return false;
    if (inode_of(fd) == sim_own.low[fd])
        return true;
    sim_slot_clear(&sim_own, sim_slot_of(fd));
    return false;
}

/* The number may be the lowest one that is free. */
static bool place_file(int fd, bool cloexec)
{
    int file = (int)sf_syscall(SYS_memfd_create, (long)"sockfault",
                               cloexec ? MFD_CLOEXEC : 0, 0, 0, 0, 0);

    if (file < 0 || file == fd)
        return file == fd;
    sf_libc.dup3(file, fd, cloexec ? O_CLOEXEC : 0);
    sf_libc.close(file);
    return true;
}

int sim_onto_low(struct sf_end *end, int fd, bool cloexec)
{
    if (!place_file(fd, cloexec))
        return -ENFILE;
    end->refs++;
    if (sim_end(fd))
        sim_slot_clear(&sim_own, sim_slot_of(fd));
    sim_own.slots[sim_slot_of(fd)] =
        (struct sim_slot){.end = end, .cloexec = cloexec};
    sim_own.low[fd] = inode_of(fd);
    sim_own.open++;
    sim.changes++;
    sf_sim_onto_low(fd);
    return fd;
}

static int free_low(int from)
{
    int saved = errno;

    while (from < SIM_LOW &&
           sf_syscall(SYS_fcntl, from, F_GETFD, 0, 0, 0, 0) >= 0)
        from++;
    errno = saved;
    return from;
}

int sim_copy(struct sf_end *end, int from, bool cloexec)
{
    int fd = from;

    if (from < 0)
        return -EINVAL;
    if (sf_sim_onto_low && from < SIM_LOW && (fd = free_low(from)) < SIM_LOW)
        return sim_onto_low(end, fd, cloexec);
    fd = sim_fd_new(end, fd, cloexec);
    if (fd >= 0)
        end->refs++;
    return fd;
}

void sf_sim_meet_low(void)
{
    for (int fd = 0; fd < SIM_LOW; fd++)
        if (sim_owns_low(fd))
            sf_sim_onto_low(fd);
}
