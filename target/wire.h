/*
 * wire.h: unsigned numbers in network byte order.
 */
#ifndef FM_WIRE_H
#define FM_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* To or from network byte order. */
static inline uint32_t fm_swap_be32(uint32_t value)
{
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap32(value)
                                                     : value;
}

/* The number that the width bytes at p say; width is 1, 2 or 4. */
static inline uint32_t fm_get_be(const uint8_t *p, size_t width)
{
    if (width == 4)
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
               (uint32_t)p[2] << 8 | p[3];
    return width == 2 ? (uint32_t)p[0] << 8 | p[1] : p[0];
}

/* Write the low width bytes of value to p. */
static inline void fm_put_be(uint8_t *p, size_t width, uint32_t value)
{
    if (width == 4) {
        value = fm_swap_be32(value);
        memcpy(p, &value, sizeof value);
    } else if (width == 2) {
        p[0] = (uint8_t)(value >> 8);
        p[1] = (uint8_t)value;
    } else {
        p[0] = (uint8_t)value;
    }
}

#endif
