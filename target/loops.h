/*
 * loops.h: the loops that everyone has to write around send and recv.
 *
 * All of them finish the job or say why not: short counts, EINTR and "try
 * later" never reach the caller.  They work on any descriptor, blocking or
 * not, socket or not; on sockets no SIGPIPE is ever raised (for pipes the
 * program has to ignore it).
 *
 * A deadline is a point in time, in milliseconds of CLOCK_MONOTONIC, for the
 * whole call, however many system calls that takes; FM_NEVER for none.
 * Even a deadline that has passed lets a call do what it can do at once.
 *
 * A time-out that was set on the socket itself (SO_RCVTIMEO, SO_SNDTIMEO)
 * is reported as FM_E_TIMEOUT, too.
 *
 * Besides the values named below every function can return FM_E_TIMEOUT,
 * FM_E_RESET, FM_E_UNREACH, FM_E_BADFD, FM_E_BUSY (no buffers, after several
 * tries), FM_E_USAGE and FM_E_SYS.
 */
#ifndef FM_LOOPS_H
#define FM_LOOPS_H

#include "target/buf.h"
#include "target/clock.h"
#include "target/err.h"
#include "target/format.h"

#include <sys/uio.h>

/* Wait until fd is ready for events (POLLIN or POLLOUT), or in error, which
 * the next call on it will tell.  Returns 0 then. */
int fm_wait(int fd, short events, int64_t deadline_ms);
/* … or until `wake`, another descriptor, is readable: FM_E_INTR. */
int fm_wait_or(int fd, short events, int wake, int64_t deadline_ms);

/*
 * Send all len bytes.  Returns 0, or FM_E_PIPE when the peer takes no more;
 * after an error it is unknown how many bytes went out, so the stream can
 * only be closed.
 */
int fm_send_all(int fd, const void *buf, size_t len, int64_t deadline_ms);

/*
 * The same for a vector of any number of pieces, empty ones among them; at
 * most IOV_MAX go out in one call.  iov itself is not changed.  Also returns
 * FM_E_USAGE when iovcnt < 0.
 */
int fm_sendv_all(int fd, const struct iovec *iov, int iovcnt,
                 int64_t deadline_ms);

/*
 * Receive at least one and at most len bytes; len > 0.  Returns how many, or
 * FM_E_CLOSED when the stream has ended.
 */
ssize_t fm_recv_some(int fd, void *buf, size_t len, int64_t deadline_ms);

/* Send at least one and at most len bytes; len > 0.  Returns how many, or
 * FM_E_PIPE. */
ssize_t fm_send_some(int fd, const void *buf, size_t len, int64_t deadline_ms);

/*
 * The same for a connection, whose number may be somebody else's by now: what
 * is no socket is neither read nor written, but FM_E_NOT_SOCK.
 */
ssize_t fm_sock_send_some(int fd, const void *buf, size_t len,
                          int64_t deadline_ms);
ssize_t fm_sock_recv_some(int fd, void *buf, size_t len, int64_t deadline_ms);

/*
 * Receive exactly len bytes.  Returns 0; FM_E_CLOSED when the stream ended
 * before the first of them, FM_E_TRUNCATED when it ended later.  What came
 * before an error is in buf, and lost for the stream.
 */
int fm_recv_exact(int fd, void *buf, size_t len, int64_t deadline_ms);

/*
 * Receive one frame and append its payload to *out, leaving the bytes after
 * it in the descriptor.  Formats with a length in front take two receives,
 * a delimiter one a byte: use a stream (stream.h) where that matters.
 *
 * Returns 0, FM_E_CLOSED between frames, FM_E_TRUNCATED inside one, FM_E_BAD
 * or FM_E_TOO_LONG as fm_decoder_next() (and then the stream can only be
 * closed), FM_E_NOMEM.  *out is unchanged unless the return is 0.
 *
 * FM_CLOSE has no "after it": the frame ends with the stream, and a second
 * call returns an empty one.
 */
int fm_recv_frame(int fd, const struct fm_format *f, struct fm_buf *out,
                  int64_t deadline_ms);

/*
 * Receive until the peer closes and append all of it to *out.  Returns 0,
 * FM_E_TOO_LONG when more came than out->max holds, or FM_E_NOMEM.
 */
int fm_recv_until_closed(int fd, struct fm_buf *out, int64_t deadline_ms);

#endif
