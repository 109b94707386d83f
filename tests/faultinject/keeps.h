/*
 * keeps.h: ways for a program to remember, where it has no memory of its own,
 * whether its first recv was interrupted; and it says so at its end.
 */
#ifndef TEST_KEEPS_H
#define TEST_KEEPS_H

#include <stdbool.h>

/* "" or a way of keeps.c's table, from the beginning on. */
void keeps_begin(const char *way);
/* At the first recv, and perhaps again. */
void keeps_note(bool interrupted);
void keeps_tell(void);

#endif
