/*
 * once.c: what one thread does while others wait in libc for the end of it.
 *
 * It may wait itself meanwhile, and who waited for it there would keep the
 * turn: so he looks first, and waits in turns.
 */
#include "faultinject/interpose/interpose.h"
#include "faultinject/simnet/simnet.h"
#include "faultinject/threads/turns.h"

#include <stdio.h>
#include <threads.h>

SF_NEXT(pthread_once, int, (pthread_once_t * control, void (*run)(void)))
SF_NEXT(flockfile, void, (FILE * file))
SF_NEXT(ftrylockfile, int, (FILE * file))
SF_NEXT(funlockfile, void, (FILE * file))

/* Whether somebody is at it only libc knows. */
static bool is_begun(const pthread_once_t *control)
{
    enum { IN_PROGRESS = 1 }; /* in glibc, since it has had futexes */

    return __atomic_load_n(control, __ATOMIC_ACQUIRE) & IN_PROGRESS;
}

SF_EXPORT int pthread_once(pthread_once_t *control, void (*run)(void))
{
    int r;

    while (sf_turns_mine() && is_begun(control))
        sf_turns_wait(SF_SIM_NEVER);
    r = next_pthread_once()(control, run);
    sf_turns_changed();
    return r;
}

SF_EXPORT void call_once(once_flag *flag, void (*run)(void))
{
    _Static_assert(sizeof *flag == sizeof(pthread_once_t), "the same object");
    pthread_once((pthread_once_t *)flag, run);
}

SF_EXPORT void flockfile(FILE *file)
{
    while (sf_turns_mine() && next_ftrylockfile()(file) != 0)
        sf_turns_wait(SF_SIM_NEVER);
    if (!sf_turns_mine())
        next_flockfile()(file);
}

SF_EXPORT void funlockfile(FILE *file)
{
    next_funlockfile()(file);
    sf_turns_changed();
}
