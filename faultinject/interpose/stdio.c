/* stdio.c: see stdio.h. */
#include "faultinject/interpose/stdio.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "faultinject/interpose/interpose.h"

/* --- what a FILE calls from now on --- */

static ssize_t file_read(FILE *file, void *buf, ssize_t len)
{
    return read(file->_fileno, buf, (size_t)len);
}

static ssize_t file_write(FILE *file, const void *data, ssize_t len)
{
    ssize_t done = (ssize_t)sf_write_all(file->_fileno, data, (size_t)len);

    if (done < len)
        file->_flags |= _IO_ERR_SEEN;
    if (file->_offset >= 0)
        file->_offset += done;
    return done;
}

static int file_close(FILE *file)
{
    return close(file->_fileno);
}

/* --- putting it in the tables --- */

/* Functions of a table, the unused ones in front included. */
enum { SLOTS = 21 };

static const struct {
    const char *name;
    void *ours;
} replaced[] = {
    {"_IO_file_read", (void *)file_read},
    {"_IO_file_write", (void *)file_write},
    {"_IO_file_close", (void *)file_close},
};
enum { REPLACED = sizeof replaced / sizeof *replaced };

/* The pages of a table are read-only once libc is loaded. */
static bool set_writable(void *table, bool writable)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = (uintptr_t)table & ~(page - 1);
    uintptr_t end = (uintptr_t)table + SLOTS * sizeof(void *);

    return mprotect((void *)first, end - first,
                    PROT_READ | (writable ? PROT_WRITE : 0)) == 0;
}

/* How many functions of the table are ours now. */
static int replace(const char *name)
{
    void **table = dlsym(RTLD_NEXT, name);
    int found = 0;

    if (!table || !set_writable(table, true))
        return 0;
    for (int i = 0; i < REPLACED; i++) {
        void *theirs = dlsym(RTLD_NEXT, replaced[i].name);
        for (int slot = 0; theirs && slot < SLOTS; slot++)
            if (table[slot] == theirs) {
                table[slot] = replaced[i].ours;
                found++;
            }
    }
    set_writable(table, false);
    return found;
}

/* Narrow and wide characters each have a table. */
bool sf_stdio_reach(void)
{
    return replace("_IO_file_jumps") + replace("_IO_wfile_jumps") ==
           2 * REPLACED;
}
