/*
 * explore.h: the parts of the sockfault command.
 *
 * Functions that can fail say so on standard error, in one line that begins
 * with "sockfault: ", and return false; the command then ends with 2.
 */
#ifndef SF_EXPLORE_H
#define SF_EXPLORE_H

#include <stdbool.h>
#include <stdio.h>

#include "faultinject/inject/control.h"

enum { SF_NOTHING_FOUND = 0, SF_FOUND = 1, SF_COULD_NOT = 2 };

/* The exit status that sanitizers are told to use for a report. */
enum { SF_SANITIZER_STATUS = 86 };

__attribute__((format(printf, 1, 2))) bool sf_complain(const char *format, ...);

/* --- program.c: the command to watch ----------------------------------- */

struct sf_program {
    char path[4096];   /* as found in PATH */
    char runtime[256]; /* a sanitizer's library that must come first, or "" */
    bool is_static;    /* no library can be loaded into it */
};

/*
 * Find the program a command names and see whether it can be watched: it
 * exists, may be executed, is made for this machine, and gains no rights when
 * it is executed.
 */
bool sf_program_find(struct sf_program *program, const char *name);

/* --- run.c: one run ------------------------------------------------------ */

struct sf_run {
    char **command;
    struct sf_plan plan;
    const char *trace;  /* where the trace goes, NULL for nowhere */
    unsigned allowed;   /* monitors that are off, as bits */
    int timeout_ms;     /* 0: none */
    bool all_rules;     /* a rule that is not reached: nothing is shown */
    bool status_counts; /* an exit status other than 0 is a finding */
    bool quiet;         /* no summary */
    bool notify;        /* by the kernel's notifications, not the library */
    bool mute;          /* the command's own output goes nowhere */
};

/* What came out. */
struct sf_outcome_of_run {
    struct sf_control *control; /* mapped; NULL when nothing could be done */
    int status;                 /* as from waitpid */
    int forwarded; /* the signal that we were sent and passed on, or 0 */
    bool timed_out;
};

/* Run the command to its end. */
bool sf_run(const struct sf_run *run, struct sf_outcome_of_run *outcome);

/* --- report.c: what is told about it ----------------------------------- */

/* The trace: a plan in which natural calls are comments. */
void sf_trace_print(const struct sf_run *run, const struct sf_control *control,
                    FILE *out);

/* What was found, in a word: the name of a monitor; NULL: nothing. */
const char *sf_verdict(const struct sf_run *run,
                       const struct sf_outcome_of_run *outcome);

/* The rule that makes the recorded fault happen again. */
struct sf_rule sf_rule_of(const struct sf_control *control,
                          const struct sf_record *record);

/* The summary, and the exit status of the command. */
int sf_summarize(const struct sf_run *run,
                 const struct sf_outcome_of_run *outcome);

/* --- shrink.c: the smallest plan ---------------------------------------- */

/*
 * Run, and as long as the same is found, leave rules out.  run->plan is
 * replaced by the smallest plan that shows it.  False: nothing is found with
 * the plan as it is, or not again.
 */
bool sf_shrink(struct sf_run *run);

/* --- words.c: the `run` line of a plan ---------------------------------- */

/*
 * Split into words as the shell would, quotes and backslashes included and
 * nothing expanded.  NULL with a complaint; else free() the one block.
 */
char **sf_words(const char *text);

#endif
