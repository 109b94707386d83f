/*
 * faults.h: a few calls of libc that do what a test wants.
 *
 * The linker puts these between the library and libc (--wrap).  A test gives
 * a call a list of what its next calls do; after that they are real again.
 *
 *     faults_next(SEND, 3, 1, -EINTR, 0);   one byte; EINTR; as always
 *
 * n > 0: the real call with at most n bytes; 0: the real call; -e: fails
 * with errno e.  FAULTS_ZERO: returns 0 and does nothing.
 */
#ifndef TESTS_TARGET_FAULTS_H
#define TESTS_TARGET_FAULTS_H

#include <limits.h>

enum fault_call {
    RECV,
    READ,
    SEND,
    WRITE,
    SENDMSG,
    POLL,
    SELECT,
    ACCEPT,
    CONNECT,
    SOCKET,
    WAITPID,
    FCNTL,
    MALLOC,
    FORK,
    PAIR,
    PTHREAD,
    FAULT_CALLS
};

#define FAULTS_ZERO INT_MIN

void faults_next(enum fault_call call, int n, ...);

/* The same for every call from now on. */
void faults_always(enum fault_call call, int what);

/* The accept that has a connection to give finds this number closed behind
 * the program's back: nobody can notice it before. */
void faults_rob(int number);

/* All calls are real again, and their counts 0. */
void faults_none(void);

/* How often was it called since? */
unsigned faults_count(enum fault_call call);

/* The most pieces that one sendmsg got since. */
unsigned faults_most_pieces(void);

/* How often did close say EBADF since: a double close, or a close of what
 * somebody else had closed. */
unsigned faults_bad_closes(void);

#endif
