/*
 * site.h: who made the call that is under way.
 *
 * The innermost function that is neither the library's nor libc's nor the C++
 * library's, nor an operator new, nor a sanitizer's in front of it.  Found by
 * walking up the stack, so only where something happened or a rule asks.
 */
#ifndef SF_INTERPOSE_SITE_H
#define SF_INTERPOSE_SITE_H

#include "faultinject/inject/control.h"

/* Once, before the others. */
void sf_site_init(void);

sf_site_id sf_site(void);

/* The same in this process, for a call of libc's that returns there; where
 * nobody is known it is that place itself.  No more is walked than needed. */
uintptr_t sf_asker(const void *returns);

/* Of the ways that lead to a call: the same number for the same way, in any
 * process, by its innermost frames; never 0. */
uint64_t sf_stack(void);

/* Is it in what this name stands for, by the spans of sf_control? */
bool sf_at_site(const char *name);

#endif
