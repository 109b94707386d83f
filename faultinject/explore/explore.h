/*
 * explore.h: the parts of the sockfault command.
 *
 * Functions that can fail say so on standard error, in one line that begins
 * with "sockfault: ", and return false; the command then ends with 2.
 */
#ifndef SF_EXPLORE_H
#define SF_EXPLORE_H

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

#include "faultinject/explore/tally.h"
#include "faultinject/inject/control.h"

enum { SF_NOTHING_FOUND = 0, SF_FOUND = 1, SF_COULD_NOT = 2 };

__attribute__((format(printf, 1, 2))) bool sf_complain(const char *format, ...);

/* --- program.c: the command to watch ----------------------------------- */

struct sf_program {
    char path[4096];   /* as found in PATH */
    char loader[256];  /* what loads it and its libraries */
    char runtime[256]; /* a sanitizer's library that must come first, or "" */
    bool is_static;    /* no library can be loaded into it */
};

/*
 * Find the program a command names and see whether it can be watched: it
 * exists, may be executed, is made for this machine, and gains no rights when
 * it is executed.
 */
bool sf_program_find(struct sf_program *program, const char *name);

/* --- files.c: what is around a run --------------------------------------- */

/* The folder of this command. */
bool sf_own_folder(char path[PATH_MAX]);

/* A library of ours: beside this command, as built and as installed. */
bool sf_find_library(const char *name, char *path, size_t size);

#define SF_SHARED "/dev/shm/sockfault"
/*
 * Make a file that programs share with this command, from a template as of
 * mkstemp().  While its descriptor is open it is held; one of SF_SHARED that
 * nobody holds is removed, since whoever made it was killed.  -1: said why.
 */
int sf_shared_open(char *path);

/* The library is loaded into the program: in the environment of what is to be
 * the command.  A sanitizer's insists on being first; what was there stays. */
void sf_set_preload(const struct sf_program *program, const char *library);

/* A sanitizer's report is told from the program's own exit status: in the
 * same environment.  `first_ends`: also where it would go on after one. */
void sf_set_sanitizers(bool first_ends);

/* What an option names to be written: NULL for no name, - is standard output.
 * What could not be written is said when it is closed. */
bool sf_output_open(FILE **out, const char *path);
bool sf_output_close(FILE *out, const char *path);

/* First of all: one of the first three that is closed stays so, for us and for
 * the command, but no file of ours becomes what we print to.  At the end what
 * nobody can read was not done. */
void sf_check_output(void);

/* --- run.c: one run ------------------------------------------------------ */

/* One that belongs to the run: in its trace it stands before the command. */
struct sf_option {
    const char *name;
    const char *value; /* or NULL */
};
enum { SF_OPTIONS_KEPT = 64 };

struct sf_run {
    char **command;
    struct sf_plan plan;
    const char *trace; /* where the trace goes, NULL for nowhere */
    const char *json;  /* where the summary goes, NULL for nowhere */
    char only[SF_ONLY_MAX][SF_WORD_MAX]; /* programs; "": no more of them */
    unsigned allowed;                    /* monitors that are off, as bits */
    unsigned watched;                    /* monitors that were named       */
    const char *output; /* where the command's output goes, NULL: as ours */
    const char *errors; /* … and its errors: both or none */
    int timeout_ms;     /* 0: none */
    bool all_rules;     /* a rule that is not reached: nothing is shown */
    bool status_counts; /* an exit status other than 0 is a finding */
    bool quiet;         /* no summary */
    bool notify;        /* by the kernel's notifications, not the library */
    bool no_io_uring;   /* the kernel has none, as far as they can see */
    bool surveys;       /* keep what could happen, and let nothing happen */
    bool memory;        /* allocations are seen, and a survey is of them  */
    struct sf_option kept[SF_OPTIONS_KEPT];
    int n_kept;
};

/* What came out. */
struct sf_outcome_of_run {
    struct sf_control *control; /* mapped; NULL when nothing could be done */
    pid_t pid;                  /* of the command  */
    int status;                 /* as from waitpid */
    int forwarded; /* the signal that we were sent and passed on, or 0 */
    bool timed_out;
    const char *survivor;    /* a program that outlives it, or NULL */
    struct sf_passed passed; /* what the library did not see        */
};

/* Run the command to its end. */
bool sf_run(const struct sf_run *run, struct sf_outcome_of_run *outcome);

