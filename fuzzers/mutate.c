/* see mutate.h */
#include "fuzzers/mutate.h"

#include "faultinject/session/session.h"

#include <string.h>

/*
 * A session that is longer than this finds little that a shorter one does not
 * find, and takes as long as several of them.  Parents that are longer (people
 * wrote them, or a real server was recorded) are cut.  What takes more is a
 * flood: the same act many times, which few children have.
 */
enum { ACTS_ENOUGH = 10, FAULTS_ENOUGH = 5, FLOOD = 24, ONE_IN = 32 };

static uint32_t state;

static uint32_t below(uint32_t n)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return n ? (uint32_t)(((uint64_t)state * n) >> 32) : 0;
}

static void seed_with(unsigned seed)
{
    state = seed * UINT32_C(2654435761) ^ UINT32_C(0x9e3779b9);
    if (!state)
        state = 1;
    below(1);
}

/* Small numbers are likelier: half of the time 0, then 1, … */
static uint32_t small(uint32_t limit)
{
    uint32_t n = 0;

    while (n < limit && below(3))
        n++;
    return n;
}

/* ------------------------------------------------------------------- acts */

static void random_amount(struct sf_act *act)
{
    enum sf_amount unit = sf_act_amounts[act->kind];

    if (unit == SF_AMOUNT_BYTES) {
        act->amount = 1 + below(8);
        for (unsigned i = 0; i < act->amount; i++)
            act->bytes[i] = below(3)
                                ? (uint8_t) "0123456789\r\nab-=\0\1"[below(18)]
                                : (uint8_t)below(256);
        return;
    }
    act->amount =
        sf_amount_from_byte(unit, (uint8_t)(below(3) ? small(40) : below(256)));
}

static void random_when(struct sf_act *act)
{
    uint32_t dice = below(8);

    act->when = dice < 5   ? SF_WHEN_IDLE
                : dice < 7 ? SF_WHEN_WITH
                           : SF_WHEN_AFTER;
    act->calls = act->when == SF_WHEN_AFTER ? 1 + below(3) : 0;
}

static struct sf_act random_act(void)
{
    struct sf_act act = {.kind = (enum sf_act_kind)below(SF_ACT_COUNT)};

    act.peer = sf_act_has_peer(act.kind) ? 1 + small(SF_PEERS - 1) : 1;
    random_amount(&act);
    random_when(&act);
    return act;
}

static void insert_acts(struct sf_session *s, unsigned at,
                        const struct sf_act *acts, unsigned n)
{
    if (n > SF_ACTS_MAX - s->acts_n)
        n = SF_ACTS_MAX - s->acts_n;
    memmove(s->acts + at + n, s->acts + at, (s->acts_n - at) * sizeof *s->acts);
    memcpy(s->acts + at, acts, n * sizeof *acts);
    s->acts_n += n;
}

static void drop_acts(struct sf_session *s, unsigned at, unsigned n)
{
    memmove(s->acts + at, s->acts + at + n,
            (s->acts_n - at - n) * sizeof *s->acts);
    s->acts_n -= n;
}

static void insert_act(struct sf_session *s)
{
    struct sf_act act = random_act();

    insert_acts(s, below(s->acts_n + 1), &act, 1);
}

static void drop_act(struct sf_session *s)
{
    unsigned at = below(s->acts_n);
    unsigned n = 1 + small(4);

    if (s->acts_n)
        drop_acts(s, at, n < s->acts_n - at ? n : s->acts_n - at);
}

static void repeat_acts(struct sf_session *s)
{
    struct sf_act copy[8];
    unsigned at = below(s->acts_n), n = 1 + small(7);

    if (!s->acts_n)
        return;
    if (n > s->acts_n - at)
        n = s->acts_n - at;
    memcpy(copy, s->acts + at, n * sizeof *copy);
    insert_acts(s, below(s->acts_n + 1), copy, n);
}

static const unsigned buffer_sizes[] = {65536, 4096, 200, 64, 17, 3, 1};
enum { BUFFER_SIZES = sizeof buffer_sizes / sizeof *buffer_sizes };

/* A frame that is large for what a server may hold. */
static void grow(struct sf_act *act)
{
    if (sf_act_amounts[act->kind] == SF_AMOUNT_SIZE)
        act->amount = 20 + below(100);
}

/* Who acts there reads no answers from here on, and little has room; what the
 * target makes of `extra` is often a limit. */
