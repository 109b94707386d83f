/* place.c: see place.h */
#include "faultinject/session/place.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static __attribute__((format(printf, 2, 3))) bool
cannot(char why[SF_WHY], const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vsnprintf(why, SF_WHY, format, ap);
    va_end(ap);
    return false;
}

uint64_t sf_hash_file(uint64_t h, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *map = MAP_FAILED;
    struct stat st;

    if (fd >= 0 && fstat(fd, &st) == 0)
        map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map != MAP_FAILED) {
        h = sf_hash(h, map, (size_t)st.st_size);
        munmap(map, (size_t)st.st_size);
    }
    if (fd >= 0)
        close(fd);
    return h;
}

/* Rights are not all: there are systems that are only read, and quotas. */
bool sf_folder_takes(const char *folder, char why[SF_WHY])
{
    char path[SF_WHY];
    int fd;

    snprintf(path, sizeof path, "%s/.sockfault-XXXXXX", folder);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return cannot(why, "%s: %s", folder, strerror(errno));
    close(fd);
    unlink(path);
    return true;
}

static void name_fresh(char fresh[SF_WHY], const char *path)
{
    snprintf(fresh, SF_WHY, "%s.new", path);
}

bool sf_place_is_possible(const char *path, char why[SF_WHY])
{
    char fresh[SF_WHY];
    struct stat st;
    FILE *f;

    name_fresh(fresh, path);
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return cannot(why, "%s: expected a file", path);
    f = fopen(fresh, "we");
    if (!f)
        return cannot(why, "%s: %s", path, strerror(errno));
    fclose(f);
    unlink(fresh);
    return true;
}

bool sf_place_write(const char *path, uint64_t key, const struct sf_saved *s,
                    char why[SF_WHY])
{
    char fresh[SF_WHY];
    FILE *f;

    name_fresh(fresh, path);
    f = fopen(fresh, "we");
    if (!f)
        return cannot(why, "%s: %s", fresh, strerror(errno));
    fprintf(f,
            "sockfault-prove 2\nkey %016" PRIx64 "\nbound %u\nfirst %" PRIu64
            "\n",
            key, s->place.bound, s->place.first);
    for (unsigned i = 0; i <= SF_EXHAUST_MAX; i++)
        fprintf(f, "schedules %" PRIu64 "\n", s->schedules[i]);
    return (fclose(f) == 0 && rename(fresh, path) == 0) ||
           cannot(why, "%s: %s", path, strerror(errno));
}

bool sf_place_read(const char *path, uint64_t key, unsigned k,
                   struct sf_saved *s, char why[SF_WHY])
{
    FILE *f = fopen(path, "re");
    uint64_t its_key = 0;
    bool good;

    *s = (struct sf_saved){{0}, {0}};
    if (!f)
        return errno == ENOENT || cannot(why, "%s: %s", path, strerror(errno));
    good = fscanf(f,
                  "sockfault-prove 2\nkey %" SCNx64 "\nbound %u\nfirst %" SCNu64
                  "\n",
                  &its_key, &s->place.bound, &s->place.first) == 3;
    for (unsigned i = 0; good && i <= SF_EXHAUST_MAX; i++)
        good = fscanf(f, "schedules %" SCNu64 "\n", &s->schedules[i]) == 1;
    fclose(f);
    return (good && key == its_key && s->place.bound <= k) ||
           cannot(why,
                  "%s: expected what a walk of this scenario, shard and bound "
                  "has left, by this build of the program",
                  path);
}

bool sf_read_shard(const char *text, unsigned *shard, unsigned *shards)
{
    unsigned i, n;
    char rest;

    if (sscanf(text, "%u/%u%c", &i, &n, &rest) != 2 || i < 1 || i > n)
        return false;
    *shard = i - 1;
    *shards = n;
    return true;
}

_Static_assert(SF_EXHAUST_CUTS == 127, "SF_CUTS_EXPECTED says so");

bool sf_read_cuts(const char *text, unsigned most, unsigned *cuts)
{
    char rest;

    return sscanf(text, "%u%c", cuts, &rest) == 1 && *cuts >= 1 &&
           *cuts <= most;
}
