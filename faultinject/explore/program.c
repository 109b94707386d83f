/* program.c: can this program be watched?  See explore.h. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "faultinject/explore/explore.h"

bool sf_complain(const char *format, ...)
{
    va_list ap;

    fputs("sockfault: ", stderr);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
    return false;
}

/* --- where is it --- */

static bool is_program(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
           access(path, X_OK) == 0;
}

static bool find_in_path(struct sf_program *p, const char *name)
{
    const char *dir = getenv("PATH");

    if (!*name)
        return sf_complain("'': expected a command, not an empty word");
    if (!dir)
        dir = "/usr/local/bin:/usr/bin:/bin";
    for (;;) {
        int n = (int)strcspn(dir, ":");
        snprintf(p->path, sizeof p->path, "%.*s/%s", n, n ? dir : ".", name);
        if (is_program(p->path))
            return true;
        if (dir[n] == '\0')
            return sf_complain("%s: command not found", name);
        dir += n + 1;
    }
}

static bool find(struct sf_program *p, const char *name)
{
    struct stat st;

    if (!strchr(name, '/'))
        return find_in_path(p, name);
    snprintf(p->path, sizeof p->path, "%s", name);
    if (stat(name, &st) < 0)
        return sf_complain("%s: %s", name, strerror(errno));
    if (!is_program(name))
        return sf_complain("%s: not an executable file", name);
    return true;
}

/* --- what is it --- */

struct image {
    const unsigned char *bytes;
    size_t size;
};

static bool inside(const struct image *im, uint64_t offset, uint64_t size)
{
    return offset <= im->size && size <= im->size - offset;
}

static const Elf64_Ehdr *header(const struct image *im)
{
    return (const Elf64_Ehdr *)im->bytes;
}

static const Elf64_Phdr *segment(const struct image *im, unsigned i)
{
    uint64_t at = header(im)->e_phoff + (uint64_t)i * sizeof(Elf64_Phdr);

    if (i >= header(im)->e_phnum || !inside(im, at, sizeof(Elf64_Phdr)))
        return NULL;
    return (const Elf64_Phdr *)(im->bytes + at);
}

static const Elf64_Phdr *segment_of_type(const struct image *im, unsigned type)
{
    const Elf64_Phdr *s;

    for (unsigned i = 0; (s = segment(im, i)); i++)
        if (s->p_type == type)
            return s;
    return NULL;
}

/* Where in the file is what will be at this address?  0: nowhere. */
static uint64_t file_offset(const struct image *im, uint64_t address)
{
    const Elf64_Phdr *s;

    for (unsigned i = 0; (s = segment(im, i)); i++)
        if (s->p_type == PT_LOAD && address >= s->p_vaddr &&
            address - s->p_vaddr < s->p_filesz)
            return address - s->p_vaddr + s->p_offset;
    return 0;
}

/* Walk the dynamic section for libraries; `each` gets their names. */
static void note_runtime(struct sf_program *p, const char *library)
{
    static const char *const runtimes[] = {"libasan.so", "libtsan.so",
                                           "liblsan.so", "libclang_rt."};

    for (size_t i = 0; i < sizeof runtimes / sizeof *runtimes; i++)
        if (strncmp(library, runtimes[i], strlen(runtimes[i])) == 0)
            snprintf(p->runtime, sizeof p->runtime, "%s", library);
}

/* Entries of the dynamic section; 0: it has none. */
static size_t dynamic(const struct image *im, const Elf64_Dyn **entries)
{
    const Elf64_Phdr *s = segment_of_type(im, PT_DYNAMIC);

    if (!s || !inside(im, s->p_offset, s->p_filesz))
        return 0;
    *entries = (const Elf64_Dyn *)(im->bytes + s->p_offset);
    return s->p_filesz / sizeof **entries;
}

/* Only the loader can be run and has the name of a library, but no loader. */
static bool is_loader(const struct image *im)
{
    const Elf64_Dyn *d;
    size_t n = dynamic(im, &d);

    for (size_t i = 0; i < n; i++)
        if (d[i].d_tag == DT_SONAME)
            return true;
    return false;
}

