/*
 * eventfd.c: a counter as a descriptor; see eventfd(2).
 *
 * Its value, and the number that a timer tells, travels as eight bytes of
 * the host.
 */
#include "faultinject/simnet/sim.h"

#include <string.h>
#include <sys/eventfd.h>

#define MOST (UINT64_MAX - 1)

ssize_t sim_number_out(const struct iovec *iov, int n, uint64_t number)
{
    const char *bytes = (const char *)&number;
    size_t at = 0;

    for (; n > 0 && at < sizeof number; iov++, n--) {
        size_t len = sizeof number - at;

        if (len > iov->iov_len)
            len = iov->iov_len;
        memcpy(iov->iov_base, bytes + at, len);
        at += len;
    }
    return sizeof number;
}

struct sf_end *sim_eventfd(unsigned count, int flags)
{
    struct sf_end *end = sim_end_new(SIM_EVENT);

    if (end) {
        end->count = count;
        end->semaphore = flags & EFD_SEMAPHORE;
        end->nonblock = flags & EFD_NONBLOCK;
    }
    return end;
}

ssize_t sim_event_read(struct sf_end *end, const struct iovec *iov, int n)
{
    uint64_t number = end->semaphore ? 1 : end->count;

    if (sim_iov_len(iov, n) < sizeof number)
        return -EINVAL;
    if (!end->count)
        return -EAGAIN;
    end->count -= number;
    sim_wake(end);
    return sim_number_out(iov, n, number);
}

ssize_t sim_event_write(struct sf_end *end, const struct iovec *iov, int n)
{
    uint64_t number;

    if (n != 1 || iov->iov_len < sizeof number)
        return -EINVAL;
    memcpy(&number, iov->iov_base, sizeof number);
    if (number > MOST)
        return -EINVAL;
    if (number > MOST - end->count)
        return -EAGAIN;
    end->count += number;
    sim_wake(end);
    return sizeof number;
}

unsigned sim_event_ready(const struct sf_end *end)
{
    return (end->count ? POLLIN : 0u) | (end->count < MOST ? POLLOUT : 0u);
}
