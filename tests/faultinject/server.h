/*
 * server.h: what small servers have that tests run over simnet: told by an
 * argument how they are, and by SIGTERM to stop.
 */
#ifndef TEST_SERVER_H
#define TEST_SERVER_H

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char *how = "";
static volatile sig_atomic_t stopped;

static inline bool is(const char *what)
{
    return strcmp(how, what) == 0;
}

static void must(bool so)
{
    if (!so)
        abort();
}

static void on_term(int signo)
{
    (void)signo;
    stopped = 1;
}

static void begin_server(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_term};

    how = argc > 1 ? argv[1] : how;
    sigaction(SIGTERM, &action, NULL);
}

#endif
