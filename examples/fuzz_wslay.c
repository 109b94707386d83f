/* fuzz_wslay.c: a WebSocket echo on wslay, on one blocking descriptor. */
#include "faultinject/session/target.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <wslay/wslay.h>

static ssize_t on_recv(wslay_event_context_ptr ws, uint8_t *buf, size_t len,
                       int flags, void *fd)
{
    ssize_t r = recv(*(int *)fd, buf, len, 0);

    (void)flags;
    if (r <= 0)
        wslay_event_set_error(ws, r < 0 && errno == EINTR
                                      ? WSLAY_ERR_WOULDBLOCK
                                      : WSLAY_ERR_CALLBACK_FAILURE);
    return r > 0 ? r : -1;
}

static ssize_t on_send(wslay_event_context_ptr ws, const uint8_t *data,
                       size_t len, int flags, void *fd)
{
    ssize_t r = send(*(int *)fd, data, len, MSG_NOSIGNAL);

    (void)flags;
    if (r < 0)
        wslay_event_set_error(ws, errno == EINTR ? WSLAY_ERR_WOULDBLOCK
                                                 : WSLAY_ERR_CALLBACK_FAILURE);
    return r;
}

static void on_message(wslay_event_context_ptr ws,
                       const struct wslay_event_on_msg_recv_arg *arg, void *fd)
{
    struct wslay_event_msg m = {arg->opcode, arg->msg, arg->msg_length};

    (void)fd;
    if (!wslay_is_ctrl_frame(arg->opcode))
        wslay_event_queue_msg(ws, &m);
}

static void run(void *arg, int fd)
{
    struct wslay_event_callbacks on = {.recv_callback = on_recv,
                                       .send_callback = on_send,
                                       .on_msg_recv_callback = on_message};
    wslay_event_context_ptr ws;

    (void)arg;
    if (wslay_event_context_server_init(&ws, &on, &fd)) {
        close(fd);
        return;
    }
    while (wslay_event_want_read(ws) || wslay_event_want_write(ws))
        if (wslay_event_want_write(ws) ? wslay_event_send(ws)
                                       : wslay_event_recv(ws))
            break;
    wslay_event_context_free(ws);
    close(fd);
}

/* A client's text frame with the mask 0: its echo is the same without one. */
static size_t frame(void *arg, const struct sf_peer *peer, unsigned nth,
                    unsigned size, uint8_t *out, size_t max)
{
    size_t n = size % 126 + 6 < max ? size % 126 : 0;

    (void)arg, (void)peer;
    memcpy(out, (uint8_t[]){0x81, (uint8_t)(0x80 | n), 0, 0, 0, 0}, 6);
    memset(out + 6, 'a' + (int)(nth % 26), n);
    return n + 6 <= max ? n + 6 : 0;
}

/* What comes back at byte `at`; -1 behind anything but frames as above. */
static int expected(const struct sf_peer *peer, size_t at)
{
    const uint8_t *f = peer->stream, *last = f + peer->sent;

    for (size_t n; last - f >= 6; f += 6 + n, at -= 2 + n) {
        n = f[1] & 0x7f;
        if (f[0] != 0x81 || n > 125 || memcmp(f + 2, "\0\0\0", 4) != 0)
            return -1;
        if (at < 2 + n)
            return at == 0 ? f[0] : at == 1 ? (int)n : f[4 + at];
    }
    return -1;
}

/* The mark: a close frame came, which goes before what was to be echoed. */
static void received(void *arg, struct sf_peer *peer, const uint8_t *bytes,
                     size_t len)
{
    (void)arg;
    for (size_t i = 0; i < len && !peer->mark; i++) {
        int want = expected(peer, peer->received + i);

        peer->mark = want < 0 || bytes[i] == 0x88;
        if (!peer->mark && bytes[i] != want)
            sf_peer_finding(SF_MON_WRONG, peer, "byte %zu is wrong",
                            peer->received + i);
    }
}

SF_FUZZ_TARGET(.name = "wslay echo", .side = SF_GIVEN, .run = run,
               .frame = frame, .received = received, .no_dead_fd = true)
