/* pid.c: see pid.h */
#include "faultinject/inject/pid.h"

#include "faultinject/interpose/interpose.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>

/* Of the run, which the children of the program know as well. */
static pid_t named, above; /* 0: they are what the kernel says */
static pid_t real;
static bool mine;

static pid_t ask(long number)
{
    return (pid_t)sf_syscall(number, 0, 0, 0, 0, 0, 0);
}

void sf_pid_keep(pid_t process, pid_t parent)
{
    real = sf_process();
    named = process;
    above = parent;
    mine = true;
}

void sf_pid_forked(void)
{
    mine = false;
}

void sf_pid_counters(sf_counter *each, void *arg)
{
    each(arg, &real, sizeof real);
}

pid_t sf_pid_thread(void)
{
    return ask(SYS_gettid);
}

static pid_t name_of(pid_t process)
{
    return named && process == real ? named : process;
}

static pid_t real_of(pid_t process)
{
    return named && process == named ? real : process;
}

SF_EXPORT pid_t getpid(void)
{
    return mine ? named : sf_process();
}

SF_EXPORT pid_t getppid(void)
{
    return mine ? above : name_of(ask(SYS_getppid));
}

pid_t (*sf_pid_named)(void);
pid_t (*sf_pid_meant)(pid_t name);

SF_EXPORT pid_t gettid(void)
{
    pid_t named_so = sf_pid_named ? sf_pid_named() : 0;

    return named_so ? named_so : name_of(ask(SYS_gettid));
}

static pid_t thread_of(pid_t name)
{
    pid_t meant = sf_pid_meant ? sf_pid_meant(name) : 0;

    return meant ? meant : real_of(name);
}

bool (*sf_pid_directs)(int signo);

void (*sf_pid_sent)(pid_t process, int signo);

static int sent(int result, pid_t process, int signo)
{
    if (result == 0 && sf_pid_sent)
        sf_pid_sent(process, signo);
    return result;
}

bool (*sf_pid_kills)(pid_t group, int signo, int *result);

SF_EXPORT int kill(pid_t process, int signo)
{
    int result;

    if (process <= 0 && sf_pid_kills && sf_pid_kills(process, signo, &result))
        return result;
    if (sf_pid_directs && signo > 0 && real_of(process) == sf_process() &&
        sf_pid_directs(signo))
        return 0;
    return sent((int)sf_syscall(SYS_kill, real_of(process), signo, 0, 0, 0, 0),
                real_of(process), signo);
}

SF_EXPORT int killpg(pid_t group, int signo)
{
    if (group < 0) {
        errno = EINVAL;
        return -1;
    }
    return kill(-group, signo);
}

SF_EXPORT int tgkill(pid_t process, pid_t thread, int signo)
{
    return (int)sf_syscall(SYS_tgkill, real_of(process), thread_of(thread),
                           signo, 0, 0, 0);
}

SF_EXPORT int sigqueue(pid_t process, int signo, union sigval value)
{
    siginfo_t info = {.si_signo = signo, .si_code = SI_QUEUE};

    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value = value;
    return sent((int)sf_syscall(SYS_rt_sigqueueinfo, real_of(process), signo,
                                (long)&info, 0, 0, 0),
                real_of(process), signo);
}
