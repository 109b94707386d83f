/*
 * sim.h: the inside of simnet, for its own files.
 *
 * One open file is one `struct sf_end`, named by any number of descriptors
 * (or by a peer).  Two connected ends point at each other; the bytes on their
 * way lie in the queue of the end that will read them.
 *
 *      program                                   peer
 *      fd 33 ─► sf_end A ── peer ──►  sf_end B ◄─ handle
 *               in: what B sent ◄──   in: what A sent
 *
 * The fields are those of Linux's struct sock, because they decide the
 * answers: state, the two shutdown bits, one pending error, "a FIN came".
 *
 * Functions answer a count or 0, or a negative errno; they never wait.
 * Waiting is done by the vtable (world.c), which asks again.
 */
#ifndef SF_SIM_H
#define SF_SIM_H

#include "faultinject/simnet/creep.h"
#include "faultinject/simnet/simnet.h"

#include <errno.h>
#include <sys/un.h>

enum {
    SIM_ENDS = 1024,   /* open files at once                            */
    SIM_WATCHES = 512, /* registrations in all epoll instances together */
    SIM_BACKLOG = 128, /* SOMAXCONN of this world                       */
    SIM_KEEP_IDLE = 7200,
    SIM_KEEP_EVERY = 75,
    SIM_KEEP_TRIES = 9, /* tcp(7)                                        */
    SIM_MORE = 25,      /* options that are remembered besides           */
    SIM_LOW = 3, /* 0, 1 and 2 may be ours, too (low.c): the last slots */
    SIM_SLOTS = SF_SIM_FD_COUNT + SIM_LOW
};

enum sim_kind {
    SIM_FREE,
    SIM_SOCKET,
    SIM_READER,
    SIM_WRITER,
    SIM_EPOLL,
    SIM_EVENT,
    SIM_TIMER
};
enum sim_state { SIM_CLOSE, SIM_SYN_SENT, SIM_ESTAB, SIM_LISTEN };

enum { SHUT_RCV = 1, SHUT_SND = 2, SHUT_BOTH = 3 };

/* What setsockopt() has said; 0: nothing. */
struct sim_options {
    int rcvbuf, sndbuf, reuse, reuse_port, keepalive, nodelay;
    int keep_idle, keep_every, keep_tries;
    int more[SIM_MORE];
};

struct sim_queue {
    uint32_t head, len, cap;
};

/* Big enough for the names that are used: IPv4, IPv6, and UNIX paths. */
struct sim_name {
    socklen_t len; /* 0: none */
    union {
        struct sockaddr any;
        struct sockaddr_un un;
        char bytes[112];
    };
};

struct sf_end {
    uint8_t kind, state, shut;
    bool nonblock;
    bool done;    /* TCP: the peer's FIN came                          */
    bool pending; /* TCP: connect() has not yet said how it ended      */
    bool parked;  /* waits for room in the backlog of `listener`       */
    bool held;    /* listener: neither makes nor refuses connections   */
    bool nospace; /* a writer was told to wait, so tell it later       */
    bool quick;   /* SO_LINGER with time 0: close is a reset           */
    bool harmed;  /* a fault was made true here                        */
    bool records; /* SOCK_SEQPACKET: what is written is read as one    */
    bool was_connected;
    bool spoilt;     /* TCP: it can neither connect nor listen any more  */
    bool bound;      /* by bind() or listen(), not by connecting          */
    bool has_port;   /* TCP: `name` is its own, and nobody else's         */
    bool chose_port; /* … as bind() was told, so that it is for good      */
    uint16_t refs;   /* descriptors, a peer's handle, a backlog           */
    int err;         /* pending SO_ERROR                                  */
    sa_family_t family;
    uint32_t edges; /* times that something happened; for EPOLLET        */
    struct sf_end *peer;
    struct sim_queue in;
    int64_t rcv_timeout, snd_timeout; /* ns, 0 none                       */
    struct sf_end *listener;          /* embryo, parked: whose            */
    struct sf_end *first, *last;      /* listener: the backlog            */
    struct sf_end *next;              /* in the backlog, or in a free list*/
    unsigned backlog, waiting;
    struct sim_options options;
    struct sim_name name, peer_name;

    int real; /* epoll: the kernel's instance beside it; 0: none          */
    unsigned turn; /* epoll: whose turn it is, where not all had room     */

    /* eventfd, timerfd */
    uint64_t count;
    int64_t due, period; /* 0: disarmed; rings once                       */
    bool semaphore, wall, rung;

    bool of_peers; /* listener: it is not the program's                      */
    bool anywhere; /* … and at every TCP address where nobody else is        */
};

struct sim_slot {
    struct sf_end *end;
    bool cloexec;
    bool killed; /* the last one with this number was closed by a fault   */
    bool told;   /* … and a call has said EBADF since                     */
    bool back;   /* the process gave the last one back itself             */
};

