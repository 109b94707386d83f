/*
 * session.c: sessions from bytes and to bytes; text.c has the other form.
 *
 * Amounts are one byte and grow faster than it, so that small numbers are
 * exact and large ones are reached.  Each table is strictly increasing, so
 * that a number that is in it has one byte.
 */
#include "faultinject/simnet/session.h"

#include <string.h>

enum { HEADER = 4, ACT = 3, FAULT_STEP = 3, END_OF_SCRIPT = 0xff, HIGH = 0x50 };

const char *const sf_act_words[SF_ACT_COUNT] = {
#define X(id, word, amount, text) word,
    SF_ACT_MAP(X)
#undef X
};

const enum sf_amount sf_act_amounts[SF_ACT_COUNT] = {
#define X(id, word, amount, text) SF_AMOUNT_##amount,
    SF_ACT_MAP(X)
#undef X
};

static const unsigned buffer_sizes[] = {
    65536, 4096,  1000, 200, 64,  17, 16384, 8,
    3,     32768, 2048, 500, 100, 33, 5,     1,
};
enum { BUFFER_SIZES = sizeof buffer_sizes / sizeof *buffer_sizes };

unsigned sf_amount_from_byte(enum sf_amount unit, uint8_t byte)
{
    unsigned b = byte;

    switch (unit) {
    case SF_AMOUNT_SIZE: /* … 127 128 129 131 134 … 8256 */
        return b < 128 ? b : 128 + (b - 128) * (b - 127) / 2;
    case SF_AMOUNT_COUNT:
        return b <= 200 ? b : 200 + (b - 200) * 64;
    case SF_AMOUNT_TIME:
        return b < 100   ? b
               : b < 200 ? 100 + (b - 100) * 50
                         : 6000 + (b - 200) * 3000;
    case SF_AMOUNT_BYTES:
        return b % (SF_LITERAL_MAX + 1);
    case SF_AMOUNT_NONE:
        break;
    }
    return 0;
}

/* The first that says at least so much, or the last one. */
static uint8_t byte_of(enum sf_amount unit, unsigned amount)
{
    unsigned low = 0, high = UINT8_MAX;

    if (unit == SF_AMOUNT_BYTES || unit == SF_AMOUNT_NONE)
        return (uint8_t)amount;
    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (sf_amount_from_byte(unit, (uint8_t)middle) < amount)
            low = middle + 1;
        else
            high = middle;
    }
    return (uint8_t)low;
}

unsigned sf_amount_round(enum sf_amount unit, unsigned amount)
{
    return sf_amount_from_byte(unit, byte_of(unit, amount));
}

static unsigned distance(unsigned a, unsigned b)
{
    return a < b ? b - a : a - b;
}

unsigned sf_buffers_round(unsigned size)
{
    unsigned best = buffer_sizes[0];

    for (unsigned i = 1; i < BUFFER_SIZES; i++)
        if (distance(buffer_sizes[i], size) < distance(best, size))
            best = buffer_sizes[i];
    return best;
}

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

bool sf_session_has(const struct sf_session *s, enum sf_act_kind kind)
{
    for (unsigned i = 0; i < s->acts_n; i++)
        if (s->acts[i].kind == kind)
            return true;
    return false;
}

bool sf_act_has_peer(enum sf_act_kind kind)
{
    return kind != SF_ACT_WAIT && kind != SF_ACT_SIGNAL && kind != SF_ACT_LIMIT;
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
    s->buffers = buffer_sizes[header[1] % BUFFER_SIZES];
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

static unsigned encode_buffers(unsigned size)
{
    unsigned i = 0;

    while (i < BUFFER_SIZES - 1 && buffer_sizes[i] != size)
        i++;
    return i;
}

static void encode_act(struct writer *w, const struct sf_act *act)
{
    unsigned when = act->when == SF_WHEN_IDLE   ? 0
                    : act->when == SF_WHEN_WITH ? 8
                                                : 11 + act->calls;
    enum sf_amount unit = sf_act_amounts[act->kind];

    put(w, when << 4 | act->kind);
    put(w, act->peer - 1);
    put(w, byte_of(unit, act->amount));
    for (unsigned i = 0; unit == SF_AMOUNT_BYTES && i < act->amount; i++)
        put(w, act->bytes[i]);
}

size_t sf_session_encode(const struct sf_session *s, uint8_t *out, size_t max)
{
    struct writer w = {out, 0, max};

    put(&w, s->variant);
    put(&w, encode_buffers(s->buffers));
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
