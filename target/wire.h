/*
 * wire.h: unsigned numbers in network byte order.
 */
#ifndef FM_WIRE_H
#define FM_WIRE_H

#include <stddef.h>
#include <stdint.h>

/* The number that the width bytes at p say; width is 1 to 4. */
static inline uint32_t fm_get_be(const uint8_t *p, size_t width)
{
    uint32_t value = 0;

    for (size_t i = 0; i < width; i++)
        value = value << 8 | p[i];
    return value;
}

/* Write the low width bytes of value to p. */
static inline void fm_put_be(uint8_t *p, size_t width, uint32_t value)
{
    for (size_t i = width; i-- > 0; value >>= 8)
        p[i] = (uint8_t)value;
}

#endif
