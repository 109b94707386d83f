/*
 * sim_same.c: what the runs of a client have in common: how it ends and, if
 * that is asked for, what it prints.
 *
 * The first run, which has no fault, is what all others are compared with.
 * Standard output is a file in memory, emptied before each run but for what was
 * printed before the place where runs are forked.
 */
#include "faultinject/explore/sim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TOLD_TO_STOP = -1 };

static struct {
    bool known;
    int ending; /* its exit status, or TOLD_TO_STOP */
    char *output;
    size_t len;
} first;

static int output = -1;
static off_t before; /* so many bytes were printed before the fork */

bool sf_sim_same_begin(void)
{
    if (!sim.compares && !sim.judges_silence)
        return true;
    output = memfd_create("output", MFD_CLOEXEC);
    return (output >= 0 && fcntl(output, F_SETFL, O_APPEND) == 0) ||
           sf_complain("sim: no file in memory: %s", strerror(errno));
}

void sf_sim_same_redirect(void)
{
    if (output >= 0)
        dup2(output, STDOUT_FILENO);
}

static off_t printed(void)
{
    struct stat st;

    return output >= 0 && fstat(output, &st) == 0 ? st.st_size : 0;
}

void sf_sim_same_forks(bool forks)
{
    before = forks ? printed() : 0;
}

bool sf_sim_same_clear(void)
{
    return output < 0 || ftruncate(output, before) == 0 ||
           sf_complain("sim: the output's file in memory: %s", strerror(errno));
}

/* Mapped; NULL: nothing. */
static char *map_output(size_t len)
{
    void *map =
        len ? mmap(NULL, len, PROT_READ, MAP_SHARED, output, 0) : MAP_FAILED;

    return map == MAP_FAILED ? NULL : map;
}

static void keep(int ending)
{
    size_t len = (size_t)printed();
    char *map = map_output(len);

    first.known = true;
    first.ending = ending;
    first.len = map ? len : 0;
    first.output = map ? malloc(len) : NULL;
    if (first.output)
        memcpy(first.output, map, len);
    if (map)
        munmap(map, len);
}

static bool prints_the_same(void)
{
    size_t len = (size_t)printed();
    char *map;
    bool same;

    if (output < 0 || len != first.len)
        return output < 0;
    map = map_output(len);
    same = !len || (map && first.output && !memcmp(map, first.output, len));
    if (map)
        munmap(map, len);
    return same;
}

static const char *text_of(int ending, char text[32])
{
    if (ending == TOLD_TO_STOP)
        return strcpy(text, "when it was told to stop");
    snprintf(text, 32, "with status %d", ending);
    return text;
}

/* NULL: it is as it shall be. */
static const char *differs(int ending, char text[SF_SIM_LINE / 2])
{
    bool fatal = sim.served->fatal;
    char now[32], then[32];

    if (!fatal && ending != first.ending &&
        !(sim.served->allowed & 1u << SF_MON_DIED)) {
        snprintf(text, SF_SIM_LINE / 2,
                 "status: after transient faults it ended %s, and without any "
                 "%s",
                 text_of(ending, now), text_of(first.ending, then));
        return text;
    }
    if (!fatal && sim.compares && !prints_the_same())
        return "output: after transient faults it printed something else";
    if (fatal && sim.judges_silence && !ending && !first.ending &&
        !prints_the_same())
        return "silent: it printed something else, and ended as if nothing had "
               "been";
    return NULL;
}

const char *sf_sim_same(int status, char text[SF_SIM_LINE / 2])
{
    const struct sf_served *s = sim.served;
    int ending = s->stopped ? TOLD_TO_STOP : WEXITSTATUS(status);

    if (!sim.proves || !s->dials)
        return NULL;
    if (!first.known && !s->faults)
        keep(ending);
    return first.known ? differs(ending, text) : NULL;
}
