/*
 * judges.h: for each judge of a fuzz target a bug that it alone is there for.
 *
 * What is planted stands between the fuzz target and what it tests: functions
 * that the linker wraps (--wrap), which do right unless a row's bug is theirs.
 * main.c plays the rows: with the bug the judge speaks, with its own words, and
 * without it nobody does.  A judge that looks away, or allows ten times as
 * much, makes no correct program fail; here it does.
 */
#ifndef JUDGES_H
#define JUDGES_H

#include <stdbool.h>
#include <stddef.h>

struct row {
    const char *bug;   /* what is planted                                  */
    const char *input; /* of the target; a session without its first line  */
    size_t len;        /* … or so many bytes that are no text; 0: a text   */
    const char *words; /* of the finding                                   */
};
extern const struct row rows[];
extern const unsigned rows_n;

/* This one is planted now. */
bool is(const char *bug);

#endif
