/*
 * play.h: what the files that play a session share; see run.h.
 *
 *     play.c   the state, and what can be asked about it
 *     peers.c  connections as their peers see them, and the bytes they move
 *     acts.c   the script
 *     lives.c  what a peer says to whoever connects to it again
 *     phases.c how it goes on when the program has nothing to do
 *     run.c    calls and faults, and the run
 *     invariance.c  the same bytes without and with transient faults
 */
#ifndef SF_PLAY_H
#define SF_PLAY_H

#include "faultinject/session/run.h"

#define MS INT64_C(1000000)

enum sf_play_phase {
    SCRIPT,  /* acts                                   */
    WIND_UP, /* everybody reads and sends what is left */
    SETTLE,  /* … and short timers run out             */
    PART,    /* peers half-close or close              */
    PARTED,
    STOPPING, /* the program was told                   */
};

struct sf_play {
    _Alignas(SF_AREA_PAGE) const struct sf_session *s;
    const struct sf_program *program;
    struct sf_chooser chooser;
    struct sf_tape tape;
    struct sf_chooser *decides; /* the tape's, or what was asked for        */
    uint8_t tape_bytes[SF_FAULTS_MAX * 3];

    unsigned conns_n;
    struct sf_peer conns[SF_CONNS_MAX];
    unsigned frames[SF_CONNS_MAX];         /* made so far                 */
    struct sf_peer *current[SF_PEERS + 1]; /* the newest of each peer     */
    struct sf_end *listener;               /* of peers, or NULL           */

    /* Of who the program connects to. */
    struct sf_life {
        unsigned begin;   /* its first act; all of the peer's before are over */
        unsigned at, end; /* what is played again: up to end; the same: none  */
        int64_t resume; /* … and a WAIT among it ends then                  */
        bool broken;    /* a fault has kept some of it from the program …   */
        bool reset;     /* … or will have, if it reads up to the end        */
        bool unread;    /* the program had no memory to read what came      */
        bool kept;      /* the program has it still, as fd: …               */
        int fd;         /* … its peer has let go of it, or it was reset     */
    } lives[SF_PEERS + 1];
    unsigned alike; /* so many may be begun anew without a fault   */
    bool refused;   /* by a fault, and none was answered since             */
    bool cut_short; /* none may                                    */

    struct {
        size_t taken;    /* bytes that the program had read at the last act */
        unsigned kept;   /* … acts in a row that it read only another's     */
        unsigned rushed; /* … or only accepted others                     */
        int64_t dry;     /* there was no memory for it, 1 ns before this  */
    } looks[SF_CONNS_MAX];
    const struct sf_peer *taken; /* the other                             */
    unsigned here;               /* accepted, at the last act             */
    bool unlooked;               /* there was a fault since the last act  */

    enum sf_play_phase phase;
    unsigned next;      /* act                                          */
    int64_t resume;     /* a WAIT ends then                             */
    uint64_t last_call; /* of the program when the last act happened    */
    unsigned waits;     /* times let go by in this phase since a fault  */
    unsigned early; /* times let go by since the last act: nobody is there */
    size_t budget;  /* bytes that may still be queued               */
    bool armed;     /* faults may happen, and descriptors run out: not while a
                     * server is being set up                                 */
    bool stopped;
    bool joined; /* the program listens where it likes                   */
    bool pending_signal, pending_stop;
    bool pends;   /* … and was sent, and is blocked                      */
    bool resumes; /* … and came, and its handler lets calls go on        */

    uint64_t seen_changes, look_again; /* for spin                        */
    unsigned asking; /* looks in a row at a call that asks for the time  */
    uint64_t faults;
    bool acting; /* peers do something, or the harness looks */
    int64_t last_fault[SF_CLASS_COUNT];

    struct sf_play_open {
        unsigned all, connections;
        int last; /* the highest number of a connection; -1: there is none */
        unsigned process; /* … and whose it is; 0: the one that is asked    */
    } open_before;        /* the first peer came */
};
extern struct sf_play sf_play;

