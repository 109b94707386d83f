/*
 * pid.h: a run that is a fork of the program has the number of the process that
 * it was forked from.
 *
 * So what it works out of that is the same in each of them, and as in a run
 * from the program's start: OpenSSL draws other keys where the number has
 * changed.  Signals that are sent to it by the number arrive.  What else takes
 * one (/proc, setpgid, prlimit, …) finds the process that it was forked from.
 */
#ifndef SF_PID_H
#define SF_PID_H

#include "faultinject/inject/counter.h"

#include <stdbool.h>
#include <sys/types.h>

/* In such a fork: its number, and its parent's, are from now on these. */
void sf_pid_keep(pid_t process, pid_t parent);
/* In a child of the program: it has a number of its own. */
void sf_pid_forked(void);
/* What the kernel calls it is no part of its state. */
void sf_pid_counters(sf_counter *each, void *arg);

/* What the kernel calls the calling thread. */
pid_t sf_pid_thread(void);

/* A run has threads of the same numbers, too: what the calling one is called,
 * and what the kernel calls one.  0: as the kernel does; NULL: all are. */
extern pid_t (*sf_pid_named)(void);
extern pid_t (*sf_pid_meant)(pid_t name);

/* A signal of the program for itself.  True: it was given to the thread that is
 * to have it; NULL: the kernel chooses. */
extern bool (*sf_pid_directs)(int signo);

/* … one for a group: 0, its own; -1, all; or the negative of its number.  True:
 * it was sent, or not, and that is the result; NULL: the kernel sends it. */
extern bool (*sf_pid_kills)(pid_t group, int signo, int *result);
/* … and one for another process, or several: told when it was sent.  NULL:
 * nobody is. */
extern void (*sf_pid_sent)(pid_t process, int signo);

#endif
