/* where.c: addresses and functions, by what elfutils knows; see explore.h. */
#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faultinject/explore/explore.h"

/* One file at a time: its symbols, and lines where it has them. */
struct image {
    Dwfl *dwfl;
    Dwfl_Module *module;
    Dwarf_Addr bias; /* of what dwfl says over what the file says */
};

static bool open_image(struct image *im, const char *path)
{
    static const Dwfl_Callbacks callbacks = {
        .find_elf = dwfl_build_id_find_elf,
        .find_debuginfo = dwfl_standard_find_debuginfo,
        .section_address = dwfl_offline_section_address,
    };

    unsetenv("DEBUGINFOD_URLS"); /* nothing is fetched for this */
    im->module = NULL;
    im->dwfl = dwfl_begin(&callbacks);
    if (!im->dwfl)
        return false;
    im->module = dwfl_report_offline(im->dwfl, "", path, -1);
    dwfl_report_end(im->dwfl, NULL, NULL);
    if (im->module && dwfl_module_getelf(im->module, &im->bias))
        return true;
    dwfl_end(im->dwfl);
    return false;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static bool is_function(Dwarf_Die *die)
{
    int tag = dwarf_tag(die);

    return tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine;
}

/* --- an address: which function, which line --- */

/* Not every compiler writes which unit an address is in: ask them all. */
static Dwarf_Die *unit_of(const struct image *im, Dwarf_Addr at,
                          Dwarf_Addr *bias)
{
    Dwarf_Die *unit = dwfl_module_addrdie(im->module, at, bias);

    if (unit)
        return unit;
    while ((unit = dwfl_module_nextcu(im->module, unit, bias)))
        if (dwarf_haspc(unit, at - *bias) > 0)
            return unit;
    return NULL;
}

/* A call, as the sources say it. */
struct call {
    char function[SF_WHERE_MAX]; /* "": not known */
    const char *file;            /* NULL: not known */
    int line;
};

/* False: it has none, as the part of a function that is in a loop. */
static bool name_function(Dwarf_Die *die, char name[SF_WHERE_MAX])
{
    Dwarf_Attribute attribute;
    const char *symbol = NULL;

    if (is_function(die) &&
        dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute))
        symbol = dwarf_formstring(&attribute);
    if (is_function(die) && !symbol)
        symbol = dwarf_diename(die);
    if (symbol)
        sf_cxx_name(symbol, name, SF_WHERE_MAX);
    return symbol != NULL;
}

static bool read_number(Dwarf_Die *die, unsigned what, Dwarf_Word *number)
{
    Dwarf_Attribute attribute;

    return dwarf_attr(die, what, &attribute) &&
           dwarf_formudata(&attribute, number) == 0;
}

/* Where a function that was compiled into another one is called there. */
static void find_outer_line(Dwarf_Die *unit, Dwarf_Die *die, struct call *call)
{
    Dwarf_Word file, line;
    Dwarf_Files *files;

    if (read_number(die, DW_AT_call_file, &file) &&
        read_number(die, DW_AT_call_line, &line) &&
        dwarf_getsrcfiles(unit, &files, NULL) == 0) {
        call->file = dwarf_filesrc(files, file, NULL, NULL);
        call->line = (int)line;
    }
}

/* From the innermost function outwards, were it compiled into another one, to
 * the first that is not the C++ library's; if all are, it is the last. */
static void climb(Dwarf_Die *unit, Dwarf_Die *chain, int n, struct call *call)
{
    struct call outer = *call;

    for (int i = 0; i < n; i++)
        if (name_function(&chain[i], outer.function)) {
            *call = outer;
            if (!sf_is_of_cxx_library(call->function))
                return;
            find_outer_line(unit, &chain[i], &outer);
        }
}

static void find_function(Dwarf_Die *unit, Dwarf_Addr at, struct call *call)
{
    Dwarf_Die *scopes = NULL, *chain = NULL;
    int n = dwarf_getscopes(unit, at, &scopes) > 0
                ? dwarf_getscopes_die(&scopes[0], &chain)
                : 0;

    climb(unit, chain, n, call);
    free(chain);
    free(scopes);
}

static void find_line(Dwarf_Die *unit, Dwarf_Addr at, struct call *call)
{
    Dwarf_Line *line = dwarf_getsrc_die(unit, at);

    if (line && dwarf_lineno(line, &call->line) == 0)
        call->file = dwarf_linesrc(line, NULL, NULL);
}

