/*
 * terminate.c: std::terminate(), which calls abort(), and is told apart from a
 * program that does so itself: nobody catches what was thrown.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "faultinject/inject/control.h"
#include "faultinject/inject/injector.h"
#include "faultinject/interpose/interpose.h"
#include "faultinject/interpose/site.h"

/* A std::type_info, as the ABI of C++ has it. */
struct type {
    const void *functions;
    const char *name;
};

/* What is under way, as people call it; NULL: nothing, or nobody knows. */
static char *thrown(void)
{
    const struct type *(*current)(void), *type;
    char *(*demangle)(const char *, char *, size_t *, int *);

    *(void **)&current = dlsym(RTLD_DEFAULT, "__cxa_current_exception_type");
    *(void **)&demangle = dlsym(RTLD_DEFAULT, "__cxa_demangle");
    type = current && demangle ? current() : NULL;
    return type ? demangle(type->name, NULL, NULL, NULL) : NULL;
}

static void note(struct sf_process *process)
{
    char *what;

    sf_thread.busy = true;
    what = thrown();
    snprintf(process->terminate, sizeof process->terminate,
             what ? ", by std::terminate: uncaught %s" : ", by std::terminate",
             what);
}

SF_EXPORT void abort(void)
{
    void (*next)(void);
    unsigned process = sf_injector.process;

    if (sf_control_heard && process > 0 && process <= SF_PROCESSES_MAX &&
        sf_in_cxx_library(__builtin_return_address(0)))
        note(&sf_control_heard->processes[process - 1]);
    *(void **)&next = dlsym(RTLD_NEXT, "abort");
    for (;;)
        next();
}
