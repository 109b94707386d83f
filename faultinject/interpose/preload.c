/* preload.c: the library begins by itself when it is loaded. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "faultinject/interpose/attach.h"
#include "faultinject/interpose/exec.h"
#include "faultinject/interpose/site.h"
#include "faultinject/interpose/stdio.h"
#include "faultinject/kernel/untold.h"

/* Kept from the start: a program that sets its title writes it over argv, where
 * libc's own name for it is. */
static char called[SF_WORD_MAX];

static pid_t ourselves(char *program, size_t size)
{
    strncpy(program, called, size - 1);
    return getpid();
}

static void met(struct sf_control *control)
{
    sf_untold(control->cookie);
    sf_sanitized_watch(&control->sanitized);
}

__attribute__((constructor(102))) static void begin(void)
{
    static struct sf_watched watched = {
        .who = ourselves, .site = sf_site, .at_site = sf_at_site, .met = met};

    strncpy(called, program_invocation_short_name, sizeof called - 1);
    sf_exec_bind();
    watched.world = sf_kernel();
    if (!sf_attach(&watched))
        return;
    sf_site_init();
    sf_stdio_reach();
}

__attribute__((destructor(102))) static void end(void)
{
    sf_detach_all();
}