/* --- signals.c: signals that are meant for the command ------------------- */

/*
 * Until the command is known they wait.  What is ignored, as under nohup, the
 * command ignores as well, until it has a handler of its own: it gets it.
 */
void sf_signals_hold(sigset_t *before);
/* In what is to be the command: as before. */
void sf_signals_free(const sigset_t *before);
/* Held ones that have come already do not reach a command that is started from
 * here on: they are passed on as soon as it is known. */
void sf_signals_early(void);
/* That is the command; 0 or less: there is none any more, since from its end on
 * its number may be another's. */
void sf_signals_pass(pid_t command, bool has_own_group);
/* The last one that asked the command to end, or 0. */
int sf_forwarded(void);

/* A child: true: it ended within the time, whatever signals came meanwhile. */
bool sf_ends_within(pid_t pid, int ms);
/* What is left of a command: all children of this process but one, and theirs;
 * 0: all. */
void sf_end_children(pid_t but);
/* Of the monotonic clock. */
int64_t sf_now_ms(void);

/* --- options.c: what stands behind a verb -------------------------------- */

enum {
    SF_VERB_RUN = 1,
    SF_VERB_REPLAY = 2,
    SF_VERB_SHRINK = 4,
    SF_VERB_EXPLORE = 8,
    SF_VERB_REPORT = 16
};

enum { SF_JOBS_MAX = 256, SF_CUTS_MAX = 4096 };

struct sf_options {
    struct sf_run run;
    const char *seed;
    const char *rate;
    const char *class;
    const char *profile;
    const char *check; /* shrink: the command that judges, NULL for none */
    char **words;      /* of a trace's `run` line, or NULL              */

    /* explore */
    const char *out;
    int jobs;
    int budget_ms;
    unsigned shard, shards;
    bool compares;
    bool silent;
    unsigned cuts;
    bool just; /* … and what is without is all that was not named */
    bool without[SF_FAULT_COUNT];

    /* report */
    const char *html; /* where the page goes, NULL for nowhere */
};

void sf_options_init(struct sf_options *o);
void sf_options_fini(struct sf_options *o);

/*
 * Take the options of the verb argv[0] up to the first word that is none,
 * which optind then says.  --help is answered and ends the process.
 */
bool sf_options_take(struct sf_options *o, unsigned verb, int argc,
                     char **argv);

/*
 * Take the plan of a trace, the options with which it was run, and its command.
 * What the verb's own options say comes after that, and wins.
 */
bool sf_options_take_trace(struct sf_options *o, char *trace);

/* What they mean together, once the plan is there. */
bool sf_options_settle(struct sf_options *o);

/* Add a plan's rules from a file. */
bool sf_load_plan(struct sf_plan *plan, const char *path);

/* The options of these verbs, a line each. */
void sf_options_print(unsigned verbs, FILE *out);

/* --- list.c: what there is ----------------------------------------------- */

/* `sockfault list WHAT`: false when there is no such list. */
bool sf_list(const char *what);

/* --- trace.c: what happened ---------------------------------------------- */

/* A rule as a plan has it, for free(3); NULL: no memory. */
char *sf_rule_text(const struct sf_rule *rule);

/* The trace: a plan in which natural calls are comments. */
void sf_trace_print(const struct sf_run *run, const struct sf_control *control,
                    FILE *out);

/* Its `run` line: the options that belong to it, and the command. */
void sf_run_line_print(const struct sf_run *run, FILE *out);

/* The rule that makes the recorded fault happen again; from there on for ever,
 * if it is `endless`, which is what sf_endless() says. */
struct sf_rule sf_rule_of(const struct sf_control *control,
                          const struct sf_record *record,
                          const struct sf_record *endless);

/* The last fault that the process met before this was told, or the last one
 * of all where `told` is NULL; NULL: there was none.  If it spun, the first of
 * a long row of the same up to that, at one call after the other. */
const struct sf_record *sf_cause(const struct sf_control *control,
                                 const struct sf_told *told);
/* The cause, where that was a spin in such a row: how long it takes is a matter
 * of time, so the row may have to be longer.  NULL: it was none. */
const struct sf_record *sf_endless(const struct sf_control *control);
/* Is it said by a rule that goes on from `endless`? */
bool sf_is_of_row(const struct sf_record *record,
                  const struct sf_record *endless);

