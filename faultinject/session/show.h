/*
 * show.h: a session as it happens, in columns, for people.
 *
 *          time  peers                     program
 *       0.000 s  peer 1 frame 5
 *                                          accept 32 -> 34 (connection 2)
 *     ! 0.000 s                            recv 34: short 3
 *                                          recv 34 4096 -> 3
 *
 * Fault lines are marked.  Nothing is printed, and nothing costs, unless a
 * file was given to sf_show_begin().
 */
#ifndef SF_SHOW_H
#define SF_SHOW_H

#include "faultinject/inject/chooser.h"
#include "faultinject/session/session.h"

void sf_show_begin(FILE *out, const struct sf_session *s);
/* In another process of the program, which goes on where one has begun it. */
void sf_show_adopt(FILE *out);
void sf_show_end(void);
bool sf_show_calls(void);
void sf_show_act(const struct sf_act *act);
void sf_show_phase(const char *text); /* NULL: nothing */
/* It says again what it has said. */
void sf_show_anew(unsigned number);
void sf_show_fault(const struct sf_point *at, const struct sf_outcome *outcome,
                   size_t amount);
void sf_show_call(void *arg, enum sf_call call, long first, long asked,
                  long result, int err);

#endif
