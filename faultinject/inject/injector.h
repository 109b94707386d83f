/*
 * injector.h: what the files of the injector share with each other.
 */
#ifndef SF_INJECTOR_H
#define SF_INJECTOR_H

#include <errno.h>
#include <sys/single_threaded.h>

#include "faultinject/inject/conn.h"
#include "faultinject/inject/inject.h"
#include "faultinject/inject/model.h"

struct sf_injector {
    const struct sf_world *world;
    struct sf_chooser *chooser;
    enum sf_profile profile;
    bool points;       /* somebody asks where calls are */
    unsigned process;  /* 0: has not met a socket yet   */
    uint64_t *seen;    /* by call; NULL: every call goes the long way */
    uint32_t *writing; /* see control.h */
    unsigned total[SF_CALL_COUNT];
    unsigned kind_total[SF_KIND_COUNT];
    unsigned streak;      /* transient results of calls on no connection */
    unsigned refusals;    /* EMFILE: still to come, 0: the table is not full */
    unsigned last_closed; /* the youngest connection the program closed */
    unsigned inherited;   /* connections that there were before the fork */
    bool killed;          /* a descriptor died by a fault */
    unsigned injected[SF_FAULT_COUNT];
};
extern struct sf_injector sf_injector;

/* What the calling thread is at. */
struct sf_thread {
    bool mine;         /* it began the session */
    bool lender_busy;  /* `busy` before it was lent */
    bool again;        /* what the chooser chose may not be all at this call */
    unsigned lent;     /* to children of vfork(), each to the next */
    unsigned *counted; /* where the chooser says that what it chose is done */
    const void *new_caller; /* says `new`, and nobody was asked yet (new.c) */
    bool new_fails;         /* malloc() does, as was decided before         */
    bool new_looks;         /* what is allocated meanwhile is ours          */
    union {
        struct {
            bool busy;  /* in the injector: what it calls now is its own   */
            bool alert; /* what it called lets a monitor look at the next  */
        };
        uint16_t busy_or_alert; /* not 0: one of them */
    };
};
extern __thread struct sf_thread sf_thread
    __attribute__((tls_model("initial-exec")));

/* Two stores around each call that writes to a connection.  A world in memory
 * raises SIGPIPE itself, and knows. */
static inline void sf_say_writing(uint32_t whether)
{
#ifdef SF_IN_MEMORY
    (void)whether;
#else
    *sf_injector.writing = whether;
#endif
}

static inline void sf_write_begins(void)
{
    sf_say_writing(1);
}

static inline void sf_write_ends(void)
{
    if (__libc_single_threaded)
        sf_say_writing(0);
}

/* What is blocked in the call; NULL: as ever in this thread. */
const sigset_t *sf_mask(const struct sf_op *op);

/* A connection could not be made; a reset, or an end, is of one that had come
 * about. */
static inline bool sf_error_of_connect(int err)
{
    return err == ECONNREFUSED || err == ETIMEDOUT || err == ENETUNREACH ||
           err == EHOSTUNREACH || err == EADDRNOTAVAIL;
}

/* perform.c: what was chosen happens, before the call or instead of it. */
enum sf_verdict sf_perform(struct sf_op *op);
/* The time that is all of a fault, if no signal ends it.  errno is lost. */
void sf_let_pass(struct sf_op *op);
/* EMFILE ends: a descriptor was given back. */
void sf_relieve(void);
/* A new edge for whoever waits for it, by this number or a copy of it; unseen:
 * and a new shot, since the program was not told of the last. */
void sf_rearm(const struct sf_op *op, int fd, bool unseen);
/* Close gives the number back. */
void sf_give_back(struct sf_op *op);
/* The number was closed.  Where a copy of it lives the kernel goes on telling
 * of it, but takes no more registrations by that number. */
void sf_unregister(int fd);
/* A number is no longer what it was. */
void sf_gone(int fd, enum sf_fd_state state);

/* Ordinals go up at every call, whether or not anybody asks for this one. */
static inline void sf_count_call(struct sf_conn *conn, enum sf_call call)
{
    int kind = sf_calls[call].kind_index;

    sf_injector.total[call]++;
    sf_injector.kind_total[kind]++;
    if (conn) {
        conn->nth[call]++;
        conn->kind_nth[kind]++;
    }
}

/* Bytes of the connection moved in that direction. */
static inline void sf_moved(struct sf_conn *conn, int way, size_t bytes)
{
    conn->ready[way] = false;
    conn->moved[way] += bytes;
    if (way == SF_IN)
        conn->promised -= bytes < conn->promised ? bytes : conn->promised;
}

/* account.c: the call has ended with op->result, err its errno. */
void sf_account(struct sf_op *op, int err);

#endif
