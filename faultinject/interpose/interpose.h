/*
 * interpose.h: what the wrappers have in common.
 *
 * Every wrapper is the same four beats: nobody listens, or not ours: pass
 * through; ask; perform; tell.  errno is set last, by sf_tell().
 */
#ifndef SF_INTERPOSE_H
#define SF_INTERPOSE_H

#include <dlfcn.h>
#include <unistd.h>

#include "faultinject/inject/inject.h"

#define SF_EXPORT __attribute__((visibility("default")))

struct link_map;
/* By its name; one that is linked statically has none (terminate.c). */
bool sf_is_cxx_library(const struct link_map *module);

#define SF_LIKELY(x) __builtin_expect(!!(x), 1)

/*
 * The first beat: what every call has.  The rest of the op is left as it is,
 * since clearing it costs as much as the call: a wrapper sets what its call
 * has besides, and nobody asks for it at any other call.
 */
static inline void sf_op_init(struct sf_op *op, enum sf_call call, int fd,
                              size_t len, int flags)
{
    op->call = call;
    op->fd = fd;
    op->len = len;
    op->flags = flags;
    op->measure = NULL;
    op->wait = NULL;
}

/*
 * The middle three beats: `passed` is the call to libc, the rest the
 * statements that leave the result of the one to op.world in op.result.
 */
#define SF_BEATS(op, passed, ...) \
    switch (sf_ask(&op)) {        \
    case SF_PASS:                 \
        return passed;            \
    case SF_PERFORM:              \
        __VA_ARGS__;              \
        break;                    \
    case SF_ANSWER:               \
        break;                    \
    }

/*
 * The world's call, or libc's where a world does not have it: that one does
 * not know the number and says EBADF.
 */
#define SF_WORLD(op, name) (op.world->name ? op.world->name : sf_libc.name)

/* The world in memory that owns numbers which the kernel does not know, or
 * NULL. */
static inline const struct sf_world *sf_in_memory(void)
{
    const struct sf_world *world = sf_on ? sf_inside() : NULL;

    return world && !world->all_threads ? world : NULL;
}

/* The world that has begun before its session, where there is one with a clock
 * and chance of its own; only where a session begins with the process. */
const struct sf_world *sf_early(void) __attribute__((weak));

/* Whose time and chance it is; NULL: the kernel's. */
static inline const struct sf_world *sf_whose(void)
{
    if (sf_on)
        return sf_inside();
    return sf_early ? sf_early() : NULL;
}

/* Is it the kernel's device for random bytes, in whose place a world in memory
 * has its own? */
bool sf_is_random(int fd);
/* So many bytes were read of what is not in memory: they are the world's own if
 * they were random.  Returns how many they are. */
ssize_t sf_read_outside(int fd, void *buf, ssize_t got);
ssize_t sf_readv_outside(int fd, const struct iovec *iov, int iovcnt,
                         ssize_t got);

/* Does close_range() of these close them now, and is not refused? */
bool sf_closes_row(unsigned first, unsigned last, int flags);

/* All of it, or as much as could be written before an error. */
static inline size_t sf_write_all(int fd, const char *bytes, size_t len)
{
    size_t done = 0;
    ssize_t n;

    while (done < len && (n = write(fd, bytes + done, len - done)) > 0)
        done += (size_t)n;
    return done;
}

/* The program is about to forbid itself system calls. */
void sf_seal(void);

/* Says so where sf_inject_forks is set; errno stays as it is. */
void sf_forks(enum sf_fork where);

/*
 * A function that returns libc's own, by a name that is in no world.  It is
 * found before main: a signal handler must not ask the loader, and who asks it
 * takes what dlerror(3) has said away from the program.
 */
#define SF_NEXT(name, returns, params)                              \
    static returns(*next_##name(void)) params                       \
    {                                                               \
        static returns(*next) params;                               \
                                                                    \
        if (!next)                                                  \
            *(void **)&next = dlsym(RTLD_NEXT, #name);              \
        return next;                                                \
    }                                                               \
                                                                    \
    __attribute__((constructor)) static void find_next_##name(void) \
    {                                                               \
        next_##name();                                              \
    }

/* Who else may have done what syscall() is asked for, and is none of the calls;
 * NULL: nobody. */
extern bool (*sf_raw_other)(long number, const long args[6], long *result);

/* Bytes the vector describes; 0 where the kernel will refuse it. */
size_t sf_iov_bytes(const struct iovec *iov, size_t n);

/* How op->measure finds out; op->where is in each what its name says. */
bool sf_measure_vector(struct sf_op *op, bool taken);
bool sf_measure_message(struct sf_op *op, bool taken);
bool sf_measure_batch(struct sf_op *op, bool taken);

/* The first beat of a call that has its bytes there. */
static inline void sf_op_vector(struct sf_op *op,
                                bool (*measure)(struct sf_op *op, bool taken),
                                const void *where, size_t n)
{
    op->len = SF_UNMEASURED;
    op->measure = measure;
    op->where = where;
    op->n_where = n;
}

/*
 * A vector cut to its first `len` bytes, in a copy.  An element is cut in two
 * where the end falls inside it.  The copy has as much room as sf_iov_pieces()
 * says, so that little stack will do: fewer bytes, but at least 1, where they
 * need more elements.  Returns how many it has, the room is never 0.
 */
enum { SF_PIECES_MAX = 64 };
size_t sf_iov_pieces(const struct iovec *iov, size_t len);
size_t sf_iov_cut(struct iovec *copy, size_t room, const struct iovec *iov,
                  size_t len);

#endif
