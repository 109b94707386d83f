/*
 * guard.c: signal handlers of the engine see the real world.
 *
 * libFuzzer measures a time-out in a handler for SIGALRM.  When it strikes
 * during a session the handler must read the real clock, or it would compute
 * nonsense from the virtual one, and one that reports a crash starts a
 * symbolizer with real pipes.  So the handlers that are installed when the
 * first session begins are wrapped once, and a sanitizer's report ends the
 * session.
 */
#include "faultinject/session/guard.h"

#include "faultinject/inject/inject.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const int guarded[] = {SIGALRM, SIGINT,  SIGTERM, SIGUSR1, SIGUSR2,
                              SIGABRT, SIGSEGV, SIGBUS,  SIGFPE,  SIGILL};
enum { GUARDED = sizeof guarded / sizeof *guarded };

static struct sigaction theirs[NSIG];

/* Called by the sanitizers before they report. */
void __asan_on_error(void);
void __ubsan_on_report(void);

__attribute__((visibility("default"))) void __asan_on_error(void)
{
    sf_on = 0;
}

/* Who has asked for that gets all reports, and the session to its end. */
static bool goes_on(void)
{
    const char *options = getenv("UBSAN_OPTIONS");

    return options && strstr(options, "halt_on_error=0");
}

void __sanitizer_symbolize_pc(void *pc, const char *format, char *out,
                              size_t size) __attribute__((weak));

/* It shows where it was by a symbolizer, to which there are pipes: real ones
 * if it begins here. */
static void begin_symbolizer(void)
{
    char name[256];

    if (&__sanitizer_symbolize_pc)
        __sanitizer_symbolize_pc(__builtin_return_address(0), "%f", name,
                                 sizeof name);
}

__attribute__((visibility("default"))) void __ubsan_on_report(void)
{
    int was_on = sf_on;

    sf_on = 0;
    if (!goes_on())
        return;
    begin_symbolizer();
    sf_on = was_on;
}

/* A target that goes on after a report would do so outside of its session.
 * Not weak: clang's own is, and comes first. */
const char *__ubsan_default_options(void);

__attribute__((visibility("default"))) const char *__ubsan_default_options(void)
{
    return "halt_on_error=1";
}

static void outside(int signo, siginfo_t *info, void *context)
{
    int was_on = sf_on;

    sf_on = 0;
    if (theirs[signo].sa_flags & SA_SIGINFO)
        theirs[signo].sa_sigaction(signo, info, context);
    else
        theirs[signo].sa_handler(signo);
    sf_on = was_on;
}

void sim_guard_signals(void)
{
    static bool done;

    if (done)
        return;
    done = true;
    for (int i = 0; i < GUARDED; i++) {
        struct sigaction *old = &theirs[guarded[i]], ours;

        if (sigaction(guarded[i], NULL, old) < 0 ||
            old->sa_handler == SIG_DFL || old->sa_handler == SIG_IGN)
            continue;
        ours = *old;
        ours.sa_flags |= SA_SIGINFO;
        ours.sa_sigaction = outside;
        sigaction(guarded[i], &ours, NULL);
    }
}
