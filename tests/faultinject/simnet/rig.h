/*
 * rig.h: simnet by itself, with a pair of sockets on AF_UNIX whose buffers hold
 * 1000 bytes; for tests of one call after the other.
 */
#ifndef TEST_SIMNET_RIG_H
#define TEST_SIMNET_RIG_H

#include "faultinject/simnet/simnet.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MS INT64_C(1000000)

extern const struct sf_world *w;
extern int pair[2];
extern char bytes[SF_SIM_BUFFER];

/* What happens while the program waits. */
extern enum sf_sim_wake (*next)(void);

int set_up(void **state);
int tear_down(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#define FAILS(call, err)              \
    do {                              \
        assert_int_equal(call, -1);   \
        assert_int_equal(errno, err); \
    } while (0)

/* Until the test ends, those that the process has handlers for. */
void handle_signals(const struct sf_world *signals);

/* Since the test began. */
int64_t elapsed_ms(void);
/* SO_RCVTIMEO or SO_SNDTIMEO of pair[0]. */
void set_timeout(int name, int ms);

/* Non-blocking ones on AF_INET: a socket, one that listens and its name, two
 * that are connected. */
int tcp(void);
int listener(int backlog, struct sockaddr_in *name);
void connect_pair(int ends[2]);

/* An epoll instance for this descriptor alone, and what it reports now. */
int watch(int fd, uint32_t events);
uint32_t look(int epfd);

#endif
