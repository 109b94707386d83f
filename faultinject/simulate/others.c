/* others.c: see others.h */
#include "faultinject/simulate/others.h"

#include "faultinject/inject/inject.h"
#include "faultinject/session/run.h"

#include <stdio.h>
#include <unistd.h>

#define ONLY_ONE "only one process can be simulated here: run it "

static struct sf_others others;

static bool is_child(void)
{
    return getpid() != others.owner;
}

static const char *foreground(void)
{
    return others.dials ? SF_SIM_ALONE : SF_SIM_FOREGROUND;
}

static void say_who(char why[SF_SIM_LINE], enum sf_call call, int fd)
{
    snprintf(why, SF_SIM_LINE,
             "another %s of %.40s calls %s on descriptor %d: " ONLY_ONE "%s",
             is_child() ? "process" : "thread", others.called,
             sf_calls[call].name, fd,
             is_child() ? foreground()
                        : "with threads made by pthread_create()" SF_SIM_ELSE);
}

static void refuse(enum sf_call call, int fd)
{
    char why[SF_SIM_LINE];

    say_who(why, call, fd);
    others.cannot(why);
}

/* He may be the server, for whom the simulated thread waits in vain, or have
 * something to tell besides: that is seen when it does not listen itself. */
static void note_elsewhere(int fd)
{
    struct sf_served *served = others.served;
    char why[SF_SIM_LINE];

    if (served->joined || served->unusable || served->elsewhere)
        return;
    say_who(why, SF_CALL_listen, fd);
    others.put_line(why);
    served->elsewhere = true;
}

/* By TCP: a name may be asked for in any other way. */
static bool is_stream_to_elsewhere(int fd)
{
    int domain = 0, type = 0;
    socklen_t len = sizeof domain;

    return sf_libc.getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
           sf_libc.getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
           (domain == AF_INET || domain == AF_INET6) && type == SOCK_STREAM;
}

static void look_at_own(enum sf_call call, int fd)
{
    if (call == SF_CALL_listen)
        note_elsewhere(fd);
    if (call == SF_CALL_connect && others.dials && is_stream_to_elsewhere(fd))
        refuse(call, fd);
}

static bool gives_back(enum sf_call call)
{
    return call == SF_CALL_close || call == SF_CALL_fcntl;
}

/* The world is for threads that take turns: what others do to it would be lost,
 * and what they should have done be missing. */
static bool astray(enum sf_call call, int fd)
{
    if (!sf_sim_is_open(fd)) {
        look_at_own(call, fd);
        return false;
    }
    if (is_child() && gives_back(call)) /* as many do before an exec */
        return true;
    refuse(call, fd);
    return false;
}

static void no_sigio(int fd)
{
    char why[SF_SIM_LINE];

    snprintf(why, sizeof why,
             "%.40s wants SIGIO from descriptor %d, as masters of workers "
             "do: " ONLY_ONE SF_SIM_FOREGROUND,
             others.called, fd);
    others.cannot(why);
}

static void no_rights(int fd)
{
    char why[SF_SIM_LINE];

    snprintf(why, sizeof why,
             "%.40s passes a descriptor on through %d: " ONLY_ONE "%s",
             others.called, fd, foreground());
    others.cannot(why);
}

static void out_of_reach(int fd, int newfd)
{
    char why[SF_SIM_LINE];

    snprintf(
        why, sizeof why,
        "%.40s makes descriptor %d a copy of %d: simulated ones are from %d "
        "on, and only they",
        others.called, newfd, fd, SF_SIM_FD);
    others.cannot(why);
}

void sf_others_watch(const struct sf_others *how)
{
    others = *how;
    sf_inject_stray = astray;
    sf_sim_out_of_reach = out_of_reach;
    sf_sim_no_sigio = no_sigio;
    sf_sim_no_rights = no_rights;
}
