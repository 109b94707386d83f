/*
 * world.h: what stands below the injector and really does a call.
 *
 * There are three: `kernel` (kernel/) hands every call to libc, `simnet`
 * (simnet/) carries it out in memory, and `loopback` (loopback/) stands behind
 * simnet's interface and has the kernel's sockets; notify/ has `kernel` with
 * what must happen in the other process.  Each answers every call of calls.def
 * exactly as Linux would: same results, same errno, same order of checks.
 * A world never decides a fault and never looks at who called; the injector
 * never knows which world it has.
 *
 * Conventions.  All functions return what the libc call of that name does
 * and set errno only when they return -1.  Sizes are in bytes, times in
 * milliseconds unless the type says otherwise.  No function allocates.
 */
#ifndef SF_WORLD_H
#define SF_WORLD_H

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

/* What is rare is not to make what is frequent longer. */
#define SF_APART __attribute__((noinline))

struct mmsghdr; /* hidden from those who are not _GNU_SOURCE */
struct rusage;
struct itimerspec; /* … and in strict C */

/* What a descriptor is, as far as the fault model asks. */
enum sf_fd_type {
    SF_FD_CLOSED,   /* no such descriptor: calls on it answer EBADF      */
    SF_FD_OTHER,    /* a file, a datagram socket, an epoll instance, …   */
    SF_FD_STREAM,   /* a stream socket that is or was connected          */
    SF_FD_LISTENER, /* a listening stream socket                         */
    SF_FD_UNCONN    /* a stream socket, not yet connected or connecting  */
};

/*
 * The state of one descriptor at this moment: what the tables of the fault
 * model (docs/fault-model.md) take as their conditions.  In the kernel world
 * this costs system calls, so the injector asks only when a fault is wanted.
 */
struct sf_facts {
    enum sf_fd_type type;
    bool nonblock;      /* O_NONBLOCK is set                               */
    bool local;         /* AF_UNIX, not TCP                                */
    bool own;           /* … and the process connected to itself, as far as
                         * the kernel says who made the other end        */
    bool connecting;    /* connect() is under way                          */
    bool fin;           /* everything the peer sent is read, and it closed */
    bool settled;       /* AF_UNIX, and the peer has ended: no more comes  */
    bool snd_timeout;   /* SO_SNDTIMEO is set                              */
    bool low_water;     /* SO_RCVLOWAT: a read waits for several bytes     */
    bool signalled;     /* O_ASYNC: what is left waits for a SIGIO that
                         * nobody sends again                            */
    bool interruptible; /* a harmless signal that is not blocked has a
                         * handler without SA_RESTART: a blocking call can
                         * end in EINTR                                  */
    bool handled;       /* … has any handler: a wait can end in EINTR      */
    int error;          /* not 0: one is pending, and is met next          */
    size_t queued;      /* bytes that a read would get now                 */
    size_t space;       /* bytes that a write would take now               */
    bool racy;          /* more may arrive before the call is made         */
    size_t backlog;     /* connections waiting in a listener               */
};

struct sf_world {
#define PROCESS(name, returns, params, args, kind)
#define CALL(name, returns, params, args, kind) returns(*name) params;
#include "faultinject/calls.def"
#undef CALL

    /*
     * The numbers that this world owns, open or not.  Calls on a descriptor
     * of somebody else pass through to the kernel unseen.
     */
    int first, count;
    /* … and others that it has at this moment; NULL: none.  What the program
     * has made of one past the world's calls is seen when it is asked about. */
    bool (*owns)(int fd);

    /* Calls of every thread belong to it, not only of the one that began. */
    bool all_threads;

    /* Fill *facts; a number that is not open gives SF_FD_CLOSED.  Signals of
     * `mask` are blocked meanwhile; NULL: those that the thread blocks. */
    void (*facts)(int fd, const sigset_t *mask, struct sf_facts *facts);

    /* What the program gets for random bytes; NULL: the kernel's own. */
    void (*random)(void *to, size_t len);

    /* Copies what the program points to as a call would; false: EFAULT.  NULL:
     * it is read as it is, and shall crash where it leads nowhere. */
    bool (*peek)(void *to, const void *from, size_t len);
    /* Can that be read?  Asked before every wait, so what was there once is
     * believed to be.  NULL: it is read as it is. */
    bool (*there)(const void *at, size_t len);

    /*
     * Ways to make a fault true.  Each leaves the world as the real event
     * would, for this descriptor, its peer, and everybody who waits.
     */
    void (*reset)(int fd, int err); /* peer sees RST; here queued bytes are
                                     * read first, then err once, then 0 for
                                     * ever; writing fails with EPIPE      */
    void (*end)(int fd);            /* no more bytes from the peer: after
                                     * the queued ones 0 for ever          */
    void (*lose)(int fd);           /* after one of these: the queued ones
                                     * never arrived; NULL: it cannot      */
    void (*kill)(int fd);           /* the number is closed behind the
                                     * program's back and free for reuse;
                                     * NULL: it cannot                     */
    void (*forget)(int fd);         /* the program gives the number back, but
                                     * not by close(); NULL: it knows      */
    void (*drop)(int listener);     /* the oldest waiting connection is
                                     * aborted before it was accepted      */
    void (*exhaust)(bool on);       /* the table of descriptors is full
                                     * from now on, or no longer           */
    /* Edge-triggered waiters get a new edge if the descriptor is ready, and
     * one-shot ones a new shot where nobody saw the last. */
    void (*rearm)(int fd, bool unseen);
    /* A signal arrives now that is not blocked: runs a handler of the program;
     * false: it has none. */
    bool (*interrupt)(const sigset_t *mask);
};

static inline bool sf_world_owns(const struct sf_world *world, int fd)
{
    return (unsigned)fd - (unsigned)world->first < (unsigned)world->count ||
           (world->owns && world->owns(fd));
}

/*
 * The real kernel: libc, mended where a fault was made true and the kernel
 * would not quite behave as after the real event.  Owns every number.
 */
const struct sf_world *sf_kernel(void);

/* Who made the other end of a connection on AF_UNIX, 0: nobody it knows. */
pid_t sf_kernel_peer(int fd);

/* Its peek(), for what is read before any world is asked. */
bool sf_kernel_peek(void *to, const void *from, size_t len);
/* ... and its there(). */
bool sf_kernel_there(const void *at, size_t len);

/*
 * From here on its facts say nothing: the program has forbidden itself
 * system calls, and asking takes some.
 */
void sf_kernel_seal(void);

/*
 * While descriptors are exhausted, raises the limit to what the program thinks
 * it is, or lowers it again; false: they are not.
 */
bool sf_kernel_lift(bool on);

/*
 * The next definitions of the libc names and nothing else.  Each resolves
 * itself when first called, so they work before any constructor has run and
 * allocate nothing.
 */
struct sf_libc {
#define CALL(name, returns, params, args, kind) returns(*name) params;
#include "faultinject/calls.def"
#undef CALL
};
extern struct sf_libc sf_libc;
/* libc's syscall(): past every wrapper as well. */
long sf_syscall(long number, long a, long b, long c, long d, long e, long f);

/* What the kernel calls this process, whatever the program is told. */
pid_t sf_process(void);

/* Is the signal blocked by this mask; NULL: by the calling thread? */
bool sf_blocks(const sigset_t *mask, int signo);

#endif
