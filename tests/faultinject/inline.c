/*
 * inline.c: sockets by the program's own instructions, past every library.
 *
 *     inline          two of them, and nothing through libc
 *     inline both     two through libc as well
 *     inline ring     and an io_uring: ends with 1 where there is none
 *     inline orphan   by a process that is left behind, which then makes the
 *                     folder `orphan`
 *     inline listens  on a port of its own, and does nothing more
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static long kernel(long number, long a, long b, long c, long d)
{
    register long fourth __asm__("r10") = d;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
                     : "rcx", "r11", "memory");
    return result;
}

static int talk(void)
{
    int pair[2];
    char byte;

    return kernel(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, (long)pair) != 0 ||
           kernel(SYS_write, pair[0], (long)"x", 1, 0) != 1 ||
           kernel(SYS_read, pair[1], (long)&byte, 1, 0) != 1;
}

static int orphan(void)
{
    if (fork() > 0)
        return 0;
    usleep(300000);
    return talk() || mkdir("orphan", 0700);
}

static int listens(void)
{
    long fd = kernel(SYS_socket, AF_INET, SOCK_STREAM, 0, 0);

    if (kernel(SYS_listen, fd, 8, 0, 0) < 0)
        return 1;
    for (;;)
        kernel(SYS_pause, 0, 0, 0, 0);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    int pair[2];

    if (strcmp(what, "orphan") == 0)
        return orphan();
    if (strcmp(what, "listens") == 0)
        return listens();
    if (what[0] && (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 ||
                    send(pair[0], "x", 1, 0) != 1))
        return 2;
    if (strcmp(what, "ring") == 0) {
        char parameters[256] = "";
        return kernel(SYS_io_uring_setup, 1, (long)parameters, 0, 0) == -ENOSYS;
    }
    return talk();
}
