/*
 * spawn.c: posix_spawn(3), system(3), popen(3) and vfork(2), whose child libc
 * makes on the memory of its parent, so that nobody sees it begin.  Here it is
 * one by fork, which executes what it is there for (exec.c).
 *
 * The parent goes on when the other program is there or could not be executed,
 * as it does without us; meanwhile its turn is others', the child's among them.
 */
#include "faultinject/forks/process.h"

#include "faultinject/inject/inject.h"
#include "faultinject/interpose/interpose.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

void closefrom(int fd);

/* -------------------------------------------------------------- its parent */

static bool takes_part(void)
{
    return sf_forks_how.may && sf_forks_how.may();
}

/* NULL: it has ended before it was one of them. */
static struct sf_child *find(pid_t pid)
{
    for (unsigned i = 1; i < sf_children.n; i++)
        if (sf_children.at[i].pid == pid && sf_children.at[i].life != SF_REAPED)
            return &sf_children.at[i];
    return NULL;
}

/* Returns why it could not execute anything; 0: it has, or ended by itself. */
static int await(pid_t pid)
{
    struct sf_child *child = find(pid);

    if (!child)
        return 0;
    child->begins = true;
    while (child->begins && child->life == SF_LIVES)
        sf_turns_wait(SF_SIM_NEVER);
    child->begins = false;
    return child->failed;
}

SF_EXPORT pid_t vfork(void)
{
    bool waits = takes_part();
    pid_t pid = fork();

    if (waits && pid > 0)
        await(pid);
    return pid;
}

/* ----------------------------------------------------- what it does at first
 */

struct spawn {
    const char *name;
    bool searches;
    const posix_spawn_file_actions_t *actions;
    const posix_spawnattr_t *how;
    short flags;
    char *const *argv, *const *envp;
    sigset_t mask; /* of the parent */
};

/* What is in posix_spawn_file_actions_t, for which libc has no questions: as
 * glibc has it since 2.29, with more kinds at the end since. */
struct action {
    enum { CLOSE, DUP2, OPEN, CHDIR, FCHDIR, CLOSEFROM, TCSETPGRP } kind;
    union {
        int fd;
        struct {
            int from, to;
        } copy;
        struct {
            int fd;
            char *path;
            int flags;
            mode_t mode;
        } open;
        char *path;
    };
};

/* Of numbers that are none only. */
static bool close_it(int fd)
{
    struct rlimit limit;

    return close(fd) == 0 ||
           (fd >= 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
            (rlim_t)fd < limit.rlim_cur);
}

/* The same number is one that stays open. */
static bool copy(int from, int to)
{
    int flags;

    if (from != to)
        return dup2(from, to) == to;
    flags = fcntl(from, F_GETFD);
    return flags >= 0 && fcntl(from, F_SETFD, flags & ~FD_CLOEXEC) == 0;
}

static bool open_it(const struct action *a)
{
    int fd;

    close(a->open.fd);
    fd = open(a->open.path, a->open.flags | O_LARGEFILE, a->open.mode);
    if (fd < 0 || fd == a->open.fd)
        return fd >= 0;
    return dup2(fd, a->open.fd) == a->open.fd && close(fd) == 0;
}

static bool act(const struct action *a)
{
    switch (a->kind) {
    case CLOSE:
        return close_it(a->fd);
    case DUP2:
        return copy(a->copy.from, a->copy.to);
    case OPEN:
        return open_it(a);
    case CHDIR:
        return chdir(a->path) == 0;
    case FCHDIR:
        return fchdir(a->fd) == 0;
    case CLOSEFROM:
        closefrom(a->fd);
        return true;
    case TCSETPGRP:
        return tcsetpgrp(a->fd, getpgrp()) == 0;
    }
    errno = EINVAL;
    return false;
}

static bool act_all(const posix_spawn_file_actions_t *actions)
{
    const struct action *all =
        actions ? (const struct action *)actions->__actions : NULL;

    for (int i = 0; all && i < actions->__used; i++)
        if (!act(&all[i]))
            return false;
    return true;
}

/* Handlers are the parent's. */
static void reset_signals(const struct spawn *s)
{
    struct sigaction action;
    sigset_t reset;

    sigemptyset(&reset);
    if (s->flags & POSIX_SPAWN_SETSIGDEF)
        posix_spawnattr_getsigdefault(s->how, &reset);
    for (int signo = 1; signo < NSIG; signo++)
        if (sigaction(signo, NULL, &action) == 0 &&
            (sigismember(&reset, signo) == 1 || action.sa_handler != SIG_IGN)) {
            action.sa_handler = SIG_DFL;
            sigaction(signo, &action, NULL);
        }
}

