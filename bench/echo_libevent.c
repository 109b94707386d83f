/* The framed echo on libevent's bufferevents; see echo.h. */
#include "bench/echo.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <signal.h>

/* Move the whole frames over; bufferevents hand the bytes on uncopied. */
static int echo_frames(struct evbuffer *in, struct evbuffer *out)
{
    uint8_t header[ECHO_HEADER];

    while (evbuffer_copyout(in, header, ECHO_HEADER) == ECHO_HEADER) {
        uint32_t len = echo_length(header);

        if (len > ECHO_MAX)
            return -1;
        if (evbuffer_get_length(in) < ECHO_HEADER + len)
            return 0;
        evbuffer_remove_buffer(in, out, ECHO_HEADER + len);
    }
    return 0;
}

static void on_read(struct bufferevent *b, void *context)
{
    struct evbuffer *out = bufferevent_get_output(b);

    (void)context;
    if (echo_frames(bufferevent_get_input(b), out) < 0)
        bufferevent_free(b);
    else if (evbuffer_get_length(out) >= ECHO_HIGH)
        bufferevent_disable(b, EV_READ);
}

/* Called when the output is down to the low-water mark. */
static void on_written(struct bufferevent *b, void *context)
{
    (void)context;
    bufferevent_enable(b, EV_READ);
}

static void on_end(struct bufferevent *b, short what, void *context)
{
    (void)what;
    (void)context;
    bufferevent_free(b);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd,
                      struct sockaddr *peer, int len, void *context)
{
    const struct timeval idle = {.tv_sec = ECHO_IDLE_S};
    struct event_base *base = evconnlistener_get_base(listener);
    struct bufferevent *b =
        bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);

    (void)peer;
    (void)len;
    (void)context;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    bufferevent_setcb(b, on_read, on_written, on_end, NULL);
    bufferevent_setwatermark(b, EV_WRITE, ECHO_LOW, 0);
    bufferevent_set_max_single_read(b, ECHO_MAX);
    bufferevent_set_max_single_write(b, ECHO_HIGH);
    bufferevent_set_timeouts(b, &idle, &idle);
    bufferevent_enable(b, EV_READ | EV_WRITE);
}

static void on_term(evutil_socket_t number, short what, void *base)
{
    (void)number;
    (void)what;
    event_base_loopbreak(base);
}

int main(void)
{
    struct sockaddr_in a = echo_address();
    struct event_base *base = event_base_new();
    struct evconnlistener *l = evconnlistener_new_bind(
        base, on_accept, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, -1,
        (struct sockaddr *)&a, sizeof a);

    if (!l || getsockname(evconnlistener_get_fd(l), (struct sockaddr *)&a,
                          &(socklen_t){sizeof a}) == -1) {
        perror("echo_libevent");
        return 2;
    }
    event_add(evsignal_new(base, SIGTERM, on_term, base), NULL);
    echo_ready(&a);
    event_base_dispatch(base);
    return 0;
}
