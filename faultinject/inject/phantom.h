/*
 * phantom.h: the monitor of sets that are used after a select that failed.
 *
 * One thread's: what monitor.h tells of a call it tells here.
 */
#ifndef SF_PHANTOM_H
#define SF_PHANTOM_H

#include "faultinject/inject/inject.h"

/* It knows of nothing that was before. */
void sf_phantom_begin(void);

/* A wait begins; its members are still what the program asks for. */
void sf_phantom_wait(const struct sf_op *op);

/* The call has ended. */
void sf_phantom_look(const struct sf_op *op, int err);

/* Has the last select failed?  Then each read counts. */
bool sf_phantom_alert(void);

#endif
