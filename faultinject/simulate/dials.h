/*
 * dials.h: where peers answer a program that connects, or connect to it: at
 * every TCP address (""), at a port of TCP ("6379"), or at a UNIX socket's path
 * ("/run/x", or "@x" of one that is in no file system).
 */
#ifndef SF_DIALS_H
#define SF_DIALS_H

#include <stdbool.h>
#include <sys/socket.h>

#define SF_DIALS_EXPECTED \
    "expected a port, or the path of a UNIX socket, from / or @ on"

/* 1 to 65535; 0: it is no port. */
unsigned sf_port_read(const char *text);

/* *len 0: everywhere.  False: it is none of them. */
bool sf_dials_read(const char *where, struct sockaddr_storage *addr,
                   socklen_t *len);

#endif
