/* choose_bytes.c: a fuzz input decides; see chooser.h for its layout. */
#include "faultinject/inject/chooser.h"

enum { STEP = 3, SKIP = 0, WHICH = 1, AMOUNT = 2 };

static bool tape_cares(struct sf_chooser *self, const struct sf_point *at)
{
    struct sf_tape *tape = (struct sf_tape *)self;

    (void)at;
    if (tape->len - tape->at < STEP)
        return false;
    return tape->passed++ >= tape->bytes[tape->at + SKIP];
}

static unsigned tape_choose(struct sf_chooser *self, const struct sf_point *at,
                            const struct sf_outcome *outcomes, unsigned n)
{
    struct sf_tape *tape = (struct sf_tape *)self;
    unsigned which = 1 + tape->bytes[tape->at + WHICH] % (n - 1);

    (void)at;
    (void)outcomes;
    tape->at += STEP;
    tape->passed = 0;
    return which;
}

/* Asked right after the choice, so its step is the one just taken. */
static size_t tape_amount(struct sf_chooser *self, const struct sf_point *at,
                          size_t max)
{
    const struct sf_tape *tape = (const struct sf_tape *)self;

    (void)at;
    return 1 + tape->bytes[tape->at - STEP + AMOUNT] % max;
}

void sf_tape_init(struct sf_tape *tape, const uint8_t *bytes, size_t len)
{
    *tape = (struct sf_tape){
        .chooser = {tape_cares, tape_choose, tape_amount},
        .bytes = bytes,
        .len = len,
    };
}
