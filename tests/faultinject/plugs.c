/* plugs.c: a program in C that loads a plugin, which is C++ (asks_new.cc), and
 * lets it allocate: plugs PLUGIN */
#include <dlfcn.h>
#include <stddef.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
    void *plugin = dlopen(argc > 1 ? argv[1] : "", RTLD_NOW | RTLD_LOCAL);
    void (*asks_new)(void) = NULL;
    int ends[2];

    if (plugin)
        *(void **)&asks_new = dlsym(plugin, "asks_new");
    if (!asks_new)
        return 2;
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    asks_new();
    return 0;
}
