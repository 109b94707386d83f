/*
 * served.h: what `sockfault sim` and the library in the program tell each
 * other: the environment on the way in, a mapped file on the way out.
 */
#ifndef SF_SERVED_H
#define SF_SERVED_H

#include "faultinject/inject/choose_exhaust.h"
#include "faultinject/inject/control.h"
#include "faultinject/inject/sanitizer.h"
#include "faultinject/session/session.h"
#include "faultinject/threads/turns.h"

#define SF_SIM_SCENARIO_ENV "SOCKFAULT_SIM"        /* a session; -: input  */
#define SF_SIM_REPORT_ENV   "SOCKFAULT_SIM_REPORT" /* path of the report   */
#define SF_SIM_SHOW_ENV     "SOCKFAULT_SIM_SHOW"   /* not 0: on stderr     */
/* Peers answer where the program connects to: dials.h. */
#define SF_SIM_DIALS_ENV "SOCKFAULT_SIM_DIALS"
/* … and connect here, where it listens in several places. */
#define SF_SIM_AT_ENV "SOCKFAULT_SIM_AT"
/* The process that the session is for, whatever it becomes by exec; without
 * it the first program that loads the library. */
#define SF_SIM_PID_ENV "SOCKFAULT_SIM_PID"

enum { SF_SIM_LINE = 512 };

/* What is expected of a program that makes others serve. */
#define SF_SIM_FOREGROUND                                         \
    "in the foreground and without workers (nginx: 'daemon off; " \
    "master_process off;')" SF_SIM_ELSE
/* … or has others dial, or make its connections theirs. */
#define SF_SIM_ALONE                                                      \
    "in the foreground, without workers or helpers (nginx: 'daemon off; " \
    "master_process off;', links: -async-dns 0)" SF_SIM_ELSE
/* … and of one that cannot do otherwise. */
#define SF_SIM_ELSE ", or by 'sockfault run', over real sockets"

/* What whoever proves may choose: faults, that other threads go first, or both.
 */
enum sf_yields { SF_YIELDS_NOT, SF_YIELDS_TOO, SF_YIELDS_ONLY };

/*
 * Runs that begin where the program waits for its first client: each is a fork
 * of it there.  One at a time; the first three are futexes.
 */
struct sf_serving {
    uint32_t ready;    /* it is there                        */
    uint32_t asked;    /* so many runs it is to make         */
    uint32_t answered; /* … it has made                      */
    uint32_t wanted;   /* it is to stay there                */
    int32_t child;     /* the run that it makes: its process */
    int32_t status;    /* … as from waitpid                  */
    uint32_t plain;    /* states are not recognised          */
    uint64_t states;   /* so many there were                 */
};

struct sf_served {
    struct sf_serving serving;
    /* What follows is of one run. */
    uint32_t loaded;    /* the library is in the program                    */
    uint32_t unusable;  /* it could not be done: why is in `line`           */
    uint32_t elsewhere; /* another listens: who is in `line`                */
    uint32_t met;       /* the program was given a number of ours           */
    uint32_t joined;    /* the program listened and waited: it began        */
    uint32_t dials;     /* … or it was about to connect                     */
    uint32_t listened;  /* … and is a server all the same                   */
    uint32_t stopped;   /* the program was told to stop                     */
    uint32_t ended;     /* … and the session ended                          */
    uint32_t allowed;   /* monitors that find nothing, as bits               */
    uint32_t found;
    /* … this: the program's standard error may go anywhere */
    char line[SF_SIM_LINE];
    char terminate[SF_TERMINATE_MAX]; /* "", or why C++ had it call abort() */
    struct sf_sanitized sanitized;
    struct sf_turns_seen turns;
    struct sf_lost_programs lost; /* programs that had no part in it */
    uint32_t conns, accepted;     /* made by peers; accepted from anybody */
    uint64_t calls, faults;
    uint32_t fatal;       /* one of the faults was no transient one          */
    uint64_t allocations; /* of the program, since it joined                 */
    uint64_t refused; /* … and this one must fail; 0: none               */
    uint32_t blind;   /* … but none of them is seen                      */
    uint32_t yields;  /* enum sf_yields                                    */
    uint32_t calm;    /* this run is without the session's faults      */
    uint32_t live;    /* … with real peers, at this port               */
    uint32_t told;    /* … until the command is told to stop           */
    uint32_t dropped; /* … of whose acts so many found no room in      */
    struct sf_session recorded;
    uint32_t hears;               /* what peers receive is noted: */
    uint64_t heard[SF_PEERS + 1]; /* of each its fingerprint      */
    uint32_t proves; /* … and one of a walk                           */
    uint32_t cut;    /* … and ended where another one was             */
    struct sf_exhaust walk; /* … so far; adopted by the library              */
    struct sf_choice children[]; /* … noted: SF_EXHAUST_ROOM if it proves   */
};

#endif
