/*
 * run.h: plays a session against a program.
 *
 * The program is anything that makes socket calls: a server that waits for
 * clients (SF_SERVE), a client that connects to servers (SF_DIAL), or code
 * that is handed one connected descriptor (SF_GIVEN).  It runs in this
 * thread until it returns.  What it has to do right is said by the callbacks
 * of struct sf_program; what no program may do is checked here:
 *
 *     stall      it waits without a time-out and nobody will ever act, or it
 *                was told to stop and waits for ever
 *     spin       SF_SPIN_CALLS calls in a row, and nothing changed
 *     fd-leak    a descriptor is open when the program has returned, or when
 *                all peers are gone, more than before the first came
 *     died       a server returned and nobody had told it to stop
 *     complexity more calls than any session is worth
 *     starvation one connection was read SF_STARVED times in a row, by the
 *                acts that come AFTER calls, while another waited for it
 *
 * How a session ends.  When the script is over all peers read again and send
 * what they have queued; the program gets time for its own short timers
 * (SF_SETTLE_MS); `settled` is called; peers half-close (those with even
 * numbers) or close; `finished` is called; the program is told to stop and
 * must return.  A program that is no server, or one that a signal has told to
 * stop, may return before: then peers read what is under way to them, and
 * `finished` is called as well.
 */
#ifndef SF_RUN_H
#define SF_RUN_H

#include "faultinject/inject/chooser.h"
#include "faultinject/inject/counter.h"
#include "faultinject/session/session.h"

enum {
    SF_SPIN_CALLS = 2000,
    SF_SPIN_CLOCKS = 40,   /* times as many that only ask for the time    */
    SF_CALLS_ENOUGH = 200, /* the script is cut short                 */
    SF_CALLS_MAX = 100000, /* the finding "complexity"                */
    SF_SETTLE_MS = 5000,
    SF_STARVED = 24,
};

enum sf_side { SF_SERVE, SF_DIAL, SF_GIVEN };

/* One connection as its peer sees it. */
struct sf_peer {
    unsigned number;       /* of the peer: 0 is the control connection    */
    unsigned ordinal;      /* of the connection: 1, 2, … in the session   */
    struct sf_end *end;    /* NULL: the peer has let go of it             */
    const uint8_t *stream; /* what it sends, from the beginning           */
    size_t queued;         /* bytes of it that exist                      */
    size_t sent;           /* … that were sent                            */
    size_t received;       /* bytes that came back                        */
    int64_t last;          /* when a byte last moved either way           */
    int64_t gap;           /* the longest time that none moved, in ns     */
    bool stopped;          /* it does not read                            */
    bool finished;         /* it half-closed                              */
    bool closed;           /* it closed or vanished                       */
    bool vanished;         /* … with a reset                              */
    bool eof;              /* the program closed                          */
    int err;               /* the program, or a fault, broke it: errno    */
    bool reset;            /* … and a send was told, so reading is not    */
    bool harmed;           /* a fault was made true on it                 */
    bool answers;          /* the program connected to it                 */
    void *user;            /* the program's own                           */
    size_t mark;           /* the program's own                           */
};

/* All but name, side and run may be NULL. */
struct sf_program {
    const char *name;
    enum sf_side side;
    /* Runs the program, unless it is joined; fd is the descriptor of an
     * SF_GIVEN one, else -1. A server listens at sf_session_addr(). */
    void (*run)(void *arg, int fd);
    /* Like the handler of a signal that asks it to stop. */
    void (*stop)(void *arg);
    /* … and of any other signal. */
    void (*signal)(void *arg);
    /* The signal that both stand for.  They come when it is not blocked, by the
     * thread or by the mask of the wait; 0: it never is. */
    int signo;
    /* It handles its signals itself: what can come is what this world says of
     * them, and it comes for real.  NULL: it is as said above. */
    const struct sf_world *signals;
    /* The nth frame of a connection, with about `size` bytes of payload:
     * writes its wire form to out and returns how long it is, at most max.
     * NULL: so many letters. */
    size_t (*frame)(void *arg, const struct sf_peer *peer, unsigned nth,
                    unsigned size, uint8_t *out, size_t max);
    /* The script is over: are there acts in its place? */
    bool (*more)(void *arg);
    /* Bytes arrived at a peer, behind those that had been received. */
    void (*received)(void *arg, struct sf_peer *peer, const uint8_t *bytes,
                     size_t len);
    /* The program waits until `until` and nothing is ready for it. */
    void (*quiet)(void *arg, int64_t until);
    /* An act comes while it is busy. */
    void (*busy)(void *arg);
    void (*settled)(void *arg);
    void (*finished)(void *arg);
    /* A fault was chosen, for counters. */
    void (*fault)(void *arg, const struct sf_point *at,
                  const struct sf_outcome *outcome);
    void *arg;
    /* What it counts and never looks at (inject/counter.h), or looks at only to
     * tell somebody: each(to, &it, sizeof it).  Two states that differ in
     * nothing else are the same to the prover, which asks at each call. */
    void (*counters)(void *arg, sf_counter *each, void *to);
    /* What it has noted of a connection that a fault has broken and whose end
     * both sides have seen: *len bytes at which nobody will look again, or
     * NULL.  For what compares states. */
    void *(*forgets)(void *arg, const struct sf_peer *peer, size_t *len);
    /* What peers receive is the same with transient faults as without any.
     * Then a session in which there were some, and none that is not transient,
     * is played again without them, as long as nothing in it depends on the
     * time or the number of calls; findings: wrong-data, lost-data. */
    bool invariant;
    /* Bits 1u << SF_MON_… of fd-range, phantom-dispatch, unchecked-connect
     * and misuse: what they see is no finding. */
    unsigned allow;
    bool no_control; /* no control connection                             */
    bool set_wall;   /* somebody sets the real-time clock while it runs:
                      * none of its time limits may depend on that        */
    bool keeps_open; /* it leaves its descriptors to the end of the process */
    bool lives_on;   /* a server that serves to their end the connections it
                      * has when its listener dies: then that may happen   */
    bool no_dead_fd; /* its descriptors do not die behind its back        */
    bool no_emfile;  /* … nor run out: for one that keeps a spare file,
                      * whose closing is not seen here                    */
    /* Joined: peers listen here, and answer whoever the program connects to;
     * it is the session's from then on.  NULL: they do not. */
    struct sf_end *listener;
};

