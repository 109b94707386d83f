/*
 * sim_same.c: what the runs of a client have in common: how it ends and, if
 * that is asked for, what it prints.
 *
 * The first run, which has no fault, is what all others are compared with.
 * What they print goes to files in memory: one has that of the first run, and
 * the other is emptied before each run but for what was printed before the
 * place where runs are forked.
 */
#include "faultinject/explore/sim.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TOLD_TO_STOP = -1, MUCH = 16 << 20, PIECE = 4096 };

static struct {
    bool known;
    int ending; /* its exit status, or TOLD_TO_STOP */
    unsigned conns;
    int output; /* what it has printed; -1: that is not compared */
} first = {.output = -1};

static int output = -1; /* of the run that is made */
static off_t before;    /* so many bytes were printed before the fork */

static bool open_output(void)
{
    output = memfd_create("output", MFD_CLOEXEC);
    return (output >= 0 && fcntl(output, F_SETFL, O_APPEND) == 0) ||
           sf_complain("sim: no file in memory: %s", strerror(errno));
}

bool sf_sim_same_begin(void)
{
    return (!sim.compares && !sim.judges_silence) || open_output();
}

void sf_sim_same_redirect(void)
{
    if (output >= 0)
        dup2(output, STDOUT_FILENO);
}

static off_t printed(int fd)
{
    struct stat st;

    return fd >= 0 && fstat(fd, &st) == 0 ? st.st_size : 0;
}

bool sf_sim_same_is_much(void)
{
    return printed(output) > MUCH;
}

void sf_sim_same_forks(void)
{
    before = printed(output);
}

bool sf_sim_same_clear(void)
{
    off_t first_bytes = sim.server > 0 ? before : 0;

    return output < 0 || ftruncate(output, first_bytes) == 0 ||
           sf_complain("sim: the output's file in memory: %s", strerror(errno));
}

void sf_sim_same_print(void)
{
    char bytes[PIECE];
    off_t at = 0;
    ssize_t n;

    while (output >= 0 && (n = pread(output, bytes, sizeof bytes, at)) > 0) {
        fwrite(bytes, 1, (size_t)n, stdout);
        at += n;
    }
    fflush(stdout);
}

static bool keep(int ending)
{
    first.known = true;
    first.ending = ending;
    first.conns = sim.served->conns;
    first.output = output;
    return output < 0 || open_output();
}

static bool prints_the_same(void)
{
    char one[PIECE], other[PIECE];
    off_t at = 0;
    ssize_t n;

    if (printed(output) != printed(first.output))
        return false;
    while ((n = pread(output, one, PIECE, at)) > 0) {
        if (pread(first.output, other, (size_t)n, at) != n ||
            memcmp(one, other, (size_t)n) != 0)
            return false;
        at += n;
    }
    return n == 0;
}

static const char *text_of(int ending, char text[32])
{
    if (ending == TOLD_TO_STOP)
        return strcpy(text, "when it was told to stop");
    snprintf(text, 32, "with status %d", ending);
    return text;
}

/* … and how often it has tried. */
static bool say(char text[SF_SIM_LINE / 2], const char *what)
{
    int n = snprintf(text, SF_SIM_LINE / 2, "%s", what);
    unsigned conns = sim.served->conns;

    if (conns > first.conns)
        snprintf(text + n, SF_SIM_LINE / 2 - (size_t)n,
                 "; it connected %u times, not %u", conns, first.conns);
    return true;
}

static bool say_ending(char text[SF_SIM_LINE / 2], int ending)
{
    char what[SF_SIM_LINE / 4], now[32], then[32];

    snprintf(what, sizeof what,
             "status: after transient faults it ended %s, and without any %s",
             text_of(ending, now), text_of(first.ending, then));
    return say(text, what);
}

/* False: it is as it shall be. */
static bool differs(int ending, char text[SF_SIM_LINE / 2])
{
    bool fatal = sim.served->fatal;

    if (!fatal && ending != first.ending &&
        !(sim.served->allowed & 1u << SF_MON_DIED))
        return say_ending(text, ending);
    if (!fatal && sim.compares && !prints_the_same())
        return say(text, "output: after transient faults it printed something "
                         "else");
    return fatal && sim.judges_silence && !ending && !first.ending &&
           !prints_the_same() &&
           say(text, "silent: it printed something else, and ended as if "
                     "nothing had been");
}

/* The first run of all is kept, and not compared. */
const char *sf_sim_same(int status, char text[SF_SIM_LINE / 2])
{
    struct sf_served *s = sim.served;
    int ending = s->stopped ? TOLD_TO_STOP : WEXITSTATUS(status);

    if (first.known)
        return differs(ending, text) ? text : NULL;
    if ((s->proves || s->calm) && !s->faults && !keep(ending))
        s->unusable = true;
    return NULL;
}
