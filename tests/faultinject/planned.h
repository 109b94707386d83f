/*
 * planned.h: a plan over the real kernel inside a test program.
 *
 * The program links the whole injector, so its own calls go through it.
 */
#ifndef TEST_PLANNED_H
#define TEST_PLANNED_H

/* Begin with the text of a plan, without its first line. */
void planned_begin(const char *rules);
/* End, and how many faults were injected. */
unsigned planned_end(void);

/* Two connected stream sockets; tcp: over loopback, else AF_UNIX.  The first
 * is connection 1 of the plan when made before anything else.  Of that of
 * AF_UNIX it is not known how it was made, so its ends may be anybody's. */
enum transport { TCP, UNIX };
void make_pair(enum transport transport, int pair[2]);
void set_nonblocking(int fd);
/* The same, and the first does not block. */
void pair_of(enum transport transport, int pair[2]);
void close_pair(const int pair[2]);
/* A listening socket on loopback; its port. */
int make_listener(unsigned short *port);
int dial(unsigned short port);

#endif