/* Plays it.  With `show` every act, call and fault is printed there. */
void sf_session_run(const struct sf_session *s, const struct sf_program *p,
                    FILE *show);

/*
 * The same in two halves, for a program that runs already: the world has begun.
 * It is a server that listens where it likes and has come to wait: join is
 * called from the world's `idle`, which then says that something happened.  Or
 * it is about to connect for the first time (SF_DIAL).  Leave when the program
 * has ended.
 */
void sf_session_join(const struct sf_session *s, const struct sf_program *p,
                     FILE *show);
void sf_session_leave(void);

/* What a session is, for all processes of a program (area.h); who was there
 * before it was joined by another of them adopts it. */
void sf_session_areas(sf_area *each, void *arg);
void sf_session_adopt(FILE *show);
/* How many connections other processes of the program have, and one of them:
 * its number, and whose it is.  NULL: there are none. */
extern unsigned (*sf_session_elsewhere)(int *fd, unsigned *process);

/* Told of another thread that uses a descriptor of the session, before that is
 * a finding: who has to say that this cannot be played does not come back. */
extern void (*sf_session_stray)(enum sf_call call, int fd);

/* From the next session on faults are chosen by this, not by the session's
 * tape; NULL: by the tape again. */
void sf_session_choose(struct sf_chooser *chooser);

/* Counters that grow with every call and decide nothing but whether a limit of
 * this file is passed: no part of the state that a session is in. */
void sf_session_counters(sf_counter *each, void *arg);
/* … and those of the program. */
void sf_program_counters(sf_counter *each, void *arg);
/* What in this state will not be looked at again: what is known of connections
 * that are over. */
void sf_session_forgotten(sf_counter *each, void *arg);
/* And the time, for a program that never asks for it: nothing in a script
 * without WAIT does either. */
void sf_session_times(sf_counter *each, void *arg);

/* --- during a session ---------------------------------------------------- */

/* For `signal` and `fault`: a server was told to stop, or cannot go on. */
void sf_session_stopped(void);
/* For `stop`: what it has sent is blocked and has not come. */
void sf_session_pends(void);
/* … or its handler has SA_RESTART. */
void sf_session_resumes(void);

/* Peers and the harness act: it is not the program that runs. */
bool sf_session_acting(void);

/* Where the program listens, or peers do. */
const struct sockaddr *sf_session_addr(socklen_t *len);
const struct sf_session *sf_session_now(void);
/* The acts of the script so far. */
unsigned sf_session_acts(void);
/* The connections so far: 0 … n-1, the control connection first. */
unsigned sf_session_conns(void);
struct sf_peer *sf_session_conn(unsigned i);
/* The connection behind one of the program's descriptors, or NULL. */
struct sf_peer *sf_session_peer_of(int fd);
/* Bytes of it that the program has read, and that it has written. */
size_t sf_peer_taken(const struct sf_peer *peer);
size_t sf_peer_given(const struct sf_peer *peer);
/* It has ended its stream; the peer need not have read up to there. */
bool sf_peer_ended(const struct sf_peer *peer);
/* Could the program write to it now; did it accept it? */
bool sf_peer_writable(const struct sf_peer *peer);
bool sf_peer_accepted(const struct sf_peer *peer);
/* Peers will act, or part, when the program waits. */
bool sf_session_goes_on(void);
/* No fault that ends a connection is done to the control connection. */
bool sf_session_allows(const struct sf_point *at,
                       const struct sf_outcome *outcome);
/* For `received`: what comes back are the bytes that were sent, in order. */
void sf_peer_echo(void *arg, struct sf_peer *peer, const uint8_t *bytes,
                  size_t len);
/* For `finished`: the control connection got back all that it sent, unless it
 * was gone before it was accepted.  Of an echo that lets go of no client by
 * itself. */
void sf_peer_echoed(void *arg);
/* When a fault of this class last happened; before the beginning: never. */
int64_t sf_session_last_fault(enum sf_class cls);
/* A finding about a connection; says which. */
#define sf_peer_finding(monitor, peer, format, ...)                          \
    sf_finding(monitor, "connection %u (peer %u): " format, (peer)->ordinal, \
               (peer)->number, __VA_ARGS__)

#endif
