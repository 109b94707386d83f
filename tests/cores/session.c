/*
 * session.c: a core in whole sessions in memory.
 *
 *     core_NAME_session SESSION...
 *
 * Each SESSION is the text of a scenario; it is played in two profiles, with
 * every schedule of at most one fault, under all monitors of run.h.
 */
#include "core.h"

#include "examples/framed_echo.h"
#include "faultinject/inject/choose_exhaust.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

bool sf_verbose;
static volatile sig_atomic_t stopped;

static void run(void *arg, int unused)
{
    socklen_t len;
    const struct sockaddr *addr = sf_session_addr(&len);
    int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    sigset_t none;

    (void)arg, (void)unused;
    sigemptyset(&none);
    stopped = 0;
    bind(fd, addr, len);
    listen(fd, 8);
    core_serve(fd, &stopped, &none);
    close(fd);
}

static void stop(void *arg)
{
    (void)arg;
    stopped = 1;
}

static unsigned long walk(const struct sf_session *s)
{
    struct sf_program core = {.name = "core",
                              .side = SF_SERVE,
                              .run = run,
                              .stop = stop,
                              .frame = echo_frame,
                              .received = sf_peer_echo,
                              .finished = sf_peer_echoed,
                              .no_dead_fd = !core_sees_dead};
    unsigned long runs = 0;
    struct sf_exhaust e;

    sf_exhaust_init(&e, 1);
    e.allowed = sf_session_allows;
    sf_session_choose(&e.chooser);
    while (sf_exhaust_next(&e)) {
        sf_session_run(s, &core, NULL);
        runs += e.counts;
    }
    sf_exhaust_fini(&e);
    return runs;
}

static bool load(const char *path, struct sf_session *s)
{
    static char text[65536];
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    char why[256] = "cannot be read";

    text[n] = '\0';
    if (f)
        fclose(f);
    if (n && sf_session_parse(s, text, why, sizeof why) == 0)
        return true;
    fprintf(stderr, "%s: %s\n", path, why);
    return false;
}

int main(int argc, char **argv)
{
    unsigned long runs = 0;

    for (int i = 1; i < argc; i++) {
        struct sf_session s;

        if (!load(argv[i], &s))
            return 2;
        fprintf(stderr, "%s\n", argv[i]);
        for (int p = SF_LINUX; p <= SF_POSIX; p++) {
            s.profile = (enum sf_profile)p;
            runs += walk(&s);
        }
    }
    printf("%lu schedules, nothing found\n", runs);
    return runs > 0 ? 0 : 2;
}
