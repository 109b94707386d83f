/*
 * trial.h: one input of fuzz_stream: what is tried, and how far it has come.
 *
 * fuzz_stream.c has the loops; stream_server.c the server that is made of them;
 * trial.c what is common.
 */
#ifndef SF_TRIAL_H
#define SF_TRIAL_H

#include "faultinject/session/run.h"
#include "target/encode.h"
#include "target/format.h"

#include <stdatomic.h>

enum { TRIAL_LATE_MS = 500 }; /* a loop may sit out that memory is short */
enum { TRIAL_DEADLINE_MS = 3000, TRIAL_FRAME_MS = 5000 };
enum { TRIAL_TRIES = 16 }; /* then a loop may say that there is no memory */

enum { ECHO, VECTORS, EXACT, STREAM }; /* modes, see fuzz_stream.c */

struct trial {
    struct fm_format format;
    unsigned mode;
    bool at_large;
    bool pipes;
    int ends[2]; /* of the pipe                                        */
    bool deadlines;
    bool own;           /* the descriptor's time-outs                       */
    int64_t until;      /* the deadline of the loop that runs, or ran last  */
    size_t taken;       /* bytes of the stream that the loops gave out      */
    size_t given;       /* bytes that the loops say they sent               */
    size_t trying;      /* … or may have sent a part of                     */
    bool lost;          /* a fault has broken the connection                */
    bool deaf;          /* … has broken more than its way out               */
    bool broken;        /* … or was more than a descriptor that died        */
    bool untold;        /* a send has failed for good, and no loop said so  */
    unsigned shorts;    /* times in a row that memory was short             */
    int64_t short_at;   /* … and when that was last                         */
    size_t short_moved; /* … with so many bytes moved before                */
    unsigned refused;   /* times that there was none since a byte moved     */
    bool idle;          /* the peer may leave unread what was sent          */
    int64_t handled;    /* when it handled a frame last, or began           */
    unsigned frames;    /* … or had come out, and how many there were       */
    int64_t spent;      /* ms in the server                                 */
    bool unsent;        /* when it last waited it had something to send     */
    int64_t goodbye;    /* when it ended its stream, if that is sure; else 0 */
    int64_t open;       /* when it last waited and had not ended its stream */
    int64_t closing;    /* … and when it first had, or 0                    */
    size_t moves;       /* bytes that have moved, either way                */
    int64_t moved;      /* … when one did, or it began                      */
    int64_t woken;      /* … or it was since, and may begin to wait anew    */
    bool half;          /* it waits for the rest of a frame                 */
    size_t half_at;     /* … that began at this byte                        */
    int64_t half_since; /* … since when                                     */
    bool obeys;         /* a signal tells the server to stop, by            */
    int word[2];        /* … the end of this pipe                           */
    bool ended;         /* that has come to its end                         */
    bool far;           /* the deadlines are weeks ahead                    */
    bool dead;          /* the program's own end of it is closed, too       */
    bool dumb;          /* … by accident: it tells nothing                  */
    atomic_bool meant;  /* … and tells it to stop                           */
    int64_t told;       /* when it did, -1: it has not                      */
    bool gone;          /* a call has told that its descriptor had died     */
    bool over;          /* what its stream's end ends was handled           */
    bool lasts;         /* the handler ends the connection after some frames */
    int verdict;        /* … and has said this; 0: it goes on               */
    size_t before;      /* bytes allocated when it began                    */
    size_t owed;        /* the whole frames that had been received then     */
};
extern struct trial trial;

const struct sf_peer *trial_peer(void);
bool trial_harmed(void);
/* It is the server that is tried. */
bool trial_serves(void);
/* A deadline may have passed, or the peer may have gone away. */
bool trial_excuses(int err);
/* Between two loops, of which a stream of small frames makes many: so nobody
 * asks for the time by a call. */
static inline int64_t trial_now_ms(void)
{
    return sf_sim_now() / 1000000;
}

/* These are the bytes of the stream from `at` on, of which `end` exist. */
void trial_check_bytes(const char *what, const uint8_t *bytes, size_t len,
                       size_t at, size_t end);
/* … and were received. */
void trial_check_taken(const uint8_t *bytes, size_t len, size_t at);
/* The end of the stream is the end of the message, unless it was lost. */
void trial_check_whole(size_t len);

/* A receiving loop ended at offset `at` of a stream of trial_peer()->sent
 * bytes: was that right?  `need` more bytes would have been a success. */
void trial_judge_receive(int err, size_t at, size_t need);

/* A payload came out: is it what was sent?  Its bytes on the wire go to
 * *wire.  Returns 0, or why there are none. */
int trial_check_payload(const uint8_t *payload, size_t len,
                        struct fm_buf *wire);

/* --- stream_server.c */

/* Serves it to its end; returns whether fd is still the connection's. */
bool trial_serve(int fd);
/* A signal has come, which may tell it to stop. */
void trial_signal(void *arg);
/* Told to stop: does it take too long? */
void trial_judge_late(void);
/* While it waits: what has it sent? */
void trial_note_goodbye(const struct sf_peer *p);
/* The peer has seen the end: was it one that can lose replies? */
void trial_judge_close(const struct sf_peer *p);

#endif
