/*
 * registry.h: which descriptor is registered with which epoll instance.
 *
 * epoll_wait reports what the program stored, not descriptors, and its
 * members are nowhere in its arguments: both are looked up here.  The table
 * is static: of a registration beyond it nobody knows, and an edge of it that a
 * fault takes could not be given again.
 */
#ifndef SF_REGISTRY_H
#define SF_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct sf_registration {
    int epfd;
    int fd;
    struct epoll_event event;
};

/* epoll_ctl(epfd, how, fd, event) has succeeded. */
void sf_epoll_note(int epfd, int how, int fd, const struct epoll_event *event);
/*
 * It is about to be made: what comes of it another thread may meet before it
 * has returned.  True: one is there that was not, and goes if the call fails.
 */
bool sf_epoll_expect(int epfd, int how, int fd,
                     const struct epoll_event *event);
/* The number is closed: whatever it was registered with is gone. */
void sf_epoll_forget(int fd);
/* The program closes it, perhaps not as the last who has it: then those it was
 * registered with go on reporting it, and nobody can take it out. */
void sf_epoll_leave(int fd);
/* Was this stored for a number that was left so? */
bool sf_epoll_left(int epfd, uint64_t data);
void sf_epoll_forget_all(void);
/* Is it told of something but once? */
bool sf_epoll_edges(int fd);
/* May it be registered and not be found here? */
bool sf_epoll_unknown(int fd);
/* The next registration of fd from *cursor on (0 at first), or NULL. */
const struct sf_registration *sf_epoll_next(int fd, int *cursor);
/* The next registration with epfd from *cursor on. */
const struct sf_registration *sf_epoll_member(int epfd, int *cursor);

#endif
