/* The select server; see server.h. */
#include "target/acceptor.h"
#include "target/conn.h"

struct server {
    struct fm_acceptor acceptor; /* first: its callbacks get a pointer to it */
    struct fm_conn_env env;
    struct fm_conn *conns;  /* open                                         */
    struct fm_conn *closed; /* to be freed when the turn is over            */
};

static void link_conn(struct server *s, struct fm_conn *c)
{
    c->next = s->conns;
    if (s->conns)
        s->conns->prev = c;
    s->conns = c;
}

static void unlink_conn(struct server *s, struct fm_conn *c)
{
    if (c->next)
        c->next->prev = c->prev;
    if (c->prev)
        c->prev->next = c->next;
    else
        s->conns = c->next;
}

static int on_accepted(struct fm_acceptor *a, int fd)
{
    struct server *s = (struct server *)a;
    struct fm_conn *c;
    int err = fm_conn_open(&s->env, fd, &c);

    if (err == 0)
        link_conn(s, c);
    return err;
}

static void on_closed(void *owner, struct fm_conn *c)
{
    struct server *s = owner;

    unlink_conn(s, c);
    c->next = s->closed;
    s->closed = c;
    fm_acceptor_release(&s->acceptor);
}

static void free_closed(struct fm_acceptor *a)
{
    struct server *s = (struct server *)a;

    while (s->closed) {
        struct fm_conn *c = s->closed;

        s->closed = c->next;
        fm_conn_free(c);
    }
}

/* No new connections, and an end to those that are open. */
static int drain(struct server *s)
{
    struct fm_conn *next;
    int err = 0;

    fm_acceptor_close(&s->acceptor);
    for (struct fm_conn *c = s->conns; c; c = next) {
        next = c->next;
        fm_conn_stop(c);
    }
    while (s->conns && err == 0) {
        err = fm_acceptor_turn(&s->acceptor);
        free_closed(&s->acceptor);
    }
    return err;
}

int fm_select_server(int listener, const struct fm_server_options *o,
                     const volatile sig_atomic_t *stop)
{
    struct server s = {.acceptor.on_accepted = on_accepted};
    int err = fm_acceptor_init(&s.acceptor, listener, o);

    if (err < 0)
        return err;
    s.env = (struct fm_conn_env){.loop = &s.acceptor.loop,
                                 .options = &s.acceptor.options,
                                 .stats = s.acceptor.stats,
                                 .owner = &s,
                                 .on_closed = on_closed};
    err = fm_acceptor_serve(&s.acceptor, stop, free_closed);
    if (err == 0)
        err = drain(&s);
    fm_acceptor_close(&s.acceptor);
    while (s.conns)
        fm_conn_close(s.conns);
    free_closed(&s.acceptor);
    fm_conn_env_fini(&s.env);
    return err;
}
