/*
 * malloc.c: what somebody's own program allocates, so that it can fail; see
 * refuse.c
 *
 * A program's own malloc() is everybody's: that of the program, of the
 * libraries it is linked to, and of what the C library allocates for them.  It
 * passes on to a sanitizer, where there is one, or else to glibc.  free() is
 * theirs.
 */
#include "fuzzers/prove/prove.h"

#include <string.h>

/* clang-format off */
#define STANDS_IN(name, glibc, parameters, arguments)                          \
    void *__interceptor_##name parameters __attribute__((weak));               \
    void *glibc parameters;                                                    \
    void *name parameters                                                      \
    {                                                                          \
        if (prove_refused())                                                   \
            return NULL;                                                       \
        return &__interceptor_##name ? __interceptor_##name arguments          \
                                     : glibc arguments;                        \
    }
/* clang-format on */

STANDS_IN(malloc, __libc_malloc, (size_t size), (size))
STANDS_IN(calloc, __libc_calloc, (size_t n, size_t size), (n, size))
STANDS_IN(realloc, __libc_realloc, (void *block, size_t size), (block, size))

/* glibc's ask malloc(); a sanitizer's do not. */
char *__interceptor_strdup(const char *s) __attribute__((weak));
char *__interceptor_strndup(const char *s, size_t n) __attribute__((weak));
char *__strdup(const char *s);
char *__strndup(const char *s, size_t n);

char *strdup(const char *s)
{
    if (!&__interceptor_strdup)
        return __strdup(s);
    return prove_refused() ? NULL : __interceptor_strdup(s);
}

char *strndup(const char *s, size_t n)
{
    if (!&__interceptor_strndup)
        return __strndup(s, n);
    return prove_refused() ? NULL : __interceptor_strndup(s, n);
}
