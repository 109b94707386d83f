/* attach.c: see attach.h. */
#include "faultinject/interpose/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faultinject/inject/control.h"
#include "faultinject/inject/inject.h"
#include "faultinject/inject/monitor.h"

static struct sf_planned planned;
static char program[SF_WORD_MAX];
static pid_t (*whom)(char *program, size_t size);

static struct sf_control *map_control(const char *path)
{
    struct stat st;
    void *map = MAP_FAILED;
    int fd = open(path, O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) == 0 && st.st_size >= (off_t)sizeof *sf_control)
        map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED,
                   fd, 0);
    sf_libc.close(fd);
    return map == MAP_FAILED ? NULL : map;
}

/* Take an ordinal, from 1, and say who has it. */
static unsigned enrol(void)
{
    unsigned i =
        __atomic_fetch_add(&sf_control->n_processes, 1, __ATOMIC_RELAXED);

    if (i < SF_PROCESSES_MAX) {
        struct sf_process *p = &sf_control->processes[i];
        p->pid = whom(p->program, sizeof p->program);
    }
    return i + 1;
}

/* One that spins would never end: it is told and ended. */
static _Bool tell(enum sf_monitor monitor, const char *line)
{
    char name[SF_WORD_MAX];
    unsigned i;

    i = __atomic_fetch_add(&sf_control->n_findings, 1, __ATOMIC_RELAXED);
    if (i < SF_FINDINGS_MAX) {
        struct sf_told *told = &sf_control->findings[i];
        told->monitor = (uint32_t)monitor;
        told->process = sf_inject_process();
        strncpy(told->line, line, sizeof told->line - 1);
    }
    if (monitor == SF_MON_SPIN)
        kill(whom(name, sizeof name), SIGKILL);
    return true;
}

static bool attach(const struct sf_world *world)
{
    const char *path = getenv(SF_CONTROL_ENV);

    sf_control = path ? map_control(path) : NULL;
    if (!sf_control || strcmp(sf_control->magic, SF_CONTROL_MAGIC) != 0)
        return false;
    sf_finding_hook = tell;
    sf_inject_enrol = enrol;
    sf_monitors = ~sf_control->allowed;
    whom(program, sizeof program);
    sf_planned_init(&planned, sf_control->rules, sf_control->n_rules, program);
    sf_inject_begin(world, sf_control->n_rules ? &planned.chooser : NULL,
                    sf_control->profile);
    pthread_atfork(NULL, NULL, sf_inject_forked);
    return true;
}

bool sf_attach(const struct sf_world *world,
               pid_t (*who)(char *program, size_t size))
{
    int saved = errno;
    bool attached;

    whom = who;
    attached = attach(world);
    errno = saved;
    return attached;
}

void sf_detach(void)
{
    if (sf_control)
        sf_monitor_flush();
}
