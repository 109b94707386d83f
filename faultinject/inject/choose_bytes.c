/* choose_bytes.c: a fuzz input decides; see chooser.h for its layout. */
#include "faultinject/inject/chooser.h"

enum { STEP = 3, SKIP = 0, WHICH = 1, AMOUNT = 2 };
enum { ENDS = 256, HALF = 127 };

static bool tape_wants(struct sf_chooser *self, enum sf_call call)
{
    struct sf_tape *tape = (struct sf_tape *)self;

    (void)call;
    if (tape->len - tape->at < STEP)
        return false;
    if (tape->passed++ < tape->bytes[tape->at + SKIP])
        return false;
    if (tape->bytes[tape->at + WHICH] != SF_TAPE_PAUSE)
        return true;
    tape->at += STEP;
    tape->passed = 0;
    return false;
}

size_t sf_tape_amount(uint8_t byte, size_t max)
{
    if (max <= ENDS)
        return 1 + byte % max;
    if (byte == HALF)
        return max / 2;
    return byte < HALF ? 1 + (size_t)byte : max - (255 - byte);
}

static unsigned tape_choose(struct sf_chooser *self, const struct sf_point *at,
                            const struct sf_outcome *outcomes, unsigned n,
                            size_t *amount)
{
    struct sf_tape *tape = (struct sf_tape *)self;
    const uint8_t *step = tape->bytes + tape->at;
    unsigned which = 1 + step[WHICH] % (n - 1);

    (void)at;
    if (outcomes[which].max > 0)
        *amount = sf_tape_amount(step[AMOUNT], outcomes[which].max);
    tape->at += STEP;
    tape->passed = 0;
    return which;
}

void sf_tape_init(struct sf_tape *tape, const uint8_t *bytes, size_t len)
{
    *tape = (struct sf_tape){
        .chooser = {.wants = tape_wants, .choose = tape_choose},
        .bytes = bytes,
        .len = len,
    };
}
