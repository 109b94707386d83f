/*
 * tape.h: the choices of an exhaustive walk as the faults of a session.
 *
 * A session with them makes the same choices by its tape alone.
 */
#ifndef SF_SESSION_TAPE_H
#define SF_SESSION_TAPE_H

#include "faultinject/inject/choose_exhaust.h"
#include "faultinject/session/session.h"

/* The session's own faults are gone.  False when there is no room for n of
 * them, or for what is between them. */
bool sf_session_take_choices(struct sf_session *s,
                             const struct sf_choice *choices, unsigned n);

#endif
