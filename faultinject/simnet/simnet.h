/*
 * simnet.h: a kernel in memory.
 *
 * The second world (world.h): sockets, pipes, select, poll, epoll, and a
 * clock, for one program and the peers it talks to.  Nothing waits and nothing
 * is allocated; the same calls give the same results in any process.  What each
 * call answers follows Linux (tcp_poll, unix_stream_connect, … of 6.x);
 * README.md lists the known differences.
 *
 * Descriptors.  The numbers from SF_SIM_FD on belong to simnet, lowest free
 * first; calls on other numbers go to the real kernel untouched.  A wait
 * that names none of its numbers goes there as well.
 *
 * Time.  CLOCK_MONOTONIC starts at SF_SIM_EPOCH_NS; the real-time clock
 * stands 10^9 s ahead of it.  Calls take no time, but for who does nothing but
 * ask for it (creep.h).  When the program waits and nothing is ready, `idle` of
 * the configuration is asked to let something happen; if it has nothing to
 * offer, time jumps to the end of the wait, and a wait without end is the
 * finding "stall".
 *
 * Chance.  What the program asks for as random are the bytes of a fixed
 * generator (random.h), the same in each session.
 *
 * Ports.  Several sockets may listen at one, by SO_REUSEPORT.  A connection is
 * that listener's which its sender's port, modulo their number, says; and
 * senders are given ports one after the other.
 *
 * Errors here are negative errno values, as inside a kernel.
 */
#ifndef SF_SIMNET_H
#define SF_SIMNET_H

#include "faultinject/inject/area.h"
#include "faultinject/inject/counter.h"
#include "faultinject/inject/fault.h"
#include "faultinject/world.h"

/* Where the program's own files cannot be kept below 8, as under a preload,
 * the build says where the first number is: a multiple of 64. */
#ifndef SF_SIM_FIRST
#define SF_SIM_FIRST 8
#endif

enum {
    SF_SIM_FD = SF_SIM_FIRST,
    SF_SIM_FD_COUNT = 2048,  /* how many there are                        */
    SF_SIM_BUFFER = 1 << 16, /* the most bytes a connection can hold      */
};
/* Seconds before 2^32 milliseconds: who counts those in 32 bits is seen. */
#define SF_SIM_EPOCH_NS INT64_C(4294965000000000)
#define SF_SIM_WALL_NS                                    \
    INT64_C(1000000000000000000) /* CLOCK_REALTIME, ahead \
                                  */
#define SF_SIM_NEVER INT64_MAX

/* Nanoseconds; -1: no limit, or one that nobody lives to see; -2: it is no
 * time. */
static inline int64_t sf_sim_ns(const struct timespec *ts)
{
    if (!ts)
        return -1;
    if (ts->tv_sec < 0 || ts->tv_nsec < 0 || ts->tv_nsec > 999999999)
        return -2;
    return ts->tv_sec > INT64_C(9000000000)
               ? -1
               : ts->tv_sec * 1000000000 + ts->tv_nsec;
}

/* As Linux takes it: its microseconds may be more than a second. */
static inline int64_t sf_sim_ns_of_timeval(const struct timeval *tv)
{
    if (!tv)
        return -1;
    if (tv->tv_sec < 0 || tv->tv_usec < 0)
        return -2;
    return tv->tv_sec > INT64_C(8000000000) ||
                   tv->tv_usec > INT64_C(1000000000000000)
               ? -1
               : tv->tv_sec * 1000000000 + tv->tv_usec * 1000;
}

static inline int64_t sf_sim_ns_of_ms(int ms)
{
    return ms < 0 ? -1 : (int64_t)ms * 1000000;
}

/* Of the time-out of any call that waits. */
/* clang-format off */
#define sf_sim_limit(timeout)                           \
    _Generic((timeout),                                 \
             int: sf_sim_ns_of_ms,                      \
             struct timeval *: sf_sim_ns_of_timeval,    \
             const struct timespec *: sf_sim_ns)(timeout)
/* clang-format on */

/* What came of asking for something to happen. */
enum sf_sim_wake {
    SF_SIM_NOTHING, /* nobody will act before `until`: let time pass   */
    SF_SIM_ACTED,   /* somebody did something: look again              */
    SF_SIM_SIGNAL,  /* a signal with a handler arrived: EINTR          */
    SF_SIM_RESUMES  /* … with SA_RESTART: a call goes on, but no wait  */
};

struct sf_sim_config {
    size_t buffer; /* bytes a direction of a connection holds; 0: all of
                    * SF_SIM_BUFFER                                       */
    size_t window; /* … of which this many are on the peer's side, and so
                    * survive a reset; 0: all                             */
    int fd_first;  /* the lowest number to hand out; 0: SF_SIM_FD         */
    int fd_limit;  /* RLIMIT_NOFILE: numbers are below it; 0: none        */
    bool handlers; /* the program has a signal handler, so that waits and
                    * blocking calls can be interrupted                   */
    bool set_wall; /* the real-time clock is set: an hour back, and forward
                    * again, each few seconds                             */
    bool hastens;  /* time goes on fast for who only asks what it is      */
    int signo;     /* … of this signal, where it does not block it; 0: it
                    * never does                                          */

