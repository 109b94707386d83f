/*
 * errors.h: standard error as it was when the program began, for what is shown
 * of its session: servers make it their log.
 */
#ifndef SF_ERRORS_H
#define SF_ERRORS_H

#include <stdio.h>

/* Its number is one of simnet's, where nothing that the program does reaches
 * it, and it takes none of the program's memory: who is shown has all that he
 * allocates where he has it when he is not. */
FILE *sf_errors_keep(void);
/* In another program that a process has become: by this number. */
FILE *sf_errors_adopt(int fd);

/* … for who cannot use a FILE. */
int sf_errors_fd(void);

#endif
