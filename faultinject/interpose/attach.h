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

/* Whose calls they are, and where they end. */
struct sf_watched {
    const struct sf_world *world;
    /* The process, and the name of its program as it is now. */
    pid_t (*who)(char *program, size_t size);
    /* Who made the call, and is that in what this name stands for?  NULL
     * where it cannot be known. */
    sf_site_id (*site)(void);
    bool (*at_site)(const char *name);
    /* The command is there, though perhaps not for this program; or NULL. */
    void (*met)(struct sf_control *control);
};

/*
 * Begin the session that SOCKFAULT_CONTROL describes; nothing is copied.
 * False: nobody listens, or not to this program.
 */
bool sf_attach(const struct sf_watched *watched);

/* The thread ends: what the monitors still hold is told. */
void sf_detach(void);
/* The process ends, and with it this thread. */
void sf_detach_all(void);

#endif
