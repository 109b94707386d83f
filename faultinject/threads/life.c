/* life.c: threads that begin, end and are waited for; see turns.h */
#include "faultinject/interpose/interpose.h"
#include "faultinject/simnet/simnet.h"
#include "faultinject/threads/clocks.h"
#include "faultinject/threads/names.h"
#include "faultinject/threads/turns.h"

#include <errno.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

SF_NEXT(pthread_join, int, (pthread_t id, void **result))
SF_NEXT(pthread_tryjoin_np, int, (pthread_t id, void **result))
SF_NEXT(pthread_clockjoin_np, int,
        (pthread_t id, void **result, clockid_t clock,
         const struct timespec *until))
SF_NEXT(pthread_detach, int, (pthread_t id))
SF_NEXT(pthread_cancel, int, (pthread_t id))
SF_NEXT(sched_yield, int, (void))

static bool is_detached(const pthread_attr_t *attr)
{
    int state = PTHREAD_CREATE_JOINABLE;

    if (attr)
        pthread_attr_getdetachstate(attr, &state);
    return state == PTHREAD_CREATE_DETACHED;
}

void (*sf_turns_cannot)(const char *why);

/* What it makes a thread with waits for that in no turn, by no name of libc's.
 */
void __tsan_init(void) __attribute__((weak));

/* A library that has this name itself is next, and comes back to us for what it
 * takes for libc's: see names.c. */
static int make(pthread_t *thread, const pthread_attr_t *attr,
                void *(*run)(void *), void *arg)
{
    static __thread bool makes;
    int err;

    if (makes)
        return sf_names_libc_pthread_create()(thread, attr, run, arg);
    makes = true;
    err = sf_libc.pthread_create(thread, attr, run, arg);
    makes = false;
    return err;
}

/* 0: it is the program's memory. */
static size_t stack_size(const pthread_attr_t *attr)
{
    pthread_attr_t defaults;
    size_t size = 0;
    void *low = NULL;

    if (attr) {
        pthread_attr_getstack(attr, &low, &size);
        if ((char *)low + size != NULL)
            return 0;
        pthread_attr_getstacksize(attr, &size);
    } else if (pthread_getattr_default_np(&defaults) == 0) {
        pthread_attr_getstacksize(&defaults, &size);
        pthread_attr_destroy(&defaults);
    }
    return size;
}

int sf_names_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                            void *(*run)(void *), void *arg)
{
    struct sf_turn *turn;
    int err;

    if (!sf_turns_mine() || run == sf_turns_run)
        return make(thread, attr, run, arg);
    if (&__tsan_init && sf_turns_cannot)
        sf_turns_cannot("threads cannot be simulated under ThreadSanitizer: "
                        "build without it, or use 'sockfault run'");
    if (sf_sim_threads > sf_turns_threads() && sf_turns_cannot)
        sf_turns_cannot("a program of several processes can have no threads "
                        "here: use 'sockfault run'");
    turn = sf_turns_new(run, arg, is_detached(attr));
    if (!turn)
        return EAGAIN;
    sf_turns_has_stack(turn, stack_size(attr));
    err = make(thread, attr, sf_turns_run, turn);
    if (err)
        sf_turns_not_made(turn);
    else
        sf_turns_made(turn, *thread);
    return err;
}

SF_EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                             void *(*run)(void *), void *arg)
{
    return sf_names_pthread_create(thread, attr, run, arg);
}

/* NULL: libc is asked, which knows by itself what is wrong. */
static struct sf_turn *to_join(pthread_t id)
{
    return sf_turns_mine() && !pthread_equal(id, pthread_self())
               ? sf_turns_find(id)
               : NULL;
}

/* It has done all that is its own: libc's join takes no time. */
static int join(struct sf_turn *turn, pthread_t id, void **result,
                int64_t until)
{
    while (!sf_turns_ended(turn))
        if (sf_turns_wait_or_end(until) != 0)
            return ETIMEDOUT;
    sf_turns_forget(turn);
    return next_pthread_join()(id, result);
}

