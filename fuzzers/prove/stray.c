/* stray.c: a program whose other threads use its sockets; see prove.h */
#include "fuzzers/prove/prove.h"

#include "faultinject/inject/inject.h"
#include "faultinject/session/run.h"

#include <stdio.h>
#include <unistd.h>

static struct prove_stray *told; /* in memory that outlives this process */

static void tell(enum sf_call call, int fd)
{
    told->fd = fd;
    told->call = sf_calls[call].name;
    _exit(2);
}

void prove_watch_strays(struct prove_stray *stray)
{
    told = stray;
    sf_session_stray = tell;
}

const char *prove_stray_text(const struct prove_stray *stray)
{
    static char text[160];

    snprintf(text, sizeof text,
             "another thread calls %s on descriptor %d of the session, which "
             "only the one that runs the program can use: that cannot be "
             "played",
             stray->call, stray->fd);
    return text;
}
