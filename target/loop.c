/*
 * see loop.h
 *
 * After select failed its sets still hold what was asked (POSIX), so they
 * are not looked at.  EBADF means that at least one descriptor is dead but
 * not which: each is probed alone.  Three kinds of death never show as EBADF
 * and are met elsewhere:
 *
 *   number in use again       fm_loop_handed_out() finds the old owner under it
 *   number above the kernel's descriptor table
 *                             select ignores it and leaves its bit set; the
 *                             owner then gets FM_E_BADFD from recv or send
 *   closed while select waits reported ready; likewise
 */
#include "target/loop.h"
#include "target/sockio.h"

#include <string.h>

enum {
    FAILURES_MAX = 16, /* selects in a row that may fail for no known reason */
    FAILURE_PAUSE_MS = 10
};

struct sets {
    fd_set rd, wr, ex;
};

void fm_loop_init(struct fm_loop *loop)
{
    memset(loop, 0, sizeof *loop);
    loop->now_ms = fm_now_ms();
}

static void forget(struct fm_loop *loop, struct fm_watch *w)
{
    loop->by_fd[w->fd] = NULL;
    w->fd = -1;
    while (loop->top > 0 && !loop->by_fd[loop->top - 1])
        loop->top--;
    while (loop->low < loop->top && !loop->by_fd[loop->low])
        loop->low++;
}

/* The descriptor is closed already: tell the owner, and do not close it. */
static void bury(struct fm_loop *loop, struct fm_watch *w)
{
    forget(loop, w);
    w->on_event(w, FM_DEAD);
}

void fm_loop_handed_out(struct fm_loop *loop, int fd)
{
    if (fd >= 0 && fd < FD_SETSIZE && loop->by_fd[fd])
        bury(loop, loop->by_fd[fd]);
}

int fm_loop_add(struct fm_loop *loop, struct fm_watch *w)
{
    if (w->fd < 0 || w->fd >= FD_SETSIZE)
        return FM_E_FD_RANGE;
    fm_loop_handed_out(loop, w->fd);
    loop->by_fd[w->fd] = w;
    w->fresh = true;
    if (loop->top == 0 || loop->low > w->fd)
        loop->low = w->fd;
    if (loop->top <= w->fd)
        loop->top = w->fd + 1;
    return 0;
}

int fm_loop_remove(struct fm_loop *loop, struct fm_watch *w)
{
    int fd = w->fd;

    if (fd >= 0)
        forget(loop, w);
    return fd;
}

/* What all watches want, and the earliest deadline.  Returns nfds. */
static int build_sets(struct fm_loop *loop, struct sets *s,
                      int64_t *deadline_ms)
{
    FD_ZERO(&s->rd);
    FD_ZERO(&s->wr);
    FD_ZERO(&s->ex);
    *deadline_ms = FM_NEVER;
    for (int fd = loop->low; fd < loop->top; fd++) {
        struct fm_watch *w = loop->by_fd[fd];

        if (!w)
            continue;
        w->fresh = false;
        if (w->want & FM_READABLE)
            FD_SET(fd, &s->rd);
        if (w->want & FM_WRITABLE)
            FD_SET(fd, &s->wr);
        if (w->want & FM_URGENT)
            FD_SET(fd, &s->ex);
        if (w->deadline_ms < *deadline_ms)
            *deadline_ms = w->deadline_ms;
    }
    return loop->top;
}

/* The watch with this number, if it was in the loop before this turn. */
static struct fm_watch *current(const struct fm_loop *loop, int fd)
{
    struct fm_watch *w = loop->by_fd[fd];

    return w && !w->fresh ? w : NULL;
}

static void dispatch(struct fm_loop *loop, const struct sets *s, int nfds)
{
    for (int fd = loop->low; fd < nfds; fd++) {
        struct fm_watch *w = current(loop, fd);
        unsigned events = 0;

        if (!w)
            continue;
        if (FD_ISSET(fd, &s->rd))
            events |= FM_READABLE;
        if (FD_ISSET(fd, &s->wr))
            events |= FM_WRITABLE;
        if (FD_ISSET(fd, &s->ex))
            events |= FM_URGENT;
        if (events & w->want)
            w->on_event(w, events & w->want);
    }
}

static void run_timers(struct fm_loop *loop)
{
    for (int fd = loop->low; fd < loop->top; fd++) {
        struct fm_watch *w = current(loop, fd);

        if (w && w->deadline_ms <= loop->now_ms)
            w->on_event(w, FM_EXPIRED);
    }
}

/* Probe every descriptor alone.  Returns whether any was dead. */
static bool recover_ebadf(struct fm_loop *loop)
{
    bool found = false;

    for (int fd = loop->low; fd < loop->top; fd++)
        if (loop->by_fd[fd] && !fm_io_is_open(fd)) {
            bury(loop, loop->by_fd[fd]);
            found = true;
        }
    return found;
}

static int select_failed(struct fm_loop *loop, int err)
{
    if (err == FM_E_INTR)
        return 0;
    if (err == FM_E_BADFD && recover_ebadf(loop))
        return 0;
    if (++loop->failures > FAILURES_MAX)
        return err;
    fm_io_select(0, NULL, NULL, NULL, FAILURE_PAUSE_MS);
    return 0;
}

int fm_loop_turn(struct fm_loop *loop)
{
    struct sets s;
    int64_t deadline_ms;
    int nfds, r;

    nfds = build_sets(loop, &s, &deadline_ms);
    r = fm_io_select(nfds, &s.rd, &s.wr, &s.ex,
                     fm_remaining_ms(fm_now_ms(), deadline_ms));
    loop->now_ms = fm_now_ms();
    if (r < 0) {
        r = select_failed(loop, r);
    } else {
        loop->failures = 0;
        if (r > 0)
            dispatch(loop, &s, nfds);
        r = 0;
    }
    run_timers(loop);
    return r;
}

int64_t fm_loop_deadline_in(const struct fm_loop *loop, int64_t ms)
{
    return fm_deadline_after(loop->now_ms, ms);
}
