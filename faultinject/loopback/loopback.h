/*
 * loopback.h: the inside of the third world, for the files here only.
 *
 *     ends.c   peers' ends of connections, and who is at the other side
 *     slots.c  the program's descriptors
 *     wait.c   the clock, and waiting
 *     world.c  the program's calls, and the faults
 *
 * The program's numbers are those that simnet would give it, SF_SIM_FD and
 * up; peers keep theirs out of its way, from LOOP_PEER_FD on.
 */
#ifndef SF_LOOPBACK_H
#define SF_LOOPBACK_H

#include "faultinject/simnet/creep.h"
#include "faultinject/simnet/simnet.h"

#include <netinet/in.h>

enum { LOOP_PEER_FD = 2048 };

union loop_name {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_storage any_size;
};

/* A peer's end; its socket is a real one. */
struct sf_end {
    int fd;         /* the peer's, -1: not yet, or no longer              */
    int other;      /* the program's descriptor, -1: not accepted, closed */
    bool connected; /* once                                               */
    bool accepted;  /* once                                               */
    bool closed;    /* the peer has let go of it                          */
    bool harmed;
    size_t buffer;          /* bytes a direction holds                 */
    size_t sent, taken;     /* by the peer; … and read by the program    */
    size_t given, received; /* by the program; … and read by the peer    */
    union loop_name name, to;
    socklen_t name_len, to_len;
};

/* --- ends.c --- */

void loop_ends_begin(size_t buffer);
void loop_ends_end(void);
/* Bind to any free address instead of this one, which stands for it from now
 * on.  As bind(2). */
int loop_bind(int fd, const struct sockaddr *addr, socklen_t len);
/* The address that this one stands for, or this one. */
const struct sockaddr *loop_real(const struct sockaddr *addr, socklen_t *len);
/* As connect(2), of the program; the address is a real one. */
int loop_connect(int fd, const struct sockaddr *addr, socklen_t len);
/* The program made a connection: whose is it? */
void loop_join(int fd);
/* The program's descriptor is closed. */
void loop_part(int fd);
/* How much the program may send now; does Linux call that writable? */
size_t loop_room(int fd);
bool loop_is_writable(int fd);
/* From now on buffers are as large as the kernel makes them. */
void loop_free_buffers(void);
/* Is something under way that has not arrived? */
bool loop_in_flight(void);
/* The connection that has waited longest to be accepted, or NULL. */
struct sf_end *loop_oldest(void);

/* --- slots.c --- */

/* The program's first number will be this one, as it is in memory. */
void loop_slots_begin(int first);
/* The program got this descriptor; it is closed, by the program or behind its
 * back. */
void loop_open(int fd);
void loop_close(int fd, bool killed);
/* The limit that was set for descriptors: for the program's calls only, since
 * peers need descriptors, too. */
void loop_limit(bool on);

/* --- wait.c --- */

/* A call that would block: others act in the meantime.  0 when it need not
 * any more, else EINTR or EAGAIN. */
int loop_await(int fd, short events, int flags);
/* All calls of this world that wait or tell the time. */
void loop_own_waits(struct sf_world *w);

/* --- world.c --- */

struct loop {
    struct sf_sim_config config;
    uint64_t calls, alarm, changes;
    uint64_t arrived; /* changes, when all that was under way had arrived */
    int64_t now;
    struct sf_creep creep;
    uint64_t random;      /* the state of the generator */
    const sigset_t *mask; /* of the wait that the program is in; or NULL */
};
extern struct loop loop;

/* Says why on standard error, and ends the process with status 2. */
_Noreturn void loop_cannot(const char *why);
/* Something happened, by the program or a peer. */
void loop_changed(void);

#endif
