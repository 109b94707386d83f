/*
 * foreign.h: a pair that is not the program's own.
 *
 * What a program does to both ends of its own pair nobody else can do, so few
 * faults are possible there.  Here nobody sees how the pair was made, as when
 * it was inherited or passed; its ends are met in their order.
 */
#ifndef TEST_FOREIGN_H
#define TEST_FOREIGN_H

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/socket.h>

static inline int foreign_pair(int type, int pair[2])
{
    void *libc = dlopen("libc.so.6", RTLD_LAZY);
    int (*make)(int, int, int, int *) = NULL;

    if (libc)
        *(void **)&make = dlsym(libc, "socketpair");
    if (!make || make(AF_UNIX, type, 0, pair) < 0)
        return -1;
    return fcntl(pair[0], F_GETFD) < 0 || fcntl(pair[1], F_GETFD) < 0 ? -1 : 0;
}

#endif
