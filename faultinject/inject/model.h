/*
 * model.h: which outcomes are possible at this call, now.
 *
 * The tables of docs/fault-model.md as code: it looks at the facts it is given
 * and changes nothing.  What it does not list is never injected.
 */
#ifndef SF_MODEL_H
#define SF_MODEL_H

#include <sys/socket.h>

#include "faultinject/inject/chooser.h"
#include "faultinject/inject/conn.h"
#include "faultinject/inject/wait.h"
#include "faultinject/world.h"

enum {
    SF_OUTCOMES_MAX = 128,
    SF_OUTCOMES_DRAWN = 32, /* where no rule names one: a tape counts them */
    SF_STREAK_MAX = 8,      /* transient results in a row: no loop looks hung */
    SF_DELAY_MAX_MS = 10000,
    SF_VICTIM_MAX = 1048575 /* a descriptor; see fd-dead */
};

/* Flags of a read that is not of the stream's bytes. */
#define SF_ASIDE (MSG_OOB | MSG_ERRQUEUE)

struct sf_site {
    const struct sf_point *at;
    const struct sf_conn *conn; /* NULL: the call is on no connection  */
    const struct sf_wait *wait; /* WAIT, else NULL                     */
    struct sf_facts facts;      /* of at->fd; all 0 where there is none */
    const struct sf_world *world;
    int flags;  /* MSG_*; REAP: options                */
    int family; /* socket(): AF_* of what is made      */
    bool names; /* faults that only a rule can name, too */
    enum sf_profile profile;
};

/* Outcomes that there are at most, SF_OUTCOMES_MAX at most.  It asks nothing:
 * a call that is no wait has few. */
unsigned sf_model_room(const struct sf_site *site);

/*
 * Fill outcomes, for which there is room as sf_model_room() says, the first
 * always NONE; returns how many.  A fault comes once, or once for each
 * connection it can be done to.
 */
unsigned sf_model_outcomes(const struct sf_site *site,
                           struct sf_outcome *outcomes, unsigned room);

/* Has the process both ends, on the kernel?  Of what it was given nobody knows
 * who else has it. */
bool sf_model_own(const struct sf_conn *conn, const struct sf_facts *facts);

/* Did the call end without anything having happened for good? */
static inline bool sf_fault_transient(enum sf_fault fault)
{
    if (fault == SF_NONE || fault == SF_SHORT || sf_fault_takes_time(fault))
        return false;
    return fault == SF_ENOBUFS || fault == SF_ENOMEM ||
           sf_faults[fault].cls == SF_BENIGN;
}

#endif
