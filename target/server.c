/*
 * What the three servers share; see server.h.  Private parts: serve.h.
 */
#include "target/clock.h"
#include "target/serve.h"
#include "target/sockio.h"

int fm_echo(void *context, const struct fm_format *f,
            const struct fm_frame *request, struct fm_buf *out)
{
    (void)context;
    return fm_encode(f, request->data, request->len, out);
}

static int milliseconds(int given, int preset)
{
    return given == 0 ? preset : given;
}

int fm_options_complete(struct fm_server_options *o,
                        const struct fm_server_options *given)
{
    *o = *given;
    if (!o->handler)
        o->handler = fm_echo;
    if (o->high_water == 0)
        o->high_water = 256 * 1024;
    if (o->low_water == 0)
        o->low_water = o->high_water / 2;
    if (o->max_conns == 0)
        o->max_conns = 1000;
    o->idle_ms = milliseconds(o->idle_ms, 60 * 1000);
    o->frame_ms = milliseconds(o->frame_ms, 60 * 1000);
    o->linger_ms = milliseconds(o->linger_ms, 2 * 1000);
    o->rearm_ms = milliseconds(o->rearm_ms, 100);
    return o->low_water < o->high_water && o->high_water <= SIZE_MAX / 4 &&
                   o->linger_ms > 0 && o->rearm_ms > 0 && o->wake >= 0
               ? 0
               : FM_E_USAGE;
}
