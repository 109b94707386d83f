/*
 * new.c: operator new, so that it can fail, and says who asks.
 *
 * In the libraries that have malloc.c.  Most operators ask malloc(), which
 * decides, for whoever says `new`.  An allocator's (jemalloc, tcmalloc,
 * mimalloc) asks nobody, so it is decided here.  Then the C++ library's own
 * fails, whose malloc() does: it asks the new_handler, throws or gives NULL as
 * it has to, and we need no C++ for that.
 */
#include <dlfcn.h>

#include "faultinject/inject/injector.h"
#include "faultinject/interpose/interpose.h"

/* One of the operators. */
struct form {
    const char *name;
    void *next;     /* whoever had it without us  */
    void *standard; /* the C++ library's          */
    /* Does next ask malloc()?  Where the standard one does not, a malloc() is
     * in the way that is not ours: nothing can fail. */
    enum { NOT_KNOWN, ASKS, IS_BLIND } malloc;
};

/* Found in the module that the address is in, and in what that is linked to. */
static void *find_from(const void *address, const char *name)
{
    void *module, *found = NULL;
    Dl_info info;

    if (!address || !dladdr(address, &info))
        return NULL;
    module = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    if (module) {
        found = dlsym(module, name);
        dlclose(module);
    }
    return found;
}

/* What only a plugin is linked to is found from there. */
static void find(struct form *form, const void *caller)
{
    static const char theirs[] = "_ZSt15get_new_handlerv";
    void *next, *library;

    sf_thread.new_looks = true;
    library = dlsym(RTLD_NEXT, theirs);
    if (!library)
        library = find_from(caller, theirs);
    form->standard = find_from(library, form->name);
    next = dlsym(RTLD_NEXT, form->name);
    sf_thread.new_looks = false;
    __atomic_store_n(&form->next, next ? next : form->standard,
                     __ATOMIC_RELEASE);
}

static void *decide(const struct form *form, const void *caller)
{
    sf_thread.new_caller = NULL;
    sf_thread.new_fails = form->standard && sf_inject_refuses(caller);
    return sf_thread.new_fails ? form->standard : form->next;
}

/* Which of both is called.  They ask each other, too, for who asked the first
 * of them. */
static void *begin(struct form *form, const void *caller)
{
    if (!__atomic_load_n(&form->next, __ATOMIC_ACQUIRE))
        find(form, caller);
    if (!sf_inject_refuses)
        return form->next;
    if (sf_thread.new_fails)
        return form->standard;
    if (sf_thread.new_caller)
        caller = sf_thread.new_caller;
    if (form->malloc == IS_BLIND)
        return decide(form, caller);
    sf_thread.new_caller = caller;
    return form->next;
}

/* Not where it throws: then it has asked.  False: what it made must fail, which
 * was found out too late, and so is lost. */
static bool end(struct form *form)
{
    const void *caller = sf_thread.new_caller;

    sf_thread.new_caller = NULL;
    sf_thread.new_fails = false;
    if (form->malloc != NOT_KNOWN || !sf_inject_refuses)
        return true;
    form->malloc = caller && form->next != form->standard ? IS_BLIND : ASKS;
    return form->malloc == ASKS || decide(form, caller) == form->next;
}

#define NEW(symbol, parameters, arguments)                               \
    SF_EXPORT void *symbol parameters;                                   \
    SF_EXPORT void *symbol parameters                                    \
    {                                                                    \
        static struct form form = {.name = #symbol};                     \
        void *(*make)parameters;                                         \
        void *block;                                                     \
                                                                         \
        do {                                                             \
            *(void **)&make = begin(&form, __builtin_return_address(0)); \
            block = make arguments;                                      \
        } while (!end(&form));                                           \
        return block;                                                    \
    }

NEW(_Znwm, (size_t size), (size))
NEW(_Znam, (size_t size), (size))
NEW(_ZnwmRKSt9nothrow_t, (size_t size, const void *nothrow), (size, nothrow))
NEW(_ZnamRKSt9nothrow_t, (size_t size, const void *nothrow), (size, nothrow))
NEW(_ZnwmSt11align_val_t, (size_t size, size_t align), (size, align))
NEW(_ZnamSt11align_val_t, (size_t size, size_t align), (size, align))
NEW(_ZnwmSt11align_val_tRKSt9nothrow_t,
    (size_t size, size_t align, const void *nothrow), (size, align, nothrow))
NEW(_ZnamSt11align_val_tRKSt9nothrow_t,
    (size_t size, size_t align, const void *nothrow), (size, align, nothrow))
