/*
 * main.c: a core as a program, which is told what framed-server is told:
 *
 *     core_NAME --port 0 …
 *
 * It listens on a free port of the loopback, says where, and serves until
 * SIGTERM.
 */
#include "core.h"

#include <arpa/inet.h>
#include <stdio.h>

static volatile sig_atomic_t stopped;

static void on_term(int signo)
{
    (void)signo;
    stopped = 1;
}

int main(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sigaction action = {.sa_handler = on_term};
    socklen_t len = sizeof at;
    sigset_t term, before;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, &before);
    sigaction(SIGTERM, &action, NULL);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) < 0 ||
        listen(fd, 64) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) < 0) {
        perror("core");
        return 2;
    }
    printf("listening on 127.0.0.1:%d\n", ntohs(at.sin_port));
    fflush(stdout);
    core_serve(fd, &stopped, &before);
    close(fd);
    return 0;
}
