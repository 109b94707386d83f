/*
 * interpose.c: the libc names, made from calls.def by kind.
 *
 * WAIT is in wait.c, OPEN and SPECIAL in open.c; RECVMMSG, SENDMMSG and SPLICE
 * in batch.c; SPAWN and REAP in process.c; ALLOC in malloc.c; TURN in
 * threads/.
 */
#include "faultinject/interpose/interpose.h"
#include "faultinject/inject/quick.h"

#include <fcntl.h>

/* Every row of a kind without a wrapper here expands to nothing. */
#define WRAP_WAIT(name, returns, params, args)
#define WRAP_OPEN(name, returns, params, args)
#define WRAP_SPECIAL(name, returns, params, args)
#define WRAP_RECVMMSG(name, returns, params, args)
#define WRAP_SENDMMSG(name, returns, params, args)
#define WRAP_SPLICE(name, returns, params, args)
#define WRAP_SPAWN(name, returns, params, args)
#define WRAP_REAP(name, returns, params, args)
#define WRAP_ALLOC(name, returns, params, args)
#define WRAP_TURN(name, returns, params, args)

/* What passes a world in memory by may be random all the same. */
#ifdef SF_IN_MEMORY
#define PASSED_READ(got)  sf_read_outside(fd, buf, got)
#define PASSED_READV(got) sf_readv_outside(fd, iov, iovcnt, got)
#else
#define PASSED_READ(got)  got
#define PASSED_READV(got) got
#endif
#define PASSED_RECV(got)   got
#define PASSED_WRITE(got)  got
#define PASSED_SEND(got)   got
#define PASSED_WRITEV(got) got

/*
 * Two functions, so that the one that nearly every call is done with needs no
 * room for an op.
 */
