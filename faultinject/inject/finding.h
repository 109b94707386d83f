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

#include <stdbool.h>

/*
 * The monitors by the name that --allow and a report know them by, where they
 * look, and what they catch.
 */
/* clang-format off */
#define SF_MONITOR_MAP(X)                                                     \
    X(SPIN,         "spin",         SF_EVERYWHERE,                            \
      "calls go by and nothing ever moves")                                   \
    X(STALL,        "stall",        SF_EVERYWHERE,                            \
      "everyone waits, nobody will act")                                      \
    X(LOST_WAKEUP,  "lost-wakeup",  SF_IN_SIMNET,                             \
      "waits though an answer is owed")                                       \
    X(STALE_FD,     "stale-fd",     SF_EVERYWHERE,                            \
      "a call on a closed descriptor")                                        \
    X(DOUBLE_CLOSE, "double-close", SF_EVERYWHERE,                            \
      "a close of a closed descriptor")                                       \
    X(FD_LEAK,      "fd-leak",      SF_EVERYWHERE,                            \
      "open at the end, not at the start")                                    \
    X(FD_RANGE,     "fd-range",     SF_EVERYWHERE,                            \
      "select beyond the end of a set")                                       \
    X(BLOCKING,     "blocking-in-loop", SF_IN_KERNEL,                         \
      "a call that may block inside a loop")                                  \
    X(PHANTOM,      "phantom-dispatch", SF_EVERYWHERE,                        \
      "sets used after select said -1")                                       \
    X(SIGPIPE,      "unguarded-sigpipe", SF_EVERYWHERE,                       \
      "a send that kills the process")                                        \
    X(CONNECT,      "unchecked-connect", SF_EVERYWHERE,                       \
      "sent before SO_ERROR was read")                                        \
    X(STARVATION,   "starvation",   SF_IN_SIMNET,                             \
      "one keeps the loop from the others")                                   \
    X(LATENESS,     "lateness",     SF_IN_SIMNET,                             \
      "a deadline passed unserved")                                           \
    X(MEMORY,       "memory",       SF_IN_SIMNET,                             \
      "more than the limits allow")                                           \
    X(WORK,         "complexity",   SF_IN_SIMNET,                             \
      "more work than the input is worth")                                    \
    X(MISUSE,       "misuse",       SF_EVERYWHERE,                            \
      "recv of 0 bytes, a length of -1")                                      \
    X(WRONG,        "wrong-data",   SF_IN_SIMNET,                             \
      "delivered is not what was sent")                                       \
    X(LOST,         "lost-data",    SF_IN_SIMNET,                             \
      "owed, and never came")                                                 \
    X(HARM,         "harm",         SF_IN_SIMNET,                             \
      "another connection was affected")                                      \
    X(DIED,         "died",         SF_EVERYWHERE,                            \
      "the program ended; it must not")                                       \
    X(ZOMBIE,       "zombie",       SF_IN_KERNEL,                             \
      "a child that is not waited for again after EINTR")
/* clang-format on */

enum sf_monitor {
#define X(id, word, worlds, what) SF_MON_##id,
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
extern bool (*sf_finding_hook)(enum sf_monitor monitor, const char *line);
const char *sf_monitor_name(enum sf_monitor monitor);

enum { SF_IN_KERNEL = 1, SF_IN_SIMNET = 2, SF_EVERYWHERE = 3 };

#endif
