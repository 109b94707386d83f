/* fuzz_libevent.c: a framed echo on libevent, unmodified, in whole sessions. */
#include "framed_echo.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>

static struct event_base *base;

static void on_end(struct bufferevent *b, short what, void *arg);

static void on_sent(struct bufferevent *b, void *arg)
{
    (void)arg;
    bufferevent_free(b);
}

/* No more from this client; what it is owed still goes out. */
static void finish(struct bufferevent *b)
{
    bufferevent_disable(b, EV_READ);
    if (evbuffer_get_length(bufferevent_get_output(b)))
        bufferevent_setcb(b, NULL, on_sent, on_end, NULL);
    else
        bufferevent_free(b);
}

static void on_read(struct bufferevent *b, void *arg)
{
    struct evbuffer *in = bufferevent_get_input(b);
    ssize_t n =
        echo_whole((char *)evbuffer_pullup(in, -1), evbuffer_get_length(in));

    (void)arg;
    if (n < 0)
        finish(b);
    else if (evbuffer_remove_buffer(in, bufferevent_get_output(b), (size_t)n) <
             n)
        bufferevent_free(b);
}

static void on_end(struct bufferevent *b, short what, void *arg)
{
    (void)arg;
    if (what & BEV_EVENT_ERROR)
        bufferevent_free(b);
    else if (what & BEV_EVENT_EOF)
        finish(b);
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd,
                      struct sockaddr *addr, int len, void *arg)
{
    struct bufferevent *b =
        bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);

    (void)l, (void)addr, (void)len, (void)arg;
    if (!b) {
        evutil_closesocket(fd);
        return;
    }
    bufferevent_setcb(b, on_read, NULL, on_end, NULL);
    bufferevent_enable(b, EV_READ | EV_WRITE);
}

static void run(void *arg, int fd)
{
    socklen_t len;
    const struct sockaddr *addr = sf_session_addr(&len);
    struct evconnlistener *l;

    (void)arg, (void)fd;
    signal(SIGPIPE, SIG_IGN); /* as libevent wants it */
    base = event_base_new();
    if (!base)
        return;
    l = evconnlistener_new_bind(base, on_accept, NULL, LEV_OPT_CLOSE_ON_FREE, 8,
                                addr, (int)len);
    while (l && event_base_dispatch(base) < 0) /* epoll_wait failed */
        ;
    if (l)
        evconnlistener_free(l);
    event_base_free(base);
}

static void stop(void *arg)
{
    (void)arg;
    event_base_loopbreak(base);
}

SF_FUZZ_TARGET(.name = "libevent echo", .side = SF_SERVE, .run = run,
               .stop = stop, .frame = echo_frame, .received = sf_peer_echo,
               .finished = sf_peer_echoed, .invariant = true,
               .no_dead_fd = true)
