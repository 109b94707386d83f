/* upper.h: a server of somebody else's, which knows nothing of sockfault. */
#ifndef UPPER_H
#define UPPER_H

#include <sys/socket.h>

/* Answer each client with what it sends, in capitals, until upper_stop is
 * set.  Returns 0, or -1 when it cannot listen there. */
int upper_serve(const struct sockaddr *addr, socklen_t len);
extern volatile int upper_stop;

#endif