    const struct sf_world *signals; /* what handles them is the program's own
                                     * affair: ask this world; NULL: there is
                                     * `signo`                             */

    sa_family_t barred; /* sf_sim_bar() */
    int barred_err;

    /* Nothing is ready for the program, which waits until `until`. */
    enum sf_sim_wake (*idle)(void *arg, int64_t until);
    /* The program makes the call that sf_sim_alarm() named; before anything
     * is done. */
    void (*before)(void *arg, enum sf_call call);
    /* A call answered EBADF; its first argument.  May be NULL. */
    void (*stale)(void *arg, enum sf_call call, int fd);
    /* After every call: its first argument, the size asked for or how long to
     * wait (ns; < 0: for ever), the result, and errno if that was -1.  May be
     * NULL. */
    void (*after)(void *arg, enum sf_call call, long first, long asked,
                  long result, int err);
    /* A signal arrives for the program, outside a wait: run its handler.  Not
     * while sf_sim_blocks() it. */
    void (*signal)(void *arg);
    void *arg;
};

/* Is the program's signal blocked by this mask; NULL: by the thread? */
static inline bool sf_sim_is_blocked(const struct sf_sim_config *c,
                                     const sigset_t *mask)
{
    return c->signo && sf_blocks(mask, c->signo);
}

/*
 * Threads.  Only one at a time may be in this world.  Who calls and has nothing
 * ready, and waits until *until, lets others go on; who `naps` has nothing to
 * look at but that time.  NULL: there is one thread.
 * How many there are, and the number of the one that is here: 1 is the first.
 */
enum sf_sim_turn {
    SF_SIM_OWN,     /* none could; *until is when the first wait ends */
    SF_SIM_OTHERS,  /* one did: look again                            */
    SF_SIM_STRUCK,  /* … and a handler of this thread has run         */
    SF_SIM_RESTARTS /* … which lets a call go on, but no wait         */
};
extern unsigned sf_sim_threads, sf_sim_thread;
extern enum sf_sim_turn (*sf_sim_others)(int64_t *until, bool naps);
/* Such a wait for nothing of this world, by a thread of the program.  0: look
 * again; -EAGAIN: that time has come; -EINTR: a handler has run. */
int sf_sim_wait(int64_t until);

/* The vtable; works between begin and end. */
const struct sf_world *sf_simnet(void);

/* Empty world, time at its beginning.  NULL: all defaults. */
void sf_sim_begin(const struct sf_sim_config *config);
void sf_sim_end(void);
/* Another configuration; the world goes on as it is. */
void sf_sim_configure(const struct sf_sim_config *config);

int64_t sf_sim_now(void);
void sf_sim_set_now(int64_t now); /* never back */
/* Goes up whenever anything changes in the world: bytes moved, descriptors
 * opened or closed, time passed. */
uint64_t sf_sim_changes(void);
/* … or is asked or set, but for time that ends no more than waits. */
uint64_t sf_sim_events(void);
/* Calls made by the program. */
uint64_t sf_sim_calls(void);
/* The program's signal is blocked: by the mask that the wait was called with,
 * or by the thread's own. */
bool sf_sim_blocks(void);
/* `before` is asked at that call and at all later ones, until a later alarm
 * is set; at first never. */
void sf_sim_alarm(uint64_t call);
/* The three numbers above, and how often each file was told that something
 * happened, which only EPOLLET looks at. */
void sf_sim_counters(sf_counter *each, void *arg);
/* From now on bytes that are gone leave nothing behind, in no session: what is
 * in the same state is so byte by byte.  clear() makes them 0. */
void sf_sim_be_tidy(void (*clear)(void *at, size_t len));
/* … nor of the stack, on which a thread waits; NULL: no matter. */
extern void (*sf_sim_wipe)(void);
void sf_sim_times(sf_counter *each, void *arg); /* what the time is */
/* Descriptors open now, and the first of them or -1. */
unsigned sf_sim_open(int *first);
bool sf_sim_is_open(int fd);
/* Its connect() has come to something, or it was accepted. */
bool sf_sim_was_connected(int fd);
/* Where the program listens, at first if in several places; NULL: nowhere. */
const struct sockaddr *sf_sim_listener(socklen_t *len);
/* From now on, in whatever world: where else it listens does not count. */
void sf_sim_listens_only(const struct sockaddr *addr, socklen_t len);
/* It is closed, and a fault did it (kill). */
bool sf_sim_was_killed(int fd);
/* It is closed, and the program did it; of a child that closes all that there
 * may be: itself, and not its parent before. */
bool sf_sim_gave_back(int fd);
/* It was killed, and the program could know: a call on it, or a wait, said
 * EBADF. */
