/*
 * control.h: the memory that `sockfault run` shares with the processes it
 * watches.
 *
 * A mapped file: the command lays it out and puts the rules in, the library
 * maps it in every process and only counts and appends.  Nothing in it is a
 * pointer.  Since the kernel keeps a shared mapping, what a process wrote is
 * there even after it was killed, and a record costs no system call.
 */
#ifndef SF_CONTROL_H
#define SF_CONTROL_H

#include <stdint.h>

#include "faultinject/inject/finding.h"
#include "faultinject/inject/plan.h"
#include "faultinject/inject/sanitizer.h"

#define SF_CONTROL_ENV   "SOCKFAULT_CONTROL" /* path of the file */
#define SF_CONTROL_MAGIC "sockfault 1\n"

enum {
    SF_KEPT_MAX = 1 << 16, /* records of injected faults: the first ones */
    SF_RING_MAX = 1 << 16, /* records of other calls: the last ones      */
    SF_PROCESSES_MAX = 1024,
    SF_FINDINGS_MAX = 64,
    SF_FINDING_LINE = 256,
    SF_ONLY_MAX = 8,
    SF_MODULES_MAX = 64,
    SF_STACKS_MAX = 1 << 15,
    SF_SITE_BITS = 48
};

/*
 * Where a call was made: the number of a module, from 1, in the bits above
 * SF_SITE_BITS, and below them the address that the call returns to, counted
 * from where the module is loaded.  0: not known.
 */
typedef uint64_t sf_site_id;

/* A program or a library that calls came from. */
struct sf_module {
    uint32_t state; /* enum sf_module_state, written last */
    char path[SF_FINDING_LINE - 4];
};
enum sf_module_state { SF_MODULE_FREE, SF_MODULE_TAKEN, SF_MODULE_THERE };

/* What `site NAME` means: code of a module, as addresses of calls. */
struct sf_span {
    char name[SF_WORD_MAX];
    char module[SF_WORD_MAX]; /* without its folder */
    uint64_t from;
    uint64_t to; /* behind the last */
};

/* One call.  A record that was never begun, or of a fault that did not come to
 * pass, has seq 0. */
struct sf_record {
    uint64_t seq; /* over all processes, from 1 */
    uint64_t offset;
    sf_site_id site; /* of injected faults */
    uint32_t asked;
    int32_t result;
    uint32_t conn;
    uint32_t nth;
    uint32_t amount;  /* short: bytes; delay: milliseconds */
    uint32_t target;  /* the connection it was done to, or that was made */
    uint32_t earlier; /* another fault at this call: its place, from 1   */
    int32_t fd;
    uint16_t process;
    uint16_t err;
    uint8_t call;
    uint8_t fault;
    uint8_t ended; /* the call came back: result and err are there */
};

/* Why a program that was executed is out of the library's reach. */
enum sf_lost {
    SF_LOST_NOT,
    SF_LOST_STATIC,
    SF_LOST_CLASS,
    SF_LOST_RIGHTS,
    SF_LOST_ENVIRONMENT
};
struct sf_lost_programs {
    uint32_t n;
    uint32_t why; /* enum sf_lost, of the first one */
    char first[SF_WORD_MAX];
};

struct sf_process {
    int32_t pid;
    uint32_t connections;
    uint32_t writing; /* it is in a call that writes to a connection; of one
                       * with threads: or has been                     */
    char program[32];
    char terminate[SF_TERMINATE_MAX]; /* "", or why C++ had it call abort() */
    uint64_t seen[SF_CALL_COUNT];     /* calls, counted by the process itself */
};

/* A finding, and how often it was told; the rest is that of the first time. */
struct sf_told {
    uint64_t seq; /* of the last record before what is told */
    sf_site_id site;
    uint32_t process;
    uint32_t monitor;
    uint32_t times; /* written last; 0: not filled in yet */
    char line[SF_FINDING_LINE];
};

struct sf_control {
    char magic[16];
    uint64_t bytes; /* of the whole */
    enum sf_profile profile;
    uint32_t tracing;   /* natural calls are recorded, too                */
    uint32_t surveying; /* what could happen is kept, and nothing happens */
    uint32_t memory;    /* … to allocations, and to nothing else          */
    uint32_t allowed;   /* monitors that are off, as bits */
    uint32_t watched;   /* monitors that were named       */
    uint64_t cookie;    /* of calls that the tally is not told; 0: no tally */
    char only[SF_ONLY_MAX][SF_WORD_MAX]; /* programs; none: all of them */

