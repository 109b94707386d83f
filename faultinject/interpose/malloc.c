/*
 * malloc.c: the program's allocator, so that an allocation can fail.
 *
 * In the library for `sockfault sim`, and in fuzz targets that are proved
 * (fuzzers/prove/); nobody else has it.  The first malloc() of a program is
 * everybody's: the program's own, that of the libraries it is linked to, and of
 * what the C library allocates for them.  It passes on to the prover's heap,
 * while there is one, to a sanitizer's, where one is linked to the same
 * program, or else to whoever comes next: libc, or an allocator that the
 * program brings along.
 *
 * In the archive that other projects link to it is there twice.  Once it gives
 * way: a program that has a malloc() itself, or an archive with one, links as
 * it does without us, and none is seen (refuse.h).  But the library of clang's
 * sanitizers gives way, too, and comes first; so target.h asks for the other
 * one where there is a sanitizer.
 */
#include "faultinject/interpose/interpose.h"

#include "faultinject/inject/injector.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#ifdef SF_GIVES_WAY
#define SF_STANDS SF_EXPORT __attribute__((weak))
#else
#define SF_STANDS SF_EXPORT
extern const char sf_before_sanitizer;
const char sf_before_sanitizer = 1;
#endif

static bool refused(const void *caller)
{
    const void *says_new = sf_thread.new_caller;

    if (sf_thread.new_looks)
        return false;
    sf_thread.new_caller = NULL;
    if (!sf_thread.new_fails)
        return sf_inject_refuses(says_new ? says_new : caller);
    sf_thread.new_fails = false;
    errno = ENOMEM;
    return true;
}

#define REFUSED() (sf_inject_refuses && refused(__builtin_return_address(0)))

/* clang-format off */
#define THEIRS(result, name, parameters, arguments)                            \
    result __interceptor_##name parameters __attribute__((weak));              \
    static result their_##name parameters                                      \
    {                                                                          \
        static result (*next) parameters;                                      \
                                                                               \
        if (&__interceptor_##name)                                             \
            return __interceptor_##name arguments;                             \
        if (!next)                                                             \
            *(void **)&next = dlsym(RTLD_NEXT, #name);                         \
        return next arguments;                                                 \
    }
/* clang-format on */

THEIRS(void *, malloc, (size_t size), (size))
THEIRS(void *, calloc, (size_t n, size_t size), (n, size))
THEIRS(void *, realloc, (void *block, size_t size), (block, size))
THEIRS(void *, memalign, (size_t align, size_t size), (align, size))
THEIRS(void *, aligned_alloc, (size_t align, size_t size), (align, size))
THEIRS(int, posix_memalign, (void **block, size_t align, size_t size),
       (block, align, size))
THEIRS(void, free, (void *block), (block))
THEIRS(size_t, malloc_usable_size, (void *block), (block))

/* Whoever looks for it gives back what was said of the last name that was not
 * found: that is lost. */
static void give_back(void *block)
{
    static bool looks, knows;

    if (looks)
        return;
    looks = !knows;
    their_free(block);
    looks = false;
    knows = true;
}

SF_STANDS void *malloc(size_t size)
{
    if (REFUSED())
        return NULL;
    return sf_inject_heap ? sf_inject_heap->take(1, size) : their_malloc(size);
}

SF_STANDS void *calloc(size_t n, size_t size)
{
    size_t all;

    if (REFUSED())
        return NULL;
    if (!sf_inject_heap)
        return their_calloc(n, size);
    if (!__builtin_mul_overflow(n, size, &all))
        return sf_inject_heap->take(1, all);
    errno = ENOMEM;
    return NULL;
}

/* A block of before there was a heap stays where it is. */
static void *move(void *block, size_t size)
{
    size_t was = malloc_usable_size(block);
    void *moved;

    if (block && size == 0) {
        free(block);
        return NULL;
    }
    if (sf_inject_heap->has(block))
        return sf_inject_heap->move(block, size);
    moved = sf_inject_heap->take(1, size);
    if (moved && block)
        memcpy(moved, block, was < size ? was : size);
    return moved;
}

/* Where an allocator has no malloc_usable_size(), libc's is next, which knows
 * nothing of its blocks. */
static bool knows_room(void)
{
    Dl_info one, other;

    return &__interceptor_realloc ||
           (dladdr(dlsym(RTLD_NEXT, "realloc"), &one) &&
            dladdr(dlsym(RTLD_NEXT, "malloc_usable_size"), &other) &&
            one.dli_fbase == other.dli_fbase);
}

/* A block that is made smaller: no libc says that there is no memory for that.
 * No allocator gives a third more than it is asked for, and 16 bytes; what only
 * happens to have room may have none the next time. */
static bool shrinks(void *block, size_t size)
{
    static enum { NOT_ASKED, KNOWN, NOT_KNOWN } known;
    size_t room;

    if (!block || size == 0)
        return block != NULL;
    if (known == NOT_ASKED)
        known = knows_room() ? KNOWN : NOT_KNOWN;
    room = known == KNOWN ? malloc_usable_size(block) : 0;
    return size + 16 <= room - room / 4;
}

SF_STANDS void *realloc(void *block, size_t size)
{
    if (sf_inject_refuses && !shrinks(block, size) && REFUSED())
        return NULL;
    return sf_inject_heap ? move(block, size) : their_realloc(block, size);
}

SF_STANDS void *memalign(size_t align, size_t size)
{
    if (REFUSED())
        return NULL;
    return sf_inject_heap ? sf_inject_heap->take(align, size)
                          : their_memalign(align, size);
}

SF_STANDS void *aligned_alloc(size_t align, size_t size)
{
    if (REFUSED())
        return NULL;
    return sf_inject_heap ? sf_inject_heap->take(align, size)
                          : their_aligned_alloc(align, size);
}

SF_STANDS int posix_memalign(void **block, size_t align, size_t size)
{
    void *taken;

    if (REFUSED())
        return ENOMEM;
    if (!sf_inject_heap)
        return their_posix_memalign(block, align, size);
    taken = sf_inject_heap->take(align, size);
    if (taken)
        *block = taken;
    return taken ? 0 : ENOMEM;
}

SF_STANDS size_t malloc_usable_size(void *block)
{
    return sf_inject_heap && sf_inject_heap->has(block)
               ? sf_inject_heap->room(block)
               : their_malloc_usable_size(block);
}

SF_STANDS void free(void *block)
{
    if (!sf_inject_heap)
        give_back(block);
    else if (sf_inject_heap->has(block))
        sf_inject_heap->give(block);
}

/* libc's ask malloc(), a sanitizer's do not. */
char *__interceptor_strdup(const char *s) __attribute__((weak));
char *__interceptor_strndup(const char *s, size_t n) __attribute__((weak));
char *__strdup(const char *s);
char *__strndup(const char *s, size_t n);

SF_STANDS char *strdup(const char *s)
{
    if (!&__interceptor_strdup)
        return __strdup(s);
    return REFUSED() ? NULL : __interceptor_strdup(s);
}

SF_STANDS char *strndup(const char *s, size_t n)
{
    if (!&__interceptor_strndup)
        return __strndup(s, n);
    return REFUSED() ? NULL : __interceptor_strndup(s, n);
}
