/* exec.h: the names that execute a program, bound before anybody needs them. */
#ifndef SF_EXEC_H
#define SF_EXEC_H

void sf_exec_bind(void);

#endif
