/* revive.c: see revive.h */
#include "faultinject/threads/revive.h"

#include "faultinject/world.h"

#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Where libc keeps the number of a thread, seen from its descriptor.  The
 * kernel makes it 0 when the thread has ended, which is what pthread_join()
 * awaits. */
enum { RECORD = 2048, UNKNOWN = -1, UNASKED = -2 };
extern void *__libc_stack_end; /* of the first thread: in ld.so */
static ptrdiff_t place = UNASKED;

static pid_t kernel_name(void)
{
    return (pid_t)sf_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

static pid_t *number_of(const struct sf_parked *p)
{
    return (pid_t *)(p->self + place);
}

static ptrdiff_t find_place(const char *record, const char *self)
{
    for (const char *at = record; at < record + RECORD; at += sizeof(pid_t))
        if (*(const pid_t *)at == kernel_name())
            return at - self;
    return UNKNOWN;
}

void sf_forget_processor(void)
{
    enum { SIZE = 32, UNREGISTER = 1 };

    if (__rseq_size > 0)
        sf_syscall(SYS_rseq, (long)__builtin_thread_pointer() + __rseq_offset,
                   SIZE, UNREGISTER, RSEQ_SIG, 0, 0);
}

/* What libc has put at both ends of it is left out. */
static char *low_of(char *self, size_t stack, bool first)
{
    enum { MARGIN = 65536 };

    if (first)
        return NULL;
    return stack > MARGIN ? self - stack + MARGIN : self;
}

void sf_park_begin(struct sf_parked *p, size_t stack)
{
    size_t size;

    p->self = __builtin_thread_pointer();
    p->low = low_of(p->self, stack, place == UNASKED);
    if (place == UNASKED)
        place = find_place((const char *)pthread_self(), p->self);
    else if (sf_can_revive() && *number_of(p) != kernel_name())
        place = UNKNOWN; /* it was something else that had that value */
    sf_syscall(SYS_get_robust_list, 0, (long)&p->robust, (long)&size, 0, 0, 0);
}

void sf_parked_counters(struct sf_parked *p, sf_counter *each, void *arg)
{
    each(arg, &p->real, sizeof p->real);
    if (p->self && sf_can_revive())
        each(arg, number_of(p), sizeof *number_of(p));
}

size_t sf_parked_room(const struct sf_parked *p, const char *at, bool own)
{
    enum { FIRST = 1 << 23 }; /* as far as it is sure to be the stack */
    const char *end = p->low ? p->self : __libc_stack_end;
    const char *low = p->low ? p->low : end - FIRST;
    stack_t now, was = p->alternate;

    if (own && sf_syscall(SYS_sigaltstack, 0, (long)&now, 0, 0, 0, 0) == 0)
        was = now;
    if (was.ss_flags & SS_ONSTACK)
        return 0;
    return at >= low && at < end ? (size_t)(at - low) : 0;
}

/* What getcontext(3) has found in registers that no call leaves alone. */
static void forget_registers(ucontext_t *at)
{
#if defined __x86_64__
    static const int gone[] = {REG_RSI, REG_RDX, REG_RCX, REG_R8, REG_R9};

    for (unsigned i = 0; i < sizeof gone / sizeof *gone; i++)
        at->uc_mcontext.gregs[gone[i]] = 0;
#else
    (void)at;
#endif
}

void sf_park(struct sf_parked *p)
{
    forget_registers(&p->at);
    sf_syscall(SYS_sigaltstack, 0, (long)&p->alternate, 0, 0, 0, 0);
    __atomic_store_n(&p->is, 1, __ATOMIC_RELEASE);
}

bool sf_can_revive(void)
{
#if !(defined __x86_64__ || defined __aarch64__) || defined __ILP32__
    return false; /* its thread pointer is set in another way */
#endif
    return place >= 0 || place < UNASKED;
}

pid_t sf_parked_name(const struct sf_parked *p)
{
    return *number_of(p);
}

const char *sf_parked_stack(const struct sf_parked *p)
{
    enum { RED_ZONE = 128 };
#if defined __x86_64__
    return (const char *)p->at.uc_mcontext.gregs[REG_RSP] - RED_ZONE;
#elif defined __aarch64__
    return (const char *)p->at.uc_mcontext.sp;
#else
    return NULL;
#endif
}

/* Also what a fork by libc leaves to the kernel, which has forgotten it. */
static void be_known(const struct sf_parked *p)
{
    enum { HEAD = 3 * sizeof(void *) }; /* struct robust_list_head */

    if (p->robust)
        sf_syscall(SYS_set_robust_list, (long)p->robust, HEAD, 0, 0, 0, 0);
}

pid_t sf_revive_fork(struct sf_parked *own)
{
    pid_t child = (pid_t)sf_syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0);

    if (child == 0) {
        be_known(own);
        own->real = (pid_t)sf_syscall(SYS_set_tid_address, (long)number_of(own),
                                      0, 0, 0, 0, 0);
    }
    return child;
}

/* Its own stack is in use: by what it was at. */
static int come_back(void *parked)
{
    struct sf_parked *p = parked;

    be_known(p);
    if (!(p->alternate.ss_flags & SS_DISABLE))
        sf_syscall(SYS_sigaltstack, (long)&p->alternate, 0, 0, 0, 0, 0);
    setcontext(&p->at);
    return 0;
}

bool sf_revive(struct sf_parked *p)
{
    enum { STACK = 16384 };
    static char stack[STACK] __attribute__((aligned(64)));
    static const struct timespec moment = {.tv_nsec = 20000};

    p->is = 0;
    if (clone(come_back, stack + STACK,
              CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                  CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |
                  CLONE_CHILD_CLEARTID,
              p, &p->real, p->self, number_of(p)) < 0)
        return false;
    while (!__atomic_load_n(&p->is, __ATOMIC_ACQUIRE))
        sf_libc.nanosleep(&moment, NULL);
    memset(stack, 0, sizeof stack); /* what is left there is of this run */
    return true;
}
