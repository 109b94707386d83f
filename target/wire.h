/*
 * wire.h: unsigned numbers in network byte order.
 */
#ifndef FM_WIRE_H
#define FM_WIRE_H

#include <stddef.h>
#include <stdint.h>

/* The number that the width bytes at p say; width is 1, 2 or 4. */
static inline uint32_t fm_get_be(const uint8_t *p, size_t width)
{
    switch (width) {
    case 1:
        return p[0];
    case 2:
        return (uint32_t)p[0] << 8 | p[1];
    default:
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
               (uint32_t)p[2] << 8 | p[3];
    }
}

/* Write the low width bytes of value to p. */
static inline void fm_put_be(uint8_t *p, size_t width, uint32_t value)
{
    switch (width) {
    case 1:
        p[0] = (uint8_t)value;
        break;
    case 2:
        p[0] = (uint8_t)(value >> 8);
        p[1] = (uint8_t)value;
        break;
    default:
        p[0] = (uint8_t)(value >> 24);
        p[1] = (uint8_t)(value >> 16);
        p[2] = (uint8_t)(value >> 8);
        p[3] = (uint8_t)value;
    }
}

#endif
