/*
 * birth.h: a process is forked, and its parent goes on when it has come so far.
 *
 * Between the two is a pipe, which is closed when the child becomes another
 * program or ends.  One fork at a time.
 */
#ifndef SF_BIRTH_H
#define SF_BIRTH_H

#include <stdbool.h>

/* Before the fork.  False: there is no room for a pipe. */
bool sf_birth_begin(void);
/* In the child; later it says that it has come so far, if that is known. */
void sf_birth_in_child(void);
void sf_birth_say(void);
/* In the parent.  Has it said so, within so many ms?  -1: however long it
 * takes; who is not born says nothing. */
bool sf_birth_await(int ms);

#endif
