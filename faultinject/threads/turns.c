/* turns.c: whose turn it is; see turns.h */
#include "faultinject/threads/turns.h"

#include "faultinject/inject/inject.h"
#include "faultinject/inject/pid.h"
#include "faultinject/interpose/interpose.h"
#include "faultinject/simnet/simnet.h"
#include "faultinject/threads/turn.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MS = 1000000 };

struct sf_turns sf_turns;
__thread struct sf_turn *sf_turn;
static const bool never;
static pthread_key_t end;
static pid_t leaves; /* a thread that has given its turn for good */
static long is_private = FUTEX_PRIVATE_FLAG; /* … to this process */
static const struct timespec
    *patience; /* so long in vain, and it is asked why */

static struct sf_turns_seen by_nobody, *seen = &by_nobody;

static void show(void)
{
    seen->threads = sf_sim_threads;
    seen->has = (unsigned)(sf_turn - sf_turns.at) + 1;
    seen->asked++;
    seen->child = sf_turn->child;
}

void sf_turns_show(struct sf_turns_seen *to)
{
    seen = to;
}

/* It is not known what a wait on the real kernel's descriptors ends by. */
static uint64_t changes(void)
{
    return sf_turns.changed + sf_sim_events() + sf_sim_calls();
}

/* Of a single thread it would be a state of its own each time. */
void sf_turns_changed(void)
{
    if (sf_sim_threads > 1)
        sf_turns.changed++;
}

bool sf_turns_mine(void)
{
    return sf_turn != NULL;
}

/* ------------------------------------------------------------------- turns */

void sf_turn_give(struct sf_turn *to)
{
    sf_turns.has = (unsigned)(to - sf_turns.at);
    __atomic_store_n(&to->has, 1, __ATOMIC_RELEASE);
    sf_syscall(SYS_futex, (long)&to->has, FUTEX_WAKE | is_private, 1, 0, 0, 0);
}

static bool is_handled(int signo, int *flags)
{
    struct sigaction action;

    if (sigaction(signo, NULL, &action) < 0 || action.sa_handler == SIG_DFL ||
        action.sa_handler == SIG_IGN)
        return false;
    *flags = action.sa_flags;
    return true;
}

/* A handler runs in its thread's turn, too: what is sent to one that has none
 * is kept for it. */
void sf_turn_hold_signals(void)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &sf_turn->mask);
}

static void set_mask(void *mask)
{
    pthread_sigmask(SIG_SETMASK, mask, NULL);
}

/* A handler may wait itself: in the middle of what this thread waits for. */
static void handle(sigset_t *mask)
{
    struct sf_turn outer = *sf_turn;

    sf_turn->leads = sf_turn->firm = sf_turn->inner = false;
    sf_inject_handle(set_mask, mask);
    sf_turn->until = outer.until;
    sf_turn->ready = outer.ready;
    sf_turn->woken = outer.woken;
    sf_turn->leads = outer.leads;
    sf_turn->firm = outer.firm;
    sf_turn->inner = outer.inner;
}

static void release_signals(void)
{
    sigset_t mask = sf_turn->mask, came;
    bool struck = false, restarts = true;
    int flags;

    sigpending(&came);
    for (int signo = 1; !sigisemptyset(&came) && signo < NSIG; signo++)
        if (sigismember(&came, signo) == 1 && !sigismember(&mask, signo) &&
            is_handled(signo, &flags)) {
            struck = true;
            restarts &= (flags & SA_RESTART) != 0;
        }
    handle(&mask);
    sf_turn->struck = struck;
    sf_turn->restarts = restarts;
}

/* The first thread stays until the process ends. */
static bool exists(pid_t thread)
{
    return thread != sf_process() &&
           sf_syscall(SYS_tgkill, sf_process(), thread, 0, 0, 0, 0) == 0;
}

/* What libc still does with a thread that ends is to be done: it gives memory
 * back, and its stack may be the next one's.  If that needs what another has,
 * it has to wait. */
