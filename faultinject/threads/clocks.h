/* clocks.h: until when a thread waits, by simnet's clock. */
#ifndef SF_CLOCKS_H
#define SF_CLOCKS_H

#include "faultinject/simnet/simnet.h"

/* A point of time, as POSIX has it; NULL: never. */
static inline int64_t sf_turns_until(clockid_t clock,
                                     const struct timespec *until)
{
    int64_t ns = sf_sim_ns(until);

    if (ns < 0)
        return ns == -1 ? SF_SIM_NEVER : 0;
    return clock == CLOCK_REALTIME ? ns - SF_SIM_WALL_NS : ns;
}

/* So much time from now on. */
static inline int64_t sf_turns_from_now(const struct timespec *limit)
{
    int64_t ns = sf_sim_ns(limit);

    if (ns < 0)
        return ns == -1 ? SF_SIM_NEVER : 0;
    return sf_sim_now() + ns;
}

#endif