#define WRAP_IO(name, returns, params, args, kind, bits, passed)           \
    static SF_APART returns long_##name params                             \
    {                                                                      \
        struct sf_op op;                                                   \
                                                                           \
        sf_op_init(&op, SF_CALL_##name, fd, len, bits);                    \
        SF_BEATS(op, passed(sf_libc.name args), len = op.len;              \
                 op.result = SF_WORLD(op, name) args)                      \
        return (returns)sf_tell(&op);                                      \
    }                                                                      \
    SF_EXPORT returns name params                                          \
    {                                                                      \
        struct sf_conn *conn;                                              \
        returns result;                                                    \
                                                                           \
        if (SF_LIKELY(!sf_on))                                             \
            return (returns)passed(sf_libc.name args);                     \
        conn = sf_quick(kind, fd, len, bits);                              \
        if (!conn)                                                         \
            return long_##name args;                                       \
        if ((kind) == K_WRITE)                                             \
            sf_write_begins();                                             \
        result = sf_injector.world->name args;                             \
        return (returns)sf_quick_tell(conn, SF_CALL_##name, fd, len, bits, \
                                      result);                             \
    }
#define WRAP_READ(name, returns, params, args) \
    WRAP_IO(name, returns, params, args, K_READ, 0, PASSED_READ)
#define WRAP_WRITE(name, returns, params, args) \
    WRAP_IO(name, returns, params, args, K_WRITE, 0, PASSED_WRITE)
#define WRAP_RECV(name, returns, params, args) \
    WRAP_IO(name, returns, params, args, K_READ, flags, PASSED_RECV)
#define WRAP_SEND(name, returns, params, args) \
    WRAP_IO(name, returns, params, args, K_WRITE, flags, PASSED_SEND)

#define WRAP_VECTOR(name, returns, params, args, passed)            \
    SF_EXPORT returns name params                                   \
    {                                                               \
        struct sf_op op;                                            \
                                                                    \
        if (SF_LIKELY(!sf_on))                                      \
            return (returns)passed(sf_libc.name args);              \
        sf_op_init(&op, SF_CALL_##name, fd, 0, 0);                  \
        sf_op_vector(&op, sf_measure_vector, iov, (size_t)iovcnt);  \
        SF_BEATS(                                                   \
            op, passed(sf_libc.name args),                          \
            if (op.len == op.asked) {                               \
                op.result = SF_WORLD(op, name) args;                \
            } else {                                                \
                size_t pieces = sf_iov_pieces(iov, op.len);         \
                struct iovec cut[pieces];                           \
                iovcnt = (int)sf_iov_cut(cut, pieces, iov, op.len); \
                iov = cut;                                          \
                op.result = SF_WORLD(op, name) args;                \
            })                                                      \
        return (returns)sf_tell(&op);                               \
    }
#define WRAP_READV(name, returns, params, args) \
    WRAP_VECTOR(name, returns, params, args, PASSED_READV)
#define WRAP_WRITEV(name, returns, params, args) \
    WRAP_VECTOR(name, returns, params, args, PASSED_WRITEV)

/* The kernel writes into the header it is given: a cut one is copied back. */
#define WRAP_MSG(name, returns, params, args, copy_back)                \
    SF_EXPORT returns name params                                       \
    {                                                                   \
        struct sf_op op;                                                \
        struct msghdr head;                                             \
                                                                        \
        if (SF_LIKELY(!sf_on))                                          \
            return sf_libc.name args;                                   \
        sf_op_init(&op, SF_CALL_##name, fd, 0, flags);                  \
        sf_op_vector(&op, sf_measure_message, msg, 1);                  \
        SF_BEATS(                                                       \
            op, sf_libc.name args,                                      \
            if (op.len == op.asked) {                                   \
                op.result = SF_WORLD(op, name) args;                    \
            } else {                                                    \
                const struct iovec *iov = msg->msg_iov;                 \
                size_t pieces = sf_iov_pieces(iov, op.len);             \
                struct iovec cut[pieces];                               \
                head = *msg;                                            \
                head.msg_iov = cut;                                     \
                head.msg_iovlen = sf_iov_cut(cut, pieces, iov, op.len); \
                op.result = op.world->name(fd, &head, flags);           \
                copy_back;                                              \
            })                                                          \
        return (returns)sf_tell(&op);                                   \
    }
#define WRAP_RECVMSG(name, returns, params, args)                              \
    WRAP_MSG(name, returns, params, args, msg->msg_namelen = head.msg_namelen; \
             msg->msg_controllen = head.msg_controllen;                        \
             msg->msg_flags = head.msg_flags)
#define WRAP_SENDMSG(name, returns, params, args) \
    WRAP_MSG(name, returns, params, args, (void)0)

/* Calls that are made as they are: the injector only needs the descriptor. */
#define WRAP_PLAIN(name, returns, params, args)                              \
    SF_EXPORT returns name params                                            \
    {                                                                        \
        struct sf_op op;                                                     \
                                                                             \
        if (SF_LIKELY(!sf_on))                                               \
            return sf_libc.name args;                                        \
        sf_op_init(&op, SF_CALL_##name, fd, 0, 0);                           \
        SF_BEATS(op, sf_libc.name args, op.result = SF_WORLD(op, name) args) \
        return (returns)sf_tell(&op);                                        \
    }
#define WRAP_ACCEPT(name, returns, params, args) \
    WRAP_PLAIN(name, returns, params, args)
#define WRAP_CONNECT(name, returns, params, args)                            \
    SF_EXPORT returns name params                                            \
    {                                                                        \
        struct sf_op op;                                                     \
                                                                             \
        if (SF_LIKELY(!sf_on))                                               \
            return sf_libc.name args;                                        \
        sf_op_init(&op, SF_CALL_##name, fd, 0, 0);                           \
        op.addr = addr;                                                      \
        op.addrlen = addrlen;                                                \
        SF_BEATS(op, sf_libc.name args, op.result = SF_WORLD(op, name) args) \
        return (returns)sf_tell(&op);                                        \
    }
#define WRAP_CTL(name, returns, params, args) \
    WRAP_PLAIN(name, returns, params, args)
#define WRAP_CLOSE(name, returns, params, args) \
    WRAP_PLAIN(name, returns, params, args)

/*
 * Time passes by itself on the kernel: only a world in memory has a clock.
 * No fault is done to it and nobody watches it, so it is asked at once.
 */
#ifdef SF_IN_MEMORY
#define WRAP_CLOCK(name, returns, params, args)    \
    SF_EXPORT returns name params                  \
    {                                              \
        const struct sf_world *world = sf_whose(); \
                                                   \
        if (!world || !world->name)                \
            return sf_libc.name args;              \
        return world->name args;                   \
    }
#else
#define WRAP_CLOCK(name, returns, params, args)
#endif

#define CALL(name, returns, params, args, kind) \
    WRAP_##kind(name, returns, params, args)
#include "faultinject/calls.def"
#undef CALL