static void await_gone(void)
{
    enum { TRIES = 1000, EAGER = 100 };
    static const struct timespec moment = {0, 100000};

    for (int i = 0; leaves && i < TRIES && exists(leaves); i++)
        if (i < EAGER)
            sf_syscall(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
        else
            sf_syscall(SYS_nanosleep, (long)&moment, 0, 0, 0, 0, 0);
    leaves = 0;
}

void sf_turn_await(void)
{
    __builtin_unwind_init(); /* its registers are a part of the state, too */
    getcontext(&sf_turn->parked.at);
    sf_park(&sf_turn->parked);
    while (!__atomic_load_n(&sf_turn->has, __ATOMIC_ACQUIRE))
        if (sf_syscall(SYS_futex, (long)&sf_turn->has, FUTEX_WAIT | is_private,
                       0, (long)patience, 0, 0) < 0 &&
            errno == ETIMEDOUT)
            sf_turns_in_vain(&sf_turn->mask);
    sf_turn->has = 0;
    sf_turn->parked.is = 0;
    await_gone();
    sf_sim_thread = (unsigned)(sf_turn - sf_turns.at) + 1;
    sf_sim_threads = sf_turns.live;
    show();
    if (sf_turns_has_come)
        sf_turns_has_come(&sf_turn->mask);
    release_signals();
}

void (*sf_turns_in_vain)(const sigset_t *mask);
void (*sf_turns_has_come)(const sigset_t *mask);
bool (*sf_turns_calm)(void);

void sf_turns_share(void)
{
    static const struct timespec while_ = {.tv_nsec = 20000000};

    is_private = 0;
    patience = &while_;
}

static bool stays_behind(const struct sf_turn *t)
{
    return t->lives && t->behind > sf_sim_calls();
}

static uint64_t awaited(const struct sf_turn *t)
{
    return t->inner ? sf_turns.changed : sf_sim_events();
}

static bool may_go_on(const struct sf_turn *t)
{
    if (!t->lives || stays_behind(t))
        return false;
    if (t->ready || t->until <= sf_sim_now())
        return true;
    return t->woken ? *t->woken : t->awaits != awaited(t);
}

static bool may_look(const struct sf_turn *t)
{
    return t->lives && !stays_behind(t) && !t->woken && t->looked != changes();
}

static struct sf_turn *first_who(bool (*is)(const struct sf_turn *t))
{
    unsigned own = (unsigned)(sf_turn - sf_turns.at);

    for (unsigned i = 1; i < sf_turns.n; i++)
        if (is(&sf_turns.at[(own + i) % sf_turns.n]))
            return &sf_turns.at[(own + i) % sf_turns.n];
    return NULL;
}

/* NULL: nobody else. */
static struct sf_turn *next_who_can(void)
{
    struct sf_turn *t = first_who(may_go_on);

    return t ? t : first_who(may_look);
}

/* Where nobody may go on. */
static struct sf_turn *leader(void)
{
    struct sf_turn *t = first_who(stays_behind);

    if (t)
        return t;
    for (t = sf_turns.at; !t->lives; t++)
        ;
    t->leads = true;
    return t;
}

struct sf_turn *sf_turn_next(void)
{
    struct sf_turn *t = next_who_can();

    return t ? t : leader();
}

static int64_t earliest(void)
{
    int64_t until = SF_SIM_NEVER;

    for (unsigned i = 0; i < sf_turns.n; i++)
        if (sf_turns.at[i].lives && sf_turns.at[i].until < until)
            until = sf_turns.at[i].until;
    return until;
}

static void test_cancel(void *arg)
{
    (void)arg;
    pthread_testcancel();
}

/* The turn is another's for a while.  errno stays: a lock leaves it alone. */
static void part_with_it(struct sf_turn *to)
{
    int saved = errno;

    sf_turn->struck = false;
    if (to == sf_turn)
        return;
    sf_turn_hold_signals();
    sf_turn_give(to);
    sf_turn_await();
    errno = saved;
}

static enum sf_sim_turn let_others(int64_t *until, bool naps)
{
    struct sf_turn *to;
    bool waits, led;

    if (!sf_turn)
        return SF_SIM_OWN;
    if (sf_sim_threads == 1)
        return sf_turns_calm && sf_turns_calm() ? SF_SIM_OTHERS : SF_SIM_OWN;
    show();
    sf_turn->until = *until;
    sf_turn->ready = *until <= sf_sim_now();
    sf_turn->looked = changes();
    sf_turn->awaits = awaited(sf_turn);
    to = next_who_can();
    if (!to && sf_turn->ready)
        return SF_SIM_OWN;
    if (!to && sf_turns_calm && sf_turns_calm())
        return SF_SIM_OTHERS;
    waits = !sf_turn->ready;
    if (naps)
        sf_turn->woken = &never;
    part_with_it(to ? to : leader());
    if (naps)
        sf_turn->woken = NULL;
    led = sf_turn->leads;
    if (waits && !sf_turn->firm)
        sf_inject_handle(test_cancel, NULL);
    sf_turn->leads = false;
    if (sf_turn->struck)
        return sf_turn->restarts ? SF_SIM_RESTARTS : SF_SIM_STRUCK;
    if (!led)
        return waits ? SF_SIM_OTHERS : SF_SIM_OWN;
    *until = earliest();
    return SF_SIM_OWN;
}

static int wait_until(int64_t until, bool firm)
{
    int r;

    if (sf_sim_wipe)
        sf_sim_wipe();
    sf_turn->firm = firm;
    sf_turn->inner = true;
    r = sf_sim_wait(until);
    sf_turn->firm = sf_turn->inner = false;
    return r;
}

int sf_turns_wait(int64_t until)
{
    int r = wait_until(until, true);

    return r == -EAGAIN ? r : 0;
}

int sf_turns_wait_or_end(int64_t until)
{
    int r = wait_until(until, false);

    return r == -EAGAIN ? r : 0;
}

int sf_turns_wait_or_handle(int64_t until)
{
    return wait_until(until, false);
}

int sf_turns_sleep(const bool *woken, int64_t until, bool firm)
{
    int r;

    sf_turn->woken = woken;
    r = wait_until(until, firm);
    sf_turn->woken = NULL;
    return r;
}

/* Until all of them wait, or have made so many calls. */
static void yield(void)
{
    enum { MANY = 64 };

    sf_turn->behind = sf_sim_calls() + MANY;
    wait_until(sf_sim_now(), true);
    sf_turn->behind = 0;
}

/* Until peers have acted, too. */
static void delay(void)
{
    sf_turns_sleep(&never, sf_sim_now() + MS, true);
}

static void choose(bool calls)
{
    enum sf_fault fault = sf_inject_turn(calls, first_who(may_go_on) != NULL);

    if (fault == SF_YIELD)
        yield();
    else if (fault == SF_DELAY)
        delay();
}

void sf_turns_point(void)
{
    if (sf_turn && sf_sim_threads > 1)
        choose(false);
}

static void before_call(enum sf_call call)
{
    if (sf_turn && sf_sim_threads > 1 && sf_calls[call].kind != K_CLOCK)
        choose(true);
}

void sf_turns_disturb(pthread_t id)
{
    for (unsigned i = 0; i < sf_turns.n; i++)
        if (sf_turns.at[i].lives &&
            sf_turns.at[i].process == sf_turn->process &&
            pthread_equal(sf_turns.at[i].id, id))
            sf_turns.at[i].ready = true;
}

static bool takes(const struct sf_turn *t, int signo)
{
    return t == sf_turn ? !sf_blocks(NULL, signo)
                        : sigismember(&t->mask, signo) == 0;
}

/* As the kernel chooses: the first one, if it can. */
static struct sf_turn *taker(int signo)
{
    for (unsigned i = 0; i < sf_turns.n && sf_turn; i++)
        if (sf_turns.at[i].lives &&
            sf_turns.at[i].process == sf_turn->process &&
            takes(&sf_turns.at[i], signo))
            return &sf_turns.at[i];
    return NULL;
}

bool sf_turns_takes(int signo)
{
    return taker(signo) != NULL;
}

/* A signal of the process.  All that the kernel would give it to is who has the
 * turn, or those who wait for it with sigwait(3). */
static bool direct(int signo)
{
    struct sf_turn *to = taker(signo);

    sf_turns_changed();
    return to && to != sf_turn && pthread_kill(to->id, signo) == 0;
}

/* What counts from the start says nothing, but what it is compared with does.
 */
void sf_turns_counters(sf_counter *each, void *arg)
{
    for (struct sf_turn *t = sf_turns.at; t < sf_turns.at + sf_turns.n; t++) {
        t->has_looked = t->looked == changes();
        t->has_seen = t->awaits == awaited(t);
        t->left = stays_behind(t) ? t->behind - sf_sim_calls() : 0;
    }
    for (struct sf_turn *t = sf_turns.at; t < sf_turns.at + sf_turns.n; t++) {
        each(arg, &t->looked, sizeof t->looked);
        each(arg, &t->awaits, sizeof t->awaits);
        each(arg, &t->behind, sizeof t->behind);
        if (t->lives)
            sf_parked_counters(&t->parked, each, arg);
    }
    each(arg, &sf_turns.changed, sizeof sf_turns.changed);
}

/* ----------------------------------------------------------------- threads */

struct sf_turn *sf_turns_new(void *(*run)(void *), void *arg, bool detached)
{
    struct sf_turn *t = sf_turns.at;

    while (t < sf_turns.at + sf_turns.n && (t->lives || t->kept))
        t++;
    if (t == sf_turns.at + SF_TURNS_MAX)
        return NULL;
    sf_turns.n += t == sf_turns.at + sf_turns.n;
    *t = (struct sf_turn){.lives = true,
                          .kept = !detached,
                          .ready = true,
                          .until = SF_SIM_NEVER,
                          .run = run,
                          .arg = arg,
                          .process = sf_turn ? sf_turn->process : 0};
    pthread_sigmask(SIG_SETMASK, NULL, &t->mask);
    sf_sim_threads = ++sf_turns.live;
    if (sf_turn)
        show();
    return t;
}

void sf_turns_has_stack(struct sf_turn *turn, size_t size)
{
    turn->stack = size;
}

void sf_turns_made(struct sf_turn *turn, pthread_t id)
{
    turn->id = id;
}

void sf_turns_not_made(struct sf_turn *turn)
{
    sf_sim_threads = --sf_turns.live;
    turn->lives = turn->kept = false;
}

struct sf_turn *sf_turns_find(pthread_t id)
{
    for (unsigned i = 0; i < sf_turns.n; i++)
        if (sf_turns.at[i].kept && pthread_equal(sf_turns.at[i].id, id))
            return &sf_turns.at[i];
    return NULL;
}

bool sf_turns_ended(const struct sf_turn *turn)
{
    return !turn->lives;
}

void sf_turns_forget(struct sf_turn *turn)
{
    turn->kept = false;
}

/* Its last act: what it does after that is libc's, which takes no turns.  The
 * last of all keeps the turn, as libc has it run what is to run at exit. */
static void leave(void)
{
    struct sf_turn *to;

    if (!sf_turn) /* in a child */
        return;
    leaves = sf_pid_thread();
    sf_turns.changed++;
    sf_sim_threads = --sf_turns.live;
    show();
    sf_turn->lives = false;
    sf_turn->parked.real = 0;
    if (sf_sim_threads == 0) /* what libc does now ends the process */
        return;
    to = sf_turn_next();
    sf_turn = NULL;
    sf_turn_give(to);
}

/* The destructors of its own variables run first, in as many rounds as libc
 * makes. */
static void on_end(void *left)
{
    uintptr_t rounds = (uintptr_t)left - 1;

    if (rounds)
        pthread_setspecific(end, (void *)rounds);
    else
        leave();
}

static void end_at_last(void)
{
    pthread_setspecific(end, (void *)PTHREAD_DESTRUCTOR_ITERATIONS);
}

void *sf_turns_run(void *turn)
{
    sf_turn = turn;
    sf_turn_hold_signals();
    sf_forget_processor();
    sf_park_begin(&sf_turn->parked, sf_turn->stack);
    end_at_last();
    sf_turn_await();
    sf_inject_adopt();
    return sf_turn->run(sf_turn->arg);
}

static bool over;

static void note_end(void)
{
    over = true;
}

/* What is asked for last comes first. */
void sf_turns_await_end(void)
{
    atexit(note_end);
}

bool sf_turns_over(void)
{
    return over;
}

/* ------------------------------------------------------------------- forks */

/* All but this one sleep until they have the turn. */
static bool all_wait(void)
{
    for (struct sf_turn *t = sf_turns.at; t < sf_turns.at + sf_turns.n; t++)
        if (t != sf_turn && t->lives &&
            !__atomic_load_n(&t->parked.is, __ATOMIC_ACQUIRE))
            return false;
    return true;
}

unsigned sf_turns_at_rest(void)
{
    return sf_turn && sf_can_revive() && all_wait() ? sf_sim_threads : 0;
}

pid_t sf_turns_fork(void)
{
    pid_t child = sf_revive_fork(&sf_turn->parked);

    for (struct sf_turn *t = sf_turns.at;
         child == 0 && t < sf_turns.at + sf_turns.n; t++)
        if (t != sf_turn && t->lives && !sf_revive(&t->parked))
            _exit(2);
    return child;
}

pid_t sf_turns_real(pthread_t id)
{
    for (struct sf_turn *t = sf_turns.at; t < sf_turns.at + sf_turns.n; t++)
        if (t->lives && pthread_equal(t->id, id))
            return t->parked.real;
    return 0;
}

unsigned sf_turns_stacks(const char *own, struct sf_unused *stacks,
                         unsigned most)
{
    unsigned n = 0;

    for (struct sf_turn *t = sf_turns.at;
         t < sf_turns.at + sf_turns.n && n < most; t++) {
        const char *from = t == sf_turn ? own : sf_parked_stack(&t->parked);
        size_t room =
            t->lives ? sf_parked_room(&t->parked, from, t == sf_turn) : 0;

        if (room)
            stacks[n++] = (struct sf_unused){from - room, from};
    }
    return n;
}

/* What is left there shows through between what is written later. */
__attribute__((noinline)) static void clear(size_t size)
{
    char used[size];

    memset(used, 0, size);
    __asm__ volatile("" : : "r"(used) : "memory");
}

void sf_turns_clear_stack(void)
{
    enum { DEEP = 8192, SPARE = 2048 };
    const char *here = __builtin_frame_address(0);
    size_t room = sf_turn ? sf_parked_room(&sf_turn->parked, here, true) : 0;

    if (room > SPARE)
        clear(room - SPARE < DEEP ? room - SPARE : DEEP);
}

static pid_t name_of(void)
{
    return sf_turn && sf_turn->parked.real ? sf_parked_name(&sf_turn->parked)
                                           : 0;
}

static pid_t real_of(pid_t name)
{
    for (struct sf_turn *t = sf_turns.at; t < sf_turns.at + sf_turns.n; t++)
        if (t->lives && t->parked.real && sf_parked_name(&t->parked) == name)
            return t->parked.real;
    return 0;
}

static void begin(struct sf_turn *turn)
{
    sf_turn = turn;
    sf_park_begin(&sf_turn->parked, sf_turn->stack);
    sf_turns_made(sf_turn, pthread_self());
    pthread_key_create(&end, on_end);
    end_at_last();
    sf_sim_others = let_others;
    sf_raw_other = sf_turns_syscall;
    sf_pid_directs = direct;
    sf_pid_named = name_of;
    sf_pid_meant = real_of;
    sf_inject_passes = sf_turns_await_real;
    sf_inject_calls = before_call;
}

void sf_turns_begin(void)
{
    begin(sf_turns_new(NULL, NULL, false));
}

void sf_turns_resume(struct sf_turn *turn)
{
    begin(turn);
    sf_sim_threads = sf_turns.live;
    sf_sim_thread = (unsigned)(turn - sf_turns.at) + 1;
}

void sf_turns_abandon(void)
{
    sf_turn = NULL;
    sf_sim_threads = sf_turns.live = 0;
}
