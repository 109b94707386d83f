/*
 * echo.h: what the echo servers of the benchmark have in common.
 *
 * The same framed echo as framed-server's, on somebody else's event loop:
 * frames of a 32-bit big-endian length and a payload of at most ECHO_MAX
 * bytes; a longer one ends its connection; each payload is seen in one piece
 * and the reply to it composed from it, as a handler would; small replies go
 * out at once (TCP_NODELAY); a connection that has ECHO_HIGH bytes of replies
 * waiting is not read until half of them are gone.
 */
#ifndef BENCH_ECHO_H
#define BENCH_ECHO_H

#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
    ECHO_HEADER = 4,
    ECHO_MAX = 65536,
    ECHO_HIGH = 256 * 1024,
    ECHO_LOW = ECHO_HIGH / 2,
    ECHO_IDLE_S = 60
};

/* The payload length in a header; it may have any alignment. */
static inline uint32_t echo_length(const void *header)
{
    uint32_t be;

    memcpy(&be, header, sizeof be);
    return ntohl(be);
}

/* The reply to one request: header and payload. */
static inline void echo_reply(char *wire, const char *payload, uint32_t len)
{
    uint32_t be = htonl(len);

    memcpy(wire, &be, sizeof be);
    memcpy(wire + sizeof be, payload, len);
}

/* 127.0.0.1, any free port. */
static inline struct sockaddr_in echo_address(void)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* The line that the load client waits for. */
static inline void echo_ready(const struct sockaddr_in *bound)
{
    printf("listening on 127.0.0.1:%d\n", ntohs(bound->sin_port));
    fflush(stdout);
}

#endif
