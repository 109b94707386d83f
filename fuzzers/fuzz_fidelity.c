/*
 * fuzz_fidelity.c: the same calls on simnet and on the real kernel.
 *
 *     input: a byte for each decision: which call, on which descriptor, …
 *
 * The same calls are made in both worlds, side by side, and after each one
 * the result, errno, the bytes, and what poll says about every descriptor
 * must be equal.  The real loopback may take a moment; readiness is asked
 * again until it agrees or does not for a while.  A difference prints the
 * calls of its sequence, which is then played once more: a busy machine has
 * timers of its own, and what is not so again is not simnet's.
 *
 * Not compared are amounts that depend on the sizes of real buffers (only
 * small writes are made, see `fill` in contract.c for full ones) and port
 * numbers.  What is known to differ is in faultinject/simnet/README.md.
 *
 * Here the engine looks at simnet; at all other targets it does not.
 */
#include "fuzzers/fidelity/both.h"
#include "fuzzers/fuzz.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CALLS_MAX = 24 };

static void begin_run(void)
{
    sf_sim_begin(NULL);
    for (int i = 0; i < SLOTS; i++)
        both.fd[REAL][i] = both.fd[SIM][i] = -1;
    memset(both.addr_len, 0, sizeof both.addr_len);
    for (int w = 0; w < WORLDS; w++)
        both.epoll[w] = IN(w, epoll_create1, 0);
    both.log_n = both.names = 0;
}

/* What was bound to a path, which outlives it. */
static void remove_names(void)
{
    struct sockaddr_un un;

    for (; both.names; both.names--) {
        set_path(&un, both.names);
        unlink(un.sun_path);
    }
}

static void end_run(void)
{
    for (int i = 0; i < SLOTS; i++)
        if (both.fd[REAL][i] >= 0)
            do_close(i);
    sf_libc.close(both.epoll[REAL]);
    sf_sim_end();
    remove_names();
}

static void remove_folder(void)
{
    remove_names();
    rmdir(both.folder);
}

static void make_folder(void)
{
    signal(SIGPIPE, SIG_IGN);
    strcpy(both.folder, "/tmp/fidelityXXXXXX");
    if (!mkdtemp(both.folder))
        exit(2);
    atexit(remove_folder);
}

static void play(const uint8_t *data, size_t size)
{
    both.input = data;
    both.end = data + size;
    begin_run();
    for (both.step = 0; both.step < CALLS_MAX && both.input < both.end;
         both.step++) {
        one_call();
        compare_poll();
        if (both.step % 4 == 3)
            compare_select();
        if (both.step % 4 == 1)
            compare_epoll();
    }
    end_run();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!both.folder[0])
        make_folder();
    both.again = false;
    if (setjmp(both.anew)) {
        both.again = true;
        end_run();
    }
    play(data, size);
    return 0;
}
