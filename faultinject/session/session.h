/*
 * session.h: a whole session in memory: peers, faults, and the program.
 *
 * A session says what peers do (the script), which faults the program meets
 * (the tape) and in which world (options).  It comes from bytes, as a fuzz
 * input, or from text, as people write it; run.c plays it against a program.
 *
 * The layout of the bytes; every string of bytes is a session, and so is
 * every prefix of one:
 *
 *     variant buffers world numbers | act act … 0xff | fault fault …
 *
 *     act    kind + when, peer, amount; BYTES is followed by its bytes
 *     fault  skip, which, amount (struct sf_tape in inject/chooser.h)
 *
 * When.  A program that is busy is left alone: an act happens once the
 * program waits and nothing is ready for it.  An act marked WITH happens in
 * the same instant as the one before; one marked AFTER n happens n calls of
 * the program later, whatever it is doing then, as on a real network.
 */
#ifndef SF_SESSION_H
#define SF_SESSION_H

#include "faultinject/inject/fault.h"
#include "faultinject/simnet/simnet.h"

#include <stdio.h>

/* A fuzz target's sessions are to be short; the build of what plays those of
 * programs as they are says more. */
#ifndef SF_ACTS
#define SF_ACTS 64
#endif

enum {
    SF_ACTS_MAX = SF_ACTS,
    SF_FAULTS_MAX = 64,
    SF_PEERS = 6,            /* numbered from 1                           */
    SF_CONNS_MAX = 72,       /* connections in one session                */
    SF_STREAM_MAX = 1 << 14, /* bytes one connection sends              */
    SF_LITERAL_MAX = 32,     /* bytes of a BYTES act                      */
    SF_SESSION_MAX = 64 * SF_ACTS_MAX, /* no session is longer as bytes   */
    SF_TEXT_MAX = 1 << 16, /* … and none as text                        */
};

/*
 * What a peer can do: X(ID, "word", what the amount is, explanation).
 * An act of a peer without a connection connects first, if it sends.
 */
/* clang-format off */
#define SF_ACT_MAP(X)                                                         \
    X(CONNECT, "connect", NONE,  "a new connection; the old one goes on")     \
    X(FRAME,   "frame",   SIZE,  "sends a frame with so long a payload")      \
    X(QUEUE,   "queue",   SIZE,  "has a frame to send, and sends nothing")    \
    X(SEND,    "send",    COUNT, "sends so many bytes of what it has queued") \
    X(BYTES,   "bytes",   BYTES, "sends these bytes, whatever they mean")     \
    X(STOP,    "stop",    NONE,  "no longer reads")                           \
    X(READ,    "read",    COUNT, "reads so many bytes")                       \
    X(GO,      "go",      NONE,  "reads everything again")                    \
    X(FINISH,  "finish",  NONE,  "half-closes: sends no more")                \
    X(CLOSE,   "close",   NONE,  "closes")                                    \
    X(RESET,   "reset",   NONE,  "vanishes: RST")                             \
    X(WAIT,    "wait",    TIME,  "so much time passes")                       \
    X(SIGNAL,  "signal",  NONE,  "the program gets a signal")                 \
    X(LIMIT,   "limit",   COUNT, "so many descriptors are left; 0: enough")   \
    X(KILL,    "kill",    NONE,  "the program's descriptor is closed; of a "  \
                                 "peer without one, the listener's")          \
    X(PAIR,    "pair",    SIZE,  "sends two frames in one piece")
/* clang-format on */

enum sf_act_kind {
#define X(id, word, amount, text) SF_ACT_##id,
    SF_ACT_MAP(X)
#undef X
        SF_ACT_COUNT
};

enum sf_amount {
    SF_AMOUNT_NONE,
    SF_AMOUNT_SIZE,  /* bytes                        */
    SF_AMOUNT_COUNT, /* 0 stands for all             */
    SF_AMOUNT_TIME,  /* milliseconds                 */
    SF_AMOUNT_BYTES
};

enum sf_when { SF_WHEN_IDLE, SF_WHEN_WITH, SF_WHEN_AFTER };