static void find_runtime(struct sf_program *p, const struct image *im)
{
    const Elf64_Dyn *d;
    uint64_t strings = 0;
    size_t n = dynamic(im, &d);

    for (size_t i = 0; i < n; i++)
        if (d[i].d_tag == DT_STRTAB)
            strings = file_offset(im, d[i].d_un.d_ptr);
    for (size_t i = 0; strings && i < n; i++) {
        uint64_t at = strings + d[i].d_un.d_val;
        if (d[i].d_tag == DT_NEEDED && at < im->size &&
            memchr(im->bytes + at, '\0', im->size - at))
            note_runtime(p, (const char *)im->bytes + at);
    }
}

static bool find_loader(struct sf_program *p, const struct image *im)
{
    const Elf64_Phdr *s = segment_of_type(im, PT_INTERP);

    if (!s || !inside(im, s->p_offset, s->p_filesz))
        return false;
    snprintf(p->loader, sizeof p->loader, "%.*s", (int)s->p_filesz,
             (const char *)im->bytes + s->p_offset);
    return true;
}

static bool check_elf(struct sf_program *p, const struct image *im)
{
    const unsigned char *ident = im->bytes;

    if (im->size < sizeof(Elf64_Ehdr) || ident[EI_CLASS] != ELFCLASS64)
        return sf_complain("%s: not a 64-bit program, the library is one",
                           p->path);
    p->is_static = !find_loader(p, im) && !is_loader(im);
    find_runtime(p, im);
    return true;
}

/* Scripts that the kernel follows to a program. */
enum { SCRIPTS_MAX = 5 };

static bool find_program(struct sf_program *p, const char *name, int scripts);

static bool check_script(struct sf_program *p, const struct image *im,
                         int scripts)
{
    char line[256];
    size_t n = im->size < sizeof line ? im->size : sizeof line - 1;
    char *interpreter;

    memcpy(line, im->bytes, n);
    line[n] = '\0';
    interpreter = strtok(line + 2, " \t\n");
    if (!interpreter)
        return sf_complain("%s: names no interpreter", p->path);
    if (scripts == SCRIPTS_MAX)
        return sf_complain("%s: a script for a script for a script, and so on",
                           p->path);
    return find_program(p, interpreter, scripts + 1);
}

/* Such a program drops LD_PRELOAD, as it must. */
static bool check_rights(const char *path, const struct stat *st)
{
    char value[64];
    bool other_user = st->st_mode & S_ISUID && st->st_uid != geteuid();
    bool other_group = st->st_mode & S_ISGID && st->st_gid != getegid();

    if (other_user || other_group)
        return sf_complain("%s: set-%s-ID: such a program cannot be watched",
                           path, other_user ? "user" : "group");
    if (geteuid() != 0 &&
        getxattr(path, "security.capability", value, sizeof value) > 0)
        return sf_complain("%s: has file capabilities: such a program cannot "
                           "be watched",
                           path);
    return true;
}

static bool check_image(struct sf_program *p, const struct image *im,
                        int scripts)
{
    if (im->size >= 2 && memcmp(im->bytes, "#!", 2) == 0)
        return check_script(p, im, scripts);
    if (im->size >= SELFMAG && memcmp(im->bytes, ELFMAG, SELFMAG) == 0)
        return check_elf(p, im);
    return sf_complain("%s: neither a program nor a script", p->path);
}

static bool find_program(struct sf_program *p, const char *name, int scripts)
{
    struct image im;
    struct stat st;
    bool good;
    int fd;

    p->runtime[0] = '\0';
    p->is_static = false;
    if (!find(p, name))
        return false;
    fd = open(p->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        if (fd >= 0)
            close(fd);
        return sf_complain("%s: %s", p->path, strerror(errno));
    }
    im.size = (size_t)st.st_size;
    im.bytes = im.size ? mmap(NULL, im.size, PROT_READ, MAP_PRIVATE, fd, 0)
                       : MAP_FAILED;
    close(fd);
    if (im.bytes == MAP_FAILED)
        return sf_complain("%s: cannot be read", p->path);
    good = check_rights(p->path, &st) && check_image(p, &im, scripts);
    munmap((void *)im.bytes, im.size);
    return good;
}

bool sf_program_find(struct sf_program *p, const char *name)
{
    return find_program(p, name, 0);
}
