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
    const struct timespec *until; /* NULL: for ever */
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

static size_t batch_bytes(const struct batch *b)
{
    size_t sum = 0;

    for (unsigned i = 0; b->messages && i < b->n; i++)
        sum += message_bytes(&b->messages[i]);
    return sum;
}

/* The next message, at most so many bytes of it; -1 or what was moved. */
static ssize_t move(const struct batch *b, struct mmsghdr *m, size_t most)
{
    const struct sf_world *world = b->op->world;
    struct msghdr head = m->msg_hdr;
    struct sf_cut cut;
    ssize_t moved;

    if (message_bytes(m) > most) {
        sf_iov_cut(&cut, head.msg_iov, most);
        head.msg_iov = cut.iov;
        head.msg_iovlen = (size_t)cut.n;
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

/* --- the calls --- */

SF_EXPORT int sendmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags)
{
    struct sf_op op = {.call = SF_CALL_sendmmsg, .fd = fd, .flags = flags};
    struct batch b = {&op, messages, batch_length(n), flags, false, NULL};
    int moved = -1;

    if (SF_LIKELY(!sf_on))
        return sf_libc.sendmmsg(fd, messages, n, flags);
    op.len = batch_bytes(&b);
    SF_BEATS(op, sf_libc.sendmmsg(fd, messages, n, flags), moved = move_all(&b))
    return sf_tell(&op) < 0 ? -1 : moved;
}

/* When a wait that begins now has to end; NULL: never. */
static const struct timespec *deadline(const struct timespec *wait,
                                       struct timespec *until)
{
    if (!wait)
        return NULL;
    sf_libc.clock_gettime(CLOCK_MONOTONIC, until);
    until->tv_sec += wait->tv_sec;
    until->tv_nsec += wait->tv_nsec;
    until->tv_sec += until->tv_nsec / 1000000000;
    until->tv_nsec %= 1000000000;
    return until;
}

/*
 * All of it by the kernel where nothing is cut: only there is the error that
 * comes after the first message kept for the next call.  False: it has to be
 * one message after the other.
 */
static bool move_at_once(const struct batch *b, struct timespec *timeout,
                         int *moved)
{
    struct sf_op *op = b->op;

    if (op->len < op->asked || !op->world->all_threads)
        return false;
    *moved = op->world->recvmmsg(op->fd, b->messages, b->n, b->flags, timeout);
    if (*moved < 0 && errno == ENOSYS)
        return false;
    op->result = *moved < 0 ? -1 : 0;
    for (int i = 0; i < *moved; i++)
        op->result += b->messages[i].msg_len;
    return true;
}

SF_EXPORT int recvmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags,
                       struct timespec *timeout)
{
    struct sf_op op = {.call = SF_CALL_recvmmsg, .fd = fd, .flags = flags};
    struct timespec until;
    struct batch b = {&op,   messages, batch_length(n),
                      flags, true,     deadline(timeout, &until)};
    int moved = -1;

    if (SF_LIKELY(!sf_on))
        return sf_libc.recvmmsg(fd, messages, n, flags, timeout);
    op.len = batch_bytes(&b);
    SF_BEATS(op, sf_libc.recvmmsg(fd, messages, n, flags, timeout),
             if (!move_at_once(&b, timeout, &moved)) moved = move_all(&b))
    return sf_tell(&op) < 0 ? -1 : moved;
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