static void stop_reading(struct sf_session *s, unsigned at)
{
    struct sf_act stop = {.kind = SF_ACT_STOP, .peer = s->acts[at].peer};

    grow(&s->acts[at]);
    if (below(2))
        s->extra |= 1u << below(4);
    s->buffers = buffer_sizes[BUFFER_SIZES / 2 + below(BUFFER_SIZES / 2)];
    insert_acts(s, at, &stop, 1);
}

/* A sender who does not stop: as fast as the program reads, or whenever it has
 * read; perhaps with somebody else who waits from its second act on, perhaps
 * one who does not read. */
static void flood(struct sf_session *s)
{
    struct sf_act copy[2 * FLOOD], other = {.kind = SF_ACT_FRAME};
    unsigned at = below(s->acts_n), n = FLOOD + below(FLOOD);

    if (!s->acts_n)
        return;
    if (below(2) && s->acts_n < SF_ACTS_MAX)
        stop_reading(s, at++);
    if (below(2)) {
        s->acts[at].when = SF_WHEN_AFTER;
        s->acts[at].calls = 1;
    }
    for (unsigned i = 0; i < n; i++)
        copy[i] = s->acts[at];
    if (below(2)) {
        other.peer = 1 + s->acts[at].peer % SF_PEERS;
        other.when = SF_WHEN_WITH;
        copy[0] = other;
    }
    insert_acts(s, at + 1, copy, n);
}

/* Somebody sends more and leaves, all in the instant of one of his acts; often
 * where what was sent stays to be read. */
static void leave(struct sf_session *s)
{
    static const enum sf_act_kind ways[] = {SF_ACT_CLOSE, SF_ACT_FINISH,
                                            SF_ACT_RESET};
    unsigned at = below(s->acts_n), n = 1 + small(3);
    struct sf_act last[5];

    if (!s->acts_n)
        return;
    if (below(2))
        grow(&s->acts[at]);
    for (unsigned i = 0; i <= n; i++) {
        last[i] = s->acts[at];
        last[i].when = SF_WHEN_WITH;
    }
    last[n].kind = ways[below(sizeof ways / sizeof *ways)];
    last[n].amount = 0;
    s->local |= below(2);
    insert_acts(s, at + 1, last, n + 1);
}

static void swap_acts(struct sf_session *s)
{
    struct sf_act *a = &s->acts[below(s->acts_n)];
    struct sf_act *b = &s->acts[below(s->acts_n)];
    struct sf_act spare = *a;

    if (!s->acts_n)
        return;
    *a = *b;
    *b = spare;
}

static void change_act(struct sf_session *s)
{
    struct sf_act *act = &s->acts[below(s->acts_n)];
    enum sf_amount unit;

    if (!s->acts_n)
        return;
    unit = sf_act_amounts[act->kind];
    switch (below(5)) {
    case 0:
        *act = random_act();
        break;
    case 1:
        if (sf_act_has_peer(act->kind))
            act->peer = 1 + below(SF_PEERS);
        break;
    case 2:
        random_when(act);
        break;
    case 3:
        random_amount(act);
        break;
    default: /* one more or one less */
        if (unit != SF_AMOUNT_BYTES && unit != SF_AMOUNT_NONE)
            act->amount = sf_amount_round(unit, below(2) || !act->amount
                                                    ? act->amount + 1
                                                    : act->amount - 1);
    }
}

/* A frame becomes a queued frame that is sent in pieces. */
static void cut_frame(struct sf_session *s)
{
    unsigned at = below(s->acts_n);
    struct sf_act piece = {.kind = SF_ACT_SEND};

    if (!s->acts_n || s->acts[at].kind != SF_ACT_FRAME)
        return;
    piece.peer = s->acts[at].peer;
    s->acts[at].kind = SF_ACT_QUEUE;
    insert_acts(s, at + 1, &piece, 1); /* the rest */
    for (unsigned i = small(3) + 1; i; i--) {
        piece.amount = 1 + small(12);
        insert_acts(s, at + 1, &piece, 1);
    }
}

/* ----------------------------------------------------------------- faults */

static struct sf_fault_step random_fault(void)
{
    return (struct sf_fault_step){
        (uint8_t)(below(4) ? small(12) : below(64)),
        (uint8_t)(below(2) ? small(12) : below(256)),
        (uint8_t)(below(2) ? 0 : below(256)),
    };
}

static void add_fault(struct sf_session *s)
{
    unsigned at = below(s->faults_n + 1);

    if (s->faults_n == SF_FAULTS_MAX)
        return;
    memmove(s->faults + at + 1, s->faults + at,
            (s->faults_n - at) * sizeof *s->faults);
    s->faults[at] = random_fault();
    s->faults_n++;
}