static bool set_priority(const struct spawn *s)
{
    struct sched_param param;
    int policy;

    if (!(s->flags & (POSIX_SPAWN_SETSCHEDULER | POSIX_SPAWN_SETSCHEDPARAM)))
        return true;
    posix_spawnattr_getschedparam(s->how, &param);
    posix_spawnattr_getschedpolicy(s->how, &policy);
    return s->flags & POSIX_SPAWN_SETSCHEDULER
               ? sched_setscheduler(0, policy, &param) == 0
               : sched_setparam(0, &param) == 0;
}

static bool set_group(const struct spawn *s)
{
    pid_t group;

    if (s->flags & POSIX_SPAWN_SETSID && setsid() < 0)
        return false;
    if (!(s->flags & POSIX_SPAWN_SETPGROUP))
        return true;
    posix_spawnattr_getpgroup(s->how, &group);
    return setpgid(0, group) == 0;
}

static bool set_rights(const struct spawn *s)
{
    return !(s->flags & POSIX_SPAWN_RESETIDS) ||
           (seteuid(getuid()) == 0 && setegid(getgid()) == 0);
}

static void set_mask(const struct spawn *s)
{
    sigset_t mask = s->mask;

    if (s->flags & POSIX_SPAWN_SETSIGMASK)
        posix_spawnattr_getsigmask(s->how, &mask);
    sigprocmask(SIG_SETMASK, &mask, NULL);
}

static _Noreturn void become(const struct spawn *s)
{
    struct sf_child *own = &sf_children.at[sf_forks_own];

    reset_signals(s);
    if (set_priority(s) && set_group(s) && set_rights(s) &&
        act_all(s->actions)) {
        set_mask(s);
        if (s->searches)
            sf_forks_search(s->name, s->argv, s->envp, execve);
        else
            execve(s->name, s->argv, s->envp);
    }
    own->failed = errno ? errno : ECHILD;
    _exit(127);
}

/* ------------------------------------------------------------- posix_spawn()
 */

static int spawn(pid_t *pid, struct spawn *s)
{
    int saved = errno, err = 0;
    sigset_t all;
    pid_t child;

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &s->mask);
    child = _Fork();
    if (child == 0)
        become(s);
    if (child < 0)
        err = errno;
    else
        err = await(child);
    if (child > 0 && err)
        waitpid(child, NULL, 0);
    if (!err && pid)
        *pid = child;
    sigprocmask(SIG_SETMASK, &s->mask, NULL);
    errno = saved;
    return err;
}

#define SPAWNS(function, searches_)                                         \
    SF_NEXT(function, int,                                                  \
            (pid_t * pid, const char *name,                                 \
             const posix_spawn_file_actions_t *actions,                     \
             const posix_spawnattr_t *how, char *const *argv,               \
             char *const *envp))                                            \
    SF_EXPORT int function(pid_t *pid, const char *name,                    \
                           const posix_spawn_file_actions_t *actions,       \
                           const posix_spawnattr_t *how, char *const *argv, \
                           char *const *envp)                               \
    {                                                                       \
        struct spawn s = {.name = name,                                     \
                          .searches = searches_,                            \
                          .actions = actions,                               \
                          .how = how,                                       \
                          .argv = argv,                                     \
                          .envp = envp};                                    \
                                                                            \
        if (!takes_part())                                                  \
            return next_##function()(pid, name, actions, how, argv, envp);  \
        if (how)                                                            \
            posix_spawnattr_getflags(how, &s.flags);                        \
        return spawn(pid, &s);                                              \
    }
SPAWNS(posix_spawn, false)
SPAWNS(posix_spawnp, true)

/* ------------------------------------------------------------------ system()
 */

SF_NEXT(system, int, (const char *line))

struct kept {
    struct sigaction intr, quit;
    sigset_t mask;
};

/* Who waits for a command is not ended in its place. */
static void ignore_signals(struct kept *k)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t child;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigaction(SIGINT, &ignore, &k->intr);
    sigaction(SIGQUIT, &ignore, &k->quit);
    sigprocmask(SIG_BLOCK, &child, &k->mask);
}

static void heed_signals(const struct kept *k)
{
    int saved = errno;

    sigaction(SIGINT, &k->intr, NULL);
    sigaction(SIGQUIT, &k->quit, NULL);
    sigprocmask(SIG_SETMASK, &k->mask, NULL);
    errno = saved;
}

