/* slots.c: the program's descriptors; see loopback.h */
#include "faultinject/loopback/loopback.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { CLOSED, OPEN, KILLED, TOLD };

static struct {
    uint8_t how[LOOP_PEER_FD];
    unsigned open;
    int limit;
} slots;

static bool is_slot(int fd)
{
    return fd >= SF_SIM_FD && fd < LOOP_PEER_FD;
}

void loop_open(int fd)
{
    if (!is_slot(fd))
        loop_cannot("the program has a descriptor of an unexpected number");
    slots.open += slots.how[fd] != OPEN;
    slots.how[fd] = OPEN;
    loop_changed();
}

void loop_close(int fd, bool killed)
{
    if (!sf_sim_is_open(fd))
        return;
    loop_part(fd);
    slots.how[fd] = killed ? KILLED : CLOSED;
    slots.open--;
    loop_changed();
}

bool sf_sim_is_open(int fd)
{
    return is_slot(fd) && slots.how[fd] == OPEN;
}

bool sf_sim_gave_back(int fd)
{
    (void)fd;
    return true;
}

bool sf_sim_was_killed(int fd)
{
    return is_slot(fd) && slots.how[fd] >= KILLED;
}

bool sf_sim_was_told(int fd)
{
    return is_slot(fd) && slots.how[fd] == TOLD;
}

void sf_sim_tell(int fd)
{
    for (int i = SF_SIM_FD; i < LOOP_PEER_FD; i++)
        if ((fd < 0 || fd == i) && slots.how[i] == KILLED)
            slots.how[i] = TOLD;
}

unsigned sf_sim_open(int *first)
{
    int fd = SF_SIM_FD;

    while (fd < LOOP_PEER_FD && slots.how[fd] != OPEN)
        fd++;
    if (first)
        *first = fd < LOOP_PEER_FD ? fd : -1;
    return slots.open;
}

int sf_sim_lowest(void)
{
    int fd = sf_libc.fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

    sf_libc.close(fd);
    return fd;
}

/* The program begins with the number that it has in memory, too. */
static void fill_up_to(int first)
{
    int fd;

    do
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && fd < first);
    if (fd > first)
        loop_cannot("the process has too many descriptors");
    sf_libc.close(fd);
}

static void set_limit(rlim_t limit)
{
    struct rlimit now;

    if (getrlimit(RLIMIT_NOFILE, &now) < 0)
        return;
    now.rlim_cur = limit < now.rlim_max ? limit : now.rlim_max;
    setrlimit(RLIMIT_NOFILE, &now);
}

void loop_limit(bool on)
{
    int saved = errno;

    if (slots.limit)
        set_limit(on ? (rlim_t)slots.limit : RLIM_INFINITY);
    errno = saved;
}

void sf_sim_set_fd_limit(int limit)
{
    slots.limit = limit;
}

void loop_slots_begin(int first)
{
    set_limit(RLIM_INFINITY);
    fill_up_to(first);
}
