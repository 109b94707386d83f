/* callbacks.c: a small dispatcher on select; who wants to know something of a
 * descriptor leaves a function there. */
#include "core.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/select.h>
#include <time.h>

typedef void callback(int fd, void *arg);

static struct slot {
    callback *readable, *writable; /* one of them, or none */
    void *arg;
} slots[FD_SETSIZE];
static struct timespec pause_now; /* 0: none */

struct echo {
    size_t in, out, end;
    char bytes[CORE_ROOM];
};

static void on_input(int fd, void *arg);
static void on_room(int fd, void *arg);

static void end(int fd, bool dead)
{
    free(slots[fd].arg);
    slots[fd] = (struct slot){0};
    if (!dead)
        close(fd);
}

/* Back with what is whole; then one of the two is waited for. */
static void advance(int fd, struct echo *e)
{
    int frame;

    while ((frame = core_frame(e->bytes, e->in)) > 0) {
        ssize_t r =
            send(fd, e->bytes + e->out, (size_t)frame - e->out, MSG_NOSIGNAL);

        if (r < 0 && !core_again(errno)) {
            end(fd, errno == EBADF);
            return;
        }
        e->out += r > 0 ? (size_t)r : 0;
        if (e->out < (size_t)frame) {
            slots[fd] = (struct slot){NULL, on_room, e};
            return;
        }
        e->in -= e->out;
        memmove(e->bytes, e->bytes + e->out, e->in);
        e->out = 0;
    }
    if (frame < 0)
        end(fd, false);
    else
        slots[fd] = (struct slot){on_input, NULL, e};
}

static void on_room(int fd, void *arg)
{
    advance(fd, arg);
}

static void on_input(int fd, void *arg)
{
    struct echo *e = arg;
    ssize_t r = recv(fd, e->bytes + e->in, sizeof e->bytes - e->in, 0);

    if (r > 0) {
        e->in += (size_t)r;
        advance(fd, e);
    } else if (r == 0 || !core_again(errno)) {
        end(fd, r < 0 && errno == EBADF);
    }
}

static void on_client(int listener, void *arg)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);

    (void)arg;
    if (fd < 0) {
        if (core_exhausted(errno))
            pause_now.tv_nsec = CORE_PAUSE_MS * 1000000L;
        return;
    }
    if (fd < FD_SETSIZE && slots[fd].arg)
        end(fd, true); /* somebody closed it, and here it is again */
    if (fd < FD_SETSIZE)
        slots[fd].arg = calloc(1, sizeof(struct echo));
    if (fd < FD_SETSIZE && slots[fd].arg)
        slots[fd].readable = on_input;
    else
        close(fd);
}

/* EBADF says that one is dead, not which. */
static void bury_the_dead(void)
{
    for (int fd = 0; fd < FD_SETSIZE; fd++)
        if (slots[fd].arg && fcntl(fd, F_GETFD) < 0)
            end(fd, true);
}

static void dispatch(const fd_set *rd, const fd_set *wr)
{
    for (int fd = 0; fd < FD_SETSIZE; fd++) {
        struct slot s = slots[fd];

        if (s.readable && FD_ISSET(fd, rd))
            s.readable(fd, s.arg);
        else if (s.writable && FD_ISSET(fd, wr))
            s.writable(fd, s.arg);
    }
}

void core_serve(int listener, const volatile sig_atomic_t *stop,
                const sigset_t *open)
{
    while (!*stop) {
        struct timespec pause = pause_now;
        fd_set rd, wr;
        int n;

        slots[listener].readable = pause.tv_nsec ? NULL : on_client;
        FD_ZERO(&rd);
        FD_ZERO(&wr);
        for (int fd = 0; fd < FD_SETSIZE; fd++) {
            if (slots[fd].readable)
                FD_SET(fd, &rd);
            if (slots[fd].writable)
                FD_SET(fd, &wr);
        }
        n = pselect(FD_SETSIZE, &rd, &wr, NULL, pause.tv_nsec ? &pause : NULL,
                    open);
        if (n < 0 && errno == EBADF)
            bury_the_dead();
        pause_now.tv_nsec = 0;
        if (n > 0)
            dispatch(&rd, &wr);
    }
    for (int fd = 0; fd < FD_SETSIZE; fd++)
        if (slots[fd].arg)
            end(fd, false);
    slots[listener].readable = NULL;
}
