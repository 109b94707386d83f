/*
 * fault.h: the names of calls, kinds and faults, made from the two tables.
 */
#ifndef SF_FAULT_H
#define SF_FAULT_H

/* clang-format off */
enum sf_call {
#define CALL(name, returns, params, args, kind) SF_CALL_##name,
#include "faultinject/calls.def"
#undef CALL
    SF_CALL_COUNT
};

/* Kinds of calls as bits, so that a fault can name several. */
enum sf_kind {
    K_READ    = 1 << 0, /* READ, RECV, READV, RECVMSG in calls.def */
    K_WRITE   = 1 << 1, /* WRITE, SEND, WRITEV, SENDMSG            */
    K_ACCEPT  = 1 << 2,
    K_CONNECT = 1 << 3,
    K_WAIT    = 1 << 4,
    K_OPEN    = 1 << 5,
    K_CLOSE   = 1 << 6,
    K_CTL     = 1 << 7,
    K_CLOCK   = 1 << 8,
    K_SPAWN   = 1 << 9,
    K_REAP    = 1 << 10,
    K_ALLOC   = 1 << 11,
    K_ANY     = (1 << 12) - 1, /* that a plan can name */
    K_TURN    = 1 << 12
};
enum { SF_KIND_COUNT = 13 };

enum sf_class { SF_BENIGN, SF_FATAL, SF_CLASS_COUNT };
enum sf_how { SF_DRAWN, SF_NAMED };
enum sf_profile { SF_LINUX, SF_POSIX, SF_HOSTILE, SF_PROFILE_COUNT };

enum sf_fault {
#define FAULT(id, word, err, kinds, cls, profile, how) SF_##id,
#include "faultinject/inject/faults.def"
#undef FAULT
    SF_FAULT_COUNT
};
/* clang-format on */

struct sf_fault_info {
    const char *word; /* as in a plan                          */
    int err;          /* errno that the call answers, or 0     */
    unsigned kinds;   /* enum sf_kind bits                     */
    enum sf_class cls;
    enum sf_profile profile;
    enum sf_how how;
};
extern const struct sf_fault_info sf_faults[SF_FAULT_COUNT];

struct sf_call_info {
    const char *name;
    enum sf_kind kind;
    int kind_index; /* the number of its bit */
};
extern const struct sf_call_info sf_calls[SF_CALL_COUNT];

/* Does a descriptor die by it, behind the program's back? */
static inline int sf_fault_kills(enum sf_fault fault)
{
    return fault == SF_DEADFD || fault == SF_DEADFD_REUSED ||
           fault == SF_DEADFD_NOTSOCK || fault == SF_DEADFD_LATE;
}

/* Is all of it that time passes, so many milliseconds? */
static inline int sf_fault_takes_time(enum sf_fault fault)
{
    return fault == SF_DELAY || fault == SF_LATE;
}

/* Has a rule a number for it: of bytes, of milliseconds, a descriptor's? */
static inline int sf_fault_has_amount(enum sf_fault fault)
{
    return fault == SF_SHORT || fault == SF_OTHER_DEAD ||
           sf_fault_takes_time(fault);
}

/* Can it be at this call, in whatever profile and state?  Its kinds say so, but
 * for calls that are not like the others of their kind. */
int sf_fault_fits(enum sf_fault fault, enum sf_call call);

/* Is it done to a listener, which is no connection? */
static inline int sf_fault_of_listener(enum sf_fault fault)
{
    return fault == SF_LISTENER_DEAD || fault == SF_LISTENER_NOTSOCK ||
           fault == SF_LISTENER_SHUT;
}

extern const char *const sf_class_names[SF_CLASS_COUNT];
extern const char *const sf_profile_names[SF_PROFILE_COUNT];

#endif
