/* preload.c: the library begins by itself when it is loaded. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "faultinject/interpose/attach.h"
#include "faultinject/interpose/stdio.h"

static pid_t ourselves(char *program, size_t size)
{
    strncpy(program, program_invocation_short_name, size - 1);
    return getpid();
}

__attribute__((constructor(102))) static void begin(void)
{
    if (sf_attach(sf_kernel(), ourselves))
        sf_stdio_reach();
}

__attribute__((destructor(102))) static void end(void)
{
    sf_detach();
}
