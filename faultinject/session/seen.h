/*
 * seen.h: the states that the runs of a walk have been in.
 */
#ifndef SF_SEEN_H
#define SF_SEEN_H

#include <stdbool.h>
#include <stdint.h>

/* Of a state; 128 bits. */
struct sf_print {
    uint64_t a, b;
};

struct sf_seen;
/* In memory that processes share. */
struct sf_seen *sf_seen_new(void);
/* Those of another round are forgotten. */
void sf_seen_forget(struct sf_seen *s);
void sf_seen_round(struct sf_seen *s, uint32_t round);
uint64_t sf_seen_states(const struct sf_seen *s);
/* Another run was there, with at least so many faults left; if not, it is
 * noted that this one was: `who` by the choices it makes. */
bool sf_seen(struct sf_seen *s, const struct sf_print *p, uint64_t who,
             unsigned left);

#endif
