/*
 * sock.h: making connections and ending them well.
 *
 * A host is
 *     ""  "*"             any address, IPv4 and IPv6 (listening only)
 *     "localhost"         this machine
 *     a name or number    "example.org", "127.0.0.1", "::1"
 *     "unix:PATH"         a UNIX socket; the port is not used
 *
 * Descriptors made here are non-blocking and close-on-exec.
 */
#ifndef FM_SOCK_H
#define FM_SOCK_H

#include "target/clock.h"
#include "target/err.h"

#include <stddef.h>
#include <sys/socket.h>

enum { FM_NAME_MAX = 160 };

/*
 * Listen at a host and port (0: any free one, see fm_sock_name).  backlog 0
 * stands for SOMAXCONN.  The socket at a UNIX path that nobody listens at any
 * more is replaced, no other file is; unlink it when done.
 *
 * Returns a descriptor, or FM_E_IN_USE, FM_E_NO_ADDR (no such host, or not
 * ours), FM_E_DENIED, FM_E_USAGE (path or name too long), FM_E_NO_FILES,
 * FM_E_SYS.
 */
int fm_listen(const char *host, unsigned port, int backlog);

/*
 * Connect to a host and port: its addresses one after the other until one
 * answers, all of it before the deadline.  Looking up a name is left to the
 * system and may take longer; numbers need no looking up.
 *
 * Returns a descriptor, or what the last address said: FM_E_REFUSED,
 * FM_E_UNREACH, FM_E_TIMEOUT, FM_E_BUSY (UNIX: too many wait there already),
 * FM_E_NO_ADDR, FM_E_USAGE, FM_E_NO_FILES, FM_E_SYS.
 */
int fm_dial(const char *host, unsigned port, int64_t deadline_ms);

/*
 * The two halves of connecting, for those who wait by other means.
 *
 * fm_connect_start returns 0 when connected, 1 when under way: then wait
 * until fd is writable and call fm_connect_finish, once, which returns 0
 * when connected.  After an error fd can only be closed.
 */
int fm_connect_start(int fd, const struct sockaddr *addr, socklen_t len);
int fm_connect_finish(int fd);

/* The address that fd is bound to: "127.0.0.1:4711", "[::1]:4711",
 * "unix:PATH".  Returns 0, or an error with *name empty. */
int fm_sock_name(int fd, char name[FM_NAME_MAX]);

/* Let the system find out within about idle_s + 3 * every_s seconds that a
 * peer went down hard; works for TCP and does no harm elsewhere. */
int fm_keepalive(int fd, int idle_s, int every_s);

/* Send small frames at once.  For TCP; does no harm elsewhere. */
int fm_no_delay(int fd);

/* Send no more; the peer reads the end of the stream after what was sent. */
int fm_half_close(int fd);

/*
 * Before closing: half-close, and throw away what still comes until the peer
 * closes or the deadline passes.  Closing with unread input would reset the
 * connection, and a peer that was reset may lose bytes that it has not read
 * yet.  Returns 0 when the peer closed, or an error.
 */
int fm_drain(int fd, int64_t deadline_ms);

/* Close fd, whatever the state of the connection; never call it twice. */
void fm_close(int fd);

#endif
