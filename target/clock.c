/* see clock.h */
#include "target/clock.h"

#include <limits.h>
#include <time.h>

int64_t fm_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t fm_deadline_after(int64_t now_ms, int64_t ms)
{
    return ms < 0 || ms > FM_NEVER - now_ms ? FM_NEVER : now_ms + ms;
}

int64_t fm_deadline_in(int64_t ms)
{
    return ms < 0 ? FM_NEVER : fm_deadline_after(fm_now_ms(), ms);
}

int fm_remaining_ms(int64_t now_ms, int64_t deadline_ms)
{
    if (deadline_ms == FM_NEVER)
        return -1;
    if (deadline_ms <= now_ms)
        return 0;
    return deadline_ms - now_ms < INT_MAX ? (int)(deadline_ms - now_ms)
                                          : INT_MAX;
}
