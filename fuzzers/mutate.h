/*
 * mutate.h: mutation that knows what a session is.
 *
 * Works on the parsed session, so every offspring is valid: acts are
 * inserted, dropped, repeated, swapped, retimed and given to other peers;
 * faults are added, dropped, moved earlier or later and replaced; two parents
 * exchange parts of their scripts and tapes.  libFuzzer finds it in the
 * binary (mutate_libfuzzer.c); AFL++ loads libmutate_session.so
 * (mutate_afl.c).
 */
#ifndef SF_MUTATE_H
#define SF_MUTATE_H

#include <stddef.h>
#include <stdint.h>

/* Change data[0 … size) in place; returns the new size, at most max.  The
 * same arguments give the same result. */
size_t sf_mutate(uint8_t *data, size_t size, size_t max, unsigned seed);

/* What somebody else made of it, as a session that is not too long. */
size_t sf_mutate_tidy(uint8_t *data, size_t size, size_t max);

/* A child of two parents into out; returns its size, at most max. */
size_t sf_cross(const uint8_t *a, size_t a_size, const uint8_t *b,
                size_t b_size, uint8_t *out, size_t max, unsigned seed);

#endif
