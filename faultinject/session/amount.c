/*
 * amount.c: the acts of a session, and their amounts.
 *
 * Amounts are one byte and grow faster than it, so that small numbers are
 * exact and large ones are reached.  Each table is strictly increasing, so
 * that a number that is in it has one byte.
 */
#include "faultinject/session/session.h"

#include <string.h>

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

bool sf_session_has(const struct sf_session *s, enum sf_act_kind kind)
{
    for (unsigned i = 0; i < s->acts_n; i++)
        if (s->acts[i].kind == kind)
            return true;
    return false;
}

struct sf_act *sf_session_add(struct sf_session *s, enum sf_act_kind kind,
                              unsigned peer)
{
    struct sf_act *act = &s->acts[s->acts_n];

    if (s->acts_n == SF_ACTS_MAX)
        return NULL;
    s->acts_n++;
    *act = (struct sf_act){.kind = kind, .peer = peer};
    return act;
}

size_t sf_act_take(struct sf_act *act, const uint8_t *bytes, size_t len,
                   size_t at)
{
    size_t n = len - at < SF_LITERAL_MAX ? len - at : SF_LITERAL_MAX;

    act->kind = SF_ACT_BYTES;
    act->when = at ? SF_WHEN_WITH : SF_WHEN_IDLE;
    act->amount = (unsigned)n;
    memcpy(act->bytes, bytes + at, n);
    return at + n;
}

bool sf_act_has_peer(enum sf_act_kind kind)
{
    return kind != SF_ACT_WAIT && kind != SF_ACT_SIGNAL && kind != SF_ACT_LIMIT;
}

static const unsigned buffer_sizes[] = {
    65536, 4096,  1000, 200, 64,  17, 16384, 8,
    3,     32768, 2048, 500, 100, 33, 5,     1,
};
enum { BUFFER_SIZES = sizeof buffer_sizes / sizeof *buffer_sizes };

unsigned sf_buffers_from_byte(uint8_t byte)
{
    return buffer_sizes[byte % BUFFER_SIZES];
}

uint8_t sf_buffers_to_byte(unsigned size)
{
    unsigned i = 0;

    while (i < BUFFER_SIZES - 1 && buffer_sizes[i] != size)
        i++;
    return (uint8_t)i;
}

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
uint8_t sf_amount_to_byte(enum sf_amount unit, unsigned amount)
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

static unsigned distance(unsigned a, unsigned b)
{
    return a < b ? b - a : a - b;
}

unsigned sf_amount_round(enum sf_amount unit, unsigned amount)
{
    uint8_t byte = sf_amount_to_byte(unit, amount);
    unsigned above = sf_amount_from_byte(unit, byte);
    unsigned below = byte ? sf_amount_from_byte(unit, byte - 1) : above;

    return distance(below, amount) < distance(above, amount) ? below : above;
}

unsigned sf_buffers_round(unsigned size)
{
    unsigned best = buffer_sizes[0];

    for (unsigned i = 1; i < BUFFER_SIZES; i++)
        if (distance(buffer_sizes[i], size) < distance(best, size))
            best = buffer_sizes[i];
    return best;
}
