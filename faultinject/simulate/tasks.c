/* tasks.c: see tasks.h */
#include "faultinject/simulate/tasks.h"

#include "faultinject/inject/pid.h"
#include "faultinject/session/file.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { SAID_MAX = 2048 };

/* What the kernel says of another thread; "" of this one, or of none. */
static void read_of(const char *thread, const char *what, char text[SAID_MAX])
{
    char path[64];
    ssize_t n = -1;
    int fd;

    snprintf(path, sizeof path, "/proc/self/task/%.20s/%s", thread, what);
    fd = sf_file_open(path);
    if (fd >= 0) {
        n = sf_file_read(fd, text, SAID_MAX - 1);
        sf_file_close(fd);
    }
    text[n > 0 && atol(thread) != (long)sf_pid_thread() ? n : 0] = '\0';
}

unsigned sf_tasks(void)
{
    struct stat all;

    return stat("/proc/self/task", &all) == 0 ? (unsigned)all.st_nlink - 2 : 0;
}

bool sf_task_runs(const char *thread)
{
    char stat[SAID_MAX], *state;

    read_of(thread, "stat", stat);
    state = strrchr(stat, ')');
    return state && state[1] && (state[2] == 'R' || state[2] == 'D');
}

bool sf_task_takes_stop(const char *thread)
{
    char status[SAID_MAX], *blocked;

    read_of(thread, "status", status);
    blocked = strstr(status, "\nSigBlk:");
    return blocked && !(strtoull(blocked + 8, NULL, 16) >> (SIGTERM - 1) & 1);
}

static bool any_of(const char *entries, long len,
                   bool (*is)(const char *thread))
{
    const struct dirent64 *entry;
    bool any = false;

    for (long at = 0; !any && at < len; at += entry->d_reclen) {
        entry = (const struct dirent64 *)(entries + at);
        any = entry->d_name[0] != '.' && is(entry->d_name);
    }
    return any;
}

/* How often it is asked depends on the machine: opendir(3) would ask the
 * program's allocator for room each time. */
bool sf_tasks_any(bool (*is)(const char *thread))
{
    _Alignas(struct dirent64) char entries[4096];
    int fd = sf_file_open("/proc/self/task");
    bool any = false;
    long len;

    while (fd >= 0 && !any &&
           (len = sf_syscall(SYS_getdents64, fd, (long)entries, sizeof entries,
                             0, 0, 0)) > 0)
        any = any_of(entries, len, is);
    if (fd >= 0)
        sf_file_close(fd);
    return any;
}