static inline void sf_play_tell(void (*what)(void *arg))
{
    if (what)
        what(sf_play.program->arg);
}

/* --- play.c --- */

/* A fault has broken it, and both sides have seen the end. */
bool sf_play_is_over(const struct sf_peer *peer);

/* --- peers.c --- */

/* The program has, or is offered, a connection to a peer of this number. */
struct sf_peer *sf_play_new_conn(unsigned number, struct sf_end *end);
/* The next one answers who the program has connected to; false: nobody. */
bool sf_play_answer(void);
/* NULL: the program does not listen, or there are too many. */
struct sf_peer *sf_play_connect_peer(unsigned number);
/* The newest connection of a peer: one that it can send on, made if need be;
 * one that it still holds.  NULL: there is none. */
struct sf_peer *sf_play_sender(unsigned number);
struct sf_peer *sf_play_holder(unsigned number);
void sf_play_note_harm(struct sf_peer *peer);
void sf_play_let_go(struct sf_peer *peer, bool reset);

/* How many bytes a session may move at most. */
size_t sf_play_byte_budget(const struct sf_session *s);
/* Queue a frame with so long a payload, or these bytes, to be sent. */
void sf_play_add_frame(struct sf_peer *peer, unsigned size);
void sf_play_add_bytes(struct sf_peer *peer, const uint8_t *bytes, size_t len);
/* Move at most n bytes; did anything move? */
bool sf_play_send_some(struct sf_peer *peer, size_t n);
bool sf_play_receive_some(struct sf_peer *peer, size_t n);
/* All peers go on with what they do by themselves; did anything happen? */
bool sf_play_pump(void);

/* --- lives.c --- */

/* Are there such peers? */
bool sf_are_lived(void);
void sf_lives_begin(void);
/* No more is said again. */
void sf_lives_end(void);
/* A peer is to answer a new connection. */
void sf_lives_answer(unsigned number);
/* It is about to let go of one. */
void sf_lives_let_go(const struct sf_peer *peer);
/* This is about to happen … */
void sf_lives_fault(const struct sf_point *at, enum sf_fault fault);
/* … and that has. */
void sf_lives_call(enum sf_call call, int fd, int err);
/* A client that was cut off has not come again. */
bool sf_lives_missed(void);

/* The next act; NULL: the script is over.  Take it; play it unless it is to be
 * left out, and say so. */
const struct sf_act *sf_lives_next(void);
void sf_lives_take(void);
bool sf_lives_leave_out(const struct sf_act *act);
void sf_lives_played(const struct sf_act *act);
/* A WAIT before it ends then, and to be set where it is one itself. */
int64_t *sf_lives_resume(void);

/* --- acts.c --- */

/* Play the next act and those that come WITH it; did anything happen? */
bool sf_play_next_acts(void);
/* Play the acts that are due at this call of the program. */
void sf_play_due_acts(void);
/* A call on it finds no memory: as long as no time passes it may be left alone.
 */
void sf_play_note_dry(int fd);
/* Be asked at the next call at which there is something to do. */
void sf_play_set_alarm(void);

/* --- phases.c --- */

/* The descriptors that the program has, and those of them to others. */
struct sf_play_open sf_play_open(void);
/* What the last of them was: "; 9 was a connection", or nothing. */
const char *sf_play_kind_text(const struct sf_play_open *open);

/* The program waits until `until`, and nothing is ready for it. */
enum sf_sim_wake sf_play_idle(int64_t until);
/* The handler of a signal that has come runs as soon as it may; did it? */
bool sf_play_take_signal(void);

/* --- invariance.c --- */

/* The session that begins is kept: what its peers receive.  Not one of which a
 * comparison would prove nothing. */
void sf_invariance_keep(const struct sf_session *s);
void sf_invariance_received(const struct sf_peer *peer, const uint8_t *bytes,
                            size_t len);
/* From here on it may well be something else: until the next keep(). */
void sf_invariance_off(void);
/* A session is over. */
void sf_invariance_end(void);
/* Shall the same without faults be played, to be compared with what is kept? */
bool sf_invariance_kept(void);

#endif
