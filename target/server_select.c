/* The select server; see server.h. */
#include "target/acceptor.h"
#include "target/conn.h"

struct server {
    struct fm_acceptor acceptor; /* first: its callbacks get a pointer to it */
    struct fm_conn_env env;
    struct fm_list conns;  /* open                                          */
    struct fm_list closed; /* to be freed when the turn is over             */
};

static int on_accepted(struct fm_acceptor *a, int fd)
{
    struct server *s = (struct server *)a;
    struct fm_conn *c;
    int err = fm_conn_open(&s->env, fd, &c);

    if (err == 0)
        fm_list_add(&s->conns, &c->link, c);
    return err;
}

static void on_closed(void *owner, struct fm_conn *c)
{
    struct server *s = owner;

    fm_list_remove(&s->conns, &c->link);
    fm_list_add(&s->closed, &c->link, c);
    fm_acceptor_release(&s->acceptor);
}

static void free_closed(struct fm_acceptor *a)
{
    struct server *s = (struct server *)a;
    struct fm_conn *c;

    while ((c = fm_list_first(&s->closed))) {
        fm_list_remove(&s->closed, &c->link);
        fm_conn_free(c);
    }
}

/* No new connections, and an end to those that are open. */
static int drain(struct server *s)
{
    struct fm_link *next;
    int err = 0;

    fm_acceptor_close(&s->acceptor);
    for (struct fm_link *l = s->conns.first; l; l = next) {
        next = l->next;
        fm_conn_stop(l->item);
    }
    while (s->conns.first && err == 0) {
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
    fm_conn_env_init(&s.env);
    err = fm_acceptor_serve(&s.acceptor, stop, free_closed);
    if (err == 0)
        err = drain(&s);
    fm_acceptor_close(&s.acceptor);
    while (s.conns.first)
        fm_conn_close(fm_list_first(&s.conns));
    free_closed(&s.acceptor);
    fm_conn_env_fini(&s.env);
    return err;
}