static void drop_fault(struct sf_session *s)
{
    unsigned at = below(s->faults_n);

    if (!s->faults_n)
        return;
    s->faults_n--;
    memmove(s->faults + at, s->faults + at + 1,
            (s->faults_n - at) * sizeof *s->faults);
}

/* Later by one decision; the next keeps its place by coming earlier. */
static void move_fault(struct sf_session *s)
{
    unsigned at = below(s->faults_n);
    struct sf_fault_step *f = &s->faults[at];
    int by = below(2) ? 1 : -1;

    if (!s->faults_n || (by < 0 && !f->skip))
        return;
    f->skip = (uint8_t)(f->skip + by);
    if (at + 1 < s->faults_n && (by < 0 || f[1].skip))
        f[1].skip = (uint8_t)(f[1].skip - by);
}

static void change_fault(struct sf_session *s)
{
    struct sf_fault_step *f = &s->faults[below(s->faults_n)];
    struct sf_fault_step fresh = random_fault();

    if (!s->faults_n)
        return;
    switch (below(4)) {
    case 0:
        *f = fresh;
        break;
    case 1:
        f->skip = fresh.skip;
        break;
    case 2:
        f->which = (uint8_t)(f->which + (below(2) ? 1 : -1));
        break;
    default:
        f->amount = fresh.amount;
    }
}

/* ------------------------------------------------------------------ world */

static void change_world(struct sf_session *s)
{
    switch (below(7)) {
    case 0:
        s->variant = below(256);
        break;
    case 1:
        s->buffers = buffer_sizes[below(BUFFER_SIZES)];
        break;
    case 2:
        s->local = !s->local;
        break;
    case 3:
        s->profile = s->profile == SF_LINUX ? SF_POSIX : SF_LINUX;
        break;
    case 4:
        s->handlers = !s->handlers;
        break;
    case 5:
        s->extra = below(16);
        break;
    default:
        s->high = below(4) ? 0 : 1 + below(4);
    }
}

/* The end of the script goes, or the beginning, so that every part of a long
 * parent lives on in some child. */
static void keep_short(struct sf_session *s)
{
    if (s->acts_n > ACTS_ENOUGH && below(2))
        drop_acts(s, 0, s->acts_n - ACTS_ENOUGH);
    if (s->acts_n > ACTS_ENOUGH)
        s->acts_n = ACTS_ENOUGH;
    if (s->faults_n > FAULTS_ENOUGH)
        s->faults_n = FAULTS_ENOUGH;
}

size_t sf_mutate(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    static void (*const mutations[])(struct sf_session *) = {
        insert_act,   insert_act,   drop_act,   repeat_acts,  swap_acts,
        change_act,   change_act,   change_act, cut_frame,    leave,
        add_fault,    add_fault,    drop_fault, change_fault, move_fault,
        change_fault, change_world,
    };
    static struct sf_session s;
    size_t len;

    seed_with(seed);
    sf_session_decode(&s, data, size);
    for (unsigned i = 1 + small(4); i; i--)
        mutations[below(sizeof mutations / sizeof *mutations)](&s);
    keep_short(&s);
    if (!below(ONE_IN))
        flood(&s);
    while (!(len = sf_session_encode(&s, data, max)) && s.acts_n + s.faults_n)
        if (s.acts_n)
            s.acts_n--;
        else
            s.faults_n--;
    return len;
}

size_t sf_mutate_tidy(uint8_t *data, size_t size, size_t max)
{
    static struct sf_session s;

    sf_session_decode(&s, data, size);
    keep_short(&s);
    return sf_session_encode(&s, data, max);
}

size_t sf_cross(const uint8_t *a, size_t a_size, const uint8_t *b,
                size_t b_size, uint8_t *out, size_t max, unsigned seed)
{
    static struct sf_session mother, father;
    unsigned acts, faults, from;
    size_t len;

    seed_with(seed);
    sf_session_decode(&mother, a, a_size);
    sf_session_decode(&father, b, b_size);
    acts = below(mother.acts_n + 1);
    from = below(father.acts_n + 1);
    mother.acts_n = acts;
    insert_acts(&mother, acts, father.acts + from, father.acts_n - from);
    faults = below(mother.faults_n + 1);
    for (mother.faults_n = faults;
         mother.faults_n < SF_FAULTS_MAX && faults < father.faults_n; faults++)
        mother.faults[mother.faults_n++] = father.faults[faults];
    keep_short(&mother);
    while (!(len = sf_session_encode(&mother, out, max)) && mother.acts_n)
        mother.acts_n--;
    return len;
}
