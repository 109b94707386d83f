/* site.c: see site.h. */
#include "faultinject/interpose/site.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>
#include <unwind.h>

#include "faultinject/inject/hash.h"
#include "faultinject/interpose/interpose.h"

/* Whose functions are not who calls: ours, libc's, the loader's; and the C++
 * library's, which may come later, with a plugin. */
static const struct link_map *skipped[3];

/* All that operator new is called, which a program may have itself, and an
 * allocator has. */
#define OPERATORS(each)                       \
    each(_Znwm);                              \
    each(_Znam);                              \
    each(_ZnwmRKSt9nothrow_t);                \
    each(_ZnamRKSt9nothrow_t);                \
    each(_ZnwmSt11align_val_t);               \
    each(_ZnamSt11align_val_t);               \
    each(_ZnwmSt11align_val_tRKSt9nothrow_t); \
    each(_ZnamSt11align_val_tRKSt9nothrow_t)
enum { N_OPERATORS = 8 };

/* Functions that stand before ours, or ask for who calls them: a sanitizer's,
 * and operator new, the first and the next. */
static struct {
    uintptr_t from;
    uintptr_t to;
} fronts[SF_CALL_COUNT + 2 * N_OPERATORS];
static unsigned n_fronts;

static char program[PATH_MAX]; /* a link map has no name for it */

static const struct link_map *module_of(uintptr_t address)
{
    struct dl_find_object found;

    return _dl_find_object((void *)address, &found) == 0 ? found.dlfo_link_map
                                                         : NULL;
}

static bool is_skipped(const struct link_map *module)
{
    for (size_t i = 0; i < sizeof skipped / sizeof *skipped; i++)
        if (module == skipped[i])
            return true;
    return module && sf_is_cxx_library(module);
}

static void note_front(const void *function)
{
    const ElfW(Sym) * symbol;
    Dl_info info;

    if (!function || is_skipped(module_of((uintptr_t)function)) ||
        !dladdr1(function, &info, (void **)&symbol, RTLD_DL_SYMENT) || !symbol)
        return;
    fronts[n_fronts].from = (uintptr_t)function;
    fronts[n_fronts++].to = (uintptr_t)function + symbol->st_size;
}

#define NOTE_FIRST(name) note_front(dlsym(RTLD_DEFAULT, #name))
#define NOTE_NEXT(name)  note_front(dlsym(RTLD_NEXT, #name))

/* Where the kernel has begun no loader beside it, it was the loader itself that
 * was run, and what it was told to load is now the first argument. */
static void find_program(void)
{
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);

    program[n > 0 ? n : 0] = '\0';
    if (getauxval(AT_BASE) == 0 && !realpath(program_invocation_name, program))
        program[0] = '\0';
}

void sf_site_init(void)
{
    find_program();
    skipped[0] = module_of((uintptr_t)sf_site_init);
    skipped[1] = module_of((uintptr_t)exit);
    skipped[2] = module_of(_r_debug.r_ldbase);
#define CALL(name, returns, params, args, kind) NOTE_FIRST(name);
#include "faultinject/calls.def"
#undef CALL
    OPERATORS(NOTE_FIRST);
    OPERATORS(NOTE_NEXT);
}

static bool is_caller(uintptr_t address, const struct link_map *module)
{
    if (is_skipped(module))
        return false;
    for (unsigned i = 0; i < n_fronts; i++)
        if (address > fronts[i].from && address <= fronts[i].to)
            return false;
    return true;
}

/* A frame, and the place that it lies in. */
struct frame {
    uintptr_t address;
    const struct link_map *module;
};

static _Unwind_Reason_Code look(struct _Unwind_Context *context, void *arg)
{
    struct frame *frame = arg;

    frame->address = _Unwind_GetIP(context);
    frame->module = module_of(frame->address);
    return is_caller(frame->address, frame->module) ? _URC_NORMAL_STOP
                                                    : _URC_NO_REASON;
}

/* False: code that no module has, or only skipped ones. */
static bool find_caller(struct frame *frame)
{
    *frame = (struct frame){0, NULL};
    _Unwind_Backtrace(look, frame);
    return frame->module && is_caller(frame->address, frame->module);
}

uintptr_t sf_asker(const void *returns)
{
    uintptr_t address = (uintptr_t)returns;
    struct frame frame = {address, module_of(address)};

    if (frame.module && is_caller(address, frame.module))
        return address;
    return find_caller(&frame) ? frame.address : address;
}

enum { STACK_FRAMES = 6 };

struct stack {
    uint64_t hash;
    unsigned n;
};

/* Where a module lies is another place in each process.  What libc does on the
 * way tells ways apart, too: not all that it allocates fails the same call. */
static _Unwind_Reason_Code add(struct _Unwind_Context *context, void *arg)
{
    struct stack *stack = arg;
    uintptr_t offset, address = _Unwind_GetIP(context);
    const struct link_map *module = module_of(address);

    if (!module || module == skipped[0])
        return _URC_NO_REASON;
    offset = address - module->l_addr;
    stack->hash = sf_hash(stack->hash, module->l_name, strlen(module->l_name));
    stack->hash = sf_hash(stack->hash, &offset, sizeof offset);
    stack->n += is_caller(address, module);
    return stack->n < STACK_FRAMES ? _URC_NO_REASON : _URC_NORMAL_STOP;
}

uint64_t sf_stack(void)
{
    struct stack stack = {SF_HASH, 0};

    _Unwind_Backtrace(add, &stack);
    return stack.hash ? stack.hash : 1;
}

static const char *path_of(const struct link_map *module)
{
    return module->l_name[0] ? module->l_name : program;
}

/* The number of a module, from 1; 0: there are too many. */
static unsigned number_of(const char *path)
{
    for (unsigned i = 0; i < SF_MODULES_MAX; i++) {
        struct sf_module *m = &sf_control->modules[i];
        uint32_t state = SF_MODULE_FREE;
        if (__atomic_compare_exchange_n(&m->state, &state, SF_MODULE_TAKEN,
                                        false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE)) {
            strncpy(m->path, path, sizeof m->path - 1);
            __atomic_store_n(&m->state, SF_MODULE_THERE, __ATOMIC_RELEASE);
            return i + 1;
        }
        if (state == SF_MODULE_THERE &&
            strncmp(m->path, path, sizeof m->path - 1) == 0)
            return i + 1;
    }
    return 0;
}

sf_site_id sf_site(void)
{
    struct frame frame;

    if (!find_caller(&frame))
        return 0;
    return (uint64_t)number_of(path_of(frame.module)) << SF_SITE_BITS |
           (frame.address - frame.module->l_addr);
}

bool sf_at_site(const char *name)
{
    const struct sf_span *spans = sf_control_spans(sf_control);
    struct frame frame;
    const char *module;
    uint64_t call;

    if (!find_caller(&frame))
        return false;
    module = strrchr(path_of(frame.module), '/');
    module = module ? module + 1 : path_of(frame.module);
    call = frame.address - frame.module->l_addr - 1;
    for (uint64_t i = 0; i < sf_control->n_spans; i++)
        if (call >= spans[i].from && call < spans[i].to &&
            strcmp(spans[i].name, name) == 0 &&
            strcmp(spans[i].module, module) == 0)
            return true;
    return false;
}
