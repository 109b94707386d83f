/*
 * libc.c: the next definition of every libc name, bound before main.
 *
 * At first each pointer leads to a function that binds them all and goes on
 * to the real one, so a call that comes before any constructor has run works.
 * Later it would not do: dlsym(3) takes away what dlerror(3) has said.
 */
#include <dlfcn.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faultinject/world.h"

/*
 * fcntl and ioctl are variadic there and take a long here: on every Linux
 * ABI that libc has, one integer argument travels the same way.
 */
#define CALL(name, returns, params, args, kind) \
    static returns first_##name params;
#include "faultinject/calls.def"
#undef CALL

struct sf_libc sf_libc = {
#define CALL(name, returns, params, args, kind) .name = first_##name,
#include "faultinject/calls.def"
#undef CALL
};

static pid_t (*libc_getpid)(void);

/* Without libc there is nothing to go on with, nor a way to say more. */
static void *next(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    if (!found) {
        static const char text[] = "sockfault: libc lacks a call it stands "
                                   "in for\n";
        syscall(SYS_write, STDERR_FILENO, text, sizeof text - 1);
        _exit(2);
    }
    return found;
}

/* Once: who has his own reasons puts others in their places (untold.c). */
__attribute__((constructor(101))) static void bind_all(void)
{
    struct sf_libc bound;

    if (libc_getpid)
        return;
#define CALL(name, returns, params, args, kind) \
    *(void **)&bound.name = next(#name);
#include "faultinject/calls.def"
#undef CALL
    *(void **)&libc_getpid = next("getpid");
    sf_libc = bound;
}

#define CALL(name, returns, params, args, kind) \
    static returns first_##name params          \
    {                                           \
        bind_all();                             \
        return sf_libc.name args;               \
    }
#include "faultinject/calls.def"
#undef CALL

pid_t sf_process(void)
{
    bind_all();
    return libc_getpid();
}

bool sf_blocks(const sigset_t *mask, int signo)
{
    sigset_t own;

    if (!mask && pthread_sigmask(SIG_BLOCK, NULL, &own) == 0)
        mask = &own;
    return mask && sigismember(mask, signo) == 1;
}
