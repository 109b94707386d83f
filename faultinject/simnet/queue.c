/*
 * queue.c: the bytes on their way, a ring for each end that can read.
 */
#include "faultinject/simnet/sim.h"

#include <errno.h>
#include <string.h>

static _Alignas(SF_AREA_PAGE) uint8_t buffers[SIM_ENDS][SF_SIM_BUFFER];

void sim_queue_areas(sf_area *each, void *arg)
{
    each(arg, buffers, sizeof buffers, sim.ends_used * sizeof buffers[0]);
}

static void (*clear)(void *at, size_t len);

void sf_sim_be_tidy(void (*how)(void *at, size_t len))
{
    clear = how;
}

void (*sf_sim_wipe)(void);

/* Libraries like this one are not instrumented; MSan is told by hand. */
void __msan_unpoison(const volatile void *p, size_t n) __attribute__((weak));

static uint8_t *bytes_of(struct sf_end *end)
{
    return buffers[end - sim.ends];
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void put(struct sf_end *end, const uint8_t *from, size_t len)
{
    uint8_t *bytes = bytes_of(end);
    size_t at = (end->in.head + end->in.len) % SF_SIM_BUFFER;
    size_t run = least(len, SF_SIM_BUFFER - at);

    memcpy(bytes + at, from, run);
    if (run < len)
        memcpy(bytes, from + run, len - run);
    end->in.len += (uint32_t)len;
}

size_t sim_put(struct sf_end *end, const struct iovec *iov, int n)
{
    size_t put_in = 0;

    for (int i = 0; i < n; i++) {
        size_t len = least(iov[i].iov_len, sim_space(end));

        if (len)
            put(end, iov[i].iov_base, len);
        put_in += len;
    }
    return put_in;
}

static void copy_out(struct sf_end *end, size_t skip, uint8_t *to, size_t len)
{
    const uint8_t *bytes = bytes_of(end);
    size_t at = (end->in.head + skip) % SF_SIM_BUFFER;
    size_t run = least(len, SF_SIM_BUFFER - at);

    if (!to) /* MSG_TRUNC wants none of it */
        return;
    memcpy(to, bytes + at, run);
    if (run < len)
        memcpy(to + run, bytes, len - run);
    if (&__msan_unpoison)
        __msan_unpoison(to, len);
}

void sim_forget(struct sf_end *end)
{
    if (!clear)
        return;
    clear(bytes_of(end), end->in.len);
    *end = (struct sf_end){.kind = SIM_FREE};
}

void sim_empty(struct sf_end *end)
{
    if (clear)
        clear(bytes_of(end), end->in.len);
    end->in.head = end->in.len = 0;
}

/* What waits is at the front, and what is gone has left nothing. */
static void tidy_up(struct sf_end *end, size_t got)
{
    uint8_t *bytes = bytes_of(end);

    memmove(bytes, bytes + got, end->in.len);
    clear(bytes + end->in.len, got);
    end->in.head = 0;
}

static void drop(struct sf_end *end, size_t got)
{
    end->in.len -= (uint32_t)got;
    end->in.head =
        end->in.len ? (uint32_t)((end->in.head + got) % SF_SIM_BUFFER) : 0;
    if (clear)
        tidy_up(end, got);
}

/* Of `all` bytes after `skip`; says how many there was room for. */
static size_t spread(struct sf_end *end, size_t skip, size_t all,
                     const struct iovec *iov, int n)
{
    size_t got = 0;

    for (int i = 0; i < n; i++) {
        size_t len = least(iov[i].iov_len, all - got);

        if (len)
            copy_out(end, skip + got, iov[i].iov_base, len);
        got += len;
    }
    return got;
}

size_t sim_get(struct sf_end *end, const struct iovec *iov, int n, bool peek)
{
    size_t got = spread(end, 0, end->in.len, iov, n);

    if (!peek)
        drop(end, got);
    return got;
}

/* ---------------------------------------------------------------- records */

typedef uint32_t header;

ssize_t sim_put_record(struct sf_end *end, const struct iovec *iov, int n)
{
    size_t len = sim_iov_len(iov, n), whole = sizeof(header) + len;
    header h = (header)len;

    if (whole > end->in.cap)
        return -EMSGSIZE;
    if (whole > sim_space(end))
        return -EAGAIN;
    put(end, (const uint8_t *)&h, sizeof h);
    sim_put(end, iov, n);
    return (ssize_t)len;
}

static header length_at(const struct sf_end *end, size_t at)
{
    header h;

    copy_out((struct sf_end *)(uintptr_t)end, at, (uint8_t *)&h, sizeof h);
    return h;
}

ssize_t sim_get_record(struct sf_end *end, const struct iovec *iov, int n,
                       bool peek)
{
    size_t len, got;

    if (!end->in.len)
        return -EAGAIN;
    len = length_at(end, 0);
    got = spread(end, sizeof(header), len, iov, n);
    sim.cut = len - got;
    if (!peek)
        drop(end, sizeof(header) + len);
    return (ssize_t)got;
}

size_t sim_records_len(const struct sf_end *end)
{
    size_t all = 0;

    for (size_t at = 0; at < end->in.len;) {
        header len = length_at(end, at);

        all += len;
        at += sizeof len + len;
    }
    return all;
}
