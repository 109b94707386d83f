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

const char *const sf_class_names[SF_CLASS_COUNT] = {"benign", "fatal"};
const char *const sf_profile_names[SF_PROFILE_COUNT] = {"linux", "posix",
                                                        "hostile"};

const char *const sf_role_names[SF_ROLE_COUNT] = {"", "client", "server",
                                                  "pair"};
