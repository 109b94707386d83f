/*
 * filter.h: some system calls of a program are told to somebody else.
 *
 * The kernel's seccomp user notification: a process installs a filter, and
 * from then on each call that the filter names waits, in this process and in
 * all that come from it, until the one who holds the listener has answered.
 */
#ifndef SF_FILTER_H
#define SF_FILTER_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sf_filter {
    const int *told; /* numbers of calls that are told               */
    size_t n_told;
    int refused; /* answered ENOSYS without asking; -1: none */
    /* Calls with this as the sixth argument are not told; 0: there are none. */
    uint64_t cookie;
    bool only_streams; /* of socket() and socketpair() */
};

/*
 * What the kernel tells, and is answered.  Its own structs may be longer than
 * those that we were compiled with; all that is not filled in has to be 0.
 */
enum { SF_LONGER_MAX = 256 };
struct sf_told_call {
    struct seccomp_notif told;
    char more[SF_LONGER_MAX];
};
struct sf_told_answer {
    struct seccomp_notif_resp resp;
    char more[SF_LONGER_MAX];
};

/* Where the process with the filter meets the one who listens. */
struct sf_meeting;

/* NULL where there is no memory.  Made before the fork. */
struct sf_meeting *sf_meeting_new(void);

/*
 * In the child: install the filter, and wait until the listener was taken.
 * 0, or an errno: nothing was installed then.
 */
int sf_filter_offer(struct sf_meeting *meeting, const struct sf_filter *filter);

/* In the parent: the listener, or -1 with errno when there is none (ESRCH: the
 * child has ended).  The meeting is over. */
int sf_filter_take(struct sf_meeting *meeting, pid_t child);

#endif