struct sf_act {
    enum sf_act_kind kind;
    enum sf_when when;
    unsigned calls;  /* AFTER: 1 to 3                                      */
    unsigned peer;   /* 1 to SF_PEERS                                      */
    unsigned amount; /* in its unit; BYTES: how many                       */
    uint8_t bytes[SF_LITERAL_MAX];
};

struct sf_fault_step {
    uint8_t skip, which, amount;
};

struct sf_session {
    unsigned variant; /* 0 to 255: the program's own choice              */
    unsigned buffers; /* bytes a direction of a connection holds         */
    bool local;       /* AF_UNIX instead of TCP                          */
    bool handlers;    /* the program has a signal handler                */
    enum sf_profile profile;
    unsigned extra; /* 0 to 15: the program's own, too                 */
    unsigned high;  /* 1 to 4: descriptors begin so far below
                     * FD_SETSIZE; 0: low numbers                      */
    unsigned acts_n, faults_n;
    struct sf_act acts[SF_ACTS_MAX];
    struct sf_fault_step faults[SF_FAULTS_MAX];
};

/* Any bytes are a session: text if they begin like it, and no acts then if
 * something is wrong with it. */
void sf_session_decode(struct sf_session *s, const uint8_t *bytes, size_t len);

/*
 * Is this no input of anyone's, but what an engine tries a target out with each
 * time it starts: libFuzzer with nothing, AFL++ with the beginning of its mark?
 * A bug that shows even there would end the engine whenever it is started, so a
 * fuzz target returns at once.  False where no engine is at work: a replayer
 * plays what it is given.
 */
bool sf_session_tries_out(const uint8_t *bytes, size_t len);

/* The shortest bytes that decode to it; returns how many, at most max, or 0
 * when they do not fit.  SF_SESSION_MAX is always enough. */
size_t sf_session_encode(const struct sf_session *s, uint8_t *out, size_t max);

/* As text, which sf_session_parse() reads back to the same session. */
void sf_session_print(const struct sf_session *s, FILE *out);

/* Returns 0, or -1 with "LINE:COLUMN: what was expected" in why. */
int sf_session_parse(struct sf_session *s, const char *text, char *why,
                     size_t why_size);

/* The same for either form, at most SF_TEXT_MAX bytes of text. */
int sf_session_read(struct sf_session *s, const void *bytes, size_t len,
                    char *why, size_t why_size);

/* The same for a file that somebody has named: what is larger than a session,
 * or only nearly text, is none.  Pass what there is of SF_TEXT_MAX + 1 bytes.
 */
int sf_session_read_file(struct sf_session *s, const void *bytes, size_t len,
                         char *why, size_t why_size);

/* Is the first line that is no comment the first one of a text? */
bool sf_session_is_text(const void *bytes, size_t len);

/* An act in the words of the text, into out. */
void sf_act_format(const struct sf_act *act, char *out, size_t size);

/* One act more, when all is quiet, for the caller to complete; NULL: there is
 * no room. */
struct sf_act *sf_session_add(struct sf_session *s, enum sf_act_kind kind,
                              unsigned peer);
/* Make it one that sends what comes in one piece, from `at` on as much as it
 * can; returns what is then next. */
size_t sf_act_take(struct sf_act *act, const uint8_t *bytes, size_t len,
                   size_t at);

/* Is there an act of this kind in it? */
bool sf_session_has(const struct sf_session *s, enum sf_act_kind kind);

/* Does it matter whose act it is? */
bool sf_act_has_peer(enum sf_act_kind kind);

extern const char *const sf_act_words[SF_ACT_COUNT];
extern const enum sf_amount sf_act_amounts[SF_ACT_COUNT];

/* The nearest amount of this unit that bytes can say. */
unsigned sf_amount_round(enum sf_amount unit, unsigned amount);
unsigned sf_buffers_round(unsigned size);
/* Such an amount from any byte, and the first byte that says as much. */
unsigned sf_amount_from_byte(enum sf_amount unit, uint8_t byte);
uint8_t sf_amount_to_byte(enum sf_amount unit, unsigned amount);
unsigned sf_buffers_from_byte(uint8_t byte);
uint8_t sf_buffers_to_byte(unsigned size);

#endif
