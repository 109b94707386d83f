/* untold.c: see untold.h. */
#include "faultinject/kernel/untold.h"

#include <dlfcn.h>
#include <errno.h>
#include <gnu/libc-version.h>
#include <pthread.h>
#include <sys/syscall.h>

#include "faultinject/world.h"

static uint64_t cookie;

/*
 * By our own instruction, since libc's leaves no room for a sixth argument.
 * It must not stay in the register: what the program then calls by its own
 * instruction would carry it.
 */
#if defined __x86_64__
static long carried(long number, long a, long b, long c, long d)
{
    register long fourth __asm__("r10") = d;
    register uint64_t sixth __asm__("r9") = cookie;
    long result;

    __asm__ volatile("syscall\n\txorl %%r9d, %%r9d"
                     : "=a"(result), "+r"(sixth)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
                     : "rcx", "r11", "cc", "memory");
    return result;
}
#elif defined __aarch64__
static long carried(long number, long a, long b, long c, long d)
{
    register long nr __asm__("x8") = number;
    register long first __asm__("x0") = a;
    register long second __asm__("x1") = b;
    register long third __asm__("x2") = c;
    register long fourth __asm__("x3") = d;
    register uint64_t sixth __asm__("x5") = cookie;

    __asm__ volatile("svc 0\n\tmov x5, 0"
                     : "+r"(first), "+r"(sixth)
                     : "r"(nr), "r"(second), "r"(third), "r"(fourth)
                     : "memory");
    return first;
}
#endif

static int result_of(long result)
{
    if (result >= 0)
        return (int)result;
    errno = (int)-result;
    return -1;
}

static int untold_socket(int domain, int type, int protocol)
{
    return result_of(carried(SYS_socket, domain, type, protocol, 0));
}

static int untold_socketpair(int domain, int type, int protocol, int pair[2])
{
    return result_of(
        carried(SYS_socketpair, domain, type, protocol, (long)pair));
}

/* A thread can be cancelled in it, as in libc's. */
static int untold_accept4(int fd, struct sockaddr *addr, socklen_t *len,
                          int flags)
{
    int before, result;

    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &before);
    result = result_of(carried(SYS_accept4, fd, (long)addr, (long)len, flags));
    pthread_setcanceltype(before, NULL);
    return result;
}

static int untold_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
    return untold_accept4(fd, addr, len, 0);
}

/* Whoever else stands in for it is not to be passed over. */
static bool is_libc(const void *function)
{
    Dl_info its, libc;

    return dladdr(function, &its) && dladdr(gnu_get_libc_version, &libc) &&
           its.dli_fbase == libc.dli_fbase;
}

void sf_untold(uint64_t of_this_run)
{
    cookie = of_this_run;
    if (!cookie)
        return;
#define UNTOLD(name)                          \
    do {                                      \
        if (is_libc(*(void **)&sf_libc.name)) \
            sf_libc.name = untold_##name;     \
    } while (0)
    UNTOLD(socket);
    UNTOLD(socketpair);
    UNTOLD(accept);
    UNTOLD(accept4);
#undef UNTOLD
}
