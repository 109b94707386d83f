/* refuse.c: see refuse.h */
#include "faultinject/session/refuse.h"

#include "faultinject/session/run.h"

#include <errno.h>
#include <stdlib.h>

static uint64_t asked, refused;

void sf_refuse(uint64_t nth)
{
    asked = 0;
    refused = nth;
}

uint64_t sf_refuse_asked(void)
{
    return asked;
}

bool sf_refused(void)
{
    if (sf_session_acting() || ++asked != refused)
        return false;
    errno = ENOMEM;
    return true;
}

bool sf_refuse_sees(void)
{
    void *(*volatile make)(size_t) = malloc;

    sf_refuse(0);
    free(make(1));
    return asked > 0;
}

void sf_refuse_counters(sf_counter *each, void *arg)
{
    each(arg, &asked, sizeof asked);
}
