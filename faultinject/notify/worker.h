/*
 * worker.h: a process that makes the calls of one process of the program.
 *
 * It has what the library has inside a program under preload: the accounts
 * of descriptors and connections, the monitors, a thread for each thread.
 * When the program's process forks, so does its worker, and the child knows
 * what the parent knew.
 */
#ifndef SF_WORKER_H
#define SF_WORKER_H

#include <linux/seccomp.h>
#include <sys/types.h>

/* To a worker, through its socket; FORK comes with the child's socket.  A child
 * whose process is not known yet (0) is told by SETTLE. */
struct sf_order {
    enum { SF_ORDER_CALL, SF_ORDER_FORK, SF_ORDER_SETTLE } what;
    pid_t pid;                 /* FORK, SETTLE: whose calls it makes */
    struct seccomp_notif told; /* CALL                              */
};

/*
 * Begin: the descriptors are ours from now on, and above all mirrors.  Only
 * returns with a line on standard error, when it cannot be.
 */
void sf_worker(int orders, int listener, pid_t pid);

#endif
