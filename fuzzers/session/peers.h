/*
 * peers.h: one input of fuzz_session, and what is known of each of its
 * connections.
 */
#ifndef SF_SESSION_PEERS_H
#define SF_SESSION_PEERS_H

#include "faultinject/session/run.h"
#include "fuzzers/reference.h"
#include "target/server.h"

#define MS INT64_C(1000000)

/* Of the server's limits, and how much later is late. */
enum { LINGER_MS = 2000, MAX_CONNS = 3, SLACK_MS = 1000 };

/* What the server has to count a connection as, where that is sure. */
enum end_kind { UNSURE, ENDED, FAILED, TIMED_OUT, END_KINDS };

/* What follows from the bytes that a peer has sent, as far as anyone has asked:
 * session_frames_end() brings it up to date. */
struct scan {
    size_t bytes;             /* looked at                                 */
    enum ref_verdict verdict; /* of these                                  */
    size_t due;               /* the end of their last whole frame         */
    size_t frames;            /* … and how many these are                  */
};

/* What the oracles know about a connection. */
struct check {
    struct scan scan;
    int64_t accepted;    /* when the server was first seen to have it */
    size_t taken;        /* bytes that the server has read of it …    */
    size_t given;        /* … and has sent, when that was last noted  */
    size_t whole;        /* the end of the last whole frame in taken  */
    int64_t active;      /* when either last grew                     */
    int64_t gap;         /* the longest time that it did not          */
    bool half;           /* the server has a part of a frame after it */
    int64_t half_since;  /* … and was first seen to have it then      */
    int64_t half_alone;  /* … with all before it answered             */
    bool full;           /* as much waits for it as may be held …     */
    size_t taken_then;   /* … when the server had read so much        */
    size_t given_then;   /* … and written so much                     */
    uint64_t due_turn;   /* since when its time is up; 0: it is not   */
    size_t owed;         /* `due` of what was read when it was told to
                            stop                                      */
    int64_t short_at[2]; /* when memory was short to receive, to send */
    int64_t ended;       /* when its peer had the end, < 0: not yet   */
    int64_t useful;      /* `active`, but for bytes after the last    */
    bool was_open;       /* the server had it when it was told to stop */
    enum end_kind kind;
    bool judged;  /* its end was looked at                     */
    bool excused; /* … and was a time-out, or a refusal        */
};

struct session {
    struct fm_server_options options;
    struct fm_server_stats stats;
    struct fm_server_stats failed; /* … when its wait last failed         */
    volatile sig_atomic_t stop;
    int result;
    bool lasts;     /* the handler ends connections                       */
    bool obeys;     /* a signal tells it to stop …                        */
    int ends[2];    /* … and wakes it by this pipe                        */
    int64_t told;   /* … and did so then; < 0: not yet                    */
    bool cut;       /* a fault has ended a stream where the peer did not  */
    bool lossy;     /* something happened that may lose frames            */
    bool scarce;    /* … that may keep it from accepting                  */
    bool failing;   /* … that makes it give up: its wait was refused …    */
    size_t refused; /* … memory in so many turns in a row                 */
    uint64_t turn;  /* … up to this one                                   */
    int64_t refused_at; /* … the last time then                          */
    bool hurried;       /* … and the pause after that was cut short      */
    uint64_t exhausted; /* times that there was no descriptor …          */
    uint64_t over;      /* … and connections that were over at the last  */
    size_t before;      /* bytes allocated before the server began       */
    uint64_t put;       /* bytes of answers that the handler made        */
    size_t frames;      /* given to the handler                               */
    uint64_t died;      /* descriptors of connections, by a fault        */
    size_t handled; /* … as long as none may be lost                      */
    struct waking {
        uint64_t turns;  /* when it last waited …                         */
        uint64_t done;   /* … it had done so much …                       */
        unsigned n;      /* … and had woken so often without doing more   */
        unsigned faults; /* … and faults and signals since then          */
    } waking;
    const struct fm_buf *full[SF_CONNS_MAX]; /* outputs above high water  */
    struct denial {        /* for want of a descriptor, or of memory:   */
        uint64_t asked;    /* accepts that a fault has refused …        */
        uint64_t accepted; /* … and what it had accepted at the last    */
        uint64_t over;     /* connections over when it last waited …    */
        uint64_t counted;  /* … and refusals that it had counted        */
    } denial;
};
extern struct session session;
extern struct check session_checks[SF_CONNS_MAX]; /* by ordinal */

/* After such a frame the handler takes no more, when it says so at all: because
 * it has enough, or because the request makes no sense to it. */
bool session_is_last(const uint8_t *payload, size_t len);
/* What is known of it. */
static inline struct check *session_check(const struct sf_peer *peer)
{
    return &session_checks[peer->ordinal - 1];
}

/* Where the last whole frame ends in the first n bytes of a stream. */
size_t session_frames_end(const struct sf_peer *peer, size_t n);
/* All that may ever come back for what was sent. */
size_t session_allowed(const struct sf_peer *peer);
/* It has sent what is no frame, or one after the last. */
bool session_broke_format(const struct sf_peer *peer);
/* Milliseconds that have passed since then. */
int64_t session_since(int64_t then);
/* The first n bytes of it have what is no frame, or the last. */
bool session_broke_at(const struct sf_peer *peer, size_t n);
/* Bytes count when the server moves them, not when the peer reads them; what
 * has been moved is noted. */
void session_note_activity(const struct sf_peer *peer);
/* The server had this long no reason to keep it. */
bool session_timed_out(const struct sf_peer *peer);
/* May the server have ended it? */
bool session_may_end(const struct sf_peer *peer);
/* … and has it done so for no other reason? */
bool session_only_timed_out(const struct sf_peer *peer);
/* It has not seen an end. */
bool session_lives(const struct sf_peer *peer);
/* The server has let go of it, whether or not the peer has seen that. */
bool session_has_ended(const struct sf_peer *peer);
/* Nothing more is owed to it. */
bool session_is_excused(const struct sf_peer *peer);

/* Connections that the server has now. */
unsigned session_accepted(void);

/* --- answers.c, waits.c, judge.c: each finds what is
 * said there.  The hooks of sf_program: */

void session_received(void *arg, struct sf_peer *peer, const uint8_t *bytes,
                      size_t len);
void session_quiet(void *arg, int64_t until);
void session_busy(void *arg);
void session_settled(void *arg);
void session_finished(void *arg);

/* It has ended: was there a reason? */
void session_judge_end(struct sf_peer *peer);
/* While the server waits until then: a connection, … */
void session_judge_one(struct sf_peer *peer, int64_t until, bool short_timer);
/* … and all of them. */
void session_judge_all(void);
/* It was told to stop, if it was. */
void session_judge_stop(void);
/* A fault at a call on it: what is short is not asked for again at once. */
void session_judge_haste(const struct sf_peer *peer, const struct sf_point *at,
                         enum sf_fault fault);
/* The server's wait fails, or the pause after that: for this reason. */
void session_wait_failed(enum sf_fault fault);
/* For want of a descriptor, or of memory, it could not accept. */
void session_note_denial(void);
/* At the end: whoever sent frames has seen them handled, … */
void session_judge_handled(void);
/* … and the server counts what was. */
void session_judge_counts(void);

#endif
