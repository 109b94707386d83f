/*
 * chooser.h: the one kind of decision.
 *
 * Everything that the program under test does not determine is a call of
 * choose(), which answers 0 … n-1, and 0 is always what would have happened
 * anyway.  Nothing else in sockfault is random.
 */
#ifndef SF_CHOOSER_H
#define SF_CHOOSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "faultinject/inject/fault.h"

/* How a connection came to be. */
enum sf_role {
    SF_ROLE_NONE,   /* no connection, or inherited from another program  */
    SF_ROLE_CLIENT, /* connect()                                         */
    SF_ROLE_SERVER, /* accept()                                          */
    SF_ROLE_PAIR,   /* socketpair()                                      */
    SF_ROLE_COUNT
};
extern const char *const sf_role_names[SF_ROLE_COUNT];

/*
 * The address of a peer: that of IPv6, or of IPv4 as such, or what stands for
 * the path of AF_UNIX.  Zero: not known.
 */
struct sf_address {
    uint8_t bytes[16];
    unsigned port; /* 0: not known */
};

/*
 * Where a decision is made.  An address that survives: the n-th call of this
 * name on this connection, and the offset in the stream, rather than the
 * n-th call of the process.
 */
struct sf_point {
    enum sf_call call; /* which libc name                                */
    int fd;            /* the descriptor, -1 where there is none         */
    unsigned conn;     /* ordinal of the connection, from 1; 0: none     */
    enum sf_role role;
    unsigned role_ordinal; /* of the connection, among those of its role */
    unsigned process;      /* ordinal of the process, from 1                 */
    unsigned nth;          /* n-th call of this name on this connection (or,
                            * where there is none, in this process), from 1  */
    unsigned total;        /* n-th call of this name in this process, from 1 */
    unsigned kind_nth;     /* the same two for all calls of this kind      */
    unsigned kind_total;
    unsigned streak; /* transient results in a row up to here            */
    const struct sf_address *peer; /* NULL: there is no connection     */
    uint64_t offset; /* bytes moved before in this direction           */
    size_t len;      /* bytes asked for                                */
};

/* One thing that may happen at a point; outcomes[0] is always NONE. */
struct sf_outcome {
    enum sf_fault fault;
    unsigned target; /* DEADFD, SPURIOUS, …: the connection it is done to */
    size_t max;      /* SHORT: 1 … max bytes may be moved; DELAY: 1 … max
                      * milliseconds may pass; else 0                     */
};

struct sf_chooser {
    /* False: certainly 0 at this call.  Spares finding out where it is. */
    bool (*wants)(struct sf_chooser *self, enum sf_call call);
    /* False: certainly 0 at this point.  Spares asking for the facts; NULL
     * for a chooser that never says so. */
    bool (*cares)(struct sf_chooser *self, const struct sf_point *at);
    /* The kinds of calls that move bytes at which it is certainly 0 on the
     * connection of `at`, where nothing but that is said; NULL: none. */
    unsigned (*spares)(struct sf_chooser *self, const struct sf_point *at);
    /*
     * Which of the n > 1 outcomes happens: 0 … n-1.  Where that is SHORT,
     * *amount is set to how many of its 1 … max bytes are moved, and where it
     * is DELAY to how long it takes.
     */
    unsigned (*choose)(struct sf_chooser *self, const struct sf_point *at,
                       const struct sf_outcome *outcomes, unsigned n,
                       size_t *amount);
    /* It wants the faults that only a rule can name, too. */
    bool names;
};

/*
 * The bytes of a fuzz input as a fault tape (choose_bytes.c).  The tape is a
 * row of three-byte steps (skip, which, amount): let `skip` decisions go by,
 * then take outcome 1 + which % (n-1), moving sf_tape_amount() bytes where it
 * is SHORT.  A step whose turn comes where nothing is possible waits for the
 * next decision.  A step whose `which` is SF_TAPE_PAUSE takes nothing and
 * lets that decision go by, too.  A tape that runs out answers 0 for ever, so
 * every prefix of a tape is a tape.  The bytes stay the caller's.
 */
enum { SF_TAPE_PAUSE = 255 };

struct sf_tape {
    struct sf_chooser chooser;
    const uint8_t *bytes;
    size_t len;
    size_t at;       /* the step that comes next */
    unsigned passed; /* decisions since the last */
};

/* 1 … max.  Where a byte cannot say all of them it says those near the two
 * ends, and half. */
size_t sf_tape_amount(uint8_t byte, size_t max);

void sf_tape_init(struct sf_tape *tape, const uint8_t *bytes, size_t len);

#endif
