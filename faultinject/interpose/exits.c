/*
 * exits.c: how a process of a world in memory ends without the handlers of its
 * end, as one does that has cleaned up by itself.  The kernel's own calls, and
 * libc's within libc, are not seen.
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faultinject/inject/inject.h"
#include "faultinject/interpose/interpose.h"

SF_EXPORT _Noreturn void _exit(int status)
{
    if (sf_inject_exits)
        sf_inject_exits();
    for (;;)
        sf_syscall(SYS_exit_group, status, 0, 0, 0, 0, 0);
}

SF_EXPORT _Noreturn void _Exit(int status)
{
    _exit(status);
}
