/*
 * talker.c TEXT: listens, says on which port, and sends the first who comes
 * this text and nothing else, whatever that one says.
 */
#include "target/loops.h"
#include "target/sock.h"
#include "target/sockio.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    char name[FM_NAME_MAX];
    int listener = fm_listen("127.0.0.1", 0, 0);
    int fd;

    if (argc != 2 || listener < 0 || fm_sock_name(listener, name) < 0)
        return 2;
    printf("listening on %s\n", name);
    fflush(stdout);
    if (fm_wait(listener, POLLIN, FM_NEVER) < 0)
        return 2;
    fd = fm_io_accept(listener);
    fm_send_all(fd, argv[1], strlen(argv[1]), FM_NEVER);
    while (fm_recv_some(fd, name, sizeof name, FM_NEVER) > 0)
        ;
    return 0;
}