bool sf_sim_was_told(int fd);
void sf_sim_tell(int fd); /* < 0: of all that are closed */
/* How much connections hold that are made from now on; at most
 * SF_SIM_BUFFER. */
void sf_sim_set_buffer(size_t bytes);
/* EMFILE from now on for numbers >= limit; 0: no limit. */
void sf_sim_set_fd_limit(int limit);
/* The machine reaches no address of this family from now on: connect() says
 * err, as with EADDRNOTAVAIL where IPv6 is off; 0: it does. */
void sf_sim_bar(sa_family_t family, int err);
/* The lowest number that is free. */
int sf_sim_lowest(void);
/* Told of one that has become 0, 1 or 2.  NULL: none can. */
extern void (*sf_sim_onto_low)(int fd);
/* … and, in a program that was executed, of all that are so. */
void sf_sim_meet_low(void);
/* Told before a descriptor is to get a number that is not simnet's, which is
 * refused; may not return.  NULL: it is refused and nobody is told. */
extern void (*sf_sim_out_of_reach)(int fd, int newfd);
/* The same of one that is to raise SIGIO, which is refused as well. */
extern void (*sf_sim_no_sigio)(int fd);
/* … and of a message that passes descriptors on (SCM_RIGHTS), which arrives
 * without them. */
extern void (*sf_sim_no_rights)(int fd);

/*
 * Processes.  The world is in these areas, and what is a process's own in one:
 * its descriptors and its alarm clock.  Who has copied that as fork(2) does
 * calls inherit().  abandon() closes the descriptors of a process, the calling
 * one's or another's: all, or those that exec(2) closes.
 */
struct sim_own;
void sf_sim_areas(sf_area *each, void *arg);
struct sim_own *sf_sim_own(size_t *size);
void sf_sim_inherit(void);
void sf_sim_abandon(struct sim_own *own, bool all);
/* How many of its descriptors are connections, and the last of them or -1. */
unsigned sf_sim_connections_of(const struct sim_own *own, int *last);

/*
 * Peers.  An end is a socket that no descriptor names: what the other side
 * of a connection holds.  Functions on ends never wait.
 */
struct sf_end;

/* Connect to a listener of the program; its backlog decides whether the
 * connection is made now, or once the program accepts.  NULL: refused. */
struct sf_end *sf_end_connect(const struct sockaddr *addr, socklen_t len);
/* Listen at an address for the program to connect to; NULL: in use.  While
 * it is held, connections are neither made nor refused. */
struct sf_end *sf_end_listen(const struct sockaddr *addr, socklen_t len,
                             int backlog);
void sf_end_hold(struct sf_end *listener, bool held);
/* … at every TCP address that nobody else has. */
struct sf_end *sf_end_listen_anywhere(int backlog);
struct sf_end *sf_end_accept(struct sf_end *listener); /* NULL: nobody */
/* A connection whose other end is a descriptor of the program, as by
 * socketpair; *fd is -1 and NULL is returned when there is no number free. */
struct sf_end *sf_end_pair(sa_family_t family, int *fd);

ssize_t sf_end_send(struct sf_end *end, const void *bytes, size_t len);
ssize_t sf_end_recv(struct sf_end *end, void *bytes, size_t len);
int sf_end_shutdown(struct sf_end *end, int how);
void sf_end_close(struct sf_end *end);          /* the end is gone       */
void sf_end_abort(struct sf_end *end);          /* RST; the end is gone  */
size_t sf_end_queued(const struct sf_end *end); /* bytes to be received  */
size_t sf_end_unread(const struct sf_end *end); /* bytes the program has
                                                 * not read yet          */
/* The program has ended its stream; what it sent before may be unread here. */
bool sf_end_ended(const struct sf_end *end);
/* Could the program write to this connection now? */
bool sf_end_writable(const struct sf_end *end);
bool sf_end_connected(const struct sf_end *end); /* made, or made once    */
/* It is no longer in the backlog: the program took it, or made it. */
bool sf_end_accepted(const struct sf_end *end);
/* … or could it accept it? */
bool sf_end_waits(const struct sf_end *end);
/* How many seconds after the last byte TCP would tell the program that this end
 * has vanished; 0: never, it has not asked for SO_KEEPALIVE. */
int sf_end_kept_alive(const struct sf_end *end);
/* The program has this connection, through this descriptor; else -1. */
int sf_end_fd(const struct sf_end *end);
/* The end whose other side is the program's descriptor, or NULL. */
struct sf_end *sf_end_of(int fd);
/* A fault was made true on this connection (reset, end, kill, drop). */
bool sf_end_harmed(const struct sf_end *end);
/* What decides nothing any more once the program has let go of it, and its end
 * was received here: all that can follow is that this end is closed, and nobody
 * binds the port that it had. */
void sf_end_forgotten(struct sf_end *end, sf_counter *each, void *arg);

#endif
