/*
 * recovery.c: every way for descriptors in a select loop to die.
 *
 * Three clients and the control connection.  The family is the product of
 *
 *     interest   each client's connection waits to be read, to be written
 *                (its output is above the high-water mark), or both
 *     dead       every set of one to three of them
 *     when       while the loop waits; 1, 2, 3 calls after it woke up for
 *                another client; while it waits, and the lowest number is
 *                handed out again at once; while it waits, with numbers up
 *                to the last one that select can take
 */
#include "fuzzers/prove/core.h"

#include <stdio.h>
#include <string.h>

enum { CLIENTS = 3, INTERESTS = 27, DEAD_SETS = 7 };
enum when { WAITING, CALL_1, CALL_2, CALL_3, REUSED, HIGH, WHENS };
enum interest { READ, WRITE, BOTH };

static const char *const when_words[WHENS] = {
    "waiting", "call-1", "call-2", "call-3", "reused", "high",
};

/* In a buffer of 64 bytes: one echoed frame of 50 is taken, the second is
 * taken in part, and after the fourth more than 100 bytes wait. */
enum { BUFFER = 64, FRAME = 50, HIGH_WATER_100 = 4, ROOM_FOR_ALL = 12 };

static void add(struct sf_session *s, enum sf_act_kind kind, enum sf_when when,
                unsigned peer, unsigned amount)
{
    s->acts[s->acts_n++] = (struct sf_act){
        .kind = kind, .when = when, .peer = peer, .amount = amount};
}

static void set_interest(struct sf_session *s, unsigned peer,
                         enum interest interest)
{
    unsigned frames = interest == WRITE ? 4 : 2;

    add(s, SF_ACT_CONNECT, SF_WHEN_IDLE, peer, 0);
    if (interest == READ)
        return;
    add(s, SF_ACT_STOP, SF_WHEN_IDLE, peer, 0);
    for (unsigned i = 0; i < frames; i++)
        add(s, SF_ACT_FRAME, SF_WHEN_IDLE, peer, FRAME);
}

/* The fourth client's frame is what wakes the loop up. */
static void kill_all(struct sf_session *s, unsigned dead, enum when when)
{
    bool busy = when >= CALL_1 && when <= CALL_3;
    bool first = true;

    if (busy)
        add(s, SF_ACT_FRAME, SF_WHEN_IDLE, CLIENTS + 1, 3);
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (!(dead >> i & 1))
            continue;
        add(s, SF_ACT_KILL,
            !first ? SF_WHEN_WITH
            : busy ? SF_WHEN_AFTER
                   : SF_WHEN_IDLE,
            i + 1, 0);
        if (first && busy)
            s->acts[s->acts_n - 1].calls = (unsigned)(when - CALL_1) + 1;
        first = false;
    }
    if (when == REUSED)
        add(s, SF_ACT_CONNECT, SF_WHEN_WITH, CLIENTS + 2, 0);
}

/* Everybody who is left goes on. */
static void go_on(struct sf_session *s, unsigned dead)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (dead >> i & 1)
            continue;
        add(s, SF_ACT_GO, SF_WHEN_IDLE, i + 1, 0);
        add(s, SF_ACT_FRAME, SF_WHEN_IDLE, i + 1, 3);
    }
}

bool prove_recovery(unsigned i, struct sf_session *s, char *name, size_t size)
{
    static const char letters[] = "rwb";
    enum when when = (enum when)(i % WHENS);
    unsigned dead = i / WHENS % DEAD_SETS + 1;
    unsigned code = i / WHENS / DEAD_SETS, interests[CLIENTS];

    if (code >= INTERESTS)
        return false;
    *s = (struct sf_session){.buffers = BUFFER,
                             .handlers = true,
                             .extra = HIGH_WATER_100,
                             .high = when == HIGH ? ROOM_FOR_ALL : 0};
    for (unsigned j = 0; j < CLIENTS; j++) {
        interests[j] = code % 3;
        code /= 3;
        set_interest(s, j + 1, (enum interest)interests[j]);
    }
    kill_all(s, dead, when);
    go_on(s, dead);
    snprintf(name, size, "dead-%s%s%s-of-%c%c%c-%s", dead & 1 ? "1" : "",
             dead & 2 ? "2" : "", dead & 4 ? "3" : "", letters[interests[0]],
             letters[interests[1]], letters[interests[2]], when_words[when]);
    return true;
}
