/* lost.c: see lost.h */
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "faultinject/interpose/interpose.h"
#include "faultinject/interpose/lost.h"

#define CLASS (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)

enum { LINE = 256, SCRIPTS_MAX = 5 };

static bool find_segment(int fd, const ElfW(Ehdr) * head, uint32_t type,
                         ElfW(Phdr) * s)
{
    for (unsigned i = 0; i < head->e_phnum; i++)
        if (pread(fd, s, sizeof *s,
                  (off_t)(head->e_phoff + (uint64_t)i * sizeof *s)) ==
                sizeof *s &&
            s->p_type == type)
            return true;
    return false;
}

/* Only the loader can be run and has the name of a library, but no loader: it
 * loads the library all the same. */
static bool is_library(int fd, const ElfW(Ehdr) * head)
{
    ElfW(Phdr) s;
    ElfW(Dyn) d = {.d_tag = DT_NULL};

    if (!find_segment(fd, head, PT_DYNAMIC, &s))
        return false;
    for (size_t at = 0; at < s.p_filesz; at += sizeof d)
        if (pread(fd, &d, sizeof d, (off_t)(s.p_offset + at)) == sizeof d &&
            d.d_tag == DT_SONAME)
            return true;
    return false;
}

static enum sf_lost why_of_elf(int fd, const char *line)
{
    ElfW(Ehdr) head;
    ElfW(Phdr) s;

    if (line[EI_CLASS] != CLASS)
        return SF_LOST_CLASS;
    memcpy(&head, line, sizeof head);
    if (find_segment(fd, &head, PT_INTERP, &s) || is_library(fd, &head))
        return SF_LOST_NOT;
    return SF_LOST_STATIC;
}

static bool gains_rights(int fd)
{
    char value[64];
    struct stat st;

    if (geteuid() != 0 &&
        fgetxattr(fd, "security.capability", value, sizeof value) > 0)
        return true;
    return fstat(fd, &st) == 0 &&
           ((st.st_mode & S_ISUID && st.st_uid != geteuid()) ||
            (st.st_mode & S_ISGID && st.st_gid != getegid()));
}

/* The interpreter that a script names, in its place. */
static bool follow(char *line, char *path)
{
    char *word = line + 2 + strspn(line + 2, " \t");
    size_t n = strcspn(word, " \t\n");

    if (n == 0 || n >= LINE)
        return false;
    memcpy(path, word, n);
    path[n] = '\0';
    return true;
}

/* `path` has room for a line: it becomes a script's interpreter. */
static enum sf_lost why_of_file(int fd, char *path, bool *is_script)
{
    char line[LINE] = {0};
    ssize_t n = pread(fd, line, sizeof line - 1, 0);

    *is_script = n > 2 && memcmp(line, "#!", 2) == 0;
    if (*is_script)
        *is_script = follow(line, path);
    else if (gains_rights(fd))
        return SF_LOST_RIGHTS;
    else if (n >= (ssize_t)sizeof(ElfW(Ehdr)) &&
             memcmp(line, ELFMAG, SELFMAG) == 0)
        return why_of_elf(fd, line);
    return SF_LOST_NOT;
}

enum sf_lost sf_lost_by_file(int fd)
{
    char path[LINE];
    bool is_script;
    enum sf_lost why = why_of_file(fd, path, &is_script);
    int next;

    for (int i = 1; i < SCRIPTS_MAX && is_script; i++) {
        next = open(path, O_RDONLY | O_CLOEXEC);
        if (next < 0)
            return SF_LOST_NOT;
        why = why_of_file(next, path, &is_script);
        sf_libc.close(next);
    }
    return why;
}

enum sf_lost sf_lost_by(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum sf_lost why = SF_LOST_NOT;

    if (fd < 0)
        return why;
    why = sf_lost_by_file(fd);
    sf_libc.close(fd);
    return why;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

void sf_lost_note(struct sf_lost_programs *lost, enum sf_lost why,
                  const char *path)
{
    if (__atomic_fetch_add(&lost->n, 1, __ATOMIC_RELAXED) > 0)
        return;
    strncpy(lost->first, base_name(path), sizeof lost->first - 1);
    __atomic_store_n(&lost->why, why, __ATOMIC_RELEASE);
}