static int run_shell(pid_t *pid, const char *line,
                     const posix_spawn_file_actions_t *actions,
                     const posix_spawnattr_t *how)
{
    const char *const argv[] = {"sh", "-c", line, NULL};

    return posix_spawn(pid, "/bin/sh", actions, how, (char *const *)argv,
                       environ);
}

static int spawn_shell(pid_t *pid, const char *line, const struct kept *k)
{
    posix_spawnattr_t how;
    sigset_t heeded;
    int err;

    sigemptyset(&heeded);
    if (k->intr.sa_handler != SIG_IGN)
        sigaddset(&heeded, SIGINT);
    if (k->quit.sa_handler != SIG_IGN)
        sigaddset(&heeded, SIGQUIT);
    posix_spawnattr_init(&how);
    posix_spawnattr_setsigmask(&how, &k->mask);
    posix_spawnattr_setsigdefault(&how, &heeded);
    posix_spawnattr_setflags(&how,
                             POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    err = run_shell(pid, line, NULL, &how);
    posix_spawnattr_destroy(&how);
    return err;
}

static int wait_for(pid_t pid)
{
    int status;
    pid_t r;

    do
        r = waitpid(pid, &status, 0);
    while (r < 0 && errno == EINTR);
    return r == pid ? status : -1;
}

SF_EXPORT int system(const char *line)
{
    struct kept k;
    int status;
    pid_t pid;

    if (!line || !takes_part())
        return next_system()(line);
    ignore_signals(&k);
    status = spawn_shell(&pid, line, &k) == 0 ? wait_for(pid) : 127 << 8;
    heed_signals(&k);
    return status;
}

/* ------------------------------------------------------------------- popen()
 */

SF_NEXT(popen, FILE *, (const char *line, const char *mode))

static struct piped {
    int fd;
    pid_t pid;
    struct piped *next;
} * all;

static ssize_t piped_read(void *piped, char *bytes, size_t len)
{
    return read(((struct piped *)piped)->fd, bytes, len);
}

static ssize_t piped_write(void *piped, const char *bytes, size_t len)
{
    return (ssize_t)sf_write_all(((struct piped *)piped)->fd, bytes, len);
}

/* What pclose(3) says, which is fclose(3) to libc. */
static int piped_close(void *piped)
{
    struct piped *p = piped, **link = &all;
    pid_t pid = p->pid;

    while (*link && *link != p)
        link = &(*link)->next;
    if (*link)
        *link = p->next;
    close(p->fd);
    free(p);
    return pid > 0 ? wait_for(pid) : 0;
}

static FILE *open_file(int fd, const char *mode)
{
    static const cookie_io_functions_t calls = {
        .read = piped_read, .write = piped_write, .close = piped_close};
    struct piped *p = malloc(sizeof *p);
    FILE *file;

    if (!p)
        return NULL;
    *p = (struct piped){.fd = fd, .next = all};
    file = fopencookie(p, mode, calls);
    if (!file) {
        free(p);
        return NULL;
    }
    file->_fileno = fd; /* for fileno() */
    all = p;
    return file;
}

/* 'r' or 'w', and 'e' besides. */
static bool is_mode(const char *mode)
{
    return strspn(mode, "rwe") == strlen(mode) &&
           !strchr(mode, 'r') != !strchr(mode, 'w');
}

/* The command has the other end, and none of those that are open besides. */
static int spawn_piped(pid_t *pid, const char *line, int end, int as)
{
    posix_spawn_file_actions_t actions;
    int err;

    posix_spawn_file_actions_init(&actions);
    err = posix_spawn_file_actions_adddup2(&actions, end, as);
    for (const struct piped *p = all; p && err == 0; p = p->next)
        err = posix_spawn_file_actions_addclose(&actions, p->fd);
    if (err == 0)
        err = run_shell(pid, line, &actions, NULL);
    posix_spawn_file_actions_destroy(&actions);
    return err;
}

SF_EXPORT FILE *popen(const char *line, const char *mode)
{
    bool reads = strchr(mode, 'r');
    int ends[2], err;
    FILE *file;

    if (!takes_part())
        return next_popen()(line, mode);
    if (!is_mode(mode)) {
        errno = EINVAL;
        return NULL;
    }
    if (pipe2(ends, O_CLOEXEC) < 0)
        return NULL;
    file = open_file(ends[!reads], reads ? "r" : "w");
    err = file ? spawn_piped(&all->pid, line, ends[reads], reads) : ENOMEM;
    close(ends[reads]);
    if (err && file)
        fclose(file);
    else if (err)
        close(ends[!reads]);
    else if (!strchr(mode, 'e'))
        fcntl(ends[!reads], F_SETFD, 0);
    errno = err ? err : errno;
    return err ? NULL : file;
}
