/*
 * wait.h: select, poll and epoll as the injector sees them.
 *
 * The wrapper (interpose/wait.c) knows how the arguments of its call look;
 * the injector only walks over members.  Events are poll's bits.
 */
#ifndef SF_WAIT_H
#define SF_WAIT_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>

enum { SF_NOBODY = -2 }; /* reported, and the program has closed it */

struct sf_member {
    int fd;       /* -1: nobody can tell */
    short events; /* asked for, or reported */
};

struct sf_wait;

struct sf_wait_shape {
    /*
     * The next member from *cursor on (0 at first), false when there is
     * none: what was asked for, and, after the call, what is reported.
     */
    bool (*asked)(const struct sf_wait *w, int *cursor, struct sf_member *m);
    bool (*reported)(const struct sf_wait *w, int *cursor, struct sf_member *m);
    /* In the call's place: report fd readable, and nothing else; false when
     * it is not waited for in such a way that this can be. */
    bool (*pretend)(struct sf_wait *w, int fd);
    /* Do not report these events of fd; true: then it is not reported. */
    bool (*hide)(struct sf_wait *w, int fd, short events);
    /* Report that fd is not open, of which w->dying was asked; NULL: that is
     * never reported. */
    void (*perish)(struct sf_wait *w, int fd);
    /* Numbers below `end` can be open: are its sets surely smaller than what
     * the kernel then looks at?  NULL: it has none. */
    bool (*overruns)(const struct sf_wait *w, int end);
    /* Can what the program says to wait for be read, and be meant?  Where not,
     * the kernel will refuse the call, and it is forgotten. */
    bool (*there)(struct sf_wait *w,
                  bool (*readable)(const void *at, size_t len));
    bool hangups; /* POLLRDHUP can be asked for, and is reported */
};

struct sf_wait {
    const struct sf_wait_shape *shape;
    int timeout_ms;       /* how long it may take at most; -1 for ever       */
    int result;           /* what the call returned, kept right by the shape */
    bool nap;             /* it names no descriptor: only time shall pass    */
    short dying;          /* events asked of what dies meanwhile             */
    const sigset_t *mask; /* blocked meanwhile; NULL: as ever, and what
                           * the program gives may be as short as Linux's */
    bool lost;            /* one of its pointers leads nowhere                */
};

#endif
