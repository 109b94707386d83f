/* see acceptor.h */
#include "target/acceptor.h"
#include "target/serve.h"
#include "target/sock.h"
#include "target/sockio.h"

#include <stddef.h>

enum { ACCEPTS_PER_TURN = 16 };

static struct fm_acceptor *acceptor_of(struct fm_watch *listener)
{
    return (struct fm_acceptor *)((char *)listener -
                                  offsetof(struct fm_acceptor, listener));
}

/* Listen, unless there are as many connections as we want. */
static void arm(struct fm_acceptor *a)
{
    bool room = a->open < a->options.max_conns;

    a->listener.want = room ? FM_READABLE : 0;
    a->listener.deadline_ms = FM_NEVER;
}

/* Leave the listener alone for a while: there is one timer, this one. */
static void rest(struct fm_acceptor *a)
{
    a->stats->exhausted++;
    a->listener.want = 0;
    a->listener.deadline_ms =
        fm_loop_deadline_in(&a->loop, a->options.rearm_ms);
}

void fm_acceptor_release(struct fm_acceptor *a)
{
    a->open--;
    arm(a);
}

static void close_listener(struct fm_acceptor *a, int why)
{
    int fd = fm_loop_remove(&a->loop, &a->listener);

    if (fd < 0)
        return;
    a->error = why;
    if (!fm_io_is_foreign(why))
        fm_io_close(fd);
}

/* Where there is none, as on AF_UNIX, idle_ms has to do.  False: it is nobody's
 * descriptor any more, or somebody else's. */
static bool keep_alive(const struct fm_acceptor *a, int fd)
{
    int seconds = a->options.keepalive_s;

    return seconds <= 0 ||
           !fm_io_is_foreign(fm_keepalive(fd, seconds, seconds));
}

static void take(struct fm_acceptor *a, int fd)
{
    a->open++;
    fm_loop_handed_out(&a->loop, fd);
    if (!keep_alive(a, fd)) {
        a->stats->accepted++;
        a->stats->dead++;
        fm_acceptor_release(a);
        return;
    }
    if (a->on_accepted(a, fd) == 0) {
        a->stats->accepted++;
        arm(a);
        return;
    }
    a->stats->refused++;
    fm_io_close(fd);
    fm_acceptor_release(a);
}

static void accept_failed(struct fm_acceptor *a, int err)
{
    switch (err) {
    case FM_E_AGAIN:
    case FM_E_INTR:
    case FM_E_ABORTED:
        break;
    case FM_E_NO_FILES:
    case FM_E_BUSY:
        rest(a);
        break;
    default:
        close_listener(a, err);
    }
}

static void accept_some(struct fm_acceptor *a)
{
    for (int i = 0; i < ACCEPTS_PER_TURN && a->listener.want; i++) {
        int fd = fm_io_accept(a->listener.fd);

        if (fd >= 0)
            take(a, fd);
        else
            accept_failed(a, fd);
        if (fd == FM_E_AGAIN || a->listener.fd < 0)
            return;
    }
}

static void on_listener(struct fm_watch *w, unsigned events)
{
    struct fm_acceptor *a = acceptor_of(w);

    if (events & FM_DEAD) {
        a->error = FM_E_BADFD;
    } else if (events & FM_EXPIRED) {
        arm(a);
    } else {
        accept_some(a);
    }
}

/* *stop is set; that the wait has ended is all that was needed. */
static void on_wake(struct fm_watch *w, unsigned events)
{
    (void)events;
    w->want = 0;
}

int fm_acceptor_init(struct fm_acceptor *a, int listener,
                     const struct fm_server_options *given)
{
    struct fm_server_options *o = &a->options;
    int err = fm_options_complete(o, given);

    a->stats = given->stats ? given->stats : &a->own_stats;
    fm_loop_init(&a->loop);
    a->listener = (struct fm_watch){.fd = listener, .on_event = on_listener};
    a->wake = (struct fm_watch){.fd = o->wake > 0 ? o->wake : -1,
                                .want = FM_READABLE,
                                .deadline_ms = FM_NEVER,
                                .on_event = on_wake};
    arm(a);
    if (err == 0)
        err = fm_io_set_nonblock(listener, true);
    if (err == 0)
        err = fm_loop_add(&a->loop, &a->listener);
    if (err == 0 && a->wake.fd >= 0)
        err = fm_loop_add(&a->loop, &a->wake);
    if (err < 0 && !fm_io_is_foreign(err))
        fm_io_close(listener);
    return err;
}

int fm_acceptor_turn(struct fm_acceptor *a)
{
    a->stats->turns++;
    return fm_loop_turn(&a->loop);
}

void fm_acceptor_close(struct fm_acceptor *a)
{
    close_listener(a, 0);
    fm_loop_remove(&a->loop, &a->wake);
}

int fm_acceptor_serve(struct fm_acceptor *a, const volatile sig_atomic_t *stop,
                      void (*after_turn)(struct fm_acceptor *a))
{
    while (!*stop) {
        int err = fm_acceptor_turn(a);

        after_turn(a);
        if (err < 0)
            return err;
        if (a->listener.fd < 0 && a->open == 0)
            return a->error;
    }
    return 0;
}
