/*
 * turns.h: the threads of a program in memory, one at a time.
 *
 * simnet is for one thread.  Where a program makes more of them, one has the
 * turn: it runs, and all others sleep, until it waits for something: for the
 * world, for time, for a lock or another thread.  Whose turn is next depends on
 * nothing but the order in which they were made and on what they do, so that a
 * session is the same run on any machine.  Between two waits a thread is not
 * interrupted.
 *
 * Who waits has looked in vain, and looks again in its turn, once anything has
 * changed.  Where all have looked in vain nobody can go on by himself: then the
 * first thread lets peers act or time pass, as where it is alone.  It is the
 * one that gets the process's signals.
 */
#ifndef SF_TURNS_H
#define SF_TURNS_H

#include "faultinject/inject/area.h"
#include "faultinject/inject/counter.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* The calling thread is the first one, and has the turn. */
void sf_turns_begin(void);
/* Says why a thread cannot take turns, and ends the program. */
extern void (*sf_turns_cannot)(const char *why);
/* In a child by fork: it has one thread, and no world. */
void sf_turns_abandon(void);
/* How many there are, where all but the calling one wait for their turn and a
 * fork can have them all; else 0.  The fork knows nothing of the handlers of
 * pthread_atfork(3). */
unsigned sf_turns_at_rest(void);
pid_t sf_turns_fork(void);
/* In such a fork: what the kernel calls the thread; 0: what libc does. */
pid_t sf_turns_real(pthread_t id);

/* Parts of stacks that are not in use: of each thread, where the calling one's
 * is in use from `own` on.  Says how many. */
struct sf_unused {
    const char *low, *end;
};
unsigned sf_turns_stacks(const char *own, struct sf_unused *stacks,
                         unsigned most);
/* Makes the next of it 0, where it is sure that nobody uses it. */
void sf_turns_clear_stack(void);

/* The calling thread is one that takes turns.  All others, and before the
 * beginning all of them, do as they would without us. */
bool sf_turns_mine(void);

/* For whoever watches the process from outside. */
struct sf_turns_seen {
    uint32_t threads;
    uint32_t has;   /* the turn: 1 is the first                  */
    uint64_t asked; /* so often one asked whether others can go on */
    int32_t child;  /* … and that is this process; 0: the first one */
};
void sf_turns_show(struct sf_turns_seen *to);

/* From now on its end is seen: who yields then is a sanitizer's, which has
 * stopped all other threads and waits for no turn. */
void sf_turns_await_end(void);
bool sf_turns_over(void);

/*
 * Processes.  Where they share these areas, and the world, each is a turn of
 * its own, and has one thread.
 */
void sf_turns_areas(sf_area *each, void *arg);
/* Before the first fork of such a one: they are shared. */
void sf_turns_share(void);
/* The calling one's, and how many threads it has. */
struct sf_turn *sf_turns_own(void);
unsigned sf_turns_threads(void);
/* In the child: it has a turn, and is here when it comes. */
struct sf_turn *sf_turns_born(void);
void sf_turns_enter(void);
/* A process that was executed goes on with the turn that it had. */
void sf_turns_resume(struct sf_turn *turn);
/* In the parent, once it is born. */
void sf_turns_has_child(void);
/* The calling one takes no turns from here on. */
void sf_turns_leave(void);
/* Another one has ended, perhaps in its turn. */
void sf_turns_died(struct sf_turn *turn);
/* It has to look whatever it waits for. */
void sf_turns_rouse(struct sf_turn *turn);
/* Is it the one that has the turn?  What it is called: the first is 1. */
bool sf_turns_has(const struct sf_turn *turn);
unsigned sf_turns_number(const struct sf_turn *turn);
/* Asked now and then by those who wait for their turn: does somebody have it?
 * Told when it has come; in both cases before signals do that this mask lets
 * through.  Asked
 * where nobody can go on: has anything happened to those that take no turns?
 * NULL: nobody is. */
extern void (*sf_turns_in_vain)(const sigset_t *mask);
extern void (*sf_turns_has_come)(const sigset_t *mask);
extern bool (*sf_turns_calm)(void);

/* Waits.  0: look again; -EAGAIN: that time (ns, by simnet's clock) has come.
 * The second is a cancellation point, and so is the third, which also ends with
 * -EINTR where a handler has run that lets no call go on. */
int sf_turns_wait(int64_t until);
int sf_turns_wait_or_end(int64_t until);
int sf_turns_wait_or_handle(int64_t until);
/* The same, where it looks at nothing but *woken: so it needs no turn before.
 */
int sf_turns_sleep(const bool *woken, int64_t until, bool firm);
/* It is cancelled or gets a signal, and has to look whatever it waits for. */
void sf_turns_disturb(pthread_t id);
/* Another thread may wait for what was done now. */
void sf_turns_changed(void);

/* Before a thread does what others may have undone or see: whoever decides can
 * have them go on first, until all of them wait or have made some calls. */
void sf_turns_point(void);

/* What only counts (counter.h); before simnet's, which it compares it with. */
void sf_turns_counters(sf_counter *each, void *arg);

/* Does one of them let this signal come?  Its handler runs in its turn. */
bool sf_turns_takes(int signo);

/* Before a call on a descriptor of the real kernel, which is to let the thread
 * wait in its turn only; false: its time limit is over. */
struct sf_op;
bool sf_turns_await_real(const struct sf_op *op);

/* A number of syscall(3) that is in no world; true: it was done. */
bool sf_turns_syscall(long number, const long args[6], long *result);

/* --- threads */
struct sf_turn;

/* For one that is about to be made; NULL: there are too many. */
struct sf_turn *sf_turns_new(void *(*run)(void *), void *arg, bool detached);
/* Libc makes its stack, of that size. */
void sf_turns_has_stack(struct sf_turn *turn, size_t size);
/* What it runs, with its turn as argument. */
void *sf_turns_run(void *turn);
/* What has become of it: its name, or that it could not be made. */
void sf_turns_made(struct sf_turn *turn, pthread_t id);
void sf_turns_not_made(struct sf_turn *turn);
/* One that somebody may still join; NULL: it does not take turns. */
struct sf_turn *sf_turns_find(pthread_t id);
bool sf_turns_ended(const struct sf_turn *turn);
/* Nobody will join it, or it was joined. */
void sf_turns_forget(struct sf_turn *turn);

#endif
