/*
 * there.c: whether what the program points to can be read.
 *
 * The kernel is asked, one byte a page, and what it has found is believed from
 * then on: a loop waits with the same sets again and again, and a system call
 * more at each wait would be seen.
 */
#include <stdint.h>
#include <unistd.h>

#include "faultinject/world.h"

enum { KEPT = 4 };

static __thread struct {
    struct range {
        uintptr_t from, to;
    } ranges[KEPT];
    unsigned next;
} found __attribute__((tls_model("initial-exec")));

static bool is_found(uintptr_t from, uintptr_t to)
{
    for (int i = 0; i < KEPT; i++)
        if (from >= found.ranges[i].from && to <= found.ranges[i].to)
            return true;
    return false;
}

static bool can_read(uintptr_t from, uintptr_t to)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    char byte;

    for (; from < to; from = (from & ~(page - 1)) + page)
        if (!sf_kernel_peek(&byte, (const void *)from, 1))
            return false;
    return true;
}

bool sf_kernel_there(const void *at, size_t len)
{
    uintptr_t from = (uintptr_t)at, to = from + len;

    if (len == 0 || is_found(from, to))
        return true;
    if (to < from || !can_read(from, to))
        return false;
    found.ranges[found.next++ % KEPT] = (struct range){from, to};
    return true;
}
