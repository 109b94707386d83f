/*
 * trusting.h: a correct program that trusts in what Linux promises, where few
 * do.
 *
 *     trusting WAY      0 when it went as it has to
 */
#ifndef TRUSTING_H
#define TRUSTING_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PATIENCE_MS = 2000 };

#define WAYS(X)                                 \
    X(oneshot, "oneshot")                       \
    X(oneshot_rests, "oneshot-rests")           \
    X(one_word, "one-word")                     \
    X(edge_of_copy, "edge-of-copy")             \
    X(edge_of_closed, "edge-of-closed")         \
    X(edge_of_replaced, "edge-of-replaced")     \
    X(exclusive, "exclusive")                   \
    X(replaced, "replaced")                     \
    X(glance, "glance")                         \
    X(twice, "twice")                           \
    X(counted, "counted")                       \
    X(counted_and_peeked, "counted-and-peeked") \
    X(low_water, "low-water")                   \
    X(by_signal, "by-signal")                   \
    X(urgent_byte, "urgent-byte")               \
    X(error_queue, "error-queue")               \
    X(use_vfork, "vfork")                       \
    X(heir, "heir")                             \
    X(handed_over, "handed-over")               \
    X(takes_leave, "takes-leave")               \
    X(listens_anew, "listens-anew")             \
    X(wide_sets, "wide-sets")                   \
    X(wide_reads, "wide-reads")                 \
    X(all_there_can_be, "all-there-can-be")     \
    X(reads_at_will, "reads-at-will")           \
    X(half_closed, "half-closed")               \
    X(shut_down, "shut-down")                   \
    X(anew, "anew")                             \
    X(room_in_a_row, "room-in-a-row")           \
    X(use_pool, "pool")                         \
    X(full_backlog, "full-backlog")             \
    X(batch_and_error, "batch-and-error")       \
    X(full_and_spawns, "full-and-spawns")       \
    X(full_and_vforks, "full-and-vforks")       \
    X(self_pipe, "self-pipe")                   \
    X(churn, "churn")                           \
    X(sweeps, "sweeps")

#define X(way, name) int way(void);
WAYS(X)
#undef X

/* What they have in common; false, or < 0: it could not be done. */
bool make_pair(int pair[2]);
int listen_at(struct sockaddr_in *at);
bool dial(int fd, const struct sockaddr_in *at);
bool make_tcp(int pair[2]);
bool watch(int epfd, int how, int fd, uint32_t events, uint64_t data);
bool says(int fd, const char *bytes);
ssize_t take(int fd, void *buf, size_t len);
size_t drain(int fd);

/* A handler that does nothing. */
void on_signal(int sig);

#endif
