/* trusting_bytes.c: bytes, what is beside them, and their end; see trusting.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/faultinject/trusting.h"

/* --- bytes that are there --- */

/* It asks how many there are, and for something else, and takes them. */
int counted(void)
{
    int a[2], n = 0, on = 1;
    char c[64];

    if (!make_pair(a) || !says(a[1], "0123456789") ||
        ioctl(a[0], FIONREAD, &n) < 0 || n != 10 ||
        ioctl(a[0], FIONBIO, &on) < 0)
        return 1;
    return take(a[0], c, sizeof c) != n;
}

/* ... and looks at the first of them. */
int counted_and_peeked(void)
{
    int a[2], n = 0;
    char c[64];

    if (!make_pair(a) || !says(a[1], "0123456789") ||
        ioctl(a[0], FIONREAD, &n) < 0 || n != 10 ||
        recv(a[0], c, 1, MSG_PEEK) != 1 || take(a[0], c, 1) != 1)
        return 1;
    return take(a[0], c, sizeof c) != 9;
}

/* Not before a whole header is there. */
int low_water(void)
{
    int a[2], four = 4;
    char c[64];

    if (!make_tcp(a) ||
        setsockopt(a[0], SOL_SOCKET, SO_RCVLOWAT, &four, sizeof four) < 0 ||
        !says(a[1], "0123"))
        return 1;
    return take(a[0], c, 4) != 4;
}

/* Reads when SIGIO says so, until there is no more. */
int by_signal(void)
{
    struct timespec patience = {PATIENCE_MS / 1000, 0};
    sigset_t set;
    int a[2];
    size_t got = 0;

    sigemptyset(&set);
    sigaddset(&set, SIGIO);
    sigprocmask(SIG_BLOCK, &set, NULL);
    if (!make_pair(a) || fcntl(a[0], F_SETOWN, getpid()) < 0 ||
        fcntl(a[0], F_SETFL, O_NONBLOCK | O_ASYNC) < 0 ||
        !says(a[1], "0123456789"))
        return 1;
    while (got < 10) {
        if (sigtimedwait(&set, NULL, &patience) < 0)
            return 2;
        got += drain(a[0]);
    }
    return 0;
}

/* --- what is beside the bytes --- */

static volatile sig_atomic_t urgent;

static void on_urgent(int sig)
{
    (void)sig;
    urgent++;
}

/* A signal for each urgent byte. */
int urgent_byte(void)
{
    struct sigaction sa = {.sa_handler = on_urgent};
    int a[2];
    char c[4];

    if (!make_tcp(a) || fcntl(a[0], F_SETOWN, getpid()) < 0 ||
        sigaction(SIGURG, &sa, NULL) < 0 || !says(a[1], "x") ||
        send(a[1], "!", 1, MSG_OOB) != 1)
        return 1;
    take(a[0], c, 1);
    for (int i = 0; i < 5; i++)
        poll(NULL, 0, 5);
    return urgent != 1;
}

/* What went wrong with what was sent, which takes no room for bytes. */
int error_queue(void)
{
    char control[256], big[4096] = {0};
    struct msghdr m = {.msg_control = control, .msg_controllen = 256};
    struct pollfd p = {.fd = -1};
    int a[2], on = 1;

    if (!make_tcp(a) ||
        setsockopt(a[1], SOL_SOCKET, SO_ZEROCOPY, &on, sizeof on) < 0 ||
        send(a[1], big, sizeof big, MSG_ZEROCOPY) < 1)
        return 1;
    p.fd = a[1];
    while (recvmsg(a[1], &m, MSG_ERRQUEUE) < 0) {
        if (errno != EAGAIN)
            return 2;
        poll(&p, 1, PATIENCE_MS);
    }
    return CMSG_FIRSTHDR(&m) == NULL || !says(a[0], "x") ||
           take(a[1], big, 1) != 1;
}

/* --- the end --- */

/* What it has shut down says so at once, whenever it is asked. */
int shut_down(void)
{
    int pairs[2][2];
    char c;

    if (!make_pair(pairs[0]) || !make_tcp(pairs[1]) ||
        fcntl(pairs[1][0], F_SETFL, O_NONBLOCK) < 0)
        return 1;
    for (int i = 0; i < 2; i++) {
        int fd = pairs[i][0];
        shutdown(fd, SHUT_RD);
        if (recv(fd, &c, 1, 0) != 0)
            return 2;
        shutdown(fd, SHUT_WR);
        if (send(fd, "x", 1, MSG_NOSIGNAL) != -1 || errno != EPIPE)
            return 3;
    }
    return 0;
}

/* The peer has no more to say, and is still answered when this one ends. */
int half_closed(void)
{
    int a[2], b[2];
    char c;

    if (!make_pair(a) || shutdown(a[1], SHUT_WR) < 0 || take(a[0], &c, 1) != 0)
        return 1;
    if (!make_pair(b) || close(b[0]) < 0 || close(b[1]) < 0)
        return 1;
    return !says(a[0], "x");
}
