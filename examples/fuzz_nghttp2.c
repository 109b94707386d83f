/* fuzz_nghttp2.c: a server's session of nghttp2, however its input is cut. */
#include "fuzzers/pieces.h"

#include <nghttp2/nghttp2.h>

static int on_frame(nghttp2_session *s, const nghttp2_frame *frame, void *arg)
{
    uint8_t head[] = {frame->hd.type, frame->hd.flags,
                      (uint8_t)frame->hd.stream_id};

    (void)s, (void)arg;
    sf_saw('F', head, sizeof head);
    sf_saw('.', NULL, 0);
    return 0;
}

static int on_header(nghttp2_session *s, const nghttp2_frame *frame,
                     const uint8_t *name, size_t name_len, const uint8_t *value,
                     size_t value_len, uint8_t flags, void *arg)
{
    (void)s, (void)frame, (void)flags, (void)arg;
    sf_saw('h', name, name_len);
    sf_saw('=', value, value_len);
    return 0;
}

static int on_data(nghttp2_session *s, uint8_t flags, int32_t stream,
                   const uint8_t *bytes, size_t len, void *arg)
{
    (void)s, (void)flags, (void)stream, (void)arg;
    sf_saw('d', bytes, len);
    return 0;
}

static void *begin(void)
{
    nghttp2_session_callbacks *on;
    nghttp2_session *s;

    nghttp2_session_callbacks_new(&on);
    nghttp2_session_callbacks_set_on_frame_recv_callback(on, on_frame);
    nghttp2_session_callbacks_set_on_header_callback(on, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(on, on_data);
    nghttp2_session_server_new(&s, on, NULL);
    nghttp2_session_callbacks_del(on);
    return s;
}

static bool feed(void *s, const uint8_t *bytes, size_t len)
{
    return nghttp2_session_mem_recv(s, bytes, len) == (ssize_t)len;
}

static void end(void *s)
{
    nghttp2_session_del(s);
}

SF_FUZZ_PIECES(begin, feed, end)
