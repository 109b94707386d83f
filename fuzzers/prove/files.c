/*
 * files.c: the real files that somebody's own fuzz target has open in the
 * middle of a session; see process.h
 *
 * A number that a run has opened or closed is made again what it was, by a copy
 * that is kept.  That is all that can be done: each number is the same file
 * whenever it is open, and nobody reads or writes it.
 */
#include "fuzzers/prove/process.h"

#include "fuzzers/prove/image.h"

#include "faultinject/inject/inject.h"
#include "faultinject/simnet/simnet.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* From SF_SIM_FD on numbers are simnet's: there is room for copies. */
enum { NUMBERS = SF_SIM_FD };

struct file {
    dev_t device;
    ino_t number;
    off_t place;
};

struct kept {
    int copy;   /* or 0 */
    bool first; /* it was open from the beginning: the prover's own */
    struct file file;
};
static struct kept *kept; /* of each number; in memory that no run takes back */

/* A bit for each number, when the last snapshot was taken: it is taken back
 * with everything else, and is no part of a state. */
static unsigned open_then;

static bool describe(int fd, struct file *file)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return false;
    *file = (struct file){st.st_dev, st.st_ino, lseek(fd, 0, SEEK_CUR)};
    return true;
}

static bool is_same(const struct file *a, const struct file *b)
{
    return a->device == b->device && a->number == b->number &&
           a->place == b->place;
}

static bool keep(int fd, const struct file *file, bool first)
{
    struct kept *k = &kept[fd];

    if (k->copy)
        return k->first || is_same(&k->file, file);
    k->copy = fcntl(fd, F_DUPFD_CLOEXEC, NUMBERS);
    k->first = first;
    k->file = *file;
    return k->copy > 0;
}

static bool note(bool first)
{
    bool same = true;

    open_then = 0;
    for (int fd = 0; fd < NUMBERS; fd++) {
        struct file file;

        if (!describe(fd, &file))
            continue;
        open_then |= 1u << fd;
        same = keep(fd, &file, first) && same;
    }
    return same;
}

bool files_begin(void)
{
    kept = mmap(NULL, NUMBERS * sizeof *kept, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    image_ignore(NULL, &open_then, sizeof open_then);
    return (kept != MAP_FAILED && note(true)) ||
           process_cannot("its files cannot be kept");
}

bool files_note(void)
{
    int was_on = sf_on, err = errno;
    bool same;

    sf_on = 0; /* these are no calls of the program's */
    same = note(false);
    sf_on = was_on;
    errno = err;
    return same || process_cannot("it reads or writes files");
}

void files_put(void)
{
    int was_on = sf_on, err = errno;

    sf_on = 0;
    for (int fd = 0; fd < NUMBERS; fd++) {
        bool is_open = fcntl(fd, F_GETFD) >= 0;

        if (is_open && !(open_then >> fd & 1))
            close(fd);
        if (!is_open && open_then >> fd & 1)
            dup2(kept[fd].copy, fd);
    }
    sf_on = was_on;
    errno = err;
}