/* One registration in an epoll instance. */
struct sim_watch {
    struct sf_end *epoll, *end; /* epoll NULL: free                      */
    int fd;
    uint32_t events;
    uint32_t seen; /* edges already reported, for EPOLLET                 */
    bool spent;    /* EPOLLONESHOT has fired                              */
    epoll_data_t data;
};

/*
 * The world is one for all processes of a program, and so are open files.  What
 * is a process's own stands apart: a child by fork has a copy.  Both lie in
 * pages of their own, so that they can be made memory that processes share.
 */
struct sim {
    _Alignas(SF_AREA_PAGE) struct sf_sim_config config;
    int64_t now;
    int64_t timer_due; /* when the next timerfd rings                    */
    bool restarts;     /* … and the handler lets calls go on             */
    uint64_t changes, calls;
    uint64_t ticks;    /* changes by which nothing but a timeout is over */
    uint64_t settings; /* calls that ask or set, and may make others ready */
    struct sf_creep creep;
    uint64_t random;    /* the state of the generator                 */
    uint64_t alarm;     /* the call from which on `before` is asked   */
    uint64_t share;     /* … and the one before which others go on    */
    uint64_t left;      /* … of which so many are left: for states    */
    uint64_t look;      /* the earlier of these                       */
    unsigned ends_used; /* ends[0 … used-1] were touched               */
    unsigned watches_used;
    bool apart; /* several processes are in it                        */
    struct sf_end *free_ends;
    uint16_t next_port;
    size_t buffer, window;
    size_t cut; /* of the record that was read last, for want of room */
    const sigset_t *mask; /* of the wait that the program is in; or NULL */
    struct sim_watch watches[SIM_WATCHES];
    struct sf_end ends[SIM_ENDS];
};
extern struct sim sim;

struct sim_own {
    _Alignas(SF_AREA_PAGE) struct sim_slot slots[SIM_SLOTS];
    uint64_t taken[SF_SIM_FD_COUNT / 64]; /* which slots are: bits       */
    unsigned slots_used;                  /* the others were not touched */
    unsigned open;                        /* descriptors                 */
    int fd_capacity; /* of the kernel's table: grows, never shrinks      */
    int64_t bell, bell_period; /* when SIGALRM is due                    */
    bool child; /* it has inherited them                                 */
    ino_t low[SIM_LOW]; /* what the kernel has in the place of these     */
};
extern struct sim_own sim_own;

/* --- files and descriptors: table.c */
struct sf_end *sim_end_new(enum sim_kind kind); /* NULL: no more          */
void sim_end_unref(struct sf_end *end);
int sim_fd_new(struct sf_end *end, int from, bool cloexec); /* or -EMFILE */
int sim_fd_close(int fd);
void sim_slot_clear(struct sim_own *own, unsigned slot); /* it is open     */
static inline bool sim_is_fd(int fd)
{
    return (unsigned)fd - SF_SIM_FD < SF_SIM_FD_COUNT;
}
static inline unsigned sim_slot_of(int fd)
{
    return sim_is_fd(fd) ? (unsigned)fd - SF_SIM_FD
                         : SF_SIM_FD_COUNT + (unsigned)fd;
}
static inline struct sf_end *sim_end(int fd) /* NULL: not open */
{
    return sim_is_fd(fd) || (unsigned)fd < SIM_LOW
               ? sim_own.slots[sim_slot_of(fd)].end
               : NULL;
}
/* Its number is ours, open or not. */
static inline bool sim_has(int fd)
{
    return sim_is_fd(fd) || sim_end(fd);
}
static inline int sim_number_of(unsigned slot)
{
    return slot < SF_SIM_FD_COUNT ? SF_SIM_FD + (int)slot
                                  : (int)(slot - SF_SIM_FD_COUNT);
}
static inline void sim_wake(struct sf_end *end)
{
    end->edges++;
    sim.changes++;
}

/* --- numbers of inetd-like servers: low.c */
bool sim_owns_low(int fd);
int sim_onto_low(struct sf_end *end, int fd, bool cloexec);
/* By the lowest number that is free, from there on: of 0, 1 and 2 too, as who
 * has closed one expects. */
int sim_copy(struct sf_end *end, int from, bool cloexec);

/* --- byte queues: queue.c */
void sim_queue_areas(sf_area *each, void *arg);
void sim_forget(struct sf_end *end); /* it is free: see sf_sim_be_tidy() */
void sim_empty(struct sf_end *end);  /* what it has not read is gone */
static inline size_t sim_space(const struct sf_end *end)
{
    return end->in.cap > end->in.len ? end->in.cap - end->in.len : 0;
}
size_t sim_put(struct sf_end *end, const struct iovec *iov, int n);
size_t sim_get(struct sf_end *end, const struct iovec *iov, int n, bool peek);
static inline size_t sim_iov_len(const struct iovec *iov, int n)
{
    size_t len = 0;

    for (int i = 0; i < n; i++)
        len += iov[i].iov_len;
    return len;
}
/* Records, whose length is before them; -EAGAIN: no room, or there is none. */
ssize_t sim_put_record(struct sf_end *end, const struct iovec *iov, int n);
ssize_t sim_get_record(struct sf_end *end, const struct iovec *iov, int n,
                       bool peek);
