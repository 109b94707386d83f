/*
 * turn.h: what the files that give turns share; see turns.h and apart.h.
 */
#ifndef SF_TURN_H
#define SF_TURN_H

#include "faultinject/inject/area.h"
#include "faultinject/threads/revive.h"
#include "faultinject/threads/turns.h"

enum { SF_TURNS_MAX = 1024 };

struct sf_turn {
    bool lives;
    bool kept;       /* it may still be joined                       */
    bool ready;      /* it waits for nothing but its turn            */
    bool leads;      /* all have looked in vain, and it lets time go */
    bool firm;       /* its wait is no cancellation point            */
    uint64_t behind; /* all others, until so many calls were made    */
    bool has_looked, has_seen; /* whether these are as they are now, … */
    uint64_t left;             /* … and so many calls are left, for states */
    uint32_t has;    /* the turn: a futex                            */
    bool inner;      /* it waits for another thread, not the world   */
    uint64_t looked; /* what had changed when it looked in vain …    */
    uint64_t awaits; /* … of what it waits for                       */
    int64_t until;
    const bool *woken; /* there is nothing to look at but this; or NULL */
    sigset_t mask;     /* its own, while it has no turn                */
    bool struck;       /* a handler of it has run, …                   */
    bool restarts;     /* … which lets a call go on                    */
    pthread_t id;
    void *(*run)(void *);
    void *arg;
    struct sf_parked parked; /* where it waits for its turn          */
    size_t stack; /* that libc has made, so large; 0: somebody else has      */
    unsigned process; /* the first turn of it is this one                    */
    pid_t child;      /* 0: the first process                                */
};

/* Of all processes of the program. */
struct sf_turns {
    _Alignas(SF_AREA_PAGE) struct sf_turn at[SF_TURNS_MAX];
    unsigned n;    /* that were ever used                */
    unsigned live; /* … and are: sf_sim_threads          */
    unsigned has;  /* the turn: this one                 */
    uint64_t changed;
};
extern struct sf_turns sf_turns;
/* The calling thread's own. */
extern __thread struct sf_turn *sf_turn
    __attribute__((tls_model("initial-exec")));

/* Nobody's but its own signals come to a thread without a turn. */
void sf_turn_hold_signals(void);
/* It is that one's. */
void sf_turn_give(struct sf_turn *to);
/* Sleeps until it is the calling thread's. */
void sf_turn_await(void);
/* Whose it is next, after the calling thread's. */
struct sf_turn *sf_turn_next(void);

#endif
