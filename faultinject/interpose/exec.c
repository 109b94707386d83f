/*
 * exec.c: programs that are executed where this library cannot follow.
 *
 * A static program, one of another word size, one that gains rights or whose
 * environment was cleaned is not seen, and silence about it would look as if
 * there was nothing.  So it is looked at just before it is executed, and the
 * first one is written down.  This may be the child of a vfork(): nothing is
 * allocated, nothing is locked, and errno is the caller's.
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faultinject/inject/control.h"
#include "faultinject/interpose/exec.h"
#include "faultinject/interpose/interpose.h"
#include "faultinject/interpose/lost.h"

/* --- what is it --- */

static bool has(char *const *env, const char *name)
{
    size_t n = strlen(name);

    for (; env && *env; env++)
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
            return true;
    return false;
}

static enum sf_lost why_of(const char *name, char *const *env)
{
    if (access(name, X_OK) < 0)
        return SF_LOST_NOT;
    if (!has(env, SF_CONTROL_ENV) || !has(env, "LD_PRELOAD"))
        return SF_LOST_ENVIRONMENT;
    return sf_lost_by(name);
}

/* A seccomp filter may not know the calls that it takes to look. */
static void look(const char *path, char *const *env)
{
    int saved = errno;
    enum sf_lost why;

    if (!sf_control || sf_control->n_sealed > 0)
        return;
    why = why_of(path, env);
    if (why != SF_LOST_NOT)
        sf_lost_note(&sf_control->lost, why, path);
    errno = saved;
}

/* --- where is it --- */

/* The first in PATH that can be executed, as execvp() looks for it. */
static bool find(const char *name, char path[PATH_MAX])
{
    const char *dir = getenv("PATH");
    size_t len = strlen(name);

    for (dir = dir ? dir : "/bin:/usr/bin";; dir++) {
        size_t n = strcspn(dir, ":");

        if (n + len + 2 < PATH_MAX) {
            memcpy(path, dir, n);
            path[n] = '/';
            memcpy(path + n + (n > 0), name, len + 1);
            if (access(path, X_OK) == 0)
                return true;
        }
        dir += n;
        if (!*dir)
            return false;
    }
}

static void look_for(const char *name, char *const *env)
{
    char path[PATH_MAX];
    int saved = errno;

    if (!sf_control)
        return;
    if (strchr(name, '/'))
        look(name, env);
    else if (find(name, path))
        look(path, env);
    errno = saved;
}

/* --- libc's names --- */

#define EXEC_MAP(X)                                                           \
    X(execve, int, (const char *path, char *const *argv, char *const *env),   \
      (path, argv, env), look(path, env))                                     \
    X(execvpe, int, (const char *name, char *const *argv, char *const *env),  \
      (name, argv, env), look_for(name, env))                                 \
    X(posix_spawn, int,                                                       \
      (pid_t * pid, const char *path, const posix_spawn_file_actions_t *acts, \
       const posix_spawnattr_t *attr, char *const *argv, char *const *env),   \
      (pid, path, acts, attr, argv, env), look(path, env))                    \
    X(posix_spawnp, int,                                                      \
      (pid_t * pid, const char *name, const posix_spawn_file_actions_t *acts, \
       const posix_spawnattr_t *attr, char *const *argv, char *const *env),   \
      (pid, name, acts, attr, argv, env), look_for(name, env))

#define X(name, returns, params, args, before) \
    static returns(*next_##name) params;
EXEC_MAP(X)
#undef X

/* When the library is loaded: a child of vfork() must not ask the loader. */
void sf_exec_bind(void)
{
#define X(name, returns, params, args, before) \
    *(void **)&next_##name = dlsym(RTLD_NEXT, #name);
    EXEC_MAP(X)
#undef X
}

/* Descriptors that are exhausted are so for this program, not for the other. */
static void lower_again(bool lifted)
{
    int saved = errno;

    if (lifted)
        sf_kernel_lift(false);
    errno = saved;
}

#define X(name, returns, params, args, before) \
    SF_EXPORT returns name params              \
    {                                          \
        bool lifted = sf_kernel_lift(true);    \
        returns result;                        \
                                               \
        if (!next_##name)                      \
            sf_exec_bind();                    \
        before;                                \
        result = next_##name args;             \
        lower_again(lifted);                   \
        return result;                         \
    }
EXEC_MAP(X)
#undef X
