/* fault.c: the two tables as arrays. */
#include "faultinject/inject/chooser.h"

#include <errno.h>

#define K_RECV     K_READ
#define K_READV    K_READ
#define K_RECVMSG  K_READ
#define K_RECVMMSG K_READ
#define K_SPLICE   K_READ
#define K_SEND     K_WRITE
#define K_WRITEV   K_WRITE
#define K_SENDMSG  K_WRITE
#define K_SENDMMSG K_WRITE
#define K_SPECIAL  K_CTL

const struct sf_call_info sf_calls[SF_CALL_COUNT] = {
#define CALL(name, returns, params, args, kind) \
    {#name, K_##kind, __builtin_ctz(K_##kind)},
#include "faultinject/calls.def"
#undef CALL
};

const struct sf_fault_info sf_faults[SF_FAULT_COUNT] = {
#define FAULT(id, word, err, kinds, cls, profile, how) \
    {word, err, kinds, SF_##cls, SF_##profile, SF_##how},
#include "faultinject/inject/faults.def"
#undef FAULT
};

/* dup(2): a copy is no new file; and of a number that is given nothing is
 * looked for: one that is too large is EBADF. */
static int is_open_and_fits(enum sf_fault fault, enum sf_call call)
{
    int copies =
        call == SF_CALL_dup || call == SF_CALL_dup2 || call == SF_CALL_dup3;

    switch (fault) {
    case SF_EMFILE:
        return call == SF_CALL_dup || !copies;
    case SF_ENFILE:
        return !copies;
    case SF_EAFNOSUPPORT:
        return call == SF_CALL_socket;
    default:
        return 1;
    }
}

/* Where 0 says that the file has ended, or counts messages, it says no more. */
static int is_write_and_fits(enum sf_fault fault, enum sf_call call)
{
    return fault != SF_ZERO ||
           (call != SF_CALL_sendfile && call != SF_CALL_sendmmsg);
}

int sf_fault_fits(enum sf_fault fault, enum sf_call call)
{
    enum sf_kind kind = sf_calls[call].kind;

    return (sf_faults[fault].kinds & kind) &&
           (kind != K_OPEN || is_open_and_fits(fault, call)) &&
           is_write_and_fits(fault, call);
}

const char *const sf_class_names[SF_CLASS_COUNT] = {"benign", "fatal"};
const char *const sf_profile_names[SF_PROFILE_COUNT] = {"linux", "posix",
                                                        "hostile"};

const char *const sf_role_names[SF_ROLE_COUNT] = {"", "client", "server",
                                                  "pair"};
