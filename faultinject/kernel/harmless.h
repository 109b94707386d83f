/*
 * harmless.h: signals that come to a program that nobody means harm.
 *
 * With a handler for one of them its calls can be interrupted, and it goes on
 * as before.  The handler itself is run only where it cannot do more than that
 * (`sent`): one of SIGCHLD may wait for a child, and SIGWINCH ends some
 * servers.
 */
#ifndef SF_HARMLESS_H
#define SF_HARMLESS_H

#include <signal.h>
#include <stdbool.h>

static const struct {
    int number;
    bool sent;
} sf_harmless[] = {
    {SIGURG, true}, {SIGCONT, true}, {SIGCHLD, false}, {SIGWINCH, false}};
enum { SF_HARMLESS = sizeof sf_harmless / sizeof *sf_harmless };

#endif
