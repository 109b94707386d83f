/*
 * forks.h: a program of several processes in memory, one at a time.
 *
 * The world, the session and its turns are variables of one process.  Before
 * the program forks for the first time they become memory that its processes
 * share (shared.h), and from then on each of them has a turn, as threads have:
 * it runs until it waits for something, and whose turn is next depends on
 * nothing but what they do.  Its own are a process's table of descriptors, and
 * what the monitors know of these.
 *
 * A child begins when its parent first waits.  One that ends, in whatever way,
 * has closed its descriptors by then, and its parent, which gets SIGCHLD in its
 * own turn, can wait for it; what wait(2) says comes from the kernel, which is
 * asked only about children that have ended here.  What a child becomes by
 * exec(2) goes on in the world, if it loads this library; if not it has no part
 * in it, and what it has open stays so until it ends.
 *
 * The first process is the one that the session is for: it is told to stop, and
 * when it ends so does the session.
 */
#ifndef SF_FORKS_H
#define SF_FORKS_H

#include "faultinject/inject/control.h"
#include "faultinject/simnet/simnet.h"

#include <signal.h>
#include <stdbool.h>

struct sf_forks {
    /* Can a child of the calling process have a part in it? */
    bool (*may)(void);
    /* Says why it cannot be, and ends the program. */
    void (*cannot)(const char *why);
    /* In each process, in its turn. */
    void (*has_turn)(void);
    /* A process has ended by a signal that nobody sent; < 0: perhaps by a
     * sanitizer. */
    void (*crashed)(unsigned process, int signo);
    /* Where programs are noted that have no part in it. */
    struct sf_lost_programs *lost;
    /* What is to be shared besides. */
    void (*areas)(sf_area *each, void *arg);
};
void sf_forks_watch(const struct sf_forks *how);

/* What a program was given to load us by, before it changes it. */
void sf_forks_keep_environment(void);
/* In a program that was executed: is it one of a child, and goes on with its
 * turn?  Then that is where it shows what it does, by an open descriptor. */
#define SF_FORKED_ENV "SOCKFAULT_SIM_FORKED"
bool sf_forks_resume(int *errors);

/* Around a fork: before it, and after it in both processes. */
void sf_forks_before(void);
void sf_forks_in_parent(void);
void sf_forks_in_child(void);

/* In a child that takes no turns, of a process with several threads: what it
 * does is nothing to the others. */
void sf_forks_part(void);

/* Has it forked, so that there is no other way any more? */
bool sf_forks_are(void);
/* Is the calling process one of its children, and takes turns? */
bool sf_forks_is_child(void);
/* It ends. */
void sf_forks_leave(void);
/* All but the calling one are ended, which is about to. */
void sf_forks_end(void);

#endif
