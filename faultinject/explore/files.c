/* files.c: see explore.h. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "faultinject/explore/explore.h"

enum { FRESH_S = 2 };

/* Between libraries the loader takes both, and knows no way to quote them. */
static bool can_be_preloaded(const char *path)
{
    if (!strpbrk(path, " :"))
        return true;
    return sf_complain("%s: a library in a folder with a space or a colon in "
                       "its name cannot be preloaded",
                       path);
}

bool sf_own_folder(char path[PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);

    if (n < 0)
        return sf_complain("/proc/self/exe: %s", strerror(errno));
    path[n] = '\0';
    *strrchr(path, '/') = '\0';
    return true;
}

bool sf_find_library(const char *name, char *path, size_t size)
{
    static const char *const places[] = {"../lib", SF_LIBDIR, "."};
    char self[PATH_MAX];

    if (!sf_own_folder(self))
        return false;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char candidate[PATH_MAX + 64];

        snprintf(candidate, sizeof candidate, "%s/%s/%s", self, places[i],
                 name);
        if (strlen(candidate) < size && realpath(candidate, path))
            return can_be_preloaded(path);
    }
    return sf_complain("%s is not beside %s", name, self);
}

/* Nobody holds it: whoever made it was killed, and could not remove it.  One
 * that was made just now may be about to be held. */
static void remove_if_left(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
        time(NULL) - st.st_ctime > FRESH_S && flock(fd, LOCK_EX | LOCK_NB) == 0)
        unlink(path);
    close(fd);
}

static void sweep(void)
{
    glob_t found;

    if (glob(SF_SHARED "*.??????", GLOB_NOSORT, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        remove_if_left(found.gl_pathv[i]);
    globfree(&found);
}

int sf_shared_open(char *path)
{
    static bool swept;
    int fd;

    if (!swept)
        sweep();
    swept = true;
    fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        sf_complain("%s: %s", path, strerror(errno));
    else
        flock(fd, LOCK_SH);
    return fd;
}

void sf_set_preload(const struct sf_program *program, const char *library)
{
    const char *before = getenv("LD_PRELOAD");
    char *value;

    if (asprintf(&value, "%s%s%s%s%s", program->runtime,
                 program->runtime[0] ? " " : "", library, before ? " " : "",
                 before ? before : "") < 0)
        return;
    setenv("LD_PRELOAD", value, 1);
    free(value);
}

/* The last one counts. */
static void set_sanitizer(const char *name, const char *more)
{
    const char *before = getenv(name);
    char *value;

    if (asprintf(&value, "%s%sexitcode=%d%s", before ? before : "",
                 before ? ":" : "", SF_SANITIZER_STATUS, more) < 0)
        return;
    setenv(name, value, 1);
    free(value);
}

void sf_set_sanitizers(bool first_ends)
{
    const char *more = first_ends ? ":halt_on_error=1" : "";

    set_sanitizer("ASAN_OPTIONS", more);
    set_sanitizer("LSAN_OPTIONS", "");
    set_sanitizer("MSAN_OPTIONS", more);
    set_sanitizer("UBSAN_OPTIONS", more);
    set_sanitizer("TSAN_OPTIONS", more);
}

bool sf_output_open(FILE **out, const char *path)
{
    *out = NULL;
    if (!path)
        return true;
    *out = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    return *out ? true : sf_complain("%s: %s", path, strerror(errno));
}

bool sf_output_close(FILE *out, const char *path)
{
    bool good;

    if (!out || out == stdout) /* sf_check_output() looks after that */
        return true;
    good = !ferror(out);
    if (fclose(out) != 0)
        good = false;
    return good ? true : sf_complain("%s: %s", path, strerror(errno));
}

static void check_at_end(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return;
    sf_complain("standard output: %s", strerror(errno));
    _exit(SF_COULD_NOT);
}

void sf_check_output(void)
{
    int fd;

    do /* which cannot be written to */
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
    atexit(check_at_end);
}
