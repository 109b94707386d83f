/* session.c: sessions from bytes and to bytes; text.c has the other form. */
#include "faultinject/session/session.h"

#include <string.h>

enum { HEADER = 4, ACT = 3, FAULT_STEP = 3, END_OF_SCRIPT = 0xff, HIGH = 0x50 };

/* ------------------------------------------------------------- from bytes */

/* The high half of an act's first byte. */
static void decode_when(struct sf_act *act, unsigned code)
{
    if (code >= 8 && code < 12)
        act->when = SF_WHEN_WITH;
    if (code >= 12 && code < 15) {
        act->when = SF_WHEN_AFTER;
        act->calls = code - 11;
    }
}

static size_t decode_act(struct sf_act *act, const uint8_t *bytes, size_t len)
{
    enum sf_amount unit;
    size_t used = ACT;

    *act = (struct sf_act){.kind = bytes[0] & 15};
    unit = sf_act_amounts[act->kind];
    decode_when(act, bytes[0] >> 4);
    act->peer = sf_act_has_peer(act->kind) ? 1 + bytes[1] % SF_PEERS : 1;
    act->amount = sf_amount_from_byte(unit, bytes[2]);
    if (unit == SF_AMOUNT_BYTES) {
        if (act->amount > len - used)
            act->amount = (unsigned)(len - used);
        memcpy(act->bytes, bytes + used, act->amount);
        used += act->amount;
    }
    return used;
}

static void decode_world(struct sf_session *s, const uint8_t header[HEADER])
{
    s->variant = header[0];
    s->buffers = sf_buffers_from_byte(header[1]);
    s->local = header[2] & 1;
    s->profile = header[2] & 2 ? SF_POSIX : SF_LINUX;
    s->handlers = header[2] & 4;
    s->extra = header[2] >> 4;
    s->high = header[3] > HIGH && header[3] <= HIGH + 4 ? header[3] - HIGH : 0;
}

static void decode_text(struct sf_session *s, const uint8_t *bytes, size_t len)
{
    char why[160];

    if (sf_session_read(s, bytes, len, why, sizeof why) < 0)
        sf_session_decode(s, (const uint8_t *)"", 0);
}

void sf_session_decode(struct sf_session *s, const uint8_t *bytes, size_t len)
{
    uint8_t header[HEADER] = {0};
    size_t at = len < HEADER ? len : HEADER;

    if (sf_session_is_text(bytes, len)) {
        decode_text(s, bytes, len);
        return;
    }
    memcpy(header, bytes, at);
    decode_world(s, header);
    s->acts_n = s->faults_n = 0;
    while (s->acts_n < SF_ACTS_MAX && len - at >= ACT &&
           bytes[at] != END_OF_SCRIPT)
        at += decode_act(&s->acts[s->acts_n++], bytes + at, len - at);
    if (at < len && bytes[at] == END_OF_SCRIPT)
        at++;
    while (s->faults_n < SF_FAULTS_MAX && len - at >= FAULT_STEP) {
        s->faults[s->faults_n++] =
            (struct sf_fault_step){bytes[at], bytes[at + 1], bytes[at + 2]};
        at += FAULT_STEP;
    }
}

/* Who is not an engine has it. */
extern bool sf_verbose __attribute__((weak));

/* What AFL++'s driver has in an array, of which it hands over four bytes; how
 * many has changed before. */
static bool is_mark(const uint8_t *bytes, size_t len)
{
    static const char mark[] = "##SIG_AFL";
    size_t most = sizeof mark - 1;

    return memcmp(bytes, mark, len < most ? len : most) == 0;
}

bool sf_session_tries_out(const uint8_t *bytes, size_t len)
{
    return !&sf_verbose && (len == 0 || is_mark(bytes, len));
}

/* --------------------------------------------------------------- to bytes */

struct writer {
    uint8_t *out;
    size_t len, max;
};

static void put(struct writer *w, unsigned byte)
{
    if (w->len < w->max)
        w->out[w->len] = (uint8_t)byte;
    w->len++;
}

static void encode_act(struct writer *w, const struct sf_act *act)
{
    unsigned when = act->when == SF_WHEN_IDLE   ? 0
                    : act->when == SF_WHEN_WITH ? 8
                                                : 11 + act->calls;
    enum sf_amount unit = sf_act_amounts[act->kind];

    put(w, when << 4 | act->kind);
    put(w, act->peer - 1);
    put(w, sf_amount_to_byte(unit, act->amount));
    for (unsigned i = 0; unit == SF_AMOUNT_BYTES && i < act->amount; i++)
        put(w, act->bytes[i]);
}

size_t sf_session_encode(const struct sf_session *s, uint8_t *out, size_t max)
{
    struct writer w = {out, 0, max};

    put(&w, s->variant);
    put(&w, sf_buffers_to_byte(s->buffers));
    put(&w, (s->local ? 1u : 0) | (s->profile != SF_LINUX ? 2u : 0) |
                (s->handlers ? 4u : 0) | s->extra << 4);
    put(&w, s->high ? HIGH + s->high : 0);
    for (unsigned i = 0; i < s->acts_n; i++)
        encode_act(&w, &s->acts[i]);
    if (s->faults_n)
        put(&w, END_OF_SCRIPT);
    for (unsigned i = 0; i < s->faults_n; i++) {
        put(&w, s->faults[i].skip);
        put(&w, s->faults[i].which);
        put(&w, s->faults[i].amount);
    }
    return w.len <= max ? w.len : 0;
}
