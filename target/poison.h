/*
 * poison.h: memory that is ours but not in use, when AddressSanitizer looks.
 *
 * Whoever touches it is then caught as if it were somebody else's.  Without
 * FM_POISON, which the checked library and all that is built with it define,
 * or without the sanitizer, there is nothing to it.
 *
 * With FM_CLEAR, for what compares states, somebody else clears it.
 */
#ifndef FM_POISON_H
#define FM_POISON_H

#include <stdbool.h>
#include <stddef.h>

#if defined(FM_POISON) && defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FM_POISONING 1
#endif
#elif defined(FM_POISON) && defined(__SANITIZE_ADDRESS__)
#define FM_POISONING 1
#endif

#ifdef FM_POISONING
#include <sanitizer/asan_interface.h>

static inline void fm_poison(const void *p, size_t n)
{
    __asan_poison_memory_region(p, n);
}

static inline void fm_unpoison(const void *p, size_t n)
{
    __asan_unpoison_memory_region(p, n);
}
#else
void fm_clear(void *p, size_t n); /* of whoever defines FM_CLEAR */

static inline void fm_poison(const void *p, size_t n)
{
#ifdef FM_CLEAR
    fm_clear((void *)p, n);
#endif
    (void)p;
    (void)n;
}

static inline void fm_unpoison(const void *p, size_t n)
{
    (void)p;
    (void)n;
}
#endif

#endif