static void describe(const struct image *im, const char *path, uint64_t offset,
                     char *text)
{
    Dwarf_Addr at = offset - 1 + im->bias; /* the call, not what follows it */
    const char *symbol = dwfl_module_addrname(im->module, at);
    struct call call = {.file = NULL};
    Dwarf_Addr bias;
    Dwarf_Die *unit = unit_of(im, at, &bias);

    if (unit) {
        find_line(unit, at - bias, &call);
        find_function(unit, at - bias, &call);
    }
    if (symbol && !call.function[0])
        sf_cxx_name(symbol, call.function, sizeof call.function);
    if (call.function[0] && call.file)
        snprintf(text, SF_WHERE_MAX, "%.*s at %s:%d", SF_WHERE_MAX / 2,
                 call.function, base_name(call.file), call.line);
    else if (call.function[0])
        snprintf(text, SF_WHERE_MAX, "%.*s of %s", SF_WHERE_MAX / 2,
                 call.function, base_name(path));
}

/* The file that the site is in, NULL where it is not known, and where there. */
static const char *file_of(const struct sf_control *c, uint64_t site,
                           uint64_t *offset)
{
    uint64_t module = site >> SF_SITE_BITS;

    *offset = site & ((UINT64_C(1) << SF_SITE_BITS) - 1);
    return module > 0 && module <= SF_MODULES_MAX ? c->modules[module - 1].path
                                                  : NULL;
}

static bool print_place(char *text, size_t size, const char *path,
                        uint64_t offset)
{
    return snprintf(text, size, "%s+0x%llx", base_name(path),
                    (unsigned long long)offset) < (int)size;
}

bool sf_place(const struct sf_control *c, uint64_t site, char name[SF_WORD_MAX])
{
    uint64_t offset;
    const char *path = file_of(c, site, &offset);

    if (path && print_place(name, SF_WORD_MAX, path, offset))
        return true;
    name[0] = '\0';
    return false;
}

/* What was asked before is remembered: traces ask for the same few sites. */
static struct {
    uint64_t site;
    char text[SF_WHERE_MAX];
} known[64];

bool sf_where(const struct sf_control *c, uint64_t site,
              char text[SF_WHERE_MAX])
{
    size_t slot = (site * UINT64_C(0x9e3779b97f4a7c15)) >> 58;
    uint64_t offset;
    const char *path = file_of(c, site, &offset);
    struct image im;

    if (!path)
        return false;
    if (known[slot].site != site) {
        print_place(known[slot].text, SF_WHERE_MAX, path, offset);
        if (open_image(&im, path)) {
            describe(&im, path, offset, known[slot].text);
            dwfl_end(im.dwfl);
        }
        known[slot].site = site;
    }
    memcpy(text, known[slot].text, SF_WHERE_MAX);
    return true;
}

/* --- a function: from where to where --- */

struct search {
    const char **names; /* of the sites of a plan, sorted, each once */
    size_t n_names;
    bool *found;
    struct sf_span *spans;
    size_t n;
    size_t room;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* False: none of the rules has a site. */
static bool collect_names(struct search *s, const struct sf_plan *plan)
{
    size_t n = 0;

    s->names = calloc(plan->n + 1, sizeof *s->names);
    s->found = calloc(plan->n + 1, sizeof *s->found);
    for (size_t i = 0; s->names && i < plan->n; i++)
        if (plan->rules[i].site[0])
            s->names[n++] = plan->rules[i].site;
    if (n > 0)
        qsort(s->names, n, sizeof *s->names, by_name);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || strcmp(s->names[i], s->names[i - 1]) != 0)
            s->names[s->n_names++] = s->names[i];
    return s->n_names > 0;
}

static bool add_span(struct search *s, size_t name, const char *module,
                     uint64_t from, uint64_t to)
{
    struct sf_span *span;

    if (s->n == s->room) {
        size_t room = s->room ? 2 * s->room : 16;
        struct sf_span *more = realloc(s->spans, room * sizeof *more);
        if (!more)
            return sf_complain("no memory for %zu sites", room);
        s->spans = more;
        s->room = room;
    }
    span = &s->spans[s->n++];
    memset(span, 0, sizeof *span);
    strcpy(span->name, s->names[name]);
    snprintf(span->module, sizeof span->module, "%s", module);
    span->from = from;
    span->to = to;
    s->found[name] = true;
    return true;
}

/* MODULE+0xOFFSET, as a trace says it: where the call returns to. */
static bool add_offsets(struct search *s)
{
    for (size_t i = 0; i < s->n_names; i++) {
        const char *plus = strstr(s->names[i], "+0x");
        char module[SF_WORD_MAX];
        uint64_t offset;
        char *end;
        if (!plus)
            continue;
        offset = strtoull(plus + 3, &end, 16);
        if (end == plus + 3 || *end || offset == 0)
            continue;
        snprintf(module, sizeof module, "%.*s", (int)(plus - s->names[i]),
                 s->names[i]);
        if (!add_span(s, i, module, offset - 1, offset))
            return false;
    }
    return true;
}

static const char **find_name(const struct search *s, const char *name)
{
    return bsearch(&name, s->names, s->n_names, sizeof *s->names, by_name);
}

