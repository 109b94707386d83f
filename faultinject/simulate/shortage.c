/* shortage.c: see shortage.h */
#include "faultinject/simulate/shortage.h"

#include "faultinject/inject/inject.h"
#include "faultinject/session/errors.h"
#include "faultinject/session/refuse.h"

#include <errno.h>
#include <execinfo.h>

static struct sf_served *served;
static FILE *show;

/* Of simulated threads only: what others do has no fixed place in time. */
static bool allocates;

/* Whose it is, for whoever sees it happen. */
static void tell_allocation(void)
{
    void *frames[32];
    int n = backtrace(frames, sizeof frames / sizeof *frames);

    fprintf(show, "allocation %llu, which fails:\n",
            (unsigned long long)served->refused);
    fflush(show);
    backtrace_symbols_fd(frames, n, sf_errors_fd());
}

/* It loads a library the first time. */
void sf_shortage_prepare(void)
{
    void *frame;

    backtrace(&frame, 1);
}

/* What it takes to tell is not the program's. */
static bool refuses(const void *caller)
{
    (void)caller;
    if (!allocates || !sf_turns_mine() || !sf_refused())
        return false;
    allocates = false;
    if (show)
        tell_allocation();
    allocates = true;
    errno = ENOMEM;
    return true;
}

static char *say_terminate(void)
{
    return served->terminate;
}

void sf_shortage_begin(struct sf_served *report, FILE *file)
{
    served = report;
    show = file;
    sf_inject_terminates = say_terminate;
    allocates = true;
    sf_inject_refuses = refuses;
    served->blind = !sf_refuse_sees();
    sf_refuse(served->refused);
}
