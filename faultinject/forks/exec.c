/*
 * exec.c: a child becomes another program, which goes on in the world if it
 * loads this library, too.
 *
 * It keeps its turn meanwhile.  The new program finds the shared memory by a
 * descriptor that stays open for it, and where it is by a variable of its
 * environment; addresses are not randomised, so the library is where it was.
 * What loads no library gives its turn away before (lost.h).
 */
#include "faultinject/forks/process.h"

#include "faultinject/inject/inject.h"
#include "faultinject/interpose/interpose.h"
#include "faultinject/interpose/lost.h"
#include "faultinject/session/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

SF_NEXT(execve, int, (const char *path, char *const *argv, char *const *envp))
SF_NEXT(execvpe, int, (const char *file, char *const *argv, char *const *envp))
SF_NEXT(fexecve, int, (int fd, char *const *argv, char *const *envp))

/* ------------------------------------------------------------- environment */

enum { NAMES_MAX = 16, NAMES_BYTES = 8192 };

/* What the first program was given to load us by, whatever others make of it.
 */
static struct {
    char bytes[NAMES_BYTES];
    char *names[NAMES_MAX + 1];
    unsigned n;
    size_t used;
} kept;

static bool is_ours(const char *name)
{
    return strncmp(name, "SOCKFAULT_SIM", 13) == 0 ||
           strncmp(name, "LD_PRELOAD=", 11) == 0 ||
           strncmp(name, "LD_BIND_NOW=", 12) == 0;
}

static void keep(const char *name)
{
    size_t len = strlen(name) + 1;

    if (kept.n == NAMES_MAX || len > NAMES_BYTES - kept.used)
        return;
    kept.names[kept.n++] = memcpy(kept.bytes + kept.used, name, len);
    kept.used += len;
}

void sf_forks_keep_environment(void)
{
    for (char **name = environ; *name; name++)
        if (is_ours(*name) &&
            strncmp(*name, SF_FORKED_ENV "=", sizeof SF_FORKED_ENV) != 0)
            keep(*name);
}

static size_t count_of(char *const *list)
{
    size_t n = 0;

    while (list && list[n])
        n++;
    return n;
}

/* The program's, and ours in their place. */
static void join(char **all, char *const *envp, char *where)
{
    for (; envp && *envp; envp++)
        if (!is_ours(*envp))
            *all++ = *envp;
    for (unsigned i = 0; i < kept.n; i++)
        *all++ = kept.names[i];
    *all++ = where;
    *all = NULL;
}

/* ------------------------------------------------------------------- going */

static void leave_open(bool open)
{
    int flags = open ? 0 : FD_CLOEXEC;

    sf_libc.fcntl(sf_shared_file(), F_SETFD, flags);
    if (sf_errors_fd() != STDERR_FILENO)
        sf_libc.fcntl(sf_errors_fd(), F_SETFD, flags);
}

/* One of the two, by path or by descriptor. */
struct program {
    const char *path;
    int fd;
};

static int execute(const struct program *p, char *const *argv,
                   char *const *envp)
{
    return p->path ? next_execve()(p->path, argv, envp)
                   : next_fexecve()(p->fd, argv, envp);
}

static int go_on(const struct program *p, char *const *argv, char *const *envp)
{
    struct sf_child *own = &sf_children.at[sf_forks_own];
    char *all[count_of(envp) + NAMES_MAX + 2];
    char where[100];
    int r, saved;

    snprintf(where, sizeof where, SF_FORKED_ENV "=%d:%d:%u:%p",
             sf_shared_file(), sf_errors_fd(), sf_forks_own,
             (void *)&sf_children);
    join(all, envp, where);
    leave_open(true);
    own->executes = true;
    r = execute(p, argv, all);
    saved = errno;
    own->executes = false;
    leave_open(false);
    errno = saved;
    return r;
}

/* Its turn is another's, and it does not come back: whoever fails to execute
 * what is there ends. */
static int go_away(const struct program *p, char *const *argv,
                   char *const *envp, enum sf_lost why)
{
    sf_lost_note(sf_forks_how.lost, why, p->path ? p->path : argv[0]);
    sf_child_leaves(SF_EXECS);
    execute(p, argv, envp);
    _exit(127);
}

static int become(const struct program *p, char *const *argv, char *const *envp)
{
    enum sf_lost lost;

    if (!sf_forks_is_child())
        return execute(p, argv, envp);
    lost = p->path ? sf_lost_by(p->path) : sf_lost_by_file(p->fd);
    return lost == SF_LOST_NOT ? go_on(p, argv, envp)
                               : go_away(p, argv, envp, lost);
}

SF_EXPORT int execve(const char *path, char *const *argv, char *const *envp)
{
    return become(&(struct program){.path = path}, argv, envp);
}

SF_EXPORT int fexecve(int fd, char *const *argv, char *const *envp)
{
    return become(&(struct program){.fd = fd}, argv, envp);
}

/* A file without a magic number is a script. */
static int run_or_script(const char *path, char *const *argv, char *const *envp)
{
    int r = execve(path, argv, envp);
    size_t n = count_of(argv);
    char *shell[n + 3];

    if (errno != ENOEXEC)
        return r;
    shell[0] = (char *)(uintptr_t) "/bin/sh";
    shell[1] = (char *)(uintptr_t)path;
    for (size_t i = 1; i <= n; i++)
        shell[i + 1] = argv[i];
    shell[n > 0 ? n + 1 : 2] = NULL;
    return execve(shell[0], shell, envp);
}

/* What is no file, or may not be run, is passed over. */
int sf_forks_search(const char *file, char *const *argv, char *const *envp,
                    sf_execute *execute)
{
    const char *path = getenv("PATH");
    char whole[PATH_MAX];
    bool denied = false;

    if (strchr(file, '/') || !*file)
        return execute(file, argv, envp);
    for (const char *at = path ? path : "/bin:/usr/bin"; at;) {
        size_t len = strcspn(at, ":");

        snprintf(whole, sizeof whole, "%.*s%s%s", (int)len, at,
                 len > 0 ? "/" : "", file);
        execute(whole, argv, envp);
        if (errno != EACCES && errno != ENOENT && errno != ENOTDIR)
            return -1;
        denied |= errno == EACCES;
        at = at[len] ? at + len + 1 : NULL;
    }
    errno = denied ? EACCES : errno;
    return -1;
}

SF_EXPORT int execvpe(const char *file, char *const *argv, char *const *envp)
{
    return sf_forks_is_child()
               ? sf_forks_search(file, argv, envp, run_or_script)
               : next_execvpe()(file, argv, envp);
}

/* -------------------------------------------------------------- arriving */

bool sf_forks_resume(int *errors)
{
    const char *where = getenv(SF_FORKED_ENV);
    struct sf_child *own;
    unsigned n;
    void *at;
    int file;

    if (!where || sscanf(where, "%d:%d:%u:%p", &file, errors, &n, &at) != 4)
        return false;
    unsetenv(SF_FORKED_ENV);
    if (at != (void *)&sf_children)
        sf_forks_how.cannot("a process runs a program that has no room for "
                            "this library where it was");
    if (!sf_forks_attach(file, n))
        return false;
    own = &sf_children.at[n];
    own->executes = own->begins = false;
    sf_turns_resume(own->turn);
    sf_turns_changed();
    if (*errors != STDERR_FILENO)
        sf_libc.fcntl(*errors, F_SETFD, FD_CLOEXEC);
    return true;
}
