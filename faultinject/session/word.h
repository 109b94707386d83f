/* word.h: what a command says, so that it can be pasted, or clicked on. */
#ifndef SF_WORD_H
#define SF_WORD_H

#include <stdio.h>

/* A word for the shell, quoted where it must be. */
void sf_print_word(const char *word, FILE *out);

/*
 * What stands between "FILE:" and why it cannot be read: nothing where that
 * begins with a place in it, as in FILE:2:8.
 */
static inline const char *sf_before_why(const char *why)
{
    return why[0] >= '0' && why[0] <= '9' ? "" : " ";
}

#endif
