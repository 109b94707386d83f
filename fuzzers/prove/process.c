/* process.c: see process.h */
#include "fuzzers/prove/process.h"

#include "fuzzers/prove/image.h"
#include "fuzzers/prove/snapshots.h"

#include "faultinject/inject/inject.h"
#include "faultinject/session/machine.h"
#include "faultinject/session/run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096, SPANS_MAX = 240 };

static struct live *walk; /* in memory that no run takes back */

bool process_cannot(const char *why)
{
    walk->unable = why;
    return false;
}

/* ------------------------------------------------------------ its memory */

struct span {
    char *low, *high;
};

extern char __data_start[], _end[];

/* What image.c has already, and what no run may take back: the pages that the
 * thread itself is described in. */
static struct span left_out(unsigned i)
{
    char *thread = machine_thread();

    thread -= (uintptr_t)thread % PAGE;
    return i == 0 ? (struct span){__data_start - (uintptr_t)__data_start % PAGE,
                                  _end + (PAGE - (uintptr_t)_end % PAGE) % PAGE}
                  : (struct span){thread - PAGE, thread + 2 * (ptrdiff_t)PAGE};
}

static bool watch_from(struct span s, unsigned i)
{
    struct span out;

    if (s.low >= s.high)
        return true;
    if (i == 2)
        return image_watch(s.low, s.high);
    out = left_out(i);
    if (s.high <= out.low || s.low >= out.high)
        return watch_from(s, i + 1);
    return watch_from((struct span){s.low, out.low}, i + 1) &&
           watch_from((struct span){out.high, s.high}, i + 1);
}

/* The next one that is the process's own, but for its first stack: there the
 * prover runs, and the session does not. */
static bool next_span(FILE *maps, struct span *s, bool *writes)
{
    char line[4352];

    while (fgets(line, sizeof line, maps)) {
        char access[5];
        uintptr_t low, high;

        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &low, &high,
                   access) != 3 ||
            access[3] != 'p' || strstr(line, "[stack]"))
            continue;
        *s = (struct span){(char *)low, (char *)high};
        *writes = access[1] == 'w' && access[2] != 'x';
        return true;
    }
    return false;
}

static unsigned spans_of(struct span *spans, size_t *all)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    struct span s;
    unsigned n = 0;
    bool writes;

    *all = 0;
    while (maps && next_span(maps, &s, &writes)) {
        *all += (size_t)(s.high - s.low);
        if (writes && n < SPANS_MAX)
            spans[n++] = s;
    }
    if (maps)
        fclose(maps);
    return n;
}

/* ------------------------------------------------- what is not its memory */

struct outside {
    size_t mapped; /* bytes */
    bool threads;
};
static struct outside *before; /* in memory that no run takes back */

static struct outside look(void)
{
    struct outside now = {0};
    struct span spans[SPANS_MAX];
    struct stat st;
    int was_on = sf_on, err = errno;

    sf_on = 0; /* it is no call of the program's */
    spans_of(spans, &now.mapped);
    now.threads = stat("/proc/self/task", &st) == 0 && st.st_nlink > 3;
    sf_on = was_on;
    errno = err;
    return now;
}

static bool watch(void)
{
    struct span spans[SPANS_MAX];
    size_t all;
    unsigned n = spans_of(spans, &all);

    if (n == 0 || n == SPANS_MAX)
        return process_cannot("its memory is in too many places");
    for (unsigned i = 0; i < n; i++)
        if (!watch_from(spans[i], 0))
            return process_cannot("its memory is in too many places");
    return true;
}

void process_note(void)
{
    *before = look();
}

bool process_is_same(void)
{
    struct outside now = look();

    if (now.threads)
        return process_cannot("it has threads");
    if (now.mapped != before->mapped)
        return process_cannot("it maps memory");
    return true;
}

/* In the middle of a session. */
static bool looks(struct sf_chooser *self, enum sf_call call)
{
    (void)self, (void)call;
    if (!walk->unable)
        process_is_same();
    return false;
}

/* What a program does only once it has done after this: what it keeps is there
 * from the start of all that follow.  Then it is seen what there is in the
 * middle. */
static bool rehearse(const struct prove_job *job)
{
    struct sf_chooser looker = {.wants = looks};

    sf_session_choose(NULL);
    prove_run(job);
    process_note();
    sf_session_choose(&looker);
    prove_run(job);
    return !walk->unable;
}

bool process_get_to_know(struct live *l, const struct prove_job *job)
{
    bool knows;

    walk = l;
    before = mmap(NULL, sizeof *before, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (before == MAP_FAILED)
        return process_cannot(strerror(errno));
    knows = prove_use_arena() && rehearse(job) && watch() && files_begin();
    sf_session_choose(&l->walk.chooser);
    return knows;
}
