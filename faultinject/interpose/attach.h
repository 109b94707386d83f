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

#include "faultinject/inject/control.h"
#include "faultinject/world.h"

/* Whose calls they are. */
struct sf_watched {
    /* The process, and the name of its program. */
    pid_t (*who)(char *program, size_t size);
    /* Where the call that is under way is made, and whether that is what the
     * name stands for; NULL where nobody can know. */
    sf_site_id (*site)(void);
    bool (*at_site)(const char *name);
};

/*
 * Begin the session that SOCKFAULT_CONTROL describes, in `world`.  False:
 * nobody listens, or not to this program.
 */
bool sf_attach(const struct sf_world *world, const struct sf_watched *watched);

/* The process ends: what the monitors still hold is told. */
void sf_detach(void);

#endif
