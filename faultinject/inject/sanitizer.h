/*
 * sanitizer.h: a sanitizer's report, told from a program's own exit status.
 *
 * Sanitizers are told to end a program that they report on with a status that
 * hardly a program has.  One that has it all the same says so itself, by
 * exit(), and is no finding.
 */
#ifndef SF_SANITIZER_H
#define SF_SANITIZER_H

#include "faultinject/inject/counter.h"

#include <stdbool.h>
#include <stdint.h>

enum { SF_SANITIZER_STATUS = 86 };

/* Of what C++ says that ends a program by abort(). */
enum { SF_TERMINATE_MAX = 64 };

/* In memory that processes share. */
struct sf_sanitized {
    uint32_t programs; /* that have a sanitizer in them                  */
    uint32_t own;      /* of these, those that gave that status to exit() */
};

/* In the program, once: count it. */
void sf_sanitized_watch(struct sf_sanitized *counts);
/* In a fork that takes its place: what was counted is forgotten. */
void sf_sanitized_forked(void);
/* Which process it is. */
void sf_sanitized_counters(sf_counter *each, void *arg);

/* In the program: does it write a report now?  AddressSanitizer says so itself;
 * who looks for leaks does so after the handlers of exit() that were registered
 * later than its own, as ours is if this is called once the program runs. */
void sf_sanitized_await(void);
bool sf_sanitized_reports(void);

/* Something ended with that status: was it a sanitizer's? */
static inline bool sf_sanitized_ended(const struct sf_sanitized *counts)
{
    return counts->programs > counts->own;
}

#endif
