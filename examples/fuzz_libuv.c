/* fuzz_libuv.c: a framed echo on libuv, unmodified, in whole sessions. */
#include "framed_echo.h"

#include <signal.h>
#include <stdlib.h>
#include <uv.h>

struct client {
    uv_tcp_t tcp;
    uv_shutdown_t shutdown;
    bool over;  /* nothing more is done for it   */
    bool sent;  /* … and all it was owed has gone */
    bool ended; /* … and no more comes from it   */
    size_t have;
    char bytes[SF_STREAM_MAX];
};

struct reply {
    uv_write_t request;
    char bytes[SF_STREAM_MAX];
};

static uv_loop_t loop;
static uv_async_t wake;

static void on_gone(uv_handle_t *h)
{
    free(h->data);
}

static void drop(uv_handle_t *h, void *arg)
{
    (void)arg;
    if (!uv_is_closing(h))
        uv_close(h, on_gone);
}

static void on_room(uv_handle_t *h, size_t size, uv_buf_t *buf)
{
    struct client *c = h->data;

    (void)size;
    *buf = uv_buf_init(c->bytes + c->have, sizeof c->bytes - (unsigned)c->have);
}

static void on_written(uv_write_t *request, int err)
{
    if (err) /* what comes behind the lost bytes must not be sent */
        drop((uv_handle_t *)request->handle, NULL);
    free(request);
}

static void echo(struct client *c, size_t n)
{
    struct reply *r = malloc(sizeof *r);
    uv_buf_t buf;

    if (!r) {
        drop((uv_handle_t *)&c->tcp, NULL);
        return;
    }
    buf = uv_buf_init(r->bytes, (unsigned)n);
    memcpy(r->bytes, c->bytes, n);
    memmove(c->bytes, c->bytes + n, c->have -= n);
    uv_write(&r->request, (uv_stream_t *)&c->tcp, &buf, 1, on_written);
}

static void leave(struct client *c)
{
    if (c->sent && c->ended)
        drop((uv_handle_t *)&c->tcp, NULL);
}

static void on_sent(uv_shutdown_t *request, int err)
{
    struct client *c = request->handle->data;

    c->sent = true;
    c->ended = c->ended || err;
    leave(c);
}

/* What it is owed still goes out, and what it still sends is read, or closing
 * would take with it what is under way. */
static void finish(struct client *c)
{
    c->over = true;
    if (uv_shutdown(&c->shutdown, (uv_stream_t *)&c->tcp, on_sent) < 0)
        drop((uv_handle_t *)&c->tcp, NULL);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct client *c = s->data;
    ssize_t whole = 0;

    (void)buf;
    c->ended = n < 0;
    if (!c->over && n > 0)
        whole = echo_whole(c->bytes, c->have += (size_t)n);
    if (c->over)
        leave(c);
    else if (c->ended || whole < 0)
        finish(c);
    else if (whole > 0)
        echo(c, (size_t)whole);
}

static void on_client(uv_stream_t *listener, int err)
{
    struct client *c = err ? NULL : calloc(1, sizeof *c);

    if (!c)
        return;
    uv_tcp_init(&loop, &c->tcp);
    c->tcp.data = c;
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) == 0)
        uv_read_start((uv_stream_t *)&c->tcp, on_room, on_read);
    else
        drop((uv_handle_t *)&c->tcp, NULL);
}

static void on_wake(uv_async_t *a)
{
    uv_walk(a->loop, drop, NULL);
}

static void run(void *arg, int unused)
{
    socklen_t len;
    const struct sockaddr *addr = sf_session_addr(&len);
    int fd = socket(addr->sa_family, SOCK_STREAM, 0);
    uv_tcp_t listener = {.data = NULL};

    (void)arg, (void)unused;
    bind(fd, addr, len);
    if (uv_loop_init(&loop) < 0) {
        close(fd);
        return;
    }
    uv_async_init(&loop, &wake, on_wake);
    uv_tcp_init(&loop, &listener);
    uv_tcp_open(&listener, fd);
    uv_listen((uv_stream_t *)&listener, 8, on_client);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
}

static void stop(void *arg)
{
    (void)arg;
    uv_async_send(&wake);
}

/* What libuv keeps for the whole process is not the session's. */
__attribute__((constructor)) static void once(void)
{
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&loop);
    uv_loop_close(&loop);
}

SF_FUZZ_TARGET(.name = "libuv echo", .side = SF_SERVE, .run = run, .stop = stop,
               .frame = echo_frame, .received = sf_peer_echo,
               .finished = sf_peer_echoed, .invariant = true,
               .no_dead_fd = true, .no_emfile = true)
