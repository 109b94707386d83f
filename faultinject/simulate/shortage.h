/*
 * shortage.h: one allocation of the program fails, and whoever sees the session
 * sees whose it is.
 */
#ifndef SF_SHORTAGE_H
#define SF_SHORTAGE_H

#include "faultinject/simulate/served.h"

#include <stdio.h>

/* Before any fails: who tells of it has what that takes. */
void sf_shortage_prepare(void);
/* The one that the report says; `show` may be NULL. */
void sf_shortage_begin(struct sf_served *report, FILE *show);

#endif
