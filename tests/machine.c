/*
 * machine.c: what the shim is written in assembly for, and a read in pieces.
 *
 * A child of vfork() closes its parent's socket, which the parent still has; a
 * library is loaded with RTLD_DEEPBIND, by whom dlopen() takes for the caller.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int child_closes(int fd)
{
    int status = -1;
    pid_t child = vfork();

    if (child == 0) {
        close(fd);
        _exit(3);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int reads_in_pieces(const int *pair)
{
    char got[6] = "";
    int pieces = 0;
    size_t n = 0;

    if (write(pair[1], "hello", 5) != 5)
        return 0;
    while (n < 5) {
        ssize_t r = read(pair[0], got + n, 5 - n);

        if (r <= 0)
            return 0;
        n += (size_t)r;
        pieces++;
    }
    return strcmp(got, "hello") == 0 ? pieces : 0;
}

int main(void)
{
    int pair[2], status, pieces;
    void *library;

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return 1;
    status = child_closes(pair[0]);
    pieces = reads_in_pieces(pair);
    library = dlopen("libm.so.6", RTLD_NOW | RTLD_DEEPBIND);
    printf("child %d, %d pieces, libm %s, sqrt %s\n", status, pieces,
           library ? "loaded" : "missing",
           library && dlsym(library, "sqrt") ? "found" : "missing");
    return status != 3 || pieces != 5 || !library || !dlsym(library, "sqrt") ||
           dlopen("no/such/library.so", RTLD_NOW);
}
