/* Preloaded: no select succeeds. */
#include <errno.h>
#include <sys/select.h>

int select(int nfds, fd_set *in, fd_set *out, fd_set *urgent,
           struct timeval *timeout)
{
    (void)nfds;
    (void)in;
    (void)out;
    (void)urgent;
    (void)timeout;
    errno = ENOMEM;
    return -1;
}
