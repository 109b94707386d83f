/* The framed echo on libuv; see echo.h. */
#include "bench/echo.h"

#include <signal.h>
#include <stdlib.h>
#include <uv.h>

/* Bytes that have come and make no whole frame yet, and what one read adds;
 * the replies to them are at most as long. */
enum { IN_SIZE = ECHO_HEADER + ECHO_MAX + ECHO_MAX };

struct conn {
    uv_tcp_t tcp;
    uv_timer_t idle;
    int open; /* handles                                                    */
    size_t have;
    char in[IN_SIZE];
};

struct reply {
    uv_write_t request;
    char bytes[];
};

static char out[IN_SIZE];

static void on_closed(uv_handle_t *h)
{
    struct conn *c = h->data;

    if (--c->open == 0)
        free(c);
}

static void end(struct conn *c)
{
    if (uv_is_closing((uv_handle_t *)&c->tcp))
        return;
    uv_close((uv_handle_t *)&c->tcp, on_closed);
    uv_close((uv_handle_t *)&c->idle, on_closed);
}

static void on_idle(uv_timer_t *t)
{
    end(t->data);
}

static void on_room(uv_handle_t *h, size_t size, uv_buf_t *buf)
{
    struct conn *c = h->data;

    (void)size;
    *buf = uv_buf_init(c->in + c->have, (unsigned)(IN_SIZE - c->have));
}

/* Compose the replies to the whole frames in out.  Returns their bytes, which
 * are as many as were answered, or -1 when a frame is too long. */
static ssize_t answer(const struct conn *c)
{
    size_t n = 0;

    while (c->have - n >= ECHO_HEADER) {
        uint32_t len = echo_length(c->in + n);

        if (len > ECHO_MAX)
            return -1;
        if (c->have - n < ECHO_HEADER + len)
            break;
        echo_reply(out + n, c->in + n + ECHO_HEADER, len);
        n += ECHO_HEADER + len;
    }
    return (ssize_t)n;
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf);

static void on_written(uv_write_t *request, int err)
{
    uv_stream_t *s = request->handle;

    if (err == 0 && uv_stream_get_write_queue_size(s) <= ECHO_LOW &&
        !uv_is_closing((uv_handle_t *)s))
        uv_read_start(s, on_room, on_read);
    free(request);
}

/* Send out; what the kernel does not take at once is copied and queued. */
static int send_out(struct conn *c, size_t len)
{
    uv_stream_t *s = (uv_stream_t *)&c->tcp;
    uv_buf_t buf = uv_buf_init(out, (unsigned)len);
    int done = uv_try_write(s, &buf, 1);
    struct reply *rest;

    if (done == UV_EAGAIN)
        done = 0;
    if (done < 0 || (size_t)done == len)
        return done;
    len -= (size_t)done;
    rest = malloc(sizeof *rest + len);
    memcpy(rest->bytes, out + done, len);
    buf = uv_buf_init(rest->bytes, (unsigned)len);
    return uv_write(&rest->request, s, &buf, 1, on_written);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct conn *c = s->data;
    ssize_t answered;

    (void)buf;
    if (n < 0) {
        end(c);
        return;
    }
    uv_timer_again(&c->idle);
    c->have += (size_t)n;
    answered = answer(c);
    if (answered < 0 || (answered > 0 && send_out(c, (size_t)answered) < 0)) {
        end(c);
        return;
    }
    c->have -= (size_t)answered;
    memmove(c->in, c->in + answered, c->have);
    if (uv_stream_get_write_queue_size(s) >= ECHO_HIGH)
        uv_read_stop(s);
}

static void on_connection(uv_stream_t *listener, int err)
{
    struct conn *c;

    if (err < 0)
        return;
    c = malloc(sizeof *c);
    c->have = 0;
    c->open = 2;
    uv_tcp_init(listener->loop, &c->tcp);
    uv_timer_init(listener->loop, &c->idle);
    c->tcp.data = c->idle.data = c;
    uv_timer_start(&c->idle, on_idle, ECHO_IDLE_S * 1000, ECHO_IDLE_S * 1000);
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) < 0) {
        end(c);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    uv_read_start((uv_stream_t *)&c->tcp, on_room, on_read);
}

static void on_term(uv_signal_t *s, int number)
{
    (void)number;
    uv_stop(s->loop);
}

int main(void)
{
    struct sockaddr_in a = echo_address();
    uv_loop_t *loop = uv_default_loop();
    uv_tcp_t listener;
    uv_signal_t term;
    int err;

    uv_tcp_init(loop, &listener);
    err = uv_tcp_bind(&listener, (struct sockaddr *)&a, 0);
    if (err == 0)
        err = uv_listen((uv_stream_t *)&listener, 128, on_connection);
    if (err == 0)
        err = uv_tcp_getsockname(&listener, (struct sockaddr *)&a,
                                 &(int){sizeof a});
    if (err < 0) {
        fprintf(stderr, "echo_libuv: %s\n", uv_strerror(err));
        return 2;
    }
    uv_signal_init(loop, &term);
    uv_signal_start(&term, on_term, SIGTERM);
    echo_ready(&a);
    uv_run(loop, UV_RUN_DEFAULT);
    return 0;
}
