/*
 * sim.h: sockfault sim, a program over the kernel in memory.
 *
 * Functions that return a status mean the exit status of the command.
 */
#ifndef SF_EXPLORE_SIM_H
#define SF_EXPLORE_SIM_H

#include "faultinject/explore/explore.h"
#include "faultinject/session/session.h"
#include "faultinject/simulate/served.h"

#include <limits.h>

struct sim {
    const char *scenario;
    bool verbose, quiet;
    unsigned allowed;  /* monitors, as bits */
    const char *at;    /* where they connect; NULL: where it listens first */
    const char *dials; /* where peers answer, as in dials.h; NULL: nowhere */
    unsigned live;     /* at this port peers are real; 0: as the session says */
    bool recorded;     /* the session was, so the program is listened to */
    bool tortures;     /* --memory                     */
    unsigned nth;      /* … of this allocation; 0: all */
    /* With --prove: */
    bool proves;
    bool plain;             /* states are not recognised    */
    bool aloud;             /* what the program says is heard all the same */
    unsigned k;             /* at most so many faults       */
    unsigned cuts;          /* see choose_exhaust.h         */
    enum sf_yields yields;  /* may other threads go first?  */
    bool compares;          /* transient faults do not change its output */
    bool judges_silence;    /* … nor others, where it ends well          */
    bool loops;             /* … any number: k is the longest way */
    unsigned shard, shards; /* shard 0 … shards - 1         */
    int budget_ms;          /* 0: none                      */
    const char *resume;     /* file, or NULL                */
    const char *out;        /* folder for a counterexample  */
    char library[PATH_MAX + 64], report[64];
    struct sf_served *served; /* what the library says */
    int status;               /* what a client ended with                */
    int killed;               /* the last run, by this signal; 0: it was not */
    pid_t server;             /* the program that forks; 0: there is none    */
};
extern struct sim sim;

/* sim_options.c: false after telling why. */
bool sf_sim_options(int argc, char **argv);
void sf_sim_usage(void);

/* Nothing is known of any run. */
void sf_sim_clear(void);

/* Tells the library what is no finding in this run: a program that is short of
 * memory may end. */
void sf_sim_allow(void);

/* The program, started; its process, or -1. */
pid_t sf_sim_start(char **command, const struct sf_program *program);
/* So much of a tick was its own: where it could have run, or was stopped, only
 * what it did run; a busy machine is no fault of the program's. */
long sf_sim_own_ms(pid_t pid);
/* What a run comes to that ended so. */
int sf_sim_verdict(const char *name, int status, bool hung);

/* sim_fork.c: a program that makes runs from where it waits for its first
 * client; false: it cannot. */
bool sf_sim_fork_begin(char **command, const struct sf_program *program);
/* One of them, in the same sense as below. */
int sf_sim_fork_run(const char *name);
void sf_sim_fork_end(void);
/* Says that there are no more, since the start does otherwise. */
void sf_sim_fork_differs(void);

enum { SF_SIM_TICK_MS = 100, SF_SIM_HANG_MS = 20000 };

/* One run, from the program's start to its end.  What it ended with, if that is
 * not 0, is in sim.served->line. */
int sf_sim_run(char **command, const struct sf_program *program);

/* sim_same.c: false after telling why. */
bool sf_sim_same_begin(void);
/* In what is to be the program. */
void sf_sim_same_redirect(void);
/* Before each run; and once sim.server makes them from here on. */
bool sf_sim_same_clear(void);
void sf_sim_same_forks(void);
/* A run prints more than anybody will compare; and what it has printed, for who
 * is to see it. */
bool sf_sim_same_is_much(void);
void sf_sim_same_print(void);
/* A run that found nothing and ended by itself: what it does otherwise than the
 * first one and must not, or NULL. */
const char *sf_sim_same(int status, char text[SF_SIM_LINE / 2]);

/* What a proof of either kind comes to. */
enum sim_end { SIM_COMPLETE, SIM_STOPPED, SIM_REFUTED, SIM_CANNOT };

/* sim_prove.c: a run for each combination of at most sim.k faults. */
int sf_sim_prove(char **command, const struct sf_program *program);

/* sim_memory.c: a run for each allocation, which fails; or for sim.nth only. */
int sf_sim_torture(char **command, const struct sf_program *program);

/* sim_real.c: a run with real peers, whose part becomes sim.scenario. */
int sf_sim_real(char **command, const struct sf_program *program);
/* Was sim.scenario made so?  After a run without faults: tells, once, if the
 * program says something else by now. */
void sf_sim_find_recorded(void);
void sf_sim_look_recorded(const char *name);

/* sim_session.c: the session, false after telling why; what it is called; and
 * the command to see something in it again. */
bool sf_sim_load(struct sf_session *session);
const char *sf_sim_session_name(void);
/* The line of a run that says nothing about the program: it is not
 * deterministic, but did `what`; somebody else killed it. */
void sf_sim_is_unsteady(const char *program, const char *what);
void sf_sim_others_killed(const char *program);
bool sf_sim_is_late(int64_t since_ms); /* its budget is used up */
void sf_sim_say_how(char **command, const char *option);

#endif
