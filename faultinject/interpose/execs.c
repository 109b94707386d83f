/*
 * execs.c: the names that execute a program and come down to execve() and
 * execvpe(), whoever stands in for these.
 */
#include <stdarg.h>
#include <unistd.h>

#include "faultinject/interpose/interpose.h"

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
