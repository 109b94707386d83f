/* fuzz_hiredis.c: a client on hiredis, its servers and the network faulty. */
#include "faultinject/session/target.h"

#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

enum { DIALS = 3, COMMANDS = 3 };

static redisContext *dial(void)
{
    socklen_t len;
    const struct sockaddr *a = sf_session_addr(&len);
    struct timeval limit = {.tv_sec = 2};

    if (a->sa_family == AF_UNIX)
        return redisConnectUnixWithTimeout(
            ((const struct sockaddr_un *)a)->sun_path, limit);
    return redisConnectWithTimeout(
        "127.0.0.1", ntohs(((const struct sockaddr_in *)a)->sin_port), limit);
}

static size_t reply(void *arg, const struct sf_peer *peer, unsigned nth,
                    unsigned size, uint8_t *out, size_t max)
{
    unsigned n = (unsigned)snprintf((char *)out, max, "+%.*s\r\n",
                                    (int)(1 + size % 64), "PONGPONGPONGPONG");

    (void)arg, (void)peer, (void)nth;
    return n < max ? n : max;
}

/* A reply, or an error that says why there is none. */
static void check(const redisContext *c, const redisReply *r)
{
    const struct sf_peer *peer = sf_session_peer_of(c->fd);

    if (!r && !c->err)
        sf_finding(SF_MON_LOST, "no reply, and no error");
    if (r && r->str && peer &&
        !memmem(peer->stream, peer->sent, r->str, r->len))
        sf_peer_finding(SF_MON_WRONG, peer, "'%s' was never sent", r->str);
}

static void run(void *arg, int fd)
{
    struct timeval limit = {.tv_sec = 2};

    (void)arg, (void)fd;
    signal(SIGPIPE, SIG_IGN); /* as hiredis wants it */
    for (int i = 0; i < DIALS; i++) {
        redisContext *c = dial();

        if (c && !c->err && redisSetTimeout(c, limit) == REDIS_OK)
            for (int n = 0; n < COMMANDS && !c->err; n++) {
                redisReply *r = redisCommand(c, "ECHO %d", n);

                check(c, r);
                freeReplyObject(r);
            }
        redisFree(c);
    }
}

SF_FUZZ_TARGET(.name = "hiredis client", .side = SF_DIAL, .run = run,
               .frame = reply, .no_dead_fd = true)