SF_EXPORT int pthread_join(pthread_t id, void **result)
{
    struct sf_turn *turn = to_join(id);

    return turn ? join(turn, id, result, SF_SIM_NEVER)
                : next_pthread_join()(id, result);
}

SF_EXPORT int pthread_clockjoin_np(pthread_t id, void **result, clockid_t clock,
                                   const struct timespec *until)
{
    struct sf_turn *turn = to_join(id);

    return turn ? join(turn, id, result, sf_turns_until(clock, until))
                : next_pthread_clockjoin_np()(id, result, clock, until);
}

SF_EXPORT int pthread_timedjoin_np(pthread_t id, void **result,
                                   const struct timespec *until)
{
    return pthread_clockjoin_np(id, result, CLOCK_REALTIME, until);
}

SF_EXPORT int pthread_tryjoin_np(pthread_t id, void **result)
{
    struct sf_turn *turn = to_join(id);

    if (!turn)
        return next_pthread_tryjoin_np()(id, result);
    return sf_turns_ended(turn) ? pthread_join(id, result) : EBUSY;
}

SF_EXPORT int pthread_detach(pthread_t id)
{
    struct sf_turn *turn = sf_turns_mine() ? sf_turns_find(id) : NULL;

    if (turn)
        sf_turns_forget(turn);
    return next_pthread_detach()(id);
}

SF_EXPORT int pthread_cancel(pthread_t id)
{
    int err = next_pthread_cancel()(id);

    sf_turns_disturb(id);
    return err;
}

/* Who waits gets it in his turn, and his wait may end by it. */
SF_NEXT(pthread_kill, int, (pthread_t id, int signo))
SF_NEXT(pthread_sigqueue, int,
        (pthread_t id, int signo, const union sigval value))

/* These return the error, and leave errno alone. */
static int by_number(long number, long a, long b, long c, long d)
{
    int saved = errno;
    int err = sf_syscall(number, a, b, c, d, 0, 0) < 0 ? errno : 0;

    errno = saved;
    return err;
}

static int kill_thread(pthread_t id, int signo)
{
    pid_t real = sf_turns_real(id);

    if (real == 0)
        return next_pthread_kill()(id, signo);
    return by_number(SYS_tgkill, sf_process(), real, signo, 0);
}

static int queue_for_thread(pthread_t id, int signo, union sigval value)
{
    siginfo_t info = {.si_signo = signo, .si_code = SI_QUEUE};
    pid_t real = sf_turns_real(id);

    if (real == 0)
        return next_pthread_sigqueue()(id, signo, value);
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value = value;
    return by_number(SYS_rt_tgsigqueueinfo, sf_process(), real, signo,
                     (long)&info);
}

SF_EXPORT int pthread_kill(pthread_t id, int signo)
{
    int err = kill_thread(id, signo);

    sf_turns_disturb(id);
    return err;
}

SF_EXPORT int pthread_sigqueue(pthread_t id, int signo,
                               const union sigval value)
{
    int err = queue_for_thread(id, signo, value);

    sf_turns_disturb(id);
    return err;
}

/* Who asks others to go on, and they do nothing, waits for something that only
 * time brings about: more and more of it, up to a second. */
static int64_t patience(void)
{
    enum { EAGER = 64, STEPS = 20, STEP_NS = 1000 };
    static uint64_t at;
    static unsigned asked;

    if (sf_sim_calls() != at)
        asked = 0;
    at = sf_sim_calls();
    if (asked < EAGER + STEPS)
        asked++;
    return asked < EAGER ? 0 : INT64_C(1) * STEP_NS << (asked - EAGER);
}

SF_EXPORT int sched_yield(void)
{
    if (!sf_turns_mine() || sf_sim_threads < 2 || sf_turns_over())
        return next_sched_yield()();
    sf_turns_wait(sf_sim_now() + patience());
    return 0;
}
