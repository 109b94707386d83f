/*
 * The thread server; see server.h.
 *
 * The main thread accepts, in the same loop as the select server; each
 * connection has a worker.  A worker that is done marks itself and sends a byte
 * over a socket that the loop watches, so workers are joined, counted and
 * freed, and their descriptors closed, by the main thread alone.  That is why
 * the main thread may shut down the descriptor of any worker in its list.
 *
 * The same pair of sockets, ended the other way, wakes the workers when they
 * are to stop; what that means is said by a flag.  So a pair that dies behind
 * our back ends no connection: the workers go on without it, and the main
 * thread, which looks for the marks after each turn, makes one every rearm_ms
 * while there is no room for more connections.  On stop they see the end of
 * their input.
 */
#include "target/acceptor.h"
#include "target/list.h"
#include "target/serve.h"
#include "target/sockio.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    LOOK_MS = 10,    /* between two looks for marks, where no byte comes   */
    BUSY_TRIES = 100 /* times that the kernel may have no memory for a byte */
};

struct server;

struct worker {
    struct server *server;
    struct fm_link link;
    pthread_t thread;
    int fd;
    bool lost;        /* the worker found fd dead: it is not ours to close   */
    bool robbed;      /* fd was accepted again: it is another worker's by now */
    atomic_bool over; /* the mark: nothing is left but to join it            */
    struct fm_server_stats stats;
};

struct server {
    struct fm_acceptor acceptor; /* first: its callbacks get a pointer to it */
    struct fm_list workers;
    struct fm_watch done; /* its fd is -1 when the pair is dead              */
    atomic_int done_end;  /* where workers send; -1: it is not ours any more */
    atomic_bool told;     /* what it means that there is something to read   */
};

/* With no room for the byte there are others in front of it, and after those
 * the main thread sees the mark.  With no memory for it there is nothing. */
static void tell(struct server *s)
{
    for (int busy = 0; s->done_end >= 0 && busy < BUSY_TRIES;) {
        ssize_t r = fm_io_send_now(s->done_end, "", 1);

        if (r == FM_E_BUSY) {
            fm_io_poll(-1, 0, -1, FM_BUSY_PAUSE_MS);
            busy++;
        } else if (r != FM_E_INTR) {
            return;
        }
    }
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct server *s = w->server;

    w->lost = !fm_serve_blocking(w->fd, &s->acceptor.options, s->done_end,
                                 &s->told, &w->stats);
    w->over = true;
    tell(s);
    return NULL;
}

/* No byte will come any more: one end is closed, ours if the error says so. */
static void lose_pair(struct server *s, int err)
{
    int fd = fm_loop_remove(&s->acceptor.loop, &s->done);

    if (fm_io_is_foreign(err))
        return;
    s->done_end = -1;
    if (fd >= 0)
        fm_io_close(fd);
}

/* A number that a worker still holds, or the pair's other end has, can only be
 * accepted when it was closed behind our back; select would never say so. */
static void rob(struct server *s, int fd)
{
    if (fd == s->done_end)
        lose_pair(s, FM_E_CLOSED);
    for (struct fm_link *l = s->workers.first; l; l = l->next) {
        struct worker *w = l->item;

        w->robbed |= w->fd == fd;
    }
}

static int on_accepted(struct fm_acceptor *a, int fd)
{
    struct server *s = (struct server *)a;
    struct worker *w = calloc(1, sizeof *w);

    rob(s, fd);
    if (!w)
        return FM_E_NOMEM;
    w->server = s;
    w->fd = fd;
    if (pthread_create(&w->thread, NULL, work, w) != 0) {
        free(w);
        return FM_E_BUSY;
    }
    fm_list_add(&s->workers, &w->link, w);
    return 0;
}

static void join(struct server *s, struct worker *w)
{
    struct fm_server_stats *sum = s->acceptor.stats;

    pthread_join(w->thread, NULL);
    if (!w->lost && !w->robbed)
        fm_io_close(w->fd);
    sum->frames += w->stats.frames;
    sum->ended += w->stats.ended;
    sum->failed += w->stats.failed;
    sum->timed_out += w->stats.timed_out;
    sum->dead += w->stats.dead;
    fm_list_remove(&s->workers, &w->link);
    free(w);
    fm_acceptor_release(&s->acceptor);
}

