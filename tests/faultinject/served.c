/*
 * served.c: a server for one client at a time, as bad as it is told to be.
 *
 *     served [good|leak|crash|spin|quit|nowhere]
 *
 * It knows nothing of sockfault; sim.sh runs it over simnet.
 */
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;
static const char *bad = "good";

static void on_term(int signo)
{
    (void)signo;
    stopped = 1;
}

static bool is(const char *what)
{
    return strcmp(bad, what) == 0;
}

/* One step at a time, as a fuzzer has to find it. */
static void look(const char *bytes, ssize_t n)
{
    if (is("crash") && n > 2 && bytes[0] == 'b')
        if (bytes[1] == 'o' && bytes[2] == 'm')
            abort();
}

static void serve(int fd)
{
    char bytes[256];
    ssize_t n;

    while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0) {
        look(bytes, n);
        if (is("quit"))
            exit(0);
        if (send(fd, bytes, (size_t)n, MSG_NOSIGNAL) < 0)
            break;
    }
    while (is("spin") && recv(fd, bytes, sizeof bytes, 0) == 0)
        ;
    if (!is("leak") || n == 0)
        close(fd);
}

int main(int argc, char **argv)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(4711)};
    struct sigaction term = {.sa_handler = on_term};
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    if (argc > 1)
        bad = argv[1];
    sigaction(SIGTERM, &term, NULL);
    if (is("nowhere"))
        poll(NULL, 0, -1);
    if (bind(listener, (struct sockaddr *)&addr, sizeof addr) < 0 ||
        listen(listener, 8) < 0)
        return 1;
    while (!stopped) {
        int fd = accept(listener, NULL, NULL);

        if (fd >= 0)
            serve(fd);
    }
    return 0;
}
