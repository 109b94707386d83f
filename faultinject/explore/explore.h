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
};

/*
 * Find the program a command names and see whether it can be watched: it
 * exists, may be executed, is dynamically linked for this machine, and gains
 * no rights when it is executed.
 */
bool sf_program_find(struct sf_program *program, const char *name);

/* --- run.c: one run ------------------------------------------------------ */

struct sf_run {
    char **command;
    struct sf_plan plan;
    const char *trace;  /* where the trace goes, NULL for nowhere */
    unsigned allowed;   /* monitors that are off, as bits */
    int timeout_ms;     /* 0: none */
    bool status_counts; /* an exit status other than 0 is a finding */
    bool quiet;         /* no summary */
};

/* What came out. */
struct sf_outcome_of_run {
    struct sf_control *control; /* mapped; NULL when nothing could be done */
    int status;                 /* as from waitpid */
    bool timed_out;
};

/* Run the command to its end. */
bool sf_run(const struct sf_run *run, struct sf_outcome_of_run *outcome);

/* --- report.c: what is told about it ----------------------------------- */

/* The trace: a plan in which natural calls are comments. */
void sf_trace_print(const struct sf_run *run, const struct sf_control *control,
                    FILE *out);

/* The summary, and the exit status of the command. */
int sf_summarize(const struct sf_run *run,
                 const struct sf_outcome_of_run *outcome);

#endif
