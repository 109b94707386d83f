/*
 * inject.h: the room in the middle of the pipe
 *
 *     interpose --> inject --> world
 *
 * A wrapper describes its call in a struct sf_op, asks whether and how it is
 * made, makes it in op->world, and tells how it ended.  Everything in here
 * is free of allocation and of system calls, except the world's facts, which
 * are asked for only where a fault is wanted.
 */
#ifndef SF_INJECT_H
#define SF_INJECT_H

#include <limits.h>

#include "faultinject/inject/chooser.h"
#include "faultinject/inject/counter.h"
#include "faultinject/world.h"

struct sf_conn;
struct sf_wait;

/*
 * Begin a session: from now on calls on descriptors that `world` owns, and
 * calls without a descriptor, go through the injector into `world`.
 * `chooser` may be NULL: then nothing is injected, only watched.  In a world
 * in memory the session is the calling thread's alone, and other threads
 * pass through; in the kernel's world it is everybody's.  Nothing is copied.
 */
void sf_inject_begin(const struct sf_world *world, struct sf_chooser *chooser,
                     enum sf_profile profile);

/* Another chooser and profile for a session that is under way. */
void sf_inject_arm(struct sf_chooser *chooser, enum sf_profile profile);

/* End it: everything passes through again, all state is forgotten. */
void sf_inject_end(void);

/*
 * Threads and processes that did not begin the session have no part in it:
 * what they call passes through.  Where sf_inject_stray is set it is asked
 * about each descriptor they use, of the world's or not; true: the world has
 * the call all the same.
 */
extern bool (*sf_inject_stray)(enum sf_call call, int fd);
/* Before a call of the session's threads passes through, since the descriptor
 * is not the world's.  False: it has waited there as long as the descriptor's
 * own time limit lets it, and is answered with EAGAIN.  NULL: nobody asks. */
struct sf_op;
extern bool (*sf_inject_passes)(const struct sf_op *op);
/* The calling thread has none any more: it is another process now. */
void sf_inject_abandon(void);
/* … or has one as well: it and the one that began never run at once. */
void sf_inject_adopt(void);
/* Before a call of the session; NULL: nobody asks. */
extern void (*sf_inject_calls)(enum sf_call call);
/* A thread is at a place where others may go on first: YIELD, or DELAY, which
 * is one millisecond then, or NONE. */
enum sf_fault sf_inject_turn(bool delay, bool yield);
/* A world that makes a signal come true runs the program's handler: its calls
 * are the program's, even in the middle of a fault. */
void sf_inject_handle(void (*handler)(void *arg), void *arg);

enum sf_fork { SF_BEFORE_FORK, SF_IN_PARENT, SF_IN_CHILD };
/* Told of processes that are made past fork(), as pthread_atfork() tells of the
 * others.  NULL: nobody is. */
extern void (*sf_inject_forks)(enum sf_fork where);

/* Asked, before fcntl(2) of a descriptor of the kernel's, whether it is to wait
 * for a lock and somebody else does that.  NULL: nobody. */
extern bool (*sf_inject_locks)(int fd, int command, long arg, int *result);

/* Before the program ends by _exit() (exits.c).  NULL: nobody is told. */
extern void (*sf_inject_exits)(void);

/* Asked, where C++ calls abort() since nobody catches what was thrown, where
 * that is to be said, in SF_TERMINATE_MAX bytes (sanitizer.h).  NULL, as what
 * it may answer: nowhere. */
extern char *(*sf_inject_terminates)(void);

/* Asked for each allocation of the program, where its allocator is stood in for
 * (interpose/malloc.c), with where that returns to: must it fail?  NULL: none.
 */
extern bool (*sf_inject_refuses)(const void *caller);
/* Who allocates in its place, from when this is set; NULL: whoever comes next.
 * take() and move() answer NULL with ENOMEM; a block is its own or not. */
struct sf_heap {
    void *(*take)(size_t align, size_t size);
    void *(*move)(void *block, size_t size);
    void (*give)(void *block);
    bool (*has)(const void *block);
    size_t (*room)(const void *block);
};
extern const struct sf_heap *sf_inject_heap;

/* From here on nothing is injected any more; the watching goes on. */
void sf_inject_disarm(void);

