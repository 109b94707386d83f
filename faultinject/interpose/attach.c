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

#include "faultinject/inject/inject.h"
#include "faultinject/inject/monitor.h"

static struct sf_planned planned;
static const struct sf_watched *watched;
static char program[SF_WORD_MAX];
static bool ending; /* no call is under way */

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
        p->pid = watched->who(p->program, sizeof p->program);
    }
    return i + 1;
}

/* What is told at the end has no call to blame, unless it was earlier. */
static struct sf_moment moment(void)
{
    struct sf_moment now;

    if (sf_control_then)
        return *sf_control_then;
    now = sf_control_now();
    if (ending)
        now.site = 0;
    return now;
}

static bool is_same(struct sf_told *told, const struct sf_told *as)
{
    return __atomic_load_n(&told->times, __ATOMIC_ACQUIRE) > 0 &&
           told->monitor == as->monitor && told->process == as->process &&
           told->site == as->site && strcmp(told->line, as->line) == 0;
}

/* Was the same told before?  Then it is told once more. */
static bool repeats(const struct sf_told *as)
{
    struct sf_control *heard = sf_control_heard;
    unsigned n = __atomic_load_n(&heard->n_findings, __ATOMIC_RELAXED);

    for (unsigned i = 0; i < n && i < SF_FINDINGS_MAX; i++)
        if (is_same(&heard->findings[i], as)) {
            __atomic_fetch_add(&heard->findings[i].times, 1, __ATOMIC_RELAXED);
            return true;
        }
    return false;
}

static void keep(const struct sf_told *new)
{
    struct sf_control *heard = sf_control_heard;
    unsigned i = __atomic_fetch_add(&heard->n_findings, 1, __ATOMIC_RELAXED);

    if (i >= SF_FINDINGS_MAX)
        return;
    heard->findings[i] = *new;
    __atomic_store_n(&heard->findings[i].times, 1, __ATOMIC_RELEASE);
}

/* One that spins would never end: it is told and ended. */
static bool tell(enum sf_monitor monitor, const char *line)
{
    struct sf_moment at = moment();
    struct sf_told new = {.seq = at.seq,
                          .site = at.site,
                          .process =
                              at.process ? at.process : sf_inject_process(),
                          .monitor = (uint32_t)monitor};

    strncpy(new.line, line, sizeof new.line - 1);
    if (!repeats(&new))
        keep(&new);
    if (monitor == SF_MON_SPIN)
        kill(watched->who(program, sizeof program), SIGKILL);
    return true;
}

/* Is this one of the programs of --only? */
static bool is_meant(const struct sf_control *control)
{
    for (int i = 0; i < SF_ONLY_MAX && control->only[i][0]; i++)
        if (strcmp(control->only[i], program) == 0)
            return true;
    return control->only[0][0] == '\0';
}

static void on_fork(enum sf_fork where)
{
    if (where == SF_IN_CHILD)
        sf_inject_forked();
}

static struct sf_control *find_control(void)
{
    const char *path = getenv(SF_CONTROL_ENV);

    if (sf_control) /* another program in the same process */
        return sf_control;
    pthread_atfork(NULL, NULL, sf_inject_forked);
    sf_inject_forks = on_fork;
    return path ? map_control(path) : NULL;
}

static struct sf_chooser *chooser_of(const struct sf_control *control)
{
    if (control->surveying)
        return sf_control_survey();
    return control->n_rules ? &planned.chooser : NULL;
}

bool sf_attach(const struct sf_watched *who)
{
    struct sf_control *control;
    struct sf_index index;
    int saved = errno;

    watched = who;
    who->who(program, sizeof program);
    control = find_control();
    errno = saved;
    if (!control || strcmp(control->magic, SF_CONTROL_MAGIC) != 0)
        return false;
    if (who->met)
        who->met(control);
    sf_control_heard = control;
    sf_finding_hook = tell;
    if (!is_meant(control)) {
        sf_on = 0; /* another program may have been there before */
        return false;
    }
    sf_control = control;
    sf_control_site = who->site;
    sf_inject_enrol = enrol;
    sf_monitor_begin(~control->allowed);
    sf_monitors_asked = control->watched;
    index.entries = sf_control_entries(control);
    index.n = control->n_rules;
    index.keyed = control->n_keyed;
    sf_planned_init(&planned, control->rules, &index, program);
    planned.at_site = who->at_site;
    sf_inject_begin(who->world, chooser_of(control), control->profile);
    return true;
}

void sf_detach(void)
{
    ending = true;
    if (sf_control)
        sf_monitor_flush();
}

void sf_detach_all(void)
{
    sf_detach();
    if (sf_control)
        sf_monitor_end();
}
