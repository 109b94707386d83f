/*
 * process.h: what the files of this folder know of the processes; see forks.h.
 */
#ifndef SF_PROCESS_H
#define SF_PROCESS_H

#include "faultinject/forks/forks.h"
#include "faultinject/forks/shared.h"
#include "faultinject/threads/turns.h"

/* What has become of it. */
enum sf_life {
    SF_LIVES, /* it takes turns                                      */
    SF_EXECS, /* it runs another program, and has what that has open */
    SF_ENDED, /* … or it is about to, and does no more               */
    SF_REAPED
};

enum { SF_ORPHAN = SF_SHARES_MAX };

struct sf_child {
    pid_t pid;
    unsigned parent;      /* its place among them, or SF_ORPHAN  */
    struct sf_turn *turn; /* NULL: it has none any more */
    enum sf_life life;
    bool noted;      /* its parent has SIGCHLD               */
    bool sent;       /* somebody has sent it a signal        */
    bool told;       /* how it ended, to whoever wants to know */
    int crash;       /* … by this                            */
    bool executes;   /* … as soon as it is there, and has its turn still */
    bool begins;     /* its parent waits until it is there (spawn.c), … */
    int failed;      /* … which it cannot be, as execve(2) says          */
    unsigned waited; /* so many milliseconds, as it executes something */
};

struct sf_children {
    _Alignas(SF_AREA_PAGE) struct sf_child at[SF_SHARES_MAX];
    unsigned n;
    pid_t harness; /* the group of whoever has started the first */
};
extern struct sf_children sf_children; /* the first is no child */
extern unsigned sf_forks_own;          /* the calling one's place */
extern struct sf_forks sf_forks_how;

/* It has ended, or is about to and does no more: all that it had is closed, and
 * its parent is told in its turn.  Not of the calling process. */
void sf_child_died(struct sf_child *child);
/* The calling one's part in it: its turn is over for good. */
void sf_child_leaves(enum sf_life how);

/* Where turns ask (turns.h), a signal was sent (pid.h), or a file
 * is to be locked (inject.h). */
void sf_forks_sent(pid_t process, int signo);
bool sf_forks_lock(int fd, int command, long arg, int *result);
bool sf_forks_kill(pid_t group, int signo, int *result);
void sf_forks_in_vain(const sigset_t *mask);
bool sf_forks_calm(void);
void sf_forks_has_come(const sigset_t *mask);
void sf_forks_note_children(void);

/* Has this done with each file of that name in PATH, until one is not passed
 * over, as libc looks for what is to be executed: exec.c. */
typedef int sf_execute(const char *path, char *const *argv, char *const *envp);
int sf_forks_search(const char *file, char *const *argv, char *const *envp,
                    sf_execute *execute);

/* What the kernel says: has it ended, and how?  As from waitpid(2). */
bool sf_child_is_gone(pid_t pid, int *status);

/* In a process that was executed: the nth's part of all. */
bool sf_forks_attach(int file, unsigned n);

/* For a millisecond of the machine's. */
void sf_forks_sleep(void);

#endif