/* Records that found no room, of calls and of faults. */
struct sf_dropped {
    uint64_t calls;
    uint64_t faults;
};
struct sf_dropped sf_dropped(const struct sf_control *control);

/* --- where.c: call sites -------------------------------------------------- */

enum { SF_WHERE_MAX = 192 };

/* "function at file:line", or "module+0xoffset"; false: it is not known. */
bool sf_where(const struct sf_control *control, sf_site_id site,
              char text[SF_WHERE_MAX]);

/* "module+0xoffset" alone, as a rule has it; false, and "", where it is not
 * known or longer than that. */
bool sf_place(const struct sf_control *control, sf_site_id site,
              char name[SF_WORD_MAX]);

/*
 * What the sites of a plan's rules mean in this program and the libraries it
 * needs: *spans, to be freed.
 */
bool sf_find_spans(const struct sf_program *program, const struct sf_plan *plan,
                   struct sf_span **spans, size_t *n);

/* --- cxx.c: names of C++ ------------------------------------------------- */

/* A function as people call it, without what it takes and is made for, or the
 * symbol itself, where it is none of C++'s; cut to the size.  Is `text`. */
const char *sf_cxx_name(const char *symbol, char *text, size_t size);

/* By such a name. */
bool sf_is_of_cxx_library(const char *name);

/* --- summary.c: what came out, for people -------------------------------- */

/* What was found, in a word: the name of a monitor; NULL: nothing. */
const char *sf_verdict(const struct sf_run *run,
                       const struct sf_outcome_of_run *outcome);

/* The exit status of the command. */
int sf_status(const struct sf_run *run,
              const struct sf_outcome_of_run *outcome);

/* What waitpid said, as a shell would say it: 128 and more for a signal. */
int sf_shell_status(int status);

enum { SF_END_MAX = 128 };
/* How the command itself ended. */
void sf_end_text(const struct sf_run *run,
                 const struct sf_outcome_of_run *outcome,
                 char text[SF_END_MAX]);

/* "done", or how a rule failed: "never possible", "not reached"; of one that
 * leaves it to chance "never possible when drawn", "never drawn". */
const char *sf_rule_state(const struct sf_rule *rule);

uint64_t sf_sum(const uint64_t *counts, size_t n);
uint64_t sf_connections(const struct sf_control *control);
/* Calls of one kind, and of all, in all processes. */
uint64_t sf_seen(const struct sf_control *control, int call);
uint64_t sf_calls_seen(const struct sf_control *control);
/* Programs and findings that are kept. */
unsigned sf_processes(const struct sf_control *control);
unsigned sf_findings(const struct sf_control *control);

void sf_summary_print(const struct sf_run *run,
                      const struct sf_outcome_of_run *outcome);

/* --- json.c: the same, for programs -------------------------------------- */

void sf_json_print(const struct sf_run *run,
                   const struct sf_outcome_of_run *outcome, FILE *out);

/* --- shrink.c: the smallest plan ---------------------------------------- */

/*
 * Run, and as long as the same is found, leave rules out.  run->plan is
 * replaced by the smallest plan that shows it.  False: nothing is found with
 * the plan as it is, or not again.  Where `check` is not NULL, this command
 * of the shell says whether a run shows it (1) or not (0), and finds in its
 * environment SOCKFAULT_OUTPUT and SOCKFAULT_ERRORS, files with what the run
 * wrote, and SOCKFAULT_STATUS, how it ended.
 */
bool sf_shrink(struct sf_run *run, const char *check);

/* --- known.c: findings that are known ----------------------------------- */

/* A line each, "NAME YYYY-MM-DD why"; false with a complaint. */
bool sf_known_read(const char *path);
/* The day until which this one is, and that has not passed; NULL: it is not. */
const char *sf_known_until(const char *name);

/* --- words.c: the `run` line of a plan, and names ------------------------ */

/*
 * Split into words as the shell would, quotes and backslashes included and
 * nothing expanded.  NULL with a complaint; else free() the one block.
 */
char **sf_words(const char *text);

/* A time as 500ms, 30s, 2m or 8h, of this option; false with a complaint. */
bool sf_read_time(const char *option, const char *text, int *ms);

/* Sets the monitor of this name, given with this option, in *bits; false with
 * a complaint. */
bool sf_find_monitor(const char *option, const char *name, unsigned *bits);

#endif
