/*
 * wait.c: select, poll, epoll_wait, and the passing of time.
 */
#include "faultinject/simnet/sim.h"

#include "faultinject/inject/finding.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WORD = 8 * sizeof(fd_mask) };

/* What select makes of poll's flags; see do_select() in Linux. */
static const unsigned as_read = POLLIN | POLLHUP | POLLERR;
static const unsigned as_write = POLLOUT | POLLERR;

int64_t sim_until(int64_t ns)
{
    if (ns < 0 || ns > SF_SIM_NEVER - sim.now)
        return SF_SIM_NEVER;
    return sim.now + ns;
}

bool sf_sim_blocks(void)
{
    return sf_sim_is_blocked(&sim.config, sim.mask);
}

/* Signals that the process really has pending. */
static bool has_pending(const sigset_t *mask)
{
    sigset_t pending;

    if (sigpending(&pending) < 0)
        return false;
    for (int signo = 1; signo < NSIG; signo++)
        if (sigismember(&pending, signo) == 1 && !sf_blocks(mask, signo))
            return true;
    return false;
}

/* Those that the wait unblocks come now.  What it was given may be as short as
 * Linux's own sets are. */
static bool comes(void)
{
    sigset_t own;

    if (!sim.mask || !has_pending(sim.mask))
        return false;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, sim.mask, &own, NSIG / 8);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &own, NULL, NSIG / 8);
    return true;
}

unsigned sf_sim_threads, sf_sim_thread;
enum sf_sim_turn (*sf_sim_others)(int64_t *until, bool naps);

/* So many calls are made in a row before others go on who could: who never has
 * to wait lets nobody starve. */
static void begin_share(void)
{
    enum { SHARE = 8 };

    if (sf_sim_threads < 2)
        return;
    sim.share = sim.calls + SHARE;
    sf_sim_alarm(sim.alarm);
}

/* The mask is of this thread's wait. */
static enum sf_sim_turn others_go_on(int64_t *until, bool naps)
{
    const sigset_t *mask = sim.mask;
    enum sf_sim_turn turn = SF_SIM_OWN;

    if (sf_sim_others)
        turn = sf_sim_others(until, naps);
    sim.mask = mask;
    sim.restarts = turn == SF_SIM_RESTARTS;
    begin_share();
    return turn;
}

void sim_give_way(void)
{
    int64_t now = sim.now;

    others_go_on(&now, false);
}

static int pass(int64_t until, bool naps)
{
    enum sf_sim_wake wake = SF_SIM_NOTHING;
    enum sf_sim_turn turn;
    int64_t next = until;

    sim.restarts = false;
    if (sim_bell() || comes())
        return -EINTR;
    if (sf_sim_wipe)
        sf_sim_wipe();
    if (sim.apart && sim_own.bell < next) /* others cannot see it */
        next = sim_own.bell;
    turn = others_go_on(&next, naps);
    if (turn != SF_SIM_OWN)
        return turn == SF_SIM_OTHERS ? 0 : -EINTR;
    if (sim.timer_due < next)
        next = sim.timer_due;
    if (sim_own.bell < next)
        next = sim_own.bell;
    if (until <= sim.now)
        return -EAGAIN;
    if (sim.config.idle)
        wake = sim.config.idle(sim.config.arg, next);
    if (wake == SF_SIM_ACTED)
        return 0;
    sim.restarts |= wake == SF_SIM_RESUMES;
    if (wake == SF_SIM_SIGNAL || wake == SF_SIM_RESUMES)
        return -EINTR;
    if (next == SF_SIM_NEVER) {
        sf_finding(SF_MON_STALL,
                   "the program waits without a time-out and nobody will "
                   "ever act");
        return -EINTR; /* whoever goes on past a finding must get out */
    }
    sf_sim_set_now(next);
    if (sim_bell())
        return -EINTR;
    return next == until ? -EAGAIN : 0;
}

int sim_pass(int64_t until)
{
    return pass(until, false);
}

int sim_nap(int64_t until)
{
    return pass(until, true);
}

int sf_sim_wait(int64_t until)
{
    int r;

    sim.mask = NULL;
    r = sim_pass(until);
    return r == -EINTR && sim.restarts ? 0 : r;
}

int sim_block(int64_t until)
{
    int r = sim_pass(until);

    return r == -EINTR && sim.restarts && until == SF_SIM_NEVER ? 0 : r;
}

/* ----------------------------------------------------------------- select */

struct sets {
    int words;
    int nfds;
    const fd_mask *in[3];
    fd_mask out[3][FD_SETSIZE / WORD];
};

static const fd_mask no_bits[FD_SETSIZE / WORD];

static fd_mask bits_of(const struct sets *s, int word)
{
    fd_mask bits = s->in[0][word] | s->in[1][word] | s->in[2][word];

    if ((word + 1) * WORD > s->nfds && s->nfds % WORD)
        bits &= (fd_mask)((1UL << (s->nfds % WORD)) - 1);
    return bits;
}

/* Descriptors of the real kernel among ours are looked at without waiting. */
static unsigned ready_of(int fd, bool *dead)
{
    struct sf_end *end = sim_end(fd);
    struct pollfd real = {.fd = fd, .events = POLLIN | POLLOUT | POLLPRI};

    *dead = false;
    if (end)
        return sim_ready(end);
    if (!sim_is_fd(fd) && sf_libc.poll(&real, 1, 0) >= 0 &&
        !(real.revents & POLLNVAL))
        return (unsigned)real.revents;
    *dead = true;
    return 0;
}

