/*
 * both.h: the same descriptors in two worlds, the real kernel and simnet.
 *
 * What is open has a slot, and a number in each world.
 */
#ifndef FUZZERS_FIDELITY_BOTH_H
#define FUZZERS_FIDELITY_BOTH_H

#include "faultinject/simnet/simnet.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { SLOTS = 6, CALLS_LOGGED = 64 };
enum { REAL, SIM, WORLDS };

/* One libc call in one of the worlds. */
#define IN(world, name, ...)                         \
    ((world) == SIM ? sf_simnet()->name(__VA_ARGS__) \
                    : sf_libc.name(__VA_ARGS__))

struct both {
    int fd[WORLDS][SLOTS]; /* -1: free; free in both or in none */
    struct sockaddr_storage addr[WORLDS][SLOTS]; /* of listeners */
    socklen_t addr_len[SLOTS];
    unsigned file[SLOTS], files; /* which it is: a duplicate is the same  */
    int epoll[WORLDS];
    char folder[64];
    unsigned names;
    const uint8_t *input, *end;
    unsigned step;
    char log[CALLS_LOGGED][160];
    unsigned log_n;
    jmp_buf anew;
    bool again; /* it is played once more */
};
extern struct both both;

/* The next decision of the input, below n; 0 when the input is over. */
unsigned decide(unsigned n);

/* What a call returned, or -errno. */
int result(long r);

/* The same outcome in both worlds, r[REAL], which is returned. */
int same(const char *what, int slot, int arg, const int r[WORLDS]);

/* A new descriptor in both, or the same error; the numbers may differ. */
void opened(const char *what, int slot, const int r[WORLDS]);

/* A difference: printed with the calls so far.  Does not return. */
void differ(const char *what);

/* A slot, -1 where there is none: not open; open; with a name, if there is one,
 * where most can be done. */
int free_slot(void);
int used_slot(void);
int named_slot(void);

/* The calls (calls.c): the next one, the input decides which; the close of a
 * slot; and the path of the name-th socket that was bound. */
void one_call(void);
void do_close(int slot);
void set_path(struct sockaddr_un *un, unsigned name);

/* What the waits say of all that is open (compare.c). */
void compare_poll(void);
void compare_select(void);
void compare_epoll(void);

#endif
