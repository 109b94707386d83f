/* iov.c: vectors measured and cut; see interpose.h. */
#include <limits.h>
#include <stdint.h>

#include "faultinject/interpose/interpose.h"

static bool add(const struct iovec *iov, size_t n, size_t *sum)
{
    for (size_t i = 0; i < n; i++) {
        if (iov[i].iov_len > SSIZE_MAX - *sum)
            return false;
        *sum += iov[i].iov_len;
    }
    return true;
}

size_t sf_iov_bytes(const struct iovec *iov, size_t n)
{
    size_t sum = 0;

    return iov && n <= IOV_MAX && add(iov, n, &sum) ? sum : 0;
}

/* Some at a time: a copy of the longest there are may not fit on the stack. */
enum { SOME = 16 };

static bool add_theirs(const struct sf_op *op, bool taken,
                       const struct iovec *iov, size_t n, size_t *sum)
{
    struct iovec some[SOME];

    if ((n > 0 && !iov) || n > IOV_MAX)
        return false;
    while (n > 0) {
        size_t these = n < SOME ? n : SOME;
        if (!sf_look(op, taken, some, iov, these * sizeof *iov) ||
            !add(some, these, sum))
            return false;
        iov += these;
        n -= these;
    }
    return true;
}

static bool add_message(const struct sf_op *op, bool taken,
                        const struct msghdr *msg, size_t *sum)
{
    struct msghdr head;

    return msg && sf_look(op, taken, &head, msg, sizeof head) &&
           add_theirs(op, taken, head.msg_iov, head.msg_iovlen, sum);
}

static bool measured(struct sf_op *op, bool can, size_t sum)
{
    if (can)
        op->len = op->asked = sum;
    return can;
}

bool sf_measure_vector(struct sf_op *op, bool taken)
{
    size_t sum = 0;

    return measured(op, add_theirs(op, taken, op->where, op->n_where, &sum),
                    sum);
}

bool sf_measure_message(struct sf_op *op, bool taken)
{
    size_t sum = 0;

    return measured(op, add_message(op, taken, op->where, &sum), sum);
}

bool sf_measure_batch(struct sf_op *op, bool taken)
{
    const struct mmsghdr *messages = op->where;
    bool can = messages || op->n_where == 0;
    size_t sum = 0;

    for (size_t i = 0; can && i < op->n_where; i++)
        can = add_message(op, taken, &messages[i].msg_hdr, &sum);
    return measured(op, can, sum);
}

size_t sf_iov_pieces(const struct iovec *iov, size_t len)
{
    size_t n = 0;

    for (; len > 0 && n < SF_PIECES_MAX; iov++) {
        n += iov->iov_len > 0;
        len -= iov->iov_len < len ? iov->iov_len : len;
    }
    return n > 0 ? n : 1;
}

size_t sf_iov_cut(struct iovec *copy, size_t room, const struct iovec *iov,
                  size_t len)
{
    size_t n = 0;

    for (; len > 0 && n < room; iov++) {
        struct iovec piece = *iov;
        if (piece.iov_len == 0)
            continue;
        if (piece.iov_len > len)
            piece.iov_len = len;
        copy[n++] = piece;
        len -= piece.iov_len;
    }
    return n;
}
