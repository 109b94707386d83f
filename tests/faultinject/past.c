/*
 * past.c: listens on 127.0.0.1 by system calls of its own, past libc, as
 * programs in Go do.
 */
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#if defined __x86_64__
static long past(long number, long a, long b, long c, long d)
{
    register long fourth __asm__("r10") = d;
    long r;

    __asm__ volatile("syscall"
                     : "=a"(r)
                     : "0"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
                     : "rcx", "r11", "memory");
    return r;
}
#elif defined __aarch64__
static long past(long number, long a, long b, long c, long d)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;

    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3)
                     : "memory");
    return x0;
}
#else
#error "how are system calls made here?"
#endif

int main(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET};
    struct timespec second = {.tv_sec = 1};
    long fd = past(SYS_socket, AF_INET, SOCK_STREAM, 0, 0);

    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (past(SYS_bind, fd, (long)&name, sizeof name, 0) < 0 ||
        past(SYS_listen, fd, 8, 0, 0) < 0)
        return 1;
    for (;;)
        past(SYS_nanosleep, (long)&second, 0, 0, 0);
}
