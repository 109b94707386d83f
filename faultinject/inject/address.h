/*
 * address.h: the address of a peer, as text and as what is compared.
 */
#ifndef SF_ADDRESS_H
#define SF_ADDRESS_H

#include <sys/socket.h>

#include "faultinject/inject/chooser.h"

/* Zero where it has no name or is of another family. */
void sf_address_of(struct sf_address *peer, const struct sockaddr *addr,
                   socklen_t len);

/* 127.0.0.1, [::1] or a path, without a port; false: it is none of them. */
bool sf_address_parse(struct sf_address *peer, const char *text);

#endif
