/*
 * signals.c: what is sent to us is meant for the command; see explore.h.
 *
 * A terminal sends ^C and ^\ to all of its job, the command among them, which
 * shall not get them twice.  Others send them to whom they know, and that is
 * us: who sent it tells one from the other, as in sudo(8).
 */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "faultinject/explore/explore.h"

static const int passed_on[] = {SIGTERM, SIGHUP,  SIGINT,
                                SIGQUIT, SIGUSR1, SIGUSR2};
enum { PASSED_ON = sizeof passed_on / sizeof *passed_on };

static pid_t command; /* 0: there is none now */
static bool has_own_group;
static volatile sig_atomic_t forwarded;
static sigset_t handled;         /* those that are ours by now  */
static sigset_t ignored;         /* … and were ignored before   */
static sigset_t early;           /* those that came before the command */
static void (*of_children)(int); /* what SIGCHLD was to us */

static bool is_terminals(int sig)
{
    return sig == SIGINT || sig == SIGQUIT;
}

static void deliver(int sig)
{
    if (command > 0)
        kill(is_terminals(sig) && has_own_group ? -command : command, sig);
}

static void forward(int sig, siginfo_t *info, void *context)
{
    bool has_it = is_terminals(sig) && info->si_code == SI_KERNEL;
    int saved = errno;

    (void)context;
    /* Some ask for no end, or not if the command leaves it at that. */
    if (sig != SIGUSR1 && sig != SIGUSR2 && !sigismember(&ignored, sig))
        forwarded = sig;
    if (!has_it || has_own_group)
        deliver(sig);
    errno = saved;
}

/* Who ignores its children's ends, as some that start us do, never learns how
 * they ended. */
static void hear_of_children(void)
{
    static bool hears;

    if (!hears)
        of_children = signal(SIGCHLD, SIG_DFL);
    hears = true;
}

/* It may be ignored, as under nohup; whoever has a handler of it is us, from
 * before. */
static void handle(int sig)
{
    struct sigaction now,
        sa = {.sa_sigaction = forward, .sa_flags = SA_RESTART | SA_SIGINFO};

    if (sigaction(sig, NULL, &now) < 0 ||
        (now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN))
        return;
    if (now.sa_handler == SIG_IGN)
        sigaddset(&ignored, sig);
    sigaddset(&handled, sig);
    sigaction(sig, &sa, NULL);
}

void sf_signals_hold(sigset_t *before)
{
    sigset_t held;

    hear_of_children();
    sigemptyset(&held);
    for (int i = 0; i < PASSED_ON; i++)
        sigaddset(&held, passed_on[i]);
    sigprocmask(SIG_BLOCK, &held, before);
    for (int i = 0; i < PASSED_ON; i++)
        handle(passed_on[i]);
}

void sf_signals_free(const sigset_t *before)
{
    for (int i = 0; i < PASSED_ON; i++)
        if (sigismember(&handled, passed_on[i]))
            signal(passed_on[i],
                   sigismember(&ignored, passed_on[i]) ? SIG_IGN : SIG_DFL);
    signal(SIGCHLD, of_children);
    sigprocmask(SIG_SETMASK, before, NULL);
}

void sf_signals_early(void)
{
    static const struct timespec none;
    int sig;

    sigemptyset(&early);
    while ((sig = sigtimedwait(&handled, NULL, &none)) > 0)
        sigaddset(&early, sig);
}

void sf_signals_pass(pid_t pid, bool own_group)
{
    command = pid;
    has_own_group = own_group;
    for (int i = 0; i < PASSED_ON; i++)
        if (sigismember(&early, passed_on[i])) {
            forwarded = passed_on[i];
            deliver(passed_on[i]);
        }
    sigemptyset(&early);
}

int64_t sf_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

int sf_forwarded(void)
{
    return forwarded;
}

bool sf_ends_within(pid_t pid, int ms)
{
    struct pollfd p = {.fd = (int)syscall(SYS_pidfd_open, pid, 0),
                       .events = POLLIN};
    int64_t end = sf_now_ms() + ms, left = ms;
    int n;

    do {
        n = poll(&p, 1, left > 0 ? (int)left : 0);
        left = end - sf_now_ms();
    } while (n < 0 && errno == EINTR);
    close(p.fd);
    return n != 0;
}

/* Their numbers, and those of what they leave to us. */
static bool kill_one_generation(pid_t but)
{
    FILE *list;
    char path[64];
    int pid;
    bool some = false;

    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    list = fopen(path, "re");
    while (list && fscanf(list, "%d", &pid) == 1)
        some |= pid != but && kill(pid, SIGKILL) == 0;
    if (list)
        fclose(list);
    return some;
}

void sf_end_children(pid_t but)
{
    while (kill_one_generation(but))
        waitpid(-1, NULL, 0);
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}
