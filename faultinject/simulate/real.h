/*
 * real.h: real peers, whose part of a session is written down.
 *
 * The program is in memory, and so the same in each run, keys that it makes
 * included; its peers are not.  What the program sends to one goes to a real
 * connection, and what comes from there is the next act.  Played again, the
 * session is what they did.
 */
#ifndef SF_REAL_H
#define SF_REAL_H

#include "faultinject/session/run.h"

struct sf_real {
    unsigned port; /* of 127.0.0.1: clients come there, … */
    bool dials;    /* … or a server is there              */
    /* What they do next, for the player, and all that they did. */
    struct sf_session *next, *recorded;
    const volatile uint32_t *told; /* that is all that is wanted    */
    uint32_t *dropped;             /* acts that found no room in it */
};

/* false: nobody can come, and why is in errno. */
bool sf_real_begin(const struct sf_real *how);

/* `more` and `received` of the program. */
bool sf_real_more(void *arg);
void sf_real_received(void *arg, struct sf_peer *peer, const uint8_t *bytes,
                      size_t len);

/* Told that no server is there; does not come back. */
extern void (*sf_real_nobody)(const char *why);

#endif
