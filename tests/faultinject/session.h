/*
 * session.h: a plan over the real kernel inside a test program.
 *
 * The program links the whole injector, so its own calls go through it.
 */
#ifndef TEST_SESSION_H
#define TEST_SESSION_H

/* Begin with the text of a plan, without its first line. */
void session_begin(const char *rules);
/* End, and how many faults were injected. */
unsigned session_end(void);

/* Two connected stream sockets; tcp: over loopback, else AF_UNIX.  The first
 * is connection 1 of the session when made before anything else. */
enum transport { TCP, UNIX };
void make_pair(enum transport transport, int pair[2]);
void set_nonblocking(int fd);
/* A listening socket on loopback; its port. */
int make_listener(unsigned short *port);
int dial(unsigned short port);

#endif
