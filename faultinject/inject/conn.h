/*
 * conn.h: what is known of descriptors and connections.
 *
 * A descriptor is a number; several numbers (dup) can be one connection.
 * Both tables are static; a number beyond them, or a connection that finds
 * no slot, is simply not ours and passes through.
 */
#ifndef SF_CONN_H
#define SF_CONN_H

#include "faultinject/inject/chooser.h"
#include "faultinject/inject/counter.h"

enum { SF_FD_MAX = 65536, SF_CONN_MAX = 8192 };

/* What a number is to us. */
enum sf_fd_state {
    SF_FD_UNSEEN,  /* not met yet, or its closing was not seen         */
    SF_FD_IGNORED, /* no stream socket: passes through                */
    SF_FD_SOCKET,  /* a stream socket without connection, a listener   */
    SF_FD_CONN,    /* has a connection                                 */
    SF_FD_GONE,    /* the program closed it                            */
    SF_FD_KILLED,  /* an injected death closed it behind its back      */
    SF_FD_MISSED,  /* … a wait has said so: what else but asking why?  */
    SF_FD_DEAD     /* … and the program was told: EBADF                */
};

enum { SF_IN, SF_OUT }; /* directions */

/* Do calls on it sleep?  As far as a monitor had to ask. */
enum sf_sleeps { SF_UNASKED, SF_BLOCKING, SF_NONBLOCKING };

struct sf_conn {
    unsigned ordinal; /* from 1 in order of appearance; 0: free slot     */
    unsigned refs;    /* descriptors that are this connection            */
    enum sf_role role;
    unsigned role_ordinal; /* among those of its role, from 1            */
    unsigned mate;         /* ordinal of a pair's other end, 0: no pair  */
    uint16_t mate_slot;    /* … and where it is, while it is             */
    uint64_t moved[2];     /* bytes received and sent                       */
    size_t promised;       /* bytes the program was told are there: peeked
                            * or counted, so they cannot be taken away      */
    bool ready[2];         /* reported ready and not used since             */
    bool over[2];          /* said EOF or error in this direction           */
    bool cut[2];           /* the program has shut it down                  */
    bool dismissed;        /* … and the program then shut it down           */
    unsigned over_at;      /* connections there had been when that was told,
                            * or it was used since; 0: not here             */
    unsigned unheard;      /* threads that are yet to hear how a call went  */
    bool unchecked;        /* connect() is under way, outcome not asked for */
    bool hears_hangup;     /* waited for with POLLRDHUP                     */
    bool held;             /* a hangup was not reported yet                 */
    bool orphaned;         /* registered for edges by a number that is closed,
                            * and lives by a copy: none can be given again  */
    uint8_t sleeps;        /* enum sf_sleeps                                */
    bool granted[2];       /* a wait reported it, and it was not used since */
    const void *waiter;    /* the thread that waited for it last            */
    bool pooled;           /* others do so, too: none keeps it waiting      */
    bool weighed;          /* `quick` says something                        */
    uint8_t quick;         /* kinds of calls that nobody asks about here    */
    unsigned streak;       /* transient results in a row                    */
    struct sf_address peer;
    unsigned nth[SF_CALL_COUNT];
    unsigned kind_nth[SF_KIND_COUNT];
};

struct sf_number {
    uint8_t state; /* enum sf_fd_state                              */
    uint8_t lent;  /* KILLED and after: what it is to the one who lost it,
                    * once its next owner has closed it; 0: nobody did */
    uint16_t slot; /* of the connection, when that is SF_FD_CONN    */
};
extern struct sf_number sf_numbers[SF_FD_MAX];
extern struct sf_conn sf_conns[SF_CONN_MAX];
extern unsigned sf_conns_begun; /* the last ordinal */

static inline bool sf_fd_in_table(int fd)
{
    return fd >= 0 && fd < SF_FD_MAX;
}

static inline enum sf_fd_state sf_fd_state(int fd)
{
    return sf_fd_in_table(fd) ? (enum sf_fd_state)sf_numbers[fd].state
                              : SF_FD_IGNORED;
}

/* The connection of a number, NULL for none. */
static inline struct sf_conn *sf_fd_conn(int fd)
{
    if (!sf_fd_in_table(fd) || sf_numbers[fd].state != SF_FD_CONN)
        return NULL;
    return &sf_conns[sf_numbers[fd].slot];
}

/* The number is now what `state` says (not CONN). */
void sf_fd_set(int fd, enum sf_fd_state state);
/* The number begins a connection; NULL when the tables are full. */
struct sf_conn *sf_fd_connect(int fd, enum sf_role role);
/* Both numbers begin the two ends of a pair. */
void sf_fd_pair(const int fds[2]);
/* Has the process the other end of its pair as well? */
bool sf_conn_has_mate(const struct sf_conn *conn);
/* `copy` is now the same as `fd`. */
void sf_fd_dup(int fd, int copy);
/* The lowest number that is connection `ordinal`, -1 for none. */
int sf_conn_fd(unsigned ordinal);
/* Connections up to now. */
static inline unsigned sf_conn_count(void)
{
    return sf_conns_begun;
}
/* … in which the program has this role. */
unsigned sf_conn_count_of(enum sf_role role);
/* Numbers worth walking over: 0 … sf_fd_end()-1. */
int sf_fd_end(void);
/* The process is a new one: whatever was closed may be closed again, and what
 * was over before is not its own. */
void sf_fd_forked(void);
void sf_fd_forget_all(void);
/* The n of the n-th call on each connection. */
void sf_conn_counters(sf_counter *each, void *arg);

#endif
