/*
 * address.h: the address of a peer, as text and as what is compared.
 */
#ifndef SF_ADDRESS_H
#define SF_ADDRESS_H

#include <sys/socket.h>

#include "faultinject/inject/chooser.h"

/* Port 0 where it has none; *peer is zero where it has no name. */
unsigned sf_address_of(struct sf_address *peer, const struct sockaddr *addr,
                       socklen_t len);

/* 127.0.0.1, [::1] or a path; false: it is none of them. */
bool sf_address_parse(struct sf_address *peer, const char *text);

#endif
