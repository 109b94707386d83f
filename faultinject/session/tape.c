/* tape.c: see tape.h */
#include "faultinject/session/tape.h"

static uint8_t amount_byte(const struct sf_choice *c)
{
    unsigned b = 0;

    while (c->max && b < 255 && sf_tape_amount((uint8_t)b, c->max) != c->amount)
        b++;
    return (uint8_t)b;
}

static bool add(struct sf_session *s, struct sf_fault_step step)
{
    if (s->faults_n == SF_FAULTS_MAX)
        return false;
    s->faults[s->faults_n++] = step;
    return true;
}

bool sf_session_take_choices(struct sf_session *s,
                             const struct sf_choice *choices, unsigned n)
{
    uint32_t from = 0;

    s->faults_n = 0;
    for (unsigned i = 0; i < n; i++) {
        const struct sf_choice *c = &choices[i];

        for (; c->at - from > 255; from += 256)
            if (!add(s, (struct sf_fault_step){255, SF_TAPE_PAUSE, 0}))
                return false;
        if (!add(s, (struct sf_fault_step){(uint8_t)(c->at - from),
                                           (uint8_t)(c->which - 1),
                                           amount_byte(c)}))
            return false;
        from = c->at + 1;
    }
    return true;
}
