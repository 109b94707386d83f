/*
 * The thread server; see server.h.
 *
 * The main thread accepts, in the same loop as the select server; each
 * connection has a worker.  A worker that is done sends its address over a
 * socket that the loop watches, so workers are joined, counted and freed, and
 * their descriptors closed, by the main thread alone.  That is why the main
 * thread may shut down the descriptor of any worker in its list.
 */
#include "target/acceptor.h"
#include "target/list.h"
#include "target/serve.h"
#include "target/sockio.h"

#include <pthread.h>
#include <stdlib.h>

struct server;

struct worker {
    struct server *server;
    struct fm_link link;
    pthread_t thread;
    int fd;
    bool lost;   /* the worker found fd dead: it is not ours to close     */
    bool robbed; /* fd was accepted again: it is another worker's by now  */
    struct fm_server_stats stats;
};

struct server {
    struct fm_acceptor acceptor; /* first: its callbacks get a pointer to it */
    struct fm_list workers;
    struct fm_watch done;
    int done_end; /* where workers send, and read the end: to stop */
};

static void *work(void *arg)
{
    struct worker *w = arg;

    w->lost = !fm_serve_blocking(w->fd, &w->server->acceptor.options,
                                 w->server->done_end, &w->stats);
    /* A pointer is one message, and there is one a worker: it fits. */
    while (fm_io_send(w->server->done_end, &w, sizeof w) == FM_E_INTR)
        ;
    return NULL;
}

/* A number that a worker still holds can only be accepted when it was closed
 * behind our back; select would never say so. */
static void rob(struct server *s, int fd)
{
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

/* What a worker waits for will not come, or not be taken, any more. */
static void shut_down_all(struct server *s)
{
    for (struct fm_link *l = s->workers.first; l; l = l->next)
        fm_io_shutdown(((struct worker *)l->item)->fd, SHUT_RDWR);
}

static void on_done(struct fm_watch *watch, unsigned events)
{
    struct server *s =
        (struct server *)((char *)watch - offsetof(struct server, done));
    struct worker *w;

    if (events & FM_EXPIRED) {
        watch->deadline_ms = FM_NEVER;
        shut_down_all(s);
    } else if (events & FM_READABLE &&
               fm_io_recv_now(watch->fd, &w, sizeof w) == sizeof w) {
        join(s, w);
    }
}

static void nothing(struct fm_acceptor *a)
{
    (void)a;
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

/* The workers' end of the socket is readable from now on: that ends their waits
 * for input.  After linger_ms those for output end. */
static int drain(struct server *s)
{
    int err = 0;

    fm_io_shutdown(s->done.fd, SHUT_WR);
    s->done.deadline_ms = fm_deadline_in(s->acceptor.options.linger_ms);
    while (s->workers.first && err == 0 && s->done.fd >= 0)
        err = fm_acceptor_turn(&s->acceptor);
    shut_down_all(s);
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
    err = fm_acceptor_serve(&s.acceptor, stop, nothing);
    fm_acceptor_close(&s.acceptor);
    drained = drain(&s);
    if (s.done.fd >= 0)
        fm_io_close(fm_loop_remove(&s.acceptor.loop, &s.done));
    fm_io_close(s.done_end);
    return err < 0 ? err : drained;
}
