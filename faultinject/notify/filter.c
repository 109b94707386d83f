/* filter.c: see filter.h. */
#include "faultinject/notify/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { TOLD_MAX = 96, STEPS_MAX = 11 * TOLD_MAX + 8 };

/* Not yet in every header: only a deadly signal interrupts a call whose
 * answer is under way. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

struct sf_meeting {
    int offered; /* 0: not yet; the listener's number + 1; -errno */
    int taken;
};

/* --- the filter --- */

#define LOAD(field)                    \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, \
             (unsigned)offsetof(struct seccomp_data, field))
#define ANSWER(what) BPF_STMT(BPF_RET | BPF_K, what)
#define UNLESS(value, skip) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(value), 0, skip)

#if defined __x86_64__
enum { ARCH = (int)AUDIT_ARCH_X86_64 };
#elif defined __aarch64__
enum { ARCH = (int)AUDIT_ARCH_AARCH64 };
#endif

struct program {
    struct sock_filter code[STEPS_MAX];
    unsigned short n;
};

static void add(struct program *p, const struct sock_filter *steps, size_t n)
{
    memcpy(p->code + p->n, steps, n * sizeof *steps);
    p->n += (unsigned short)n;
}

#define ADD(program, ...)                             \
    add(program, (struct sock_filter[]){__VA_ARGS__}, \
        sizeof(struct sock_filter[]){__VA_ARGS__} /   \
            sizeof(struct sock_filter))

/* Of 64 bits it sees 32 at a time. */
static void let_cookie_go(struct program *p, uint64_t cookie)
{
    ADD(p, LOAD(args[5]), UNLESS((uint32_t)cookie, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 (unsigned)offsetof(struct seccomp_data, args[5]) + 4),
        UNLESS((uint32_t)(cookie >> 32), 1), ANSWER(SECCOMP_RET_ALLOW));
}

static void let_others_go(struct program *p)
{
    ADD(p, LOAD(args[1]), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SOCK_STREAM, 1, 0),
        ANSWER(SECCOMP_RET_ALLOW));
}

static void tell(struct program *p, const struct sf_filter *f, int call)
{
    bool has_type = call == SYS_socket || call == SYS_socketpair;
    unsigned short unless = p->n;

    p->n++;
    if (f->cookie)
        let_cookie_go(p, f->cookie);
    if (f->only_streams && has_type)
        let_others_go(p);
    ADD(p, ANSWER(SECCOMP_RET_USER_NOTIF));
    p->code[unless] =
        (struct sock_filter)UNLESS(call, (uint8_t)(p->n - unless - 1));
}

/* Of calls that are not told looks at nothing but the number, so that the
 * kernel remembers them and they cost no more than without. */
static void write_filter(struct program *p, const struct sf_filter *f)
{
    p->n = 0;
    ADD(p, LOAD(arch),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)ARCH, 1, 0),
        ANSWER(SECCOMP_RET_ALLOW), LOAD(nr));
    if (f->refused >= 0)
        ADD(p, UNLESS(f->refused, 1), ANSWER(SECCOMP_RET_ERRNO | ENOSYS));
    for (size_t i = 0; i < f->n_told && i < TOLD_MAX; i++)
        tell(p, f, f->told[i]);
    ADD(p, ANSWER(SECCOMP_RET_ALLOW));
}

/* Root may; others must promise to gain no rights by exec. */
static int install(const struct sf_filter *f)
{
    struct program written;
    struct sock_fprog program;
    unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
    long fd;

    write_filter(&written, f);
    program = (struct sock_fprog){written.n, written.code};
    fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                 flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &program);
    if (fd < 0 && errno == EINVAL)
        fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
    else if (fd < 0 && errno == EACCES &&
             prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 &&
             prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        return install(f);
    return (int)fd;
}

/* --- the meeting --- */

struct sf_meeting *sf_meeting_new(void)
{
    struct sf_meeting *m = mmap(NULL, sizeof *m, PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return m == MAP_FAILED ? NULL : m;
}

static void pause_shortly(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
}

/* For a moment; true: it has ended. */
static bool ends_now(int process)
{
    struct pollfd p = {.fd = process, .events = POLLIN};

    return ppoll(&p, 1, &(struct timespec){.tv_nsec = 50000}, NULL) > 0;
}

/* Is there room for what this kernel tells? */
static bool has_room(void)
{
    struct seccomp_notif_sizes sizes;

    return syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == 0 &&
           sizes.seccomp_notif <= sizeof(struct sf_told_call) &&
           sizes.seccomp_notif_resp <= sizeof(struct sf_told_answer);
}

int sf_filter_offer(struct sf_meeting *m, const struct sf_filter *filter)
{
    pid_t parent = getppid();
    int listener = has_room() ? install(filter) : -1;
    int err = listener < 0 ? errno : 0;

    __atomic_store_n(&m->offered, err ? -err : listener + 1, __ATOMIC_RELEASE);
    while (!err && !__atomic_load_n(&m->taken, __ATOMIC_ACQUIRE)) {
        if (getppid() != parent) /* nobody would ever answer */
            raise(SIGKILL);
        pause_shortly();
    }
    return err;
}

int sf_filter_take(struct sf_meeting *m, pid_t child)
{
    int process = (int)syscall(SYS_pidfd_open, child, 0);
    int offered, listener = -1;

    if (process < 0)
        return -1;
    while ((offered = __atomic_load_n(&m->offered, __ATOMIC_ACQUIRE)) == 0 &&
           !ends_now(process))
        ;
    if (offered == 0)
        offered = -ESRCH;
    if (offered > 0)
        listener = (int)syscall(SYS_pidfd_getfd, process, offered - 1, 0);
    else
        errno = -offered;
    close(process);
    __atomic_store_n(&m->taken, 1, __ATOMIC_RELEASE);
    munmap(m, sizeof *m);
    return listener;
}
