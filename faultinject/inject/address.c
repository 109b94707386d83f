/* address.c: see address.h. */
#include "faultinject/inject/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include "faultinject/inject/hash.h"

static void take_ipv4(struct sf_address *peer, const struct in_addr *addr)
{
    peer->bytes[10] = peer->bytes[11] = 0xff; /* ::ffff:a.b.c.d */
    memcpy(peer->bytes + 12, addr, 4);
}

/* A multicast address, which no peer has, of the FNV-1a hash of the path. */
static void take_path(struct sf_address *peer, const char *path, size_t len)
{
    uint64_t hash = sf_hash(SF_HASH, path, len);

    peer->bytes[0] = 0xff;
    memcpy(peer->bytes + 8, &hash, sizeof hash);
}

void sf_address_of(struct sf_address *peer, const struct sockaddr *addr,
                   socklen_t len)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)addr;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;
    const struct sockaddr_un *un = (const struct sockaddr_un *)addr;
    size_t name = offsetof(struct sockaddr_un, sun_path);

    memset(peer, 0, sizeof *peer);
    if (!addr || len < sizeof addr->sa_family)
        return;
    if (addr->sa_family == AF_UNIX && len > name && un->sun_path[0] == '/')
        take_path(peer, un->sun_path, strnlen(un->sun_path, len - name));
    if (addr->sa_family == AF_INET && len >= sizeof *in) {
        take_ipv4(peer, &in->sin_addr);
        peer->port = ntohs(in->sin_port);
    }
    if (addr->sa_family == AF_INET6 && len >= sizeof *in6) {
        memcpy(peer->bytes, &in6->sin6_addr, sizeof peer->bytes);
        peer->port = ntohs(in6->sin6_port);
    }
}

bool sf_address_parse(struct sf_address *peer, const char *text)
{
    char inside[INET6_ADDRSTRLEN];
    struct in_addr addr;
    size_t n = strlen(text);

    memset(peer, 0, sizeof *peer);
    if (text[0] == '/') {
        take_path(peer, text, n);
        return true;
    }
    if (inet_pton(AF_INET, text, &addr) == 1) {
        take_ipv4(peer, &addr);
        return true;
    }
    if (n < 4 || n - 2 >= sizeof inside || text[0] != '[' || text[n - 1] != ']')
        return false;
    memcpy(inside, text + 1, n - 2);
    inside[n - 2] = '\0';
    return inet_pton(AF_INET6, inside, peer->bytes) == 1;
}
