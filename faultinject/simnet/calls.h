/*
 * calls.h: what the program calls, for simnet's own files.
 *
 * Every call goes in the four beats of a system call: look up the descriptor,
 * check the arguments, ask, wait and ask again.  sim_on_X() is the call X as
 * a kernel answers it: a negative errno where it fails, and PASS where it is
 * not ours and the real kernel shall have it.  world.c makes the functions of
 * the vtable from them.
 *
 *     call_io.c      bytes: recv, send and their like
 *     call_socket.c  sockets, connections, descriptors, options
 *     call_wait.c    select, poll, epoll, timers and clocks
 */
#ifndef SF_SIM_CALLS_H
#define SF_SIM_CALLS_H

#include "faultinject/simnet/sim.h"

#include <limits.h>

#define PASS     LONG_MIN
#define PASS_INT INT_MIN /* the same from functions that return int */

#define PROCESS(name, returns, params, args, kind)
#define CALL(name, returns, params, args, kind) returns sim_on_##name params;
#include "faultinject/calls.def"
#undef CALL

/* The program hands all of these bytes over, whatever the result will be:
 * they are looked at if it is under ASan. */
void sim_check_load(const void *bytes, size_t n);

#endif
