/*
 * process.c: calls that make processes and threads, and that wait for children.
 *
 * What can happen to them only a rule can name, so they are looked at where
 * one might; everybody else's go to libc at once.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faultinject/inject/control.h"
#include "faultinject/inject/injector.h"
#include "faultinject/inject/monitor.h"
#include "faultinject/interpose/interpose.h"

static bool nobody_cares(void)
{
    return !sf_on || !sf_inject_names();
}

/* The child is another process, which has not made this call. */
SF_EXPORT pid_t fork(void)
{
    struct sf_op op;

    if (SF_LIKELY(nobody_cares()))
        return sf_libc.fork();
    sf_op_init(&op, SF_CALL_fork, -1, 0, 0);
    SF_BEATS(op, sf_libc.fork(), op.result = sf_libc.fork())
    return op.result == 0 ? 0 : (pid_t)sf_tell(&op);
}

/*
 * The child of a vfork() runs on the parent's memory, ours included, until it
 * executes something: what it does to its own descriptors meanwhile passes by.
 * It must not return through a frame of ours, so vfork is jumped out of.
 */
#if defined __x86_64__ || defined __aarch64__
__attribute__((used)) static long vforked(long result)
{
    if (result >= 0) {
        sf_inject_lend(result == 0);
        return result;
    }
    errno = (int)-result;
    return -1;
}
#endif

#if defined __x86_64__
_Static_assert(SYS_vfork == 58, "as it is called below");
__asm__(".text\n"
        ".globl vfork\n"
        ".type vfork, @function\n"
        "vfork:\n"
        "    pop %rdi\n" /* the child overwrites it on the stack */
        "    mov $58, %eax\n"
        "    syscall\n"
        "    push %rdi\n"
        "    mov %rax, %rdi\n"
        "    jmp vforked\n"
        ".size vfork, .-vfork\n");
#elif defined __aarch64__
_Static_assert(SYS_clone == 220 && (CLONE_VM | CLONE_VFORK | SIGCHLD) == 0x4111,
               "as it is called below");
__asm__(".text\n"
        ".globl vfork\n"
        ".type vfork, @function\n"
        "vfork:\n" /* each has a return address of its own in x30 */
        "    mov x0, #0x4111\n"
        "    mov x1, xzr\n"
        "    mov x2, xzr\n"
        "    mov x3, xzr\n"
        "    mov x4, xzr\n"
        "    mov x8, #220\n"
        "    svc #0\n"
        "    b vforked\n"
        ".size vfork, .-vfork\n");
#endif

/* It returns what others leave in errno, and leaves errno alone. */
SF_EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                             void *(*run)(void *), void *arg)
{
    int saved = errno, err = 0;
    struct sf_op op;

    if (SF_LIKELY(nobody_cares()))
        return sf_libc.pthread_create(thread, attr, run, arg);
    sf_op_init(&op, SF_CALL_pthread_create, -1, 0, 0);
    SF_BEATS(op, sf_libc.pthread_create(thread, attr, run, arg),
             err = sf_libc.pthread_create(thread, attr, run, arg);
             op.result = err ? -1 : 0)
    if (err)
        errno = err;
    err = sf_tell(&op) < 0 ? errno : 0;
    errno = saved;
    return err;
}

/* Sent by nobody: what a program does to itself. */
static bool is_crash(int sig)
{
    return sig == SIGSEGV || sig == SIGBUS || sig == SIGABRT || sig == SIGFPE ||
           sig == SIGILL || sig == SIGTRAP || sig == SIGSYS || sig == SIGPIPE;
}

static void tell(enum sf_monitor monitor, const struct sf_moment *when,
                 const char *how, const char *by, const char *why)
{
    if (when->process == 0 || sf_control_heard->allowed & 1u << monitor)
        return;
    sf_control_then = when;
    sf_finding(monitor, "a child was %s%s%s", how, by, why);
    sf_control_then = NULL;
}

/*
 * How a child that used sockets has ended: a script's own end does not tell
 * that its server crashed.  It is told as of the child, not of who waits.
 */
static pid_t reaped(pid_t pid, int status)
{
    int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0, saved = errno;
    struct sf_moment when = {0, 0, 0};

    if (pid <= 0 || status == 0 || !sf_control_heard)
        return pid;
    when.seq = __atomic_load_n(&sf_control_heard->seq, __ATOMIC_RELAXED);
    when.process = sf_control_process(sf_control_heard, pid);
    if (is_crash(sig) &&
        (sig != SIGPIPE || sf_control_was_writing(sf_control_heard, pid)))
        tell(sig == SIGPIPE ? SF_MON_SIGPIPE : SF_MON_DIED, &when,
             "killed by SIG", sigabbrev_np(sig),
             sf_terminate_of(sf_control_heard, pid));
    else if (WIFEXITED(status) && WEXITSTATUS(status) == SF_SANITIZER_STATUS &&
             sf_sanitized_ended(&sf_control_heard->sanitized))
        tell(SF_MON_DIED, &when, "ended by a sanitizer", "", "");
    errno = saved;
    return pid;
}

static char *say_terminate(void)
{
    unsigned process = sf_injector.process;

    return sf_control_heard && process > 0 && process <= SF_PROCESSES_MAX
               ? sf_control_heard->processes[process - 1].terminate
               : NULL;
}

__attribute__((constructor(103))) static void begin(void)
{
    sf_inject_terminates = say_terminate;
}

#define REAPS(name, params, args)                                          \
    SF_EXPORT pid_t name params                                            \
    {                                                                      \
        struct sf_op op;                                                   \
        int ours = 0;                                                      \
                                                                           \
        status = status ? status : &ours;                                  \
        if (SF_LIKELY(nobody_cares())) {                                   \
            op.result = sf_libc.name args;                                 \
        } else {                                                           \
            sf_op_init(&op, SF_CALL_##name, -1, 0, options);               \
            op.other = pid;                                                \
            SF_BEATS(op, sf_libc.name args, op.result = sf_libc.name args) \
            op.result = sf_tell(&op);                                      \
        }                                                                  \
        return reaped((pid_t)op.result, op.result > 0 ? *status : 0);      \
    }

REAPS(waitpid, (pid_t pid, int *status, int options), (pid, status, options))
REAPS(wait4, (pid_t pid, int *status, int options, struct rusage *usage),
      (pid, status, options, usage))

SF_EXPORT pid_t wait(int *status)
{
    return waitpid(-1, status, 0);
}

SF_EXPORT pid_t wait3(int *status, int options, struct rusage *usage)
{
    return wait4(-1, status, options, usage);
}
