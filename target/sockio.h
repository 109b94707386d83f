/*
 * sockio.h: one system call per function, and what it said in our words.
 *
 * This is the only file that reads errno, and it does so only after a call
 * said -1.  Nothing here retries, waits or closes by itself: what to do
 * about FM_E_INTR and FM_E_AGAIN is for the loops to say.
 *
 * Functions that move bytes return how many (at least 1), the others 0 or
 * what they say.  All return an error < 0 otherwise:
 *
 *   FM_E_AGAIN    it would have to wait (EAGAIN)
 *   FM_E_INTR     EINTR: nothing happened yet
 *   FM_E_BUSY     ENOBUFS, ENOMEM, a send that took nothing: transient, but
 *                 to be left alone for FM_BUSY_PAUSE_MS
 *   FM_E_CLOSED   receive only: the peer ended the stream
 *   FM_E_PIPE     send only: the peer takes no more; it may still send
 *   FM_E_RESET    the connection is lost
 *   FM_E_UNREACH  … because the peer or network does not answer
 *   FM_E_REFUSED  connect: nobody listens there, or there is no such path
 *   FM_E_NO_FILES no descriptor free, in the process or the system
 *   FM_E_IN_USE   bind, listen: somebody has the address
 *   FM_E_NO_ADDR  bind, connect: not an address of this machine; socket: no
 *                 such family
 *   FM_E_DENIED   EACCES, EPERM
 *   FM_E_BADFD    EBADF, ENOTSOCK: what was a socket of ours is not any more;
 *   FM_E_NOT_SOCK it must not be used and not be closed
 *   FM_E_USAGE    EINVAL, ENOTCONN and their like
 *   FM_E_SYS      any other
 */
#ifndef FM_SOCKIO_H
#define FM_SOCKIO_H

#include "target/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

/* The kernel is short of memory, and the descriptor is ready all the same: who
 * asks again at once does so without end. */
enum { FM_BUSY_PAUSE_MS = 10 };

/* Receive into buf; len > 0, for a 0 would look like the end of the stream.
 * fm_io_recv_now does not wait even on a blocking descriptor. */
ssize_t fm_io_recv(int fd, void *buf, size_t len);
ssize_t fm_io_recv_now(int fd, void *buf, size_t len);

/* Send, never raising SIGPIPE; len > 0. */
ssize_t fm_io_send(int fd, const void *buf, size_t len);
ssize_t fm_io_send_now(int fd, const void *buf, size_t len);

/* The same for 1 to IOV_MAX pieces, none of them empty. */
ssize_t fm_io_sendv(int fd, struct iovec *iov, int iovcnt);
ssize_t fm_io_sendv_now(int fd, struct iovec *iov, int iovcnt);

/* The same for descriptors that are no sockets. */
ssize_t fm_io_read(int fd, void *buf, size_t len);
ssize_t fm_io_write(int fd, const void *buf, size_t len);

/*
 * Accept one connection, non-blocking and close-on-exec.  Returns its
 * descriptor, or
 *   FM_E_AGAIN     nobody waits
 *   FM_E_ABORTED   that one is gone, the next may be there
 *   FM_E_NO_FILES  no descriptor free; the connection keeps waiting
 *   FM_E_BUSY      no memory; likewise
 *   FM_E_BADFD, FM_E_NOT_SOCK
 *                  the listener's descriptor is not ours any more
 *   FM_E_USAGE     the listener does not listen (any more)
 */
int fm_io_accept(int listener);

/* A new stream socket, close-on-exec and non-blocking.  Returns it. */
int fm_io_socket(int domain);

int fm_io_bind(int fd, const struct sockaddr *addr, socklen_t len);
int fm_io_listen(int fd, int backlog);

/* Returns 1 when the connection is under way, to be finished when fd is
 * writable with fm_io_take_error(); 0 when it is there already. */
int fm_io_connect(int fd, const struct sockaddr *addr, socklen_t len);

/* The socket's pending error as ours, or 0.  The kernel tells it once. */
int fm_io_take_error(int fd);

/* The address that fd is bound to; AF_UNSPEC after an error. */
int fm_io_get_name(int fd, struct sockaddr_storage *addr);

int fm_io_set_option(int fd, int level, int option, int value);
int fm_io_shutdown(int fd, int how);

/* Closed whatever it returns (close(2), NOTES); never call it twice. */
int fm_io_close(int fd);

/* Two connected UNIX sockets, close-on-exec: a pipe without SIGPIPE, on which
 * each send is one message that comes whole or not at all. */
int fm_io_pair(int ends[2]);

/* SIGKILL for a child.  To kill(2) 0 and below are others, and that is
 * FM_E_USAGE here: a number that was never a child's ends nobody. */
int fm_io_kill(pid_t pid);

/* Wait for a child; returns its exit status, or 255 when it was killed. */
int fm_io_wait_child(pid_t pid);

/* Does this error say that the descriptor is not ours any more? */
bool fm_io_is_foreign(int err);

/* Is there an open descriptor of this number? */
bool fm_io_is_open(int fd);

/* 1 when O_NONBLOCK is set, 0 when not. */
int fm_io_get_nonblock(int fd);
int fm_io_set_nonblock(int fd, bool on);

/* Wait until fd is ready for events (POLLIN, POLLOUT) or in error; returns
 * 1, or 2 when `wake` (-1: none) is readable, or 0 after timeout_ms (-1:
 * never). */
int fm_io_poll(int fd, short events, int wake, int timeout_ms);

/* Returns the number of bits set.  After an error the sets mean nothing. */
int fm_io_select(int nfds, fd_set *rd, fd_set *wr, fd_set *ex, int timeout_ms);

#endif
