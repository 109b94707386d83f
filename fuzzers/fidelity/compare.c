/* compare.c: what poll, select and epoll say, in both worlds. */
#include "fuzzers/fidelity/both.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE = 200 };

static void poll_all(int w, short out[SLOTS])
{
    struct pollfd fds[SLOTS];

    for (int i = 0; i < SLOTS; i++)
        fds[i] =
            (struct pollfd){both.fd[w][i], POLLIN | POLLOUT | POLLRDHUP, 0};
    IN(w, poll, fds, SLOTS, 0);
    for (int i = 0; i < SLOTS; i++)
        out[i] = fds[i].revents;
}

void compare_poll(void)
{
    short real[SLOTS], sim[SLOTS];
    char what[64];

    poll_all(SIM, sim);
    for (int try = 0; try < PATIENCE; try++) {
        poll_all(REAL, real);
        if (memcmp(real, sim, sizeof real) == 0)
            return;
        usleep(try < 20 ? 10 : 1000);
    }
    for (int i = 0; i < SLOTS; i++)
        if (real[i] != sim[i]) {
            snprintf(what, sizeof what, "poll of slot %d: real 0x%x, sim 0x%x",
                     i, real[i], sim[i]);
            differ(what);
        }
}

static int select_all(int w, unsigned out[2])
{
    fd_set rd, wr;
    struct timeval now = {0, 0};
    int top = 0, r;

    FD_ZERO(&rd);
    FD_ZERO(&wr);
    for (int i = 0; i < SLOTS; i++)
        if (both.fd[w][i] >= 0) {
            FD_SET(both.fd[w][i], &rd);
            FD_SET(both.fd[w][i], &wr);
            top = both.fd[w][i] > top ? both.fd[w][i] : top;
        }
    r = result(IN(w, select, top + 1, &rd, &wr, NULL, &now));
    out[0] = out[1] = 0;
    for (int i = 0; i < SLOTS; i++)
        if (both.fd[w][i] >= 0) {
            out[0] |= FD_ISSET(both.fd[w][i], &rd) ? 1u << i : 0;
            out[1] |= FD_ISSET(both.fd[w][i], &wr) ? 1u << i : 0;
        }
    return r;
}

void compare_select(void)
{
    unsigned real[2], sim[2];
    int r[WORLDS];

    r[REAL] = select_all(REAL, real);
    r[SIM] = select_all(SIM, sim);
    same("select", 0, 0, r);
    if (memcmp(real, sim, sizeof real) != 0)
        differ("the sets of select");
}

static int collect(int w, unsigned out[SLOTS])
{
    struct epoll_event events[SLOTS * 2];
    int n = IN(w, epoll_wait, both.epoll[w], events, SLOTS * 2, 0);

    memset(out, 0, SLOTS * sizeof *out);
    for (int i = 0; i < n; i++)
        out[events[i].data.u32] |= events[i].events;
    return n;
}

void compare_epoll(void)
{
    unsigned real[SLOTS], sim[SLOTS];
    int r[WORLDS];

    r[REAL] = collect(REAL, real);
    r[SIM] = collect(SIM, sim);
    same("epoll_wait", 0, 0, r);
    if (memcmp(real, sim, sizeof real) != 0)
        differ("the events of epoll");
}
