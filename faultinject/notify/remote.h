/*
 * remote.h: another process, whose calls we make for it.
 *
 * The thread that makes a call for the program has a table of descriptors of
 * its own, and in it, under the program's own numbers, copies of those the
 * call is about: mirrors.  So everything that knows a descriptor by its
 * number (accounts, plans, traces, epoll) knows it by the program's.  They
 * last for one call, since a copy keeps a connection open.
 */
#ifndef SF_REMOTE_H
#define SF_REMOTE_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Numbers from here on are ours, and no program's under --notify. */
enum { SF_MIRROR_MAX = 8192, SF_OWN_FDS = 8 };

/* The call that this thread makes, and for whom. */
struct sf_remote {
    int listener;
    int process; /* pidfd */
    pid_t pid;
    struct seccomp_notif told;
    bool untouched; /* the program makes the call itself, as it stands */
    bool masked;    /* it waits with another mask of signals           */
};
extern __thread struct sf_remote sf_remote;

/*
 * Make a mirror.  False with errno EBADF when there is no such number; and
 * when it is too high, or cannot be had, where the call is left untouched.
 */
bool sf_mirror(int fd);
/* Drop all of them, as at the end of every call. */
void sf_mirror_drop(void);

/*
 * The program gets a descriptor of ours, as `number` or, where that is -1,
 * as the lowest free one, and the mirror of it is there as well; ours is
 * closed.  Returns the number or -1 with errno.
 */
int sf_mirror_give(int fd, int number, bool cloexec);

/* Is there no number left, so that the next call would say EMFILE? */
bool sf_remote_is_full(void);
/* The lowest number that is not in use. */
int sf_remote_lowest(void);

/* Memory of the program: false with errno EFAULT. */
bool sf_peek(void *to, unsigned long from, size_t len);
bool sf_poke(unsigned long to, const void *from, size_t len);

/* Of /proc: signals as bits, signal 1 the lowest. */
struct sf_remote_signals {
    unsigned long pending; /* for this thread */
    unsigned long blocked;
    unsigned long caught;
};
bool sf_remote_signals(struct sf_remote_signals *signals);

/* A number that execve changes: where its arguments begin; 0: it is gone. */
unsigned long sf_remote_image(pid_t process);

/* Of the process; those of its other threads are not counted. */
bool sf_remote_has_children(void);

/* The process a thread belongs to, and its parent; false: it is gone. */
bool sf_remote_family(pid_t thread, pid_t *process, pid_t *parent);

#endif
