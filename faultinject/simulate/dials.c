/* dials.c: see dials.h */
#include "faultinject/simulate/dials.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

unsigned sf_port_read(const char *text)
{
    enum { PORTS = 65536 };
    char *end;
    unsigned long port = strtoul(text, &end, 10);

    return *text >= '1' && *text <= '9' && !*end && port < PORTS
               ? (unsigned)port
               : 0;
}

static bool read_port(const char *where, struct sockaddr_in *in, socklen_t *len)
{
    unsigned port = sf_port_read(where);

    if (!port)
        return false;
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    in->sin_port = htons((in_port_t)port);
    *len = sizeof *in;
    return true;
}

/* A path ends with a NUL, an abstract name with its last byte. */
static bool read_path(const char *where, struct sockaddr_un *un, socklen_t *len)
{
    size_t size = strlen(where);
    bool abstract = *where == '@';

    if ((*where != '/' && !abstract) || size >= sizeof un->sun_path)
        return false;
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, where, size);
    if (abstract)
        un->sun_path[0] = '\0';
    *len =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + !abstract);
    return true;
}

bool sf_dials_read(const char *where, struct sockaddr_storage *addr,
                   socklen_t *len)
{
    memset(addr, 0, sizeof *addr);
    *len = 0;
    return !*where || read_port(where, (struct sockaddr_in *)addr, len) ||
           read_path(where, (struct sockaddr_un *)addr, len);
}
