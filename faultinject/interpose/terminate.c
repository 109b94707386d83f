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

/* What it checks of how it is used (_GLIBCXX_ASSERTIONS, libc++'s hardening)
 * ends by abort(), too, and nothing was thrown. */
static bool is_check(const void *call)
{
    Dl_info info;

    return dladdr(call, &info) && info.dli_sname &&
           (strstr(info.dli_sname, "assert_fail") ||
            strstr(info.dli_sname, "verbose_abort"));
}

/* The call is the last thing of its function, which does not go on behind. */
static bool is_terminate(const void *returns_to)
{
    const char *call = (const char *)returns_to - 1;
    struct dl_find_object found;

    return _dl_find_object((void *)call, &found) == 0 &&
           sf_is_cxx_library(found.dlfo_link_map) && !is_check(call);
}

/* What that allocates is ours.  A handler of SIGABRT may go on as the program:
 * its calls are looked at again. */
static void note(char *where)
{
    bool busy = sf_thread.busy;
    char *what;

    sf_thread.busy = true;
    what = thrown();
    sf_thread.busy = busy;
    snprintf(where, SF_TERMINATE_MAX,
             what ? ", by std::terminate: uncaught %s" : ", by std::terminate",
             what);
}

SF_EXPORT void abort(void)
{
    char *where = NULL;
    void (*next)(void);

    if (sf_inject_terminates && is_terminate(__builtin_return_address(0)))
        where = sf_inject_terminates();
    if (where)
        note(where);
    *(void **)&next = dlsym(RTLD_NEXT, "abort");
    for (;;)
        next();
}