/* A function may be in pieces: f, f.cold, f.part.0.  One of C++ goes by what
 * people call it as well. */
static const char **find_symbol(const struct search *s, const char *symbol)
{
    char plain[512], name[SF_WORD_MAX];
    const char **hit;

    snprintf(plain, sizeof plain, "%.*s", (int)strcspn(symbol, "."), symbol);
    hit = find_name(s, plain);
    return hit ? hit : find_name(s, sf_cxx_name(plain, name, sizeof name));
}

static bool search_symbols(struct search *s, const struct image *im,
                           const char *module)
{
    int n = dwfl_module_getsymtab(im->module);

    for (int i = 1; i < n; i++) {
        const char **hit;
        GElf_Sym symbol;
        GElf_Addr at;
        const char *text = dwfl_module_getsym_info(im->module, i, &symbol, &at,
                                                   NULL, NULL, NULL);
        if (!text || GELF_ST_TYPE(symbol.st_info) != STT_FUNC ||
            symbol.st_size == 0)
            continue;
        hit = find_symbol(s, text);
        if (hit && !add_span(s, (size_t)(hit - s->names), module, at - im->bias,
                             at - im->bias + symbol.st_size))
            return false;
    }
    return true;
}

/* A function that was compiled into others is wherever they have it. */
static bool search_die(struct search *s, Dwarf_Die *die, const char *module,
                       Dwarf_Addr bias)
{
    char name[SF_WHERE_MAX];
    const char *plain = is_function(die) ? dwarf_diename(die) : NULL;
    const char **hit = plain ? find_name(s, plain) : NULL;
    Dwarf_Addr base, from, to;
    Dwarf_Die child;
    ptrdiff_t i = 0;

    if (!hit && name_function(die, name))
        hit = find_name(s, name);
    while (hit && (i = dwarf_ranges(die, i, &base, &from, &to)) > 0)
        if (!add_span(s, (size_t)(hit - s->names), module, from + bias,
                      to + bias))
            return false;
    if (dwarf_child(die, &child) != 0)
        return true;
    do {
        if (!search_die(s, &child, module, bias))
            return false;
    } while (dwarf_siblingof(&child, &child) == 0);
    return true;
}

static bool search_image(struct search *s, const struct image *im,
                         const char *module)
{
    Dwarf_Die *unit = NULL;
    Dwarf_Addr bias;

    if (!search_symbols(s, im, module))
        return false;
    while ((unit = dwfl_module_nextcu(im->module, unit, &bias)))
        if (!search_die(s, unit, module, bias - im->bias))
            return false;
    return true;
}

/* Modules go by the names of their files, whatever links lead there. */
static bool search_file(struct search *s, const char *path)
{
    char real[PATH_MAX];
    struct image im;
    bool good = true;

    if (realpath(path, real) && open_image(&im, real)) {
        good = search_image(s, &im, base_name(path));
        if (good && strcmp(base_name(path), base_name(real)) != 0)
            good = search_image(s, &im, base_name(real));
        dwfl_end(im.dwfl);
    }
    return good;
}

/* The loader says what it would load: "name => /path (0xaddress)". */
static FILE *ask_loader(const struct sf_program *program, pid_t *pid)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return NULL;
    *pid = fork();
    if (*pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execl(program->loader, program->loader, "--list", program->path,
              (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    return fdopen(ends[0], "r");
}

static bool search_libraries(struct search *s, const struct sf_program *program)
{
    bool good = true;
    char line[PATH_MAX];
    char path[PATH_MAX];
    pid_t pid = -1;
    FILE *list = ask_loader(program, &pid);

    while (list && good && fgets(line, sizeof line, list))
        if (sscanf(line, " %*s => %4095s", path) == 1 && path[0] == '/')
            good = search_file(s, path);
    if (list)
        fclose(list);
    if (pid > 0)
        waitpid(pid, NULL, 0);
    return good;
}

/* The first name that nothing was found for, NULL: there is none. */
static const char *missing(const struct search *s)
{
    for (size_t i = 0; i < s->n_names; i++)
        if (!s->found[i])
            return s->names[i];
    return NULL;
}

static bool all_found(const struct search *s, const struct sf_program *program)
{
    if (missing(s))
        return sf_complain("site %s: no function of %s or its libraries, "
                           "nor MODULE+0xOFFSET",
                           missing(s), program->path);
    return true;
}

bool sf_find_spans(const struct sf_program *program, const struct sf_plan *plan,
                   struct sf_span **spans, size_t *n)
{
    struct search s = {.spans = NULL};
    bool good = true;

    if (collect_names(&s, plan))
        good = add_offsets(&s);
    if (good && missing(&s))
        good = search_file(&s, program->path) &&
               search_libraries(&s, program) && all_found(&s, program);
    free(s.names);
    free(s.found);
    *spans = s.spans;
    *n = s.n;
    return good;
}
