/* traced.c: see traced.h. */
#include "faultinject/notify/traced.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faultinject/notify/calls.h"

/* --- what was left to the program --- */

enum { THREADS_MAX = 4 * 1024 * 1024 }; /* the kernel's PID_MAX_LIMIT */

/* By thread, shared with the workers: the last call, if it was left to the
 * program; 0: it was not. */
static uint64_t *left;

static uint64_t mix(uint64_t key, uint64_t word)
{
    return (key ^ word) * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

static uint64_t key_of(const struct seccomp_data *call)
{
    uint64_t key = mix(call->instruction_pointer, (uint64_t)call->nr);

    for (int i = 0; i < 6; i++)
        key = mix(key, call->args[i]);
    return key | 1;
}

void sf_traced_begin(void)
{
    left = mmap(NULL, THREADS_MAX * sizeof *left, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (left == MAP_FAILED)
        left = NULL;
}

void sf_traced_answered(const struct seccomp_notif *told, bool is_left)
{
    if (left)
        __atomic_store_n(&left[told->pid], is_left ? key_of(&told->data) : 0,
                         __ATOMIC_RELEASE);
}

#if defined __x86_64__

/* Of asm/errno.h in the kernel: what a call ends with that a signal met. */
enum { RESTART_IF_ASKED = -512, RESTART_ALWAYS = -513 };

static void go_on(pid_t thread, int status);

/* --- whom --- */

/* As the kernel has it. */
struct action {
    uint64_t handler;
    uint64_t flags;
    uint64_t restorer;
    uint64_t mask;
};

/* Some are the program's own doing, and interrupt no call. */
static bool is_fault(int sig)
{
    return sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE || sig == SIGILL ||
           sig == SIGTRAP || sig == SIGSYS || sig == SIGABRT;
}

static bool interrupts(pid_t process, const struct seccomp_data *call)
{
    struct action action;
    struct iovec here = {&action, sizeof action};
    struct iovec there = {(void *)(uintptr_t)call->args[1], sizeof action};

    return call->args[1] && !is_fault((int)call->args[0]) &&
           process_vm_readv(process, &here, 1, &there, 1, 0) ==
               (ssize_t)sizeof action &&
           action.handler != (uintptr_t)SIG_DFL &&
           action.handler != (uintptr_t)SIG_IGN && !(action.flags & SA_RESTART);
}

/* All its threads; those that they make later, and its children, follow.  One
 * that is traced already, by us or by another, stays as it is. */
static void trace(pid_t process)
{
    const long follow =
        PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;
    const struct dirent *entry;
    char path[64];
    DIR *tasks;

    snprintf(path, sizeof path, "/proc/%d/task", process);
    tasks = opendir(path);
    while (tasks && (entry = readdir(tasks)))
        if (entry->d_name[0] != '.')
            ptrace(PTRACE_SEIZE, (pid_t)atoi(entry->d_name), NULL, follow);
    if (tasks)
        closedir(tasks);
}

void sf_traced_see(pid_t process, const struct seccomp_data *call)
{
    if (interrupts(process, call))
        trace(process);
}

/* --- a debugger of the program's own --- */

static bool is_released[THREADS_MAX]; /* by thread: at its next stop */

/* False: it is not traced by us. */
static bool release(pid_t thread)
{
    if (ptrace(PTRACE_INTERRUPT, thread, NULL, NULL) < 0)
        return false;
    is_released[thread] = true;
    return true;
}

/* It may be in a call that somebody makes for it, and stops after that. */
static void await_release(pid_t thread)
{
    int status;

    for (int i = 0; i < 100 && is_released[thread]; i++) {
        if (waitpid(thread, &status, __WALL | WNOHANG) > 0 &&
            WIFSTOPPED(status))
            go_on(thread, status);
        else
            usleep(1000);
    }
}

int sf_traced_yield(const struct seccomp_notif *told)
{
    pid_t thread = (pid_t)told->data.args[1];

    switch (told->data.args[0]) {
    case PTRACE_TRACEME:
        return release((pid_t)told->pid) ? RESTART_ALWAYS : 0;
    case PTRACE_ATTACH:
    case PTRACE_SEIZE:
        if (release(thread))
            await_release(thread);
        return 0;
    default:
        return 0;
    }
}

/* --- stops --- */

static struct seccomp_data call_of(const struct user_regs_struct *regs)
{
    return (struct seccomp_data){.nr = (int)regs->orig_rax,
                                 .instruction_pointer = regs->rip,
                                 .args = {regs->rdi, regs->rsi, regs->rdx,
                                          regs->r10, regs->r8, regs->r9}};
}

/* Those that can end so by themselves, where they wait. */
static bool can_wait(int nr)
{
    static const int waits[] = {
        SYS_read,    SYS_write,   SYS_readv,    SYS_writev, SYS_recvfrom,
        SYS_sendto,  SYS_recvmsg, SYS_sendmsg,  SYS_accept, SYS_accept4,
        SYS_connect, SYS_ioctl,   SYS_sendfile, SYS_splice};

    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++)
        if (waits[i] == nr)
            return true;
    return false;
}

/* The call had been left to the program, and met the signal there.  One that
 * is the same again cannot be told from it. */
static bool had_begun(pid_t thread, const struct seccomp_data *call)
{
    return left && can_wait(call->nr) &&
           __atomic_load_n(&left[thread], __ATOMIC_ACQUIRE) == key_of(call);
}

static void mend_call(pid_t thread)
{
    struct user_regs_struct regs;
    struct seccomp_data call;

    if (ptrace(PTRACE_GETREGS, thread, NULL, &regs) < 0 ||
        (long)regs.orig_rax < 0 || (long)regs.rax != RESTART_IF_ASKED)
        return;
    call = call_of(&regs);
    if (sf_is_told(call.nr) && !had_begun(thread, &call))
        ptrace(PTRACE_POKEUSER, thread, offsetof(struct user_regs_struct, rax),
               (long)RESTART_ALWAYS);
}

/* A thread that was stopped by a signal for that stays so, but must still
 * hear of the next. */
static void go_on(pid_t thread, int status)
{
    int sig = WSTOPSIG(status), event = status >> 16;

    if (is_released[thread]) {
        is_released[thread] = false;
        ptrace(PTRACE_DETACH, thread, NULL, event ? 0L : (long)sig);
        return;
    }
    if (event == PTRACE_EVENT_STOP && sig != SIGTRAP) {
        ptrace(PTRACE_LISTEN, thread, NULL, NULL);
        return;
    }
    if (event == 0)
        mend_call(thread);
    ptrace(PTRACE_CONT, thread, NULL, event ? 0L : (long)sig);
}

#else

int sf_traced_yield(const struct seccomp_notif *told)
{
    (void)told;
    return 0;
}

void sf_traced_see(pid_t process, const struct seccomp_data *call)
{
    (void)process;
    (void)call;
}

static void go_on(pid_t thread, int status)
{
    (void)thread;
    (void)status;
}

#endif

void sf_traced_serve(pid_t command, int *status)
{
    pid_t thread;
    int s;

    while ((thread = waitpid(-1, &s, __WALL | WNOHANG)) > 0) {
        if (WIFSTOPPED(s))
            go_on(thread, s);
        else if (thread == command)
            *status = s;
    }
}
