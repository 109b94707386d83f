/*
 * victims.h: for each monitor a program with that one bug, and a correct twin.
 *
 *     victims BUG | victims BUG-not
 *
 * They are tiny and talk to themselves over a socket pair or loopback.
 */
#ifndef VICTIMS_H
#define VICTIMS_H

#include <netinet/in.h>
#include <stdbool.h>

#define VICTIMS(X)                            \
    X(spin, "spin")                           \
    X(turn, "turn")                           \
    X(left_epoll, "left-epoll")               \
    X(asks_gone, "asks-gone")                 \
    X(asks, "asks")                           \
    X(sends, "sends")                         \
    X(closes, "closes")                       \
    X(stale_fd, "stale-fd")                   \
    X(stale_accept, "stale-accept")           \
    X(stale_connect, "stale-connect")         \
    X(stale_shutdown, "stale-shutdown")       \
    X(double_close, "double-close")           \
    X(double_in_row, "double-in-row")         \
    X(heirs_close, "heirs-close")             \
    X(child_closes, "child-closes")           \
    X(dead_close, "dead-close")               \
    X(missed_close, "missed-close")           \
    X(lent_number, "lent-number")             \
    X(fd_range, "fd-range")                   \
    X(fd_range_masked, "fd-range-masked")     \
    X(phantom_dispatch, "phantom-dispatch")   \
    X(phantom_accept, "phantom-accept")       \
    X(unguarded_sigpipe, "unguarded-sigpipe") \
    X(unread_output, "unread-output")         \
    X(unchecked_connect, "unchecked-connect") \
    X(left_connect, "left-connect")           \
    X(asks_connect, "asks-connect")           \
    X(early_connect, "early-connect")         \
    X(misuse, "misuse")                       \
    X(misuse_length, "misuse-length")         \
    X(misuse_shutdown, "misuse-shutdown")     \
    X(blocking_in_loop, "blocking-in-loop")   \
    X(dials_in_loop, "dials-in-loop")         \
    X(old_grant, "old-grant")                 \
    X(blocks_later, "blocks-later")           \
    X(fd_leak, "fd-leak")                     \
    X(fd_leak_row, "fd-leak-row")             \
    X(fd_leak_shut, "fd-leak-shut")           \
    X(fd_leak_threads, "fd-leak-threads")     \
    X(fd_leak_late, "fd-leak-late")           \
    X(stale_row, "stale-row")                 \
    X(fd_leaks, "fd-leaks")                   \
    X(fd_leak_several, "fd-leak-several")     \
    X(fd_leak_refused, "fd-leak-refused")     \
    X(insists, "insists")                     \
    X(stall, "stall")                         \
    X(died, "died")                           \
    X(zombie, "zombie")                       \
    X(zombie_of_two, "zombie-of-two")         \
    X(frames, "frames")                       \
    X(threads, "threads")

#define X(function, word) void function(void);
VICTIMS(X)
#undef X

/* The twin runs. */
extern bool correct;

/* What they have in common; 3 is the exit status where it could not be done. */
void make_pair(int pair[2]); /* of AF_UNIX, non-blocking */
bool wait_readable(int fd);
/* A socket of TCP at an address on loopback, where somebody listens if the
 * backlog is not less than 0. */
int bind_loopback(struct sockaddr_in *addr, int backlog);

#endif