static int scan_word(struct sets *s, int word)
{
    fd_mask left = bits_of(s, word);
    int found = 0;

    s->out[0][word] = s->out[1][word] = s->out[2][word] = 0;
    while (left) {
        int bit = __builtin_ctzl((unsigned long)left);
        fd_mask one = (fd_mask)(1UL << bit);
        bool dead;
        unsigned mask = ready_of(word * WORD + bit, &dead);

        if (dead)
            return -EBADF;
        left &= ~one;
        if ((s->in[0][word] & one) && (mask & as_read))
            found++, s->out[0][word] |= one;
        if ((s->in[1][word] & one) && (mask & as_write))
            found++, s->out[1][word] |= one;
        if ((s->in[2][word] & one) && (mask & POLLPRI))
            found++, s->out[2][word] |= one;
    }
    return found;
}

static int scan(struct sets *s)
{
    int found = 0;

    for (int word = 0; word < s->words; word++) {
        int n = scan_word(s, word);

        if (n < 0)
            return n;
        found += n;
    }
    return found;
}

static void copy_back(const struct sets *s, fd_set *sets[3])
{
    for (int set = 0; set < 3; set++)
        for (int word = 0; sets[set] && word < s->words; word++)
            __FDS_BITS(sets[set])[word] = s->out[set][word];
}

int sim_select(int nfds, fd_set *rd, fd_set *wr, fd_set *ex, int64_t until)
{
    fd_set *sets[3] = {rd, wr, ex};
    struct sets s;
    int found, r = 0;

    /* Linux looks no further than its table is long, and leaves the bits
     * above as they were. */
    s.nfds = nfds < sim_own.fd_capacity ? nfds : sim_own.fd_capacity;
    s.nfds = s.nfds < FD_SETSIZE ? s.nfds : FD_SETSIZE;
    s.words = (s.nfds + WORD - 1) / WORD;
    for (int set = 0; set < 3; set++)
        s.in[set] = sets[set] ? __FDS_BITS(sets[set]) : no_bits;
    while ((found = scan(&s)) == 0 && r == 0)
        r = sim_pass(until);
    if (found == 0 && r == -EINTR)
        return -EINTR;
    if (found >= 0)
        copy_back(&s, sets);
    return found;
}

/* Is any of the bits from `first` on, before `last`, set? */
static bool any_bit(const fd_set *set, int first, int last)
{
    for (int word = first / WORD; set && word * WORD < last; word++) {
        unsigned long bits = (unsigned long)__FDS_BITS(set)[word];

        if (word * WORD < first)
            bits &= ~0UL << (first - word * WORD);
        if (last - word * WORD < WORD)
            bits &= (1UL << (last - word * WORD)) - 1;
        if (bits)
            return true;
    }
    return false;
}

/* Bits below SF_SIM_FD are descriptors of the real kernel, but for a few. */
static bool any_low(int nfds, const fd_set *set)
{
    for (int fd = 0; set && fd < SIM_LOW && fd < nfds; fd++)
        if (FD_ISSET(fd, set) && sim_end(fd))
            return true;
    return false;
}

static bool any_real(int nfds, const fd_set *set)
{
    return any_bit(set, 0, nfds < SF_SIM_FD ? nfds : SF_SIM_FD);
}

static bool any_ours(int nfds, const fd_set *set)
{
    return any_bit(set, SF_SIM_FD, nfds < FD_SETSIZE ? nfds : FD_SETSIZE) ||
           any_low(nfds, set);
}

bool sim_only_real(int nfds, const fd_set *rd, const fd_set *wr,
                   const fd_set *ex)
{
    if (any_ours(nfds, rd) || any_ours(nfds, wr) || any_ours(nfds, ex))
        return false;
    return any_real(nfds, rd) || any_real(nfds, wr) || any_real(nfds, ex);
}

/* ------------------------------------------------------------------- poll */

static int poll_once(struct pollfd *fds, nfds_t n)
{
    int found = 0;

    for (nfds_t i = 0; i < n; i++) {
        unsigned wanted = (unsigned)fds[i].events | POLLERR | POLLHUP;
        bool dead = false;
        unsigned mask = fds[i].fd < 0 ? 0 : ready_of(fds[i].fd, &dead);

        mask |= (mask & POLLIN ? POLLRDNORM : 0u) |
                (mask & POLLOUT ? POLLWRNORM : 0u);
        fds[i].revents = (short)(dead ? POLLNVAL : mask & wanted);
        found += fds[i].revents != 0;
    }
    return found;
}

int sim_poll(struct pollfd *fds, nfds_t n, int64_t until)
{
    int found, r = 0;

    while ((found = poll_once(fds, n)) == 0 && r == 0)
        r = sim_pass(until);
    return found == 0 && r == -EINTR ? -EINTR : found;
}

int sim_epoll_wait(struct sf_end *ep, struct epoll_event *out, int max,
                   int64_t until)
{
    int found, r = 0;

    while ((found = sim_epoll_collect(ep, out, max)) == 0 && r == 0)
        r = sim_pass(until);
    return found == 0 && r == -EINTR ? -EINTR : found;
}