    /* Counted by the library, atomically. */
    uint64_t seq;
    uint32_t n_processes;
    uint32_t n_findings;     /* different ones */
    uint32_t n_sealed;       /* processes that put a seccomp filter on */
    uint32_t n_blind;        /* … whose allocations are not seen       */
    char blind[SF_WORD_MAX]; /* the program of the first of those  */
    uint32_t n_beyond;       /* connections that found no room in the tables */
    uint64_t n_unplaced;     /* allocations of which that is so */
    struct sf_sanitized sanitized;
    struct sf_lost_programs lost;
    uint64_t n_kept;
    uint64_t n_ring;
    uint64_t seen[SF_CALL_COUNT]; /* by processes beyond the table */
    uint64_t injected[SF_FAULT_COUNT];

    struct sf_process processes[SF_PROCESSES_MAX];
    struct sf_module modules[SF_MODULES_MAX];
    struct sf_told findings[SF_FINDINGS_MAX];
    uint64_t stacks[SF_STACKS_MAX]; /* of allocations that were kept */
    struct sf_record kept[SF_KEPT_MAX];
    struct sf_record ring[SF_RING_MAX];

    uint64_t n_rules;
    uint64_t n_keyed; /* of the index */
    uint64_t n_spans;
    /* n_rules of them, and after them n_spans spans and the rules' index. */
    struct sf_rule rules[];
};

static inline struct sf_span *sf_control_spans(struct sf_control *control)
{
    return (struct sf_span *)(control->rules + control->n_rules);
}

/* Of the youngest process of this number that used sockets: why C++ had it call
 * abort(); "": it had not. */
static inline const char *sf_terminate_of(const struct sf_control *control,
                                          int32_t pid)
{
    uint32_t n = control->n_processes;

    for (uint32_t i = n < SF_PROCESSES_MAX ? n : SF_PROCESSES_MAX; i > 0; i--)
        if (control->processes[i - 1].pid == pid)
            return control->processes[i - 1].terminate;
    return "";
}

static inline struct sf_entry *sf_control_entries(struct sf_control *control)
{
    return (struct sf_entry *)(sf_control_spans(control) + control->n_spans);
}

/* NULL: nobody listens. */
extern struct sf_control *sf_control;
/* The same, also in a program that is left alone: how its children end is
 * looked at there, too. */
extern struct sf_control *sf_control_heard;

/* Who made the call that is under way; NULL: nobody knows. */
extern sf_site_id (*sf_control_site)(void);

/* A moment of the run: who called, and the last record before it. */
struct sf_moment {
    uint64_t seq;
    sf_site_id site;
    unsigned process; /* whose it is, where that is not who tells; else 0 */
};
struct sf_moment sf_control_now(void);
/* When that was what this thread tells; NULL: now. */
extern __thread const struct sf_moment *sf_control_then
    __attribute__((tls_model("initial-exec")));

/* The counters of that process, by call; NULL: it shares those of all beyond
 * the table, or nobody listens, or every call is recorded anyway. */
uint64_t *sf_control_seen(unsigned process);

/* Where the process says that it is writing; NULL: nobody listens. */
uint32_t *sf_control_writing(unsigned process);

/* The youngest process of this number that used sockets; 0: there is none. */
static inline unsigned sf_control_process(const struct sf_control *c,
                                          int32_t pid)
{
    unsigned n = c ? c->n_processes : 0;

    for (unsigned i = n < SF_PROCESSES_MAX ? n : SF_PROCESSES_MAX; i > 0; i--)
        if (c->processes[i - 1].pid == pid)
            return i;
    return 0;
}

/* Killed by SIGPIPE, was it for a connection?  It may have been for a pipe, as
 * in `client | head`. */
static inline bool sf_control_was_writing(const struct sf_control *c,
                                          int32_t pid)
{
    unsigned process = sf_control_process(c, pid);

    return process > 0 && c->processes[process - 1].writing;
}

/*
 * For a run that only looks: lets everything go on and keeps, for each call,
 * what else could have happened there: a record for each outcome, with the most
 * that its amount can be.
 */
struct sf_chooser *sf_control_survey(void);

struct sf_op;
/*
 * A fault was chosen and is about to happen.  It is written down now: what
 * it does may be the end of the process.
 */
void sf_control_fault(struct sf_op *op);
/* A call of ours has ended. */
void sf_control_call(const struct sf_op *op, int err);

#endif
