/*
 * batch.c: recvmmsg and sendmmsg, each a row of recvmsg or sendmsg; splice.
 *
 * A batch on a stream is one call with the bytes of all its messages: a
 * short count ends it inside a message, and an error after the first message
 * is left for the next call, as the kernel leaves it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "faultinject/interpose/interpose.h"

/* --- one message after the other --- */

struct batch {
    struct sf_op *op;
    struct mmsghdr *messages;
    unsigned n;
    int flags;
    bool receives;
    struct timespec *timeout;     /* NULL: for ever */
    const struct timespec *until; /* that one ends, NULL: never */
};

static size_t message_bytes(const struct mmsghdr *m)
{
    return sf_iov_bytes(m->msg_hdr.msg_iov, m->msg_hdr.msg_iovlen);
}

/* The kernel silently takes no more messages of a batch than that. */
static unsigned batch_length(unsigned n)
{
    return n < IOV_MAX ? n : IOV_MAX;
}

/* The next message, at most so many bytes of it; -1 or what was moved. */
static ssize_t move(const struct batch *b, struct mmsghdr *m, size_t most)
{
    const struct sf_world *world = b->op->world;
    struct msghdr head = m->msg_hdr;
    bool cuts = message_bytes(m) > most;
    size_t pieces = cuts ? sf_iov_pieces(head.msg_iov, most) : 1;
    struct iovec cut[pieces];
    ssize_t moved;

    if (cuts) {
        head.msg_iovlen = sf_iov_cut(cut, pieces, head.msg_iov, most);
        head.msg_iov = cut;
    }
    if (b->receives)
        moved = world->recvmsg(b->op->fd, &head, b->flags & ~MSG_WAITFORONE);
    else
        moved = world->sendmsg(b->op->fd, &head, b->flags);
    if (moved < 0)
        return -1;
    m->msg_len = (unsigned)moved;
    m->msg_hdr.msg_namelen = head.msg_namelen;
    m->msg_hdr.msg_controllen = head.msg_controllen;
    m->msg_hdr.msg_flags = head.msg_flags;
    return moved;
}

/* An error is waiting: it belongs to the next call. */
static bool has_error(const struct sf_op *op)
{
    struct pollfd p = {.fd = op->fd};

    return op->world->poll(&p, 1, 0) > 0 && p.revents & POLLERR;
}

static bool is_past(const struct sf_world *world, const struct timespec *until)
{
    struct timespec now;

    world->clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > until->tv_sec ||
           (now.tv_sec == until->tv_sec && now.tv_nsec >= until->tv_nsec);
}

/* Is this message, of which so much was moved, the last one? */
static bool ends(const struct batch *b, const struct mmsghdr *m, size_t moved)
{
    if (!b->receives)
        return moved < message_bytes(m);
    return b->until && is_past(b->op->world, b->until);
}

/* Messages that were moved, or -1; op->result the bytes in them. */
static int move_all(struct batch *b)
{
    struct sf_op *op = b->op;
    size_t left = op->len;
    unsigned i;

    op->result = 0;
    for (i = 0; i < b->n; i++) {
        ssize_t moved;
        if (i > 0 && ((left == 0 && op->len < op->asked) || has_error(op)))
            break;
        moved = move(b, &b->messages[i], left);
        if (moved < 0)
            break;
        op->result += moved;
        left -= (size_t)moved;
        if (b->flags & MSG_WAITFORONE)
            b->flags |= MSG_DONTWAIT;
        if (ends(b, &b->messages[i], (size_t)moved)) {
            i++;
            break;
        }
    }
    if (i == 0 && b->n > 0)
        op->result = -1;
    return op->result < 0 ? -1 : (int)i;
}

/* When a wait that begins now has to end; false: nobody can read that. */
static bool find_end(struct batch *b, struct timespec *until)
{
    struct timespec wait, now;

    b->until = b->timeout ? until : NULL;
    if (!b->timeout)
        return true;
    if (!sf_look(b->op, false, &wait, b->timeout, sizeof wait))
        return false;
    b->op->world->clock_gettime(CLOCK_MONOTONIC, &now);
    until->tv_sec = now.tv_sec + wait.tv_sec;
    until->tv_nsec = now.tv_nsec + wait.tv_nsec;
    until->tv_sec += until->tv_nsec / 1000000000;
    until->tv_nsec %= 1000000000;
    return true;
}

/*
 * All of it by the kernel where nothing is cut: only there is the error that
 * comes after the first message kept for the next call, and only it knows
 * which of them it can read.  False: it has to be one message after the other.
 */
static bool move_at_once(const struct batch *b, int *moved)
{
    struct sf_op *op = b->op;
    const struct sf_world *world = op->world;

    if (op->len < op->asked || !world->all_threads)
        return false;
    if (b->receives)
        *moved =
            world->recvmmsg(op->fd, b->messages, b->n, b->flags, b->timeout);
    else
        *moved = world->sendmmsg(op->fd, b->messages, b->n, b->flags);
    if (*moved < 0 && errno == ENOSYS)
        return false;
    op->result = *moved < 0 ? -1 : 0;
    for (int i = 0; i < *moved; i++)
        op->result += b->messages[i].msg_len;
    return true;
}

/* Messages that were moved, or -1. */
static int move_batch(struct batch *b)
{
    struct timespec until;
    int moved = -1;

    if (move_at_once(b, &moved)) {
        b->op->n_where = moved < 0 ? b->n : (unsigned)moved;
    } else if (sf_measure(b->op, false) && find_end(b, &until)) {
        moved = move_all(b);
    } else {
        b->op->result = -1;
        errno = EFAULT;
    }
    return moved;
}

/* --- the calls --- */

#define BATCH(name, args, timeout, receives)                               \
    struct sf_op op;                                                       \
    struct batch b = {&op,     messages, batch_length(n), flags, receives, \
                      timeout, NULL};                                      \
    int moved = -1;                                                        \
                                                                           \
    if (SF_LIKELY(!sf_on))                                                 \
        return sf_libc.name args;                                          \
    sf_op_init(&op, SF_CALL_##name, fd, 0, flags);                         \
    sf_op_vector(&op, sf_measure_batch, messages, b.n);                    \
    SF_BEATS(op, sf_libc.name args, moved = move_batch(&b))                \
    return sf_tell(&op) < 0 ? -1 : moved;

SF_EXPORT int sendmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags){
    BATCH(sendmmsg, (fd, messages, n, flags), NULL, false)}

SF_EXPORT int recvmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags,
                       struct timespec *timeout)
{
    BATCH(recvmmsg, (fd, messages, n, flags, timeout), timeout, true)
}

/* A socket, as far as is known before anything was done with it. */
static bool is_socket(int fd)
{
    int type, saved = errno;
    socklen_t len = sizeof type;
    bool is = sf_libc.getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0;

    errno = saved;
    return is;
}

/* Out of a socket it is a read; into one it is what sendfile is made of. */
SF_EXPORT ssize_t splice(int fd, off_t *offset, int to, off_t *to_offset,
                         size_t len, unsigned flags)
{
    struct sf_op op = {.call = SF_CALL_splice, .fd = fd, .len = len};

    if (SF_LIKELY(!sf_on))
        return sf_libc.splice(fd, offset, to, to_offset, len, flags);
    if (!is_socket(fd)) {
        op.call = SF_CALL_sendfile;
        op.fd = to;
    }
    SF_BEATS(op, sf_libc.splice(fd, offset, to, to_offset, len, flags),
             op.result =
                 SF_WORLD(op, splice)(fd, offset, to, to_offset, op.len, flags))
    return sf_tell(&op);
}
