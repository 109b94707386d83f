/* loads.c: see loads.h */
#include "faultinject/forks/loads.h"

#include "faultinject/session/file.h"

#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE = 256, DEEP = 4 };

/* The dynamic linker is asked for by name. */
static bool has_linker(int fd, const ElfW(Ehdr) * head)
{
    ElfW(Phdr) part;

    for (unsigned i = 0; i < head->e_phnum; i++)
        if (sf_file_pread(fd, &part, sizeof part,
                          (off_t)(head->e_phoff + i * head->e_phentsize)) ==
                (ssize_t)sizeof part &&
            part.p_type == PT_INTERP)
            return true;
    return false;
}

static bool has_rights(int fd)
{
    struct stat file;

    return sf_syscall(SYS_fstat, fd, (long)&file, 0, 0, 0, 0) == 0 &&
           file.st_mode & (S_ISUID | S_ISGID) && geteuid() != 0;
}

static enum sf_loads look(const char *path, int deep);

static enum sf_loads look_at_script(char *line, int deep)
{
    char *name = line + 2 + strspn(line + 2, " \t");

    name[strcspn(name, " \t\n")] = '\0';
    return look(name, deep + 1);
}

static enum sf_loads look_at(int fd, int deep)
{
    union {
        ElfW(Ehdr) head;
        char line[LINE];
    } u;
    ssize_t n = sf_file_pread(fd, &u, sizeof u - 1, 0);

    u.line[n > 0 ? n : 0] = '\0';
    if (n > 2 && u.line[0] == '#' && u.line[1] == '!')
        return deep < DEEP ? look_at_script(u.line, deep) : SF_LOADS_NONE;
    if (n < (ssize_t)sizeof u.head || memcmp(&u.head, ELFMAG, SELFMAG) != 0)
        return SF_LOADS_NONE;
    return has_linker(fd, &u.head) && !has_rights(fd) ? SF_LOADS : SF_LOADS_NOT;
}

static enum sf_loads look(const char *path, int deep)
{
    int fd = sf_file_open(path);
    enum sf_loads loads = SF_LOADS_NONE;

    if (fd >= 0) {
        loads = look_at(fd, deep);
        sf_file_close(fd);
    }
    return loads;
}

enum sf_loads sf_loads(const char *path)
{
    return look(path, 0);
}

enum sf_loads sf_loads_by(int fd)
{
    return look_at(fd, 0);
}
