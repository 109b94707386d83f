/*
 * calls.h: a call that the kernel told us of, made through the pipe.
 */
#ifndef SF_NOTIFY_CALLS_H
#define SF_NOTIFY_CALLS_H

#include <stdbool.h>
#include <stddef.h>

/* The numbers of the calls that are told. */
extern const int sf_told_calls[];
extern const size_t sf_n_told_calls;
bool sf_is_told(int number);

/* Make the call of sf_remote.told for the program, and answer it. */
void sf_answer(void);

#endif
