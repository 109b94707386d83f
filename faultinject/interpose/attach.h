/*
 * attach.h: a process finds the command that wants it watched.
 *
 * Without SOCKFAULT_CONTROL, or with one that cannot be opened (another
 * root directory, other rights), every call passes through: the program must
 * not suffer from being watched.
 */
#ifndef SF_ATTACH_H
#define SF_ATTACH_H

#include <stdbool.h>
#include <sys/types.h>

#include "faultinject/world.h"

/*
 * Begin the session that SOCKFAULT_CONTROL describes, in `world`.  `who`
 * says whose calls they are: the process, and the name of its program.
 * False: nobody listens.
 */
bool sf_attach(const struct sf_world *world,
               pid_t (*who)(char *program, size_t size));

/* The process ends: what the monitors still hold is told. */
void sf_detach(void);

#endif
