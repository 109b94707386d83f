/*
 * err.h: everything that can go wrong, once.
 *
 * Functions of this library return 0 or a count when they succeed and one of
 * these negative values when they do not.  No other error channel exists:
 * errno is read in one place (sockio.c) and translated there.
 *
 * The rows have four groups, in this order:
 *   the stream    what the bytes say; known without any descriptor
 *   transient     nothing is lost, the same call may be made again
 *   connection    this connection is over, others are not concerned
 *   program       set-up, limits of the system, misuse
 */
#ifndef FM_ERR_H
#define FM_ERR_H

/* clang-format off */
#define FM_ERR_MAP(X)                                                         \
    X(BAD,       "the bytes are not a frame of this format")                  \
    X(TOO_LONG,  "the frame is longer than the maximum")                      \
    X(TRUNCATED, "the stream ended inside a frame")                           \
    X(CLOSED,    "the stream ended between two frames")                       \
    X(AGAIN,     "not now: the call would have to wait")                      \
    X(INTR,      "interrupted by a signal before anything happened")          \
    X(BUSY,      "the system is short of buffers for a moment")               \
    X(ABORTED,   "the connection was gone before it was accepted")            \
    X(RESET,     "the connection was reset or lost")                          \
    X(PIPE,      "the peer no longer takes bytes")                            \
    X(TIMEOUT,   "the deadline has passed")                                   \
    X(REFUSED,   "nobody listens at the address")                             \
    X(UNREACH,   "the peer cannot be reached")                                \
    X(BADFD,     "the descriptor is not open")                                \
    X(NOT_SOCK,  "the descriptor is not a socket")                            \
    X(NO_FILES,  "no more descriptors")                                       \
    X(NOMEM,     "no more memory")                                            \
    X(FD_RANGE,  "the descriptor is too high for select")                     \
    X(IN_USE,    "the address is in use")                                     \
    X(NO_ADDR,   "no such address")                                           \
    X(DENIED,    "not permitted")                                             \
    X(USAGE,     "the call makes no sense in this state")                     \
    X(SYS,       "the system refused for another reason")
/* clang-format on */

#define FM_ERR_ORDINAL(name, text) FM_ERR_ORDINAL_##name,
enum { FM_ERR_MAP(FM_ERR_ORDINAL) FM_ERR_COUNT };
#undef FM_ERR_ORDINAL

/* FM_E_BAD is -1, FM_E_TOO_LONG -2 and so on. */
#define FM_ERR_VALUE(name, text) FM_E_##name = -1 - FM_ERR_ORDINAL_##name,
enum fm_err { FM_ERR_MAP(FM_ERR_VALUE) FM_OK = 0 };
#undef FM_ERR_VALUE

/* "FM_E_BAD", "FM_OK"; "?" for a number that is none of them. */
const char *fm_err_name(int err);

/* A sentence without a full stop for people; never NULL. */
const char *fm_err_text(int err);

#endif
