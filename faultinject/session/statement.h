/*
 * statement.h: what both provers say: how far a walk has come, on standard
 * error, and on standard output what it has proved.
 */
#ifndef SF_SESSION_STATEMENT_H
#define SF_SESSION_STATEMENT_H

#include "faultinject/inject/choose_exhaust.h"
#include "faultinject/inject/fault.h"
#include "faultinject/session/progress.h"

/* Now and then a line of progress, or on a terminal always the same one. */
void sf_progress_look(struct sf_progress *p, const struct sf_exhaust *walk,
                      uint64_t runs);
/* … of runs of which it is known how many they are. */
void sf_progress_count(struct sf_progress *p, uint64_t runs, uint64_t all);

struct sf_statement {
    const char *session, *program; /* their names                    */
    enum sf_profile profile;
    unsigned k;
    unsigned cuts;          /* see choose_exhaust.h               */
    bool loops;             /* any number of faults, instead of k */
    unsigned deepest;       /* … so many, in one schedule         */
    unsigned shard, shards; /* shard 0 … shards - 1               */
    uint64_t calls, decisions;
    bool cut; /* … the calls are not known: no run without a fault ended */
    uint64_t runs;
    double seconds;
    const uint64_t *schedules; /* with 0 … k faults */
};

/* "1 fault", "2 faults"; one at a time. */
const char *sf_faults_text(unsigned n);
/* Why an end came before the end. */
const char *sf_stopped_text(int signo);
/* "; go on with --resume FILE", or nothing; one at a time. */
const char *sf_resume_text(const char *file);

/* loops: states were left, and this is the way that was last gone. */
void sf_state_open(const struct sf_statement *s, int signo,
                   const struct sf_choice *vector, unsigned n);

void sf_state_subject(const struct sf_statement *s);
void sf_state_schedules(const struct sf_statement *s);
/* So many there were, and so many schedules ended in one that was seen. */
void sf_state_states(uint64_t states, uint64_t merged);
/* One of these: all was run; all of at most `bounds` - 1 faults, if that is
 * one, until it was stopped, by that signal or by none; this was found; none.
 */
void sf_state_complete(const struct sf_statement *s);
void sf_state_stopped(unsigned bounds, int signo);
void sf_state_refuted(unsigned n, const char *finding);
void sf_state_nothing(void);
/* Of allocations that fail, one a run. */
struct sf_shortage {
    uint64_t runs;
    uint64_t failing; /* so many of them are refuted                  */
    uint64_t nth;     /* … first that of this one; 0: also that of none */
    const char *finding;
};

void sf_state_short_subject(const struct sf_statement *s);
void sf_state_short_complete(const struct sf_shortage *s);
void sf_state_short_stopped(const struct sf_shortage *s, int signo);
void sf_state_short_refuted(const struct sf_shortage *s);

void sf_state_pace(const struct sf_statement *s);

#endif
