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
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "faultinject/inject/control.h"
#include "faultinject/interpose/exec.h"
#include "faultinject/interpose/interpose.h"

#define CLASS (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)

enum { LINE = 256, SCRIPTS_MAX = 5 };

/* --- what is it --- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static bool find_segment(int fd, const ElfW(Ehdr) * head, uint32_t type,
                         ElfW(Phdr) * s)
{
    for (unsigned i = 0; i < head->e_phnum; i++)
        if (pread(fd, s, sizeof *s,
                  (off_t)(head->e_phoff + (uint64_t)i * sizeof *s)) ==
                sizeof *s &&
            s->p_type == type)
            return true;
    return false;
}

/* Only the loader can be run and has the name of a library, but no loader: it
 * loads the library all the same. */
static bool is_library(int fd, const ElfW(Ehdr) * head)
{
    ElfW(Phdr) s;
    ElfW(Dyn) d = {.d_tag = DT_NULL};

    if (!find_segment(fd, head, PT_DYNAMIC, &s))
        return false;
    for (size_t at = 0; at < s.p_filesz; at += sizeof d)
        if (pread(fd, &d, sizeof d, (off_t)(s.p_offset + at)) == sizeof d &&
            d.d_tag == DT_SONAME)
            return true;
    return false;
}

static enum sf_lost why_of_elf(int fd, const char *line)
{
    ElfW(Ehdr) head;
    ElfW(Phdr) s;

    if (line[EI_CLASS] != CLASS)
        return SF_LOST_CLASS;
    memcpy(&head, line, sizeof head);
    if (find_segment(fd, &head, PT_INTERP, &s) || is_library(fd, &head))
        return SF_LOST_NOT;
    return SF_LOST_STATIC;
}

static bool gains_rights(int fd)
{
    char value[64];
    struct stat st;

    if (geteuid() != 0 &&
        fgetxattr(fd, "security.capability", value, sizeof value) > 0)
        return true;
    return fstat(fd, &st) == 0 &&
           ((st.st_mode & S_ISUID && st.st_uid != geteuid()) ||
            (st.st_mode & S_ISGID && st.st_gid != getegid()));
}

/* The interpreter that a script names, in its place. */
static bool follow(char *line, char *path)
{
    char *word = line + 2 + strspn(line + 2, " \t");
    size_t n = strcspn(word, " \t\n");

    if (n == 0 || n >= LINE)
        return false;
    memcpy(path, word, n);
    path[n] = '\0';
    return true;
}

/* `path` has room for a line: it becomes a script's interpreter. */
static enum sf_lost why_of_file(char *path, bool *is_script)
{
    char line[LINE] = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum sf_lost why = SF_LOST_NOT;
    ssize_t n;

    *is_script = false;
    if (fd < 0)
        return why;
    n = pread(fd, line, sizeof line - 1, 0);
    if (n > 2 && memcmp(line, "#!", 2) == 0)
        *is_script = follow(line, path);
    else if (gains_rights(fd))
        why = SF_LOST_RIGHTS;
    else if (n >= (ssize_t)sizeof(ElfW(Ehdr)) &&
             memcmp(line, ELFMAG, SELFMAG) == 0)
        why = why_of_elf(fd, line);
    sf_libc.close(fd);
    return why;
}

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
    char path[PATH_MAX];
    enum sf_lost why;
    bool is_script = true;

    if (strlen(name) >= sizeof path || access(name, X_OK) < 0)
        return SF_LOST_NOT;
    if (!has(env, SF_CONTROL_ENV) || !has(env, "LD_PRELOAD"))
        return SF_LOST_ENVIRONMENT;
    strcpy(path, name);
    why = SF_LOST_NOT;
    for (int i = 0; i < SCRIPTS_MAX && is_script; i++)
        why = why_of_file(path, &is_script);
    return why;
}

static void note(enum sf_lost why, const char *name)
{
    struct sf_lost_programs *lost = &sf_control->lost;

    if (__atomic_fetch_add(&lost->n, 1, __ATOMIC_RELAXED) > 0)
        return;
    strncpy(lost->first, base_name(name), sizeof lost->first - 1);
    __atomic_store_n(&lost->why, why, __ATOMIC_RELEASE);
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
        note(why, path);
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

SF_EXPORT int execv(const char *path, char *const *argv)
{
    return execve(path, argv, environ);
}

SF_EXPORT int execvp(const char *name, char *const *argv)
{
    return execvpe(name, argv, environ);
}

/* Arguments one by one, up to NULL: on the stack, as libc has them. */
#define EXECL(name, call, env)                                 \
    SF_EXPORT int name(const char *path, const char *arg, ...) \
    {                                                          \
        size_t n = 1;                                          \
        va_list ap, again;                                     \
                                                               \
        va_start(ap, arg);                                     \
        va_copy(again, ap);                                    \
        while (va_arg(ap, char *))                             \
            n++;                                               \
        char *argv[n + 1];                                     \
        char *const *environment = env;                        \
        argv[0] = (char *)arg;                                 \
        for (size_t i = 1; i <= n; i++)                        \
            argv[i] = va_arg(again, char *);                   \
        va_end(again);                                         \
        va_end(ap);                                            \
        return call(path, argv, environment);                  \
    }
EXECL(execl, execve, environ)
EXECL(execlp, execvpe, environ)
EXECL(execle, execve, va_arg(ap, char *const *))
