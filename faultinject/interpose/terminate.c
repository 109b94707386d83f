/*
 * terminate.c: std::terminate(), which calls abort(), and is told apart from a
 * program that does so itself: nobody catches what was thrown.
 */
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faultinject/inject/injector.h"
#include "faultinject/inject/sanitizer.h"
#include "faultinject/interpose/interpose.h"

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

/* One that is linked to the program goes by no name. */
bool sf_is_cxx_library(const struct link_map *module)
{
    static const char *const names[] = {"/libstdc++.so.", "/libc++.so.",
                                        "/libc++abi.so."};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strstr(module->l_name, names[i]))
            return true;
    return false;
}

static bool is_of_cxx_library(const void *address)
{
    struct dl_find_object found;

    return _dl_find_object((void *)address, &found) == 0 &&
           sf_is_cxx_library(found.dlfo_link_map);
}

static void note(char *where)
{
    char *what;

    sf_thread.busy = true;
    what = thrown();
    snprintf(where, SF_TERMINATE_MAX,
             what ? ", by std::terminate: uncaught %s" : ", by std::terminate",
             what);
}

SF_EXPORT void abort(void)
{
    char *where = NULL;
    void (*next)(void);

    if (sf_inject_terminates && is_of_cxx_library(__builtin_return_address(0)))
        where = sf_inject_terminates();
    if (where)
        note(where);
    *(void **)&next = dlsym(RTLD_NEXT, "abort");
    for (;;)
        next();
}
