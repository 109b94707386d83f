/*
 * The fork server; see server.h.
 *
 * The parent accepts, in the same loop as the select server; each connection
 * has a child, which alone keeps it.  The parent has one end of a socket pair
 * whose other end only the child has: when the child ends, in whatever way, the
 * stream ends, and the loop reaps exactly that child; and to stop the child the
 * parent ends the stream the other way.  No signals are needed for either.
 *
 * That the end of the stream is the word, and no byte in it, is meant: a child
 * whose parent has crashed ends in good order as well.  A parent that has lost
 * its end could not tell it anything any more either, nor see it end.
 */
#include "target/acceptor.h"
#include "target/list.h"
#include "target/serve.h"
#include "target/sockio.h"

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

enum { EXIT_ENDED, EXIT_FAILED, EXIT_TIMED_OUT, EXIT_DEAD };

struct server;

struct child {
    struct fm_watch life; /* a socket whose other end the child has; first */
    struct server *server;
    struct fm_link link;
    pid_t pid;
};

struct server {
    struct fm_acceptor acceptor; /* first: its callbacks get a pointer to it */
    struct fm_list children;
};

static void count_child(struct fm_server_stats *stats, int status)
{
    if (status == EXIT_ENDED)
        stats->ended++;
    else if (status == EXIT_TIMED_OUT)
        stats->timed_out++;
    else if (status == EXIT_DEAD)
        stats->dead++;
    else
        stats->failed++;
}

/* A child whose stream has ended is exiting, which SIGKILL does not change;
 * any other has had its time.  Either way the wait is short. */
static void reap(struct child *c)
{
    struct server *s = c->server;
    int life = fm_loop_remove(&s->acceptor.loop, &c->life);
    int status;

    fm_io_kill(c->pid);
    do
        status = fm_io_wait_child(c->pid);
    while (status == FM_E_INTR);
    count_child(s->acceptor.stats, status);
    if (life >= 0)
        fm_io_close(life);
    fm_list_remove(&s->children, &c->link);
    free(c);
    fm_acceptor_release(&s->acceptor);
}

static void on_life(struct fm_watch *life, unsigned events)
{
    struct child *c = (struct child *)life;
    char none;

    /* What was closed while select waited for it is reported ready, too. */
    if (events & FM_READABLE &&
        fm_io_is_foreign((int)fm_io_recv_now(life->fd, &none, 1)))
        fm_loop_remove(&c->server->acceptor.loop, life);
    reap(c);
}

/* A number that is ours already was closed behind our back: the end of that
 * child can no longer be seen, and its sibling would close what it needs. */
static void rob(struct server *s, int fd)
{
    struct fm_link *next;

    for (struct fm_link *l = s->children.first; l; l = next) {
        struct child *c = l->item;

        next = l->next;
        if (c->life.fd == fd) {
            fm_loop_remove(&s->acceptor.loop, &c->life);
            reap(c);
        }
    }
}

/* In the child: what the parent has open is none of our business. */
static void close_inherited(const struct server *s, int life)
{
    fm_io_close(life);
    fm_io_close(s->acceptor.listener.fd);
    for (const struct fm_link *l = s->children.first; l; l = l->next)
        fm_io_close(((const struct child *)l->item)->life.fd);
}

static _Noreturn void serve(const struct server *s, int fd, int life)
{
    struct fm_server_stats stats = {0};

    fm_serve_blocking(fd, &s->acceptor.options, life, NULL, &stats);
    _exit(stats.ended       ? EXIT_ENDED
          : stats.timed_out ? EXIT_TIMED_OUT
          : stats.dead      ? EXIT_DEAD
                            : EXIT_FAILED);
}

/* The child has fd and `theirs`, the parent will see the end of that. */
static int start(struct child *c, int fd, int theirs)
{
    c->pid = fork();
    if (c->pid == 0) {
        close_inherited(c->server, c->life.fd);
        serve(c->server, fd, theirs);
    }
    fm_io_close(theirs);
    if (c->pid < 0)
        return FM_E_BUSY;
    fm_io_close(fd);
    return 0;
}

static int watch_life(struct child *c, int *theirs)
{
    int ends[2];
    int err = fm_io_pair(ends);

    if (err < 0)
        return err;
    *theirs = ends[1];
    rob(c->server, ends[1]);
    c->life = (struct fm_watch){.fd = ends[0],
                                .want = FM_READABLE,
                                .deadline_ms = FM_NEVER,
                                .on_event = on_life};
    err = fm_loop_add(&c->server->acceptor.loop, &c->life);
    if (err < 0) {
        fm_io_close(ends[0]);
        fm_io_close(ends[1]);
    }
    return err;
}

static int on_accepted(struct fm_acceptor *a, int fd)
{
    struct child *c = calloc(1, sizeof *c);
    int theirs;
    int err;

    if (!c)
        return FM_E_NOMEM;
    c->server = (struct server *)a;
    rob(c->server, fd);
    err = watch_life(c, &theirs);
    if (err == 0) {
        err = start(c, fd, theirs);
        if (err < 0)
            fm_io_close(fm_loop_remove(&a->loop, &c->life));
    }
    if (err < 0) {
        free(c);
        return err;
    }
    fm_list_add(&c->server->children, &c->link, c);
    return 0;
}

static void nothing(struct fm_acceptor *a)
{
    (void)a;
}

/* End the waits of the children; who takes too long is killed. */
static int drain(struct server *s)
{
    int64_t until = fm_deadline_in(3 * (int64_t)s->acceptor.options.linger_ms);
    int err = 0;

    for (struct fm_link *l = s->children.first; l; l = l->next) {
        struct child *c = l->item;

        fm_io_shutdown(c->life.fd, SHUT_WR);
        c->life.deadline_ms = until;
    }
    while (s->children.first && err == 0)
        err = fm_acceptor_turn(&s->acceptor);
    return err;
}

int fm_fork_server(int listener, const struct fm_server_options *o,
                   const volatile sig_atomic_t *stop)
{
    struct server s = {.acceptor.on_accepted = on_accepted};
    int err = fm_acceptor_init(&s.acceptor, listener, o);
    int drained;

    if (err < 0)
        return err;
    err = fm_acceptor_serve(&s.acceptor, stop, nothing);
    fm_acceptor_close(&s.acceptor);
    drained = drain(&s);
    while (s.children.first)
        reap(fm_list_first(&s.children));
    return err < 0 ? err : drained;
}