size_t sim_records_len(const struct sf_end *end); /* of all of them */

/* --- streams: stream.c */
ssize_t sim_read(struct sf_end *end, const struct iovec *iov, int n, bool peek);
ssize_t sim_write(struct sf_end *end, const struct iovec *iov, int n);
int sim_shutdown(struct sf_end *end, int how);
void sim_shutdown_as(struct sf_end *end, unsigned bits);
void sim_link(struct sf_end *a, struct sf_end *b);
void sim_close_stream(struct sf_end *end, bool reset);
size_t sim_unread(const struct sf_end *end);
void sim_reset(struct sf_end *end, int err); /* a reset arrives at `end`  */
void sim_finish(struct sf_end *end);         /* a FIN arrives at `end`    */
int sim_take_error(struct sf_end *end);
unsigned sim_ready(struct sf_end *end); /* POLLIN and so on          */

/* --- connections: listen.c */
int sim_bind(struct sf_end *end, const struct sockaddr *addr, socklen_t len);
int sim_listen(struct sf_end *end, int backlog);
int sim_connect(struct sf_end *end, const struct sockaddr *addr, socklen_t len);
struct sf_end *sim_accept(struct sf_end *listener); /* NULL: nobody       */
void sim_close_listener(struct sf_end *end);
void sim_drop(struct sf_end *listener);
void sim_name_out(const struct sim_name *name, sa_family_t family,
                  struct sockaddr *addr, socklen_t *len);

/* --- counters and timers: eventfd.c, timerfd.c */
struct sf_end *sim_eventfd(unsigned count, int flags);
ssize_t sim_event_read(struct sf_end *end, const struct iovec *iov, int n);
ssize_t sim_event_write(struct sf_end *end, const struct iovec *iov, int n);
unsigned sim_event_ready(const struct sf_end *end);
struct sf_end *sim_timerfd(clockid_t clock, int flags);
int sim_timer_get(const struct sf_end *end, struct itimerspec *now);
int sim_timer_set(struct sf_end *end, int flags, const struct itimerspec *want);
ssize_t sim_timer_read(struct sf_end *end, const struct iovec *iov, int n);
unsigned sim_timer_ready(const struct sf_end *end);
void sim_timer_close(struct sf_end *end);
void sim_timers_ring(void); /* those that are due                         */
/* Eight bytes into a vector that is large enough. */
ssize_t sim_number_out(const struct iovec *iov, int n, uint64_t number);

/* --- epoll: epoll.c */
int sim_epoll_ctl(struct sf_end *ep, int op, int fd, struct sf_end *end,
                  const struct epoll_event *event);
/* The same for a descriptor of the real kernel's. */
int sim_epoll_ctl_real(struct sf_end *ep, int op, int fd,
                       struct epoll_event *event);
void sim_epoll_close(struct sf_end *ep);
void sim_epoll_close_all(void);
int sim_epoll_collect(struct sf_end *ep, struct epoll_event *out, int max);
unsigned sim_epoll_ready(struct sf_end *ep);
void sim_epoll_forget(const struct sf_end *end);
void sim_epoll_rearm(const struct sf_end *end, bool unseen);

/* --- waiting: wait.c */
/* Let something happen until `until`.  0: look again; -EAGAIN: that time has
 * come; -EINTR. */
int sim_pass(int64_t until);
int sim_nap(int64_t until); /* … for nothing but that time */
/* Lets others go on, who wait for nothing but this thread. */
void sim_give_way(void);
/* The same in a call that goes on by itself after a handler with SA_RESTART. */
int sim_block(int64_t until);
int sim_select(int nfds, fd_set *rd, fd_set *wr, fd_set *ex, int64_t until);
int sim_poll(struct pollfd *fds, nfds_t n, int64_t until);
int sim_epoll_wait(struct sf_end *ep, struct epoll_event *out, int max,
                   int64_t until);
bool sim_only_real(int nfds, const fd_set *rd, const fd_set *wr,
                   const fd_set *ex); /* sets name no descriptor of ours  */
int64_t sim_until(int64_t ns); /* now + ns, saturated; < 0: never         */

/* --- setitimer: bell.c */
/* Rings if it is time; true: and interrupts what the program is in. */
bool sim_bell(void);

/* --- options: control.c */
int sim_fcntl(int fd, struct sf_end *end, int cmd, long arg);
int sim_ioctl(int fd, struct sf_end *end, unsigned long request, long arg);
int sim_getsockopt(struct sf_end *end, int level, int name, void *val,
                   socklen_t *len);
int sim_setsockopt(struct sf_end *end, int level, int name, const void *val,
                   socklen_t len);

#endif
