/*
 * malloc.c: the program's allocator, so that an allocation can fail.
 *
 * In the library for `sockfault sim`, and in fuzz targets that are proved
 * (fuzzers/prove/); nobody else has it.  The first malloc() of a program is
 * everybody's: the program's own, that of the libraries it is linked to, and of
 * what the C library allocates for them.  It passes on to a sanitizer's, where
 * one is linked to the same program, or else to whoever comes next: libc, or an
 * allocator that the program brings along.  free() is theirs.
 *
 * In the archive that other projects link to it is there twice.  Once it gives
 * way: a program that has a malloc() itself, or an archive with one, links as
 * it does without us, and none is seen (refuse.h).  But the library of clang's
 * sanitizers gives way, too, and comes first; so target.h asks for the other
 * one where there is a sanitizer.
 */
#include "faultinject/interpose/interpose.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#ifdef SF_GIVES_WAY
#define SF_STANDS SF_EXPORT __attribute__((weak))
#else
#define SF_STANDS SF_EXPORT
extern const char sf_before_sanitizer;
const char sf_before_sanitizer = 1;
#endif

static bool refused(void)
{
    return sf_inject_refuses && sf_inject_refuses();
}

/* clang-format off */
#define STANDS_IN(result, name, parameters, arguments, failed)                 \
    result __interceptor_##name parameters __attribute__((weak));              \
    SF_STANDS result name parameters                                           \
    {                                                                          \
        static result (*next) parameters;                                      \
                                                                               \
        if (refused())                                                         \
            return failed;                                                     \
        if (&__interceptor_##name)                                             \
            return __interceptor_##name arguments;                             \
        if (!next)                                                             \
            *(void **)&next = dlsym(RTLD_NEXT, #name);                         \
        return next arguments;                                                 \
    }
/* clang-format on */

STANDS_IN(void *, malloc, (size_t size), (size), NULL)
STANDS_IN(void *, calloc, (size_t n, size_t size), (n, size), NULL)
STANDS_IN(void *, realloc, (void *block, size_t size), (block, size), NULL)
STANDS_IN(void *, memalign, (size_t align, size_t size), (align, size), NULL)
STANDS_IN(void *, aligned_alloc, (size_t align, size_t size), (align, size),
          NULL)
STANDS_IN(int, posix_memalign, (void **block, size_t align, size_t size),
          (block, align, size), ENOMEM)

/* libc's ask malloc(), a sanitizer's do not. */
char *__interceptor_strdup(const char *s) __attribute__((weak));
char *__interceptor_strndup(const char *s, size_t n) __attribute__((weak));
char *__strdup(const char *s);
char *__strndup(const char *s, size_t n);

SF_STANDS char *strdup(const char *s)
{
    if (!&__interceptor_strdup)
        return __strdup(s);
    return refused() ? NULL : __interceptor_strdup(s);
}

SF_STANDS char *strndup(const char *s, size_t n)
{
    if (!&__interceptor_strndup)
        return __strndup(s, n);
    return refused() ? NULL : __interceptor_strndup(s, n);
}
