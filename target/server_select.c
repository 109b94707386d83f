/*
 * The select server; see server.h.
 *
 * Accepting stops in two cases, and each ends in one place: too many
 * connections (until one is closed), and no descriptors or memory (until one
 * is closed or rearm_ms later, whichever comes first).  Without that pause a
 * listener that stays readable would keep the loop spinning.
 */
#include "target/conn.h"
#include "target/serve.h"
#include "target/sockio.h"

enum { ACCEPTS_PER_TURN = 16 };

struct server {
    struct fm_conn_env env; /* first: on_closed gets a pointer to it        */
    struct fm_loop loop;
    struct fm_watch listener;
    struct fm_watch wake;
    struct fm_server_stats own_stats;
    struct fm_conn *conns;  /* open                                         */
    struct fm_conn *closed; /* to be freed when the turn is over            */
    unsigned n_conns;
    int listener_error; /* why there is no listener any more            */
};

static struct server *server_of_listener(struct fm_watch *w)
{
    return (struct server *)((char *)w - offsetof(struct server, listener));
}

static void link_conn(struct server *s, struct fm_conn *c)
{
    c->next = s->conns;
    if (s->conns)
        s->conns->prev = c;
    s->conns = c;
    s->n_conns++;
}

static void unlink_conn(struct server *s, struct fm_conn *c)
{
    if (c->next)
        c->next->prev = c->prev;
    if (c->prev)
        c->prev->next = c->next;
    else
        s->conns = c->next;
    s->n_conns--;
}

/* Listen, unless there are as many connections as we want. */
static void arm_listener(struct server *s)
{
    bool room = s->n_conns < s->env.options.max_conns;

    s->listener.want = room ? FM_READABLE : 0;
    s->listener.deadline_ms = FM_NEVER;
}

/* Leave the listener alone for a while: there is one timer, this one. */
static void pause_listener(struct server *s)
{
    s->env.stats->exhausted++;
    s->listener.want = 0;
    s->listener.deadline_ms = fm_deadline_in(s->env.options.rearm_ms);
}

static void on_closed(struct fm_conn_env *env, struct fm_conn *c)
{
    struct server *s = (struct server *)env;

    unlink_conn(s, c);
    c->next = s->closed;
    s->closed = c;
    arm_listener(s);
}

static void free_closed(struct server *s)
{
    while (s->closed) {
        struct fm_conn *c = s->closed;

        s->closed = c->next;
        fm_conn_free(c);
    }
}

static void open_conn(struct server *s, int fd)
{
    struct fm_conn *c;

    if (fm_conn_open(&s->env, fd, &c) < 0) {
        s->env.stats->refused++;
        fm_io_close(fd);
        return;
    }
    s->env.stats->accepted++;
    link_conn(s, c);
    arm_listener(s);
}

static void close_listener(struct server *s, int why)
{
    int fd = fm_loop_remove(&s->loop, &s->listener);

    s->listener_error = why;
    if (fd >= 0 && why != FM_E_BADFD && why != FM_E_NOT_SOCK)
        fm_io_close(fd);
}

static void accept_failed(struct server *s, int err)
{
    switch (err) {
    case FM_E_NO_FILES:
    case FM_E_BUSY:
        pause_listener(s);
        break;
    default:
        close_listener(s, err);
    }
}

static void accept_some(struct server *s)
{
    for (int i = 0; i < ACCEPTS_PER_TURN && s->listener.want; i++) {
        int fd = fm_io_accept(s->listener.fd);

        if (fd == FM_E_ABORTED || fd == FM_E_INTR)
            continue;
        if (fd == FM_E_AGAIN)
            return;
        if (fd < 0) {
            accept_failed(s, fd);
            return;
        }
        open_conn(s, fd);
    }
}

static void on_listener(struct fm_watch *w, unsigned events)
{
    struct server *s = server_of_listener(w);

    if (events & FM_DEAD) {
        s->env.stats->dead++;
        close_listener(s, FM_E_BADFD);
    } else if (events & FM_EXPIRED) {
        arm_listener(s);
    } else {
        accept_some(s);
    }
}

/* *stop is set; that the wait has ended is all that was needed. */
static void on_wake(struct fm_watch *w, unsigned events)
{
    (void)events;
    w->want = 0;
}

static int set_up(struct server *s, int listener,
                  const struct fm_server_options *given)
{
    struct fm_server_options *o = &s->env.options;
    int err = fm_options_complete(o, given);

    if (err < 0)
        return err;
    fm_loop_init(&s->loop);
    s->env.loop = &s->loop;
    s->env.stats = o->stats ? o->stats : &s->own_stats;
    s->env.on_closed = on_closed;
    s->listener = (struct fm_watch){.fd = listener, .on_event = on_listener};
    s->wake = (struct fm_watch){.fd = o->wake > 0 ? o->wake : -1,
                                .want = FM_READABLE,
                                .deadline_ms = FM_NEVER,
                                .on_event = on_wake};
    arm_listener(s);
    err = fm_io_set_nonblock(listener, true);
    if (err == 0)
        err = fm_loop_add(&s->loop, &s->listener);
    if (err == 0 && s->wake.fd >= 0)
        err = fm_loop_add(&s->loop, &s->wake);
    return err;
}

static int turn(struct server *s)
{
    int err = fm_loop_turn(&s->loop);

    s->env.stats->turns++;
    free_closed(s);
    return err;
}

/* Until told to stop, or nothing is left that anything could come from. */
static int serve(struct server *s, const volatile sig_atomic_t *stop)
{
    while (!*stop) {
        int err = turn(s);

        if (err < 0)
            return err;
        if (s->listener.fd < 0 && !s->conns)
            return s->listener_error;
    }
    return 0;
}

static int drain(struct server *s)
{
    struct fm_conn *next;
    int err = 0;

    close_listener(s, 0);
    fm_loop_remove(&s->loop, &s->wake);
    for (struct fm_conn *c = s->conns; c; c = next) {
        next = c->next;
        fm_conn_stop(c);
    }
    while (s->conns && err == 0)
        err = turn(s);
    return err;
}

static void tear_down(struct server *s)
{
    close_listener(s, 0);
    while (s->conns)
        fm_conn_close(s->conns);
    free_closed(s);
}

int fm_select_server(int listener, const struct fm_server_options *o,
                     const volatile sig_atomic_t *stop)
{
    struct server s = {.n_conns = 0};
    int err = set_up(&s, listener, o);

    if (err < 0) {
        if (err != FM_E_BADFD && err != FM_E_NOT_SOCK)
            fm_io_close(listener);
        return err;
    }
    err = serve(&s, stop);
    if (err == 0)
        err = drain(&s);
    tear_down(&s);
    return err;
}