static void join_over(struct server *s)
{
    struct fm_link *next;

    for (struct fm_link *l = s->workers.first; l; l = next) {
        struct worker *w = l->item;

        next = l->next;
        if (w->over)
            join(s, w);
    }
}

static void on_done(struct fm_watch *watch, unsigned events)
{
    struct server *s =
        (struct server *)((char *)watch - offsetof(struct server, done));
    char byte;
    ssize_t r;

    watch->deadline_ms = FM_NEVER;
    if (!(events & FM_READABLE))
        return;
    r = fm_io_recv_now(watch->fd, &byte, 1);
    if (r == FM_E_CLOSED || fm_io_is_foreign((int)r))
        lose_pair(s, (int)r);
}

static void after_turn(struct fm_acceptor *a)
{
    struct server *s = (struct server *)a;
    struct fm_watch *l = &a->listener;

    join_over(s);
    if (s->done.fd < 0 && !l->want && l->deadline_ms == FM_NEVER)
        l->deadline_ms = fm_deadline_in(a->options.rearm_ms);
}

static int watch_done(struct server *s)
{
    int ends[2];
    int err = fm_io_pair(ends);

    if (err < 0)
        return err;
    s->done_end = ends[1];
    s->done = (struct fm_watch){.fd = ends[0],
                                .want = FM_READABLE,
                                .deadline_ms = FM_NEVER,
                                .on_event = on_done};
    err = fm_loop_add(&s->acceptor.loop, &s->done);
    if (err < 0) {
        fm_io_close(ends[0]);
        fm_io_close(ends[1]);
    }
    return err;
}

/* What a worker waits for will not come, or not be taken, any more. */
static void shut_down_all(struct server *s, int how)
{
    for (struct fm_link *l = s->workers.first; l; l = l->next)
        fm_io_shutdown(((struct worker *)l->item)->fd, how);
}

/* Who cannot be told is given the end of its input instead: it answers what it
 * has received, at least. */
static void wait_without_pair(struct server *s, int64_t until)
{
    shut_down_all(s, SHUT_RD);
    while (s->workers.first && fm_now_ms() < until) {
        fm_io_poll(-1, 0, -1, LOOK_MS);
        join_over(s);
    }
}

/* The workers' end of the socket is readable from now on: that ends their waits
 * for input.  After linger_ms those for output end. */
static int drain(struct server *s)
{
    int64_t until = fm_deadline_in(s->acceptor.options.linger_ms);
    int err = 0;

    s->told = true;
    fm_io_shutdown(s->done.fd, SHUT_WR);
    s->done.deadline_ms = until;
    while (s->workers.first && err == 0 && s->done.fd >= 0 &&
           fm_now_ms() < until) {
        err = fm_acceptor_turn(&s->acceptor);
        join_over(s);
    }
    if (s->done.fd < 0)
        wait_without_pair(s, until);
    shut_down_all(s, SHUT_RDWR);
    while (s->workers.first)
        join(s, fm_list_first(&s->workers));
    return err;
}

int fm_thread_server(int listener, const struct fm_server_options *o,
                     const volatile sig_atomic_t *stop)
{
    struct server s = {.acceptor.on_accepted = on_accepted};
    int err = fm_acceptor_init(&s.acceptor, listener, o);
    int drained;

    if (err < 0)
        return err;
    err = watch_done(&s);
    if (err < 0) {
        fm_acceptor_close(&s.acceptor);
        return err;
    }
    err = fm_acceptor_serve(&s.acceptor, stop, after_turn);
    fm_acceptor_close(&s.acceptor);
    drained = drain(&s);
    if (s.done.fd >= 0)
        fm_io_close(fm_loop_remove(&s.acceptor.loop, &s.done));
    if (s.done_end >= 0)
        fm_io_close(s.done_end);
    return err < 0 ? err : drained;
}