/*
 * The ordinal of this process among those that use sockets, from 1; 0: not
 * yet.  Where sf_inject_enrol is set it gives the ordinal, when the first
 * socket is met.
 */
unsigned sf_inject_process(void);
extern unsigned (*sf_inject_enrol)(void);
/* In the child after a fork: it is another process. */
void sf_inject_forked(void);
/* Another process runs on this thread, or no longer: nothing is to be seen. */
void sf_inject_lend(bool lends);

/* The n of "the n-th call", everywhere, and the count of what was injected. */
void sf_inject_counters(sf_counter *each, void *arg);

/* Injected since sf_inject_begin, by fault. */
unsigned sf_injected(enum sf_fault fault);

/* --- for the wrappers ------------------------------------------------- */

/* A session is open.  The one thing a call that passes through looks at. */
extern int sf_on;

enum sf_verdict {
    SF_PASS,    /* none of ours: call libc and say nothing            */
    SF_PERFORM, /* call op->world, with op->len bytes at most, tell   */
    SF_ANSWER   /* do not call; sf_tell() knows what is answered      */
};

struct sf_op {
    /* What the wrapper says, of every call. */
    enum sf_call call;
    int fd;               /* -1 where there is none                     */
    int flags;            /* MSG_*, SOCK_* of what is made, F_* asked;
                           * REAP: options                              */
    size_t len;           /* bytes asked for; ask() may make it less    */
    struct sf_wait *wait; /* WAIT, else NULL                            */
    /* How many they are stands in the program's memory, of which nobody knows
     * whether it is there: found out where somebody asks.  False: the kernel
     * will refuse the call.  NULL: they are in len. */
    bool (*measure)(struct sf_op *op, bool taken);

    /* Set and asked for only at the calls that have it. */
    const void *where; /* measure: a vector, a message, or a row of them */
    size_t n_where;
    int other; /* socket: domain; select: nfds; epoll_ctl: the instance;
                * REAP: the child, 0 or below: any                       */
    int *pair; /* socketpair, pipe: where the numbers are                */
    const struct sockaddr *addr; /* connect                              */
    socklen_t addrlen;
    const struct epoll_event *event; /* epoll_ctl                       */
    bool expected; /* epoll_ctl: it is in the registry already           */

    /* What sf_ask() adds. */
    const struct sf_world *world;
    struct sf_conn *conn;
    int before;         /* enum sf_fd_state of fd, when the call began   */
    bool counts;        /* has to do with sockets: recorded, judged */
    struct sf_point at; /* filled where a chooser or the trace asks */
    enum sf_fault fault;
    unsigned target;
    size_t amount; /* SHORT: bytes; DELAY: milliseconds */
    size_t asked;  /* len before it was cut */
    /* Written down before it happens; fault is NONE when it then does not. */
    enum sf_fault intended;
    struct sf_record *record; /* of that, NULL: there was no room */
    unsigned *counted;        /* by the rule that wanted it, or NULL */
    int *err; /* where errno is, for to ask is a call; NULL: it is left */
    int saved_errno;

    /* What the wrapper got: set before sf_tell(). */
    long result;
};

enum sf_verdict sf_ask(struct sf_op *op);

/* As long as it was not measured: more than any call moves. */
#define SF_UNMEASURED ((size_t)SSIZE_MAX)

/* Its bytes into op->len.  `taken`: the kernel has read where they are. */
bool sf_measure(struct sf_op *op, bool taken);

/*
 * Copies memory of the program, which must not end us where the kernel would
 * have answered: so the kernel is asked, unless it has `taken` it already.
 */
bool sf_look(const struct sf_op *op, bool taken, void *to, const void *from,
             size_t len);

/* May there be faults that only a rule names? */
bool sf_inject_names(void);

/* The world that the calling thread is in, NULL: none. */
const struct sf_world *sf_inside(void);

/*
 * The call ended with op->result and, where that is -1, errno: account for
 * it.  Returns what the program gets, errno set to match.
 */
long sf_tell(struct sf_op *op);

/* The program is about to close all of these at once: as by close() of each,
 * and before it, since another thread may be given one of them. */
void sf_forget(unsigned first, unsigned last);

#endif
