/* both.c: what is open in both worlds, and what is the same there. */
#include "fuzzers/fidelity/both.h"
#include "fuzzers/fuzz.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct both both;

unsigned decide(unsigned n)
{
    return both.input < both.end ? *both.input++ % n : 0;
}

int result(long r)
{
    return r < 0 ? -errno : (int)r;
}

static void note(const char *what, int slot, int arg, int real, int sim)
{
    if (both.log_n < CALLS_LOGGED)
        snprintf(both.log[both.log_n++], sizeof both.log[0],
                 "%2u. %-14s slot %d arg %d: real %d %s, sim %d %s", both.step,
                 what, slot, arg, real, real < 0 ? strerrorname_np(-real) : "",
                 sim, sim < 0 ? strerrorname_np(-sim) : "");
}

void differ(const char *what)
{
    for (unsigned i = 0; i < both.log_n; i++)
        fprintf(stderr, "%s\n", both.log[i]);
    if (!both.again) {
        fprintf(stderr, "%s differs: is it so again?\n", what);
        longjmp(both.anew, 1);
    }
    FUZZ_FAIL("wrong-data: simnet and Linux differ: %s", what);
}

int same(const char *what, int slot, int arg, const int r[WORLDS])
{
    note(what, slot, arg, r[REAL], r[SIM]);
    if (r[REAL] != r[SIM] && !(r[REAL] >= 0 && r[SIM] >= 0 && arg == -2))
        differ(what);
    return r[REAL];
}

void opened(const char *what, int slot, const int r[WORLDS])
{
    same(what, slot, -2, r);
    for (int w = 0; w < WORLDS; w++)
        both.fd[w][slot] = r[w] >= 0 ? r[w] : -1;
    both.file[slot] = ++both.files;
}

int free_slot(void)
{
    for (int i = 0; i < SLOTS; i++)
        if (both.fd[REAL][i] < 0)
            return i;
    return -1;
}

int used_slot(void)
{
    int first = (int)decide(SLOTS);

    for (int i = 0; i < SLOTS; i++)
        if (both.fd[REAL][(first + i) % SLOTS] >= 0)
            return (first + i) % SLOTS;
    return -1;
}

int named_slot(void)
{
    int first = (int)decide(SLOTS);

    for (int i = 0; i < SLOTS; i++) {
        int slot = (first + i) % SLOTS;

        if (both.fd[REAL][slot] >= 0 && both.addr_len[slot])
            return slot;
    }
    return -1;
}
