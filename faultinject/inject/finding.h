/*
 * finding.h: where misbehaviour is told.
 *
 * In a fuzz target a finding prints one line and aborts, so that every
 * engine sees it; under preload it is written into the report and the run
 * goes on.  The line is
 *
 *     sockfault: finding: MONITOR: what happened
 */
#ifndef SF_FINDING_H
#define SF_FINDING_H

/* The monitors by the name that --allow and a report know them by. */
/* clang-format off */
#define SF_MONITOR_MAP(X)                                                     \
    X(SPIN,         "spin")         /* calls go by and nothing ever moves */  \
    X(STALL,        "stall")        /* everyone waits, nobody will act    */  \
    X(LOST_WAKEUP,  "lost-wakeup")  /* waits though an answer is owed     */  \
    X(STALE_FD,     "stale-fd")     /* a call on a closed descriptor      */  \
    X(DOUBLE_CLOSE, "double-close") /* a close of a closed descriptor     */  \
    X(FD_LEAK,      "fd-leak")      /* open at the end, not at the start  */  \
    X(FD_RANGE,     "fd-range")     /* select with a number >= FD_SETSIZE */  \
    X(BLOCKING,     "blocking-in-loop") /* a blocking call inside a loop  */  \
    X(PHANTOM,      "phantom-dispatch") /* sets used after select said -1 */  \
    X(SIGPIPE,      "unguarded-sigpipe") /* a send that kills the process */  \
    X(CONNECT,      "unchecked-connect") /* sent before SO_ERROR was read */  \
    X(STARVATION,   "starvation")   /* one keeps the loop from the others */  \
    X(LATENESS,     "lateness")     /* a deadline passed unserved         */  \
    X(MEMORY,       "memory")       /* more than the limits allow         */  \
    X(WORK,         "complexity")   /* more work than the input is worth  */  \
    X(MISUSE,       "misuse")       /* recv of 0 bytes, a length of -1    */  \
    X(WRONG,        "wrong-data")   /* delivered is not what was sent     */  \
    X(LOST,         "lost-data")    /* owed, and never came               */  \
    X(HARM,         "harm")         /* another connection was affected    */  \
    X(DIED,         "died")         /* the program ended; it must not     */
/* clang-format on */

enum sf_monitor {
#define X(id, word) SF_MON_##id,
    SF_MONITOR_MAP(X)
#undef X
        SF_MON_COUNT
};

/*
 * Tell a finding.  `hook`, when set, gets the finished line and returns true
 * to go on; without one the line goes to standard error and the process
 * aborts.
 */
void sf_finding(enum sf_monitor monitor, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
extern _Bool (*sf_finding_hook)(enum sf_monitor monitor, const char *line);
const char *sf_monitor_name(enum sf_monitor monitor);

#endif
