/* registry.c: who is registered with which epoll; see registry.h. */
#include <stddef.h>

#include "faultinject/inject/registry.h"

enum { REGISTRATIONS_MAX = 16384 };

static struct sf_registration table[REGISTRATIONS_MAX];
static int used; /* entries from here on are unused */

static struct sf_registration *find(int epfd, int fd)
{
    for (int i = 0; i < used; i++)
        if (table[i].epfd == epfd && table[i].fd == fd)
            return &table[i];
    return NULL;
}

static struct sf_registration *add(int epfd, int fd)
{
    /* Freed entries have epfd and fd -1. */
    struct sf_registration *r = find(-1, -1);

    if (!r && used < REGISTRATIONS_MAX)
        r = &table[used++];
    if (r)
        *r = (struct sf_registration){.epfd = epfd, .fd = fd};
    return r;
}

void sf_epoll_note(int epfd, int op, int fd, const struct epoll_event *event)
{
    struct sf_registration *r = find(epfd, fd);

    if (op == EPOLL_CTL_DEL) {
        if (r)
            r->epfd = r->fd = -1;
        return;
    }
    if (!r)
        r = add(epfd, fd);
    if (r && event)
        r->event = *event;
}

void sf_epoll_forget(int fd)
{
    for (int i = 0; i < used; i++)
        if (table[i].epfd == fd || table[i].fd == fd)
            table[i].epfd = table[i].fd = -1;
}

const struct sf_registration *sf_epoll_next(int fd, int *cursor)
{
    while (*cursor < used) {
        const struct sf_registration *r = &table[(*cursor)++];
        if (r->fd == fd)
            return r;
    }
    return NULL;
}

const struct sf_registration *sf_epoll_member(int epfd, int *cursor)
{
    while (*cursor < used) {
        const struct sf_registration *r = &table[(*cursor)++];
        if (r->epfd == epfd && epfd >= 0)
            return r;
    }
    return NULL;
}

void sf_epoll_forget_all(void)
{
    used = 0;
}
