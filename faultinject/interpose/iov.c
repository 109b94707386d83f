/* iov.c: vectors counted and cut; see interpose.h. */
#include <limits.h>
#include <stdint.h>

#include "faultinject/interpose/interpose.h"

size_t sf_iov_bytes(const struct iovec *iov, size_t n)
{
    size_t sum = 0;

    if (!iov || n > IOV_MAX)
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (iov[i].iov_len > SSIZE_MAX - sum)
            return 0;
        sum += iov[i].iov_len;
    }
    return sum;
}

void sf_iov_cut(struct sf_cut *cut, const struct iovec *iov, size_t len)
{
    cut->n = 0;
    for (; len > 0 && cut->n < SF_CUT_MAX; iov++) {
        struct iovec piece = *iov;
        if (piece.iov_len == 0)
            continue;
        if (piece.iov_len > len)
            piece.iov_len = len;
        cut->iov[cut->n++] = piece;
        len -= piece.iov_len;
    }
}
